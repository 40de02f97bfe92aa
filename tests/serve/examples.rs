//! The programs under `docs/examples`, which cargo builds along with the tests.

use crate::harness::Scene;
use std::path::PathBuf;

/// The path of a built example; `None` if examples were not built because only this test was requested.
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
    let scene = Scene::new();
    scene.tree("tree", 51);
    let server = scene.command(inbox).args(["received", "4"]);
    let server = server.env("SECRET", "a word").start();
    let listening = server.line(0);
    let port = listening.rsplit(':').next().unwrap();
    let port: String = port.chars().filter(char::is_ascii_digit).collect();
    let sent = scene.command(courier).args(["tree", "localhost", &port]);
    let said = sent.env("SECRET", "a word").exits(0).output();
    assert!(
        said.contains("10 tenths are there") && said.contains("3 files, 310000 bytes"),
        "{said}"
    );
    scene.assert_same("tree", "received/tree");
    assert!(server.line(1).starts_with("3 files, now "));
    server.ends().exits(0);
}
