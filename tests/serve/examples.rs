//! The programs under `docs/examples`, which cargo builds along with the tests.

use crate::program::{assert_same, tree, until};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Beside the tests themselves; `None` where only this test was asked for and examples were not built.
fn example(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().ok()?;
    let built = tests.parent()?.parent()?.join("examples").join(name);
    built.exists().then_some(built)
}

#[test]
fn the_examples_find_each_other() {
    let (Some(inbox), Some(courier)) = (example("inbox"), example("courier")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let source = tree(folder.path(), "tree", 51);
    let received = folder.path().join("received");
    let mut server = Command::new(inbox)
        .args([received.as_os_str(), "4".as_ref()])
        .env("SECRET", "a word")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let listening = lines.next().unwrap().unwrap();
    let port = listening.rsplit(':').next().unwrap();
    let port: String = port.chars().filter(char::is_ascii_digit).collect();
    let sent = Command::new(courier)
        .args([source.as_os_str(), "localhost".as_ref(), port.as_ref()])
        .env("SECRET", "a word")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(sent.status.success(), "{said}");
    assert!(
        said.contains("10 tenths are there") && said.contains("3 files, 310000 bytes"),
        "{said}"
    );
    assert_same(&source, &received.join("tree"));
    assert!(lines.next().unwrap().unwrap().starts_with("3 files, now "));
    let ended = until("the call that ends it", || server.try_wait().unwrap());
    assert!(ended.success());
}
