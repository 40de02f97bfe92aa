//! Several secrets by name, and what wrong ones cost.

use crate::program::*;
use std::fs;

fn send_as(name: &str, secret: &str, path: &std::path::Path, port: u16) -> Ran {
    let to = format!("127.0.0.1:{port}");
    let mut words = vec!["send", text(path), "--to", &to];
    if !name.is_empty() {
        words.extend(["--as", name]);
    }
    let output = peerbridge(&words).env("PEERBRIDGE_SECRET", secret).output();
    Ran::of(output.unwrap())
}

#[test]
fn each_name_has_a_secret_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let list = folder.path().join("names");
    private_file(&list, "# who may\nalice apple pie\nbob banana\n");
    let served = Listening::start(&["serve", text(&inbox), "--secrets-file", text(&list)]);
    let source = tree(folder.path(), "tree", 3);
    send_as("alice", "apple pie", &source, served.port).expect(0);
    send_as("bob", "banana", &source, served.port).expect(0);
    for name in ["alice", "bob"] {
        assert_same(&source, &inbox.join(name).join("tree"));
    }
    let received = served.wait_for("received", 2);
    assert!(received[0].contains("\"name\":\"alice\""));
    assert!(received[1].contains("\"name\":\"bob\""));
    assert!(served.said().contains("from alice at 127.0.0.1"));

    for (name, secret) in [
        ("bob", "apple pie"),
        ("carol", "apple pie"),
        ("", "apple pie"),
    ] {
        let ran = send_as(name, secret, &source, served.port).expect(3);
        assert!(ran.err.contains("the secrets differ"), "{}", ran.err);
    }

    private_file(&list, "carol cherry\n");
    send_as("carol", "cherry", &source, served.port).expect(0);
    send_as("alice", "apple pie", &source, served.port).expect(3);
    private_file(&list, "carol\n");
    send_as("carol", "cherry", &source, served.port).expect(0);
    let said = served.said();
    assert!(said.contains("still count"), "{said}");
    for secret in ["apple", "banana", "cherry"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_name_has_limits_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let list = folder.path().join("names");
    private_file(
        &list,
        "alice apple\n--max-size 1K\nbob banana\n--max-files 9\n",
    );
    let words = ["serve", text(&inbox), "--secrets-file", text(&list)];
    let served = Listening::start(&[&words[..], &["--max-files", "2"]].concat());
    let source = tree(folder.path(), "tree", 3);
    let ran = send_as("alice", "apple", &source, served.port).expect(6);
    assert!(ran.err.contains("a limit set there"), "{}", ran.err);
    send_as("bob", "banana", &source, served.port).expect(0);
    private_file(
        &list,
        "alice apple\n--max-files=6 --max-size=1M\nbob banana\n",
    );
    send_as("alice", "apple", &source, served.port).expect(0);
    let other = tree(folder.path(), "other", 5);
    send_as("bob", "banana", &other, served.port).expect(6);
    let exits: Vec<_> = served
        .wait_for("received", 4)
        .iter()
        .map(|line| number(&line.replace('}', ","), "exit"))
        .collect();
    assert_eq!(exits, [14, 0, 0, 14].map(Some));
    assert!(inbox.join("alice/tree").exists() && !inbox.join("bob/other").exists());
}

#[test]
fn where_there_are_no_names_who_has_one_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let served = Listening::start(&["serve", text(&inbox)]);
    let source = tree(folder.path(), "tree", 3);
    send_as("alice", SECRET, &source, served.port).expect(3);
    send_as("", SECRET, &source, served.port).expect(0);
}

#[test]
fn a_ping_may_go_by_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("names");
    private_file(&list, &format!("alice {SECRET}\n"));
    let inbox = text(folder.path());
    let served = Listening::start(&["serve", inbox, "--secrets-file", text(&list)]);
    let to = format!("127.0.0.1:{}", served.port);
    run(&["ping", &to, "--as", "alice"]).expect(0);
    run(&["ping", &to]).expect(3);
}

#[test]
fn a_list_that_is_no_good_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("names");
    let start = || run(&["serve", text(folder.path()), "--secrets-file", text(&list)]);
    start().expect(2);
    set_mode(&list, "alice x\n", 0o644);
    assert!(start().expect(2).err.contains("chmod 600"));
    private_file(&list, "../alice x\n");
    assert!(start().expect(2).err.contains("line 1"));
}

#[test]
fn after_twenty_wrong_secrets_a_real_peer_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let served = Listening::start(&["serve", text(&inbox)]);
    let source = tree(folder.path(), "tree", 5);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let ran = send_as("", "a guess", &source, served.port);
                    // Some find so many others in line before them that they are turned away.
                    assert!([3, 4].contains(&ran.exit), "{}", ran.err);
                }
            });
        }
    });
    let exit = until("the real peer's turn", || {
        let ran = send(&source, served.port, &[]);
        (ran.exit != 4).then_some(ran.exit)
    });
    assert_eq!(exit, 0);
    assert_same(&source, &inbox.join("tree"));
    assert!(served.said().contains("does not know the secret"));
    assert!(fs::read_dir(&inbox).unwrap().count() == 1);
}
