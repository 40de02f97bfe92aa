//! The program that runs after a transfer.

use crate::program::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A program that writes its environment to a file and ends with a code.
fn hook(folder: &Path, exit: u8) -> PathBuf {
    let path = folder.join("hook");
    let facts = folder.join("facts");
    let script = format!(
        "#!/bin/sh\necho to-standard-output\nenv > '{0}.new'\nmv '{0}.new' '{0}'\nexit {exit}\n",
        text(&facts)
    );
    set_mode(&path, &script, 0o700);
    path
}

fn facts(folder: &Path) -> String {
    until("the hook's facts", || {
        fs::read_to_string(folder.join("facts")).ok()
    })
}

#[test]
fn it_is_told_what_came_and_never_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let list = folder.path().join("names");
    private_file(&list, &format!("alice {SECRET}\n"));
    let program = hook(folder.path(), 0);
    let mut command = peerbridge(&[
        "serve",
        text(&inbox),
        "--secrets-file",
        text(&list),
        "--on-receive",
        text(&program),
        "--port",
        "0",
        "--json",
    ]);
    command
        .env("PEERBRIDGE_ZIP_PASSWORD", "hush")
        .env("PEERBRIDGE_SECRET_FILE", "/hush");
    let served = Listening::of(command);
    let source = tree(folder.path(), "a tree; $(id)", 3);
    send(&source, served.port, &["--as", "alice"]).expect(0);
    let facts = facts(folder.path());
    let path = fs::canonicalize(inbox.join("alice/a tree; $(id)")).unwrap();
    for expected in [
        format!("PEERBRIDGE_PATH={}", text(&path)),
        "PEERBRIDGE_FILES=3".into(),
        "PEERBRIDGE_BYTES=310000".into(),
        "PEERBRIDGE_PEER=127.0.0.1".into(),
        "PEERBRIDGE_NAME=alice".into(),
    ] {
        assert!(
            facts.lines().any(|line| line == expected),
            "{expected}\n{facts}"
        );
    }
    for secret in [SECRET, "hush", "PEERBRIDGE_SECRET", "PEERBRIDGE_ZIP"] {
        assert!(!facts.contains(secret), "{secret} in\n{facts}");
    }
    let received = served.wait_for("received", 1);
    assert_eq!(number(&received[0].replace('}', ","), "exit"), Some(0));
}

#[test]
fn no_name_is_taken_for_two_paths() {
    let folder = tempfile::tempdir().unwrap();
    let (inbox, archive) = (folder.path().join("inbox"), folder.path().join("archive"));
    fs::create_dir(&archive).unwrap();
    let program = folder.path().join("hook");
    // As docs/SCRIPTING.md has it. A hook that took lines would find a second path here, `private`.
    let script = format!(
        "#!/bin/sh\ncd '{}'\nxargs -0 -I{{}} cp -R -- {{}} '{}'\necho \"${{PEERBRIDGE_PATH-none}}\" > ended\n",
        text(folder.path()),
        text(&archive)
    );
    set_mode(&program, &script, 0o700);
    fs::write(folder.path().join("private"), "a key").unwrap();
    let served = Listening::start(&["serve", text(&inbox), "--on-receive", text(&program)]);
    let source = folder.path().join("x\nprivate");
    fs::write(&source, "contents").unwrap();
    send(&source, served.port, &[]).expect(0);
    let path = until("the hook", || {
        fs::read_to_string(folder.path().join("ended")).ok()
    });
    assert_eq!(path, "none\n");
    let names: Vec<_> = fs::read_dir(&archive)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["x\nprivate"]);
}

#[test]
fn a_hook_that_never_ends_is_stopped_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let program = folder.path().join("hook");
    let child = folder.path().join("child");
    let script = format!(
        "#!/bin/sh\nsleep 600 &\necho $! > '{}'\nwait\n",
        text(&child)
    );
    set_mode(&program, &script, 0o700);
    let words = [
        "serve",
        text(&inbox),
        "--on-receive",
        text(&program),
        "--hook-timeout",
        "1",
    ];
    let served = Listening::start(&words);
    send(&tree(folder.path(), "tree", 1), served.port, &[]).expect(0);
    let received = served.wait_for("received", 1);
    assert_eq!(number(&received[0], "exit"), Some(15), "{received:?}");
    assert!(received[0].contains("--hook-timeout"), "{received:?}");
    let child = fs::read_to_string(child).unwrap();
    let process = Path::new("/proc").join(child.trim());
    until("its child is gone", || (!process.exists()).then_some(()));
}

#[test]
fn its_failure_is_exit_15_and_the_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let program = hook(folder.path(), 9);
    let words = [
        "receive",
        text(&inbox),
        "--yes",
        "--on-receive",
        text(&program),
    ];
    let receiver = Listening::start(&words);
    let source = tree(folder.path(), "tree", 3);
    send(&source, receiver.port, &[]).expect(0);
    let done = receiver.wait_for("done", 1);
    assert_eq!(number(&done[0], "exit"), Some(15));
    assert!(receiver.events("done")[0].contains("hook"));
    assert!(receiver.events("to-standard-output").is_empty());
    assert_eq!(receiver.ended(), 15);
    assert_same(&source, &inbox.join("tree"));
    assert!(facts(folder.path()).contains("PEERBRIDGE_NAME=\n"));
}

#[test]
fn a_drop_box_goes_on_after_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let served = Listening::start(&["serve", text(&inbox), "--on-receive", "/no/such/program"]);
    for (n, name) in ["one", "two"].into_iter().enumerate() {
        let source = tree(folder.path(), name, n as u32);
        send(&source, served.port, &[]).expect(0);
        assert_same(&source, &inbox.join(name));
    }
    for line in served.wait_for("received", 2) {
        assert_eq!(number(&line, "exit"), Some(15), "{line}");
    }
}
