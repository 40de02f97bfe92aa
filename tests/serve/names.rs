//! Several secrets by name, and what wrong ones cost.

use crate::harness::trees::set_mode;
use crate::harness::{Ended, Running, SECRET, Scene, until};
use std::fs;

/// Sends `what` under a name; an empty name means none.
fn send_as(name: &str, secret: &str, scene: &Scene, what: &str, served: &Running) -> Ended {
    let send = scene.run(&format!("send {what} --to @")).to(served.port());
    let send = match name {
        "" => send,
        name => send.args(["--as", name]),
    };
    send.secret(secret).ends()
}

#[test]
fn each_name_has_a_secret_and_a_folder() {
    let scene = Scene::new();
    scene.private_file("names", "# who may\nalice apple pie\nbob banana\n");
    let served = scene.listens("serve inbox --secrets-file names");
    scene.tree("tree", 3);
    let send = |name: &str, secret: &str| send_as(name, secret, &scene, "tree", &served);
    send("alice", "apple pie").exits(0);
    send("bob", "banana").exits(0);
    for name in ["alice", "bob"] {
        scene.assert_same("tree", &format!("inbox/{name}/tree"));
    }
    let received = served.waits_for(2, "received");
    assert_eq!(received[0]["name"], "alice");
    assert_eq!(received[1]["name"], "bob");
    assert!(served.error().contains("from \"alice\" at 127.0.0.1"));

    for (name, secret) in [
        ("bob", "apple pie"),
        ("carol", "apple pie"),
        ("", "apple pie"),
    ] {
        send(name, secret).exits(3).says("the secrets differ");
    }

    scene.private_file("names", "carol cherry\n");
    send("carol", "cherry").exits(0);
    send("alice", "apple pie").exits(3);
    scene.private_file("names", "carol\n");
    send("carol", "cherry").exits(0);
    let said = served.error();
    assert!(said.contains("stay in use"), "{said}");
    for secret in ["apple", "banana", "cherry"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_name_has_limits_of_its_own() {
    let scene = Scene::new();
    let names = "alice apple\n--max-size 1K\nbob banana\n--max-files 9\n";
    scene.private_file("names", names);
    let served = scene.listens("serve inbox --secrets-file names --max-files 2");
    scene.tree("tree", 3);
    let send = |name: &str, secret: &str, what: &str| send_as(name, secret, &scene, what, &served);
    send("alice", "apple", "tree")
        .exits(6)
        .says("a limit set there");
    send("bob", "banana", "tree").exits(0);
    let names = "alice apple\n--max-files=6 --max-size=1M\nbob banana\n";
    scene.private_file("names", names);
    send("alice", "apple", "tree").exits(0);
    scene.tree("other", 5);
    send("bob", "banana", "other").exits(6);
    let received = served.waits_for(4, "received");
    let exits: Vec<_> = received.iter().map(|event| &event["exit"]).collect();
    assert_eq!(exits, [14, 0, 0, 14]);
    assert!(scene.path("inbox/alice/tree").exists() && !scene.path("inbox/bob/other").exists());
}

#[test]
fn a_name_is_refused_where_there_are_no_names() {
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    scene.tree("tree", 3);
    send_as("alice", SECRET, &scene, "tree", &served).exits(3);
    send_as("", SECRET, &scene, "tree", &served).exits(0);
}

#[test]
fn a_ping_may_go_by_a_name() {
    let scene = Scene::new();
    scene.private_file("names", &format!("alice {SECRET}\n"));
    let served = scene.listens("serve . --secrets-file names");
    scene.run("ping @ --as alice").to(served.port()).exits(0);
    scene.run("ping @").to(served.port()).exits(3);
}

#[test]
fn a_list_that_is_no_good_is_refused_at_the_start() {
    let scene = Scene::new();
    let start = || scene.run("serve . --secrets-file names").exits(2);
    start();
    set_mode(&scene.file("names", "alice x\n"), 0o644);
    start().says("chmod 600");
    scene.private_file("names", "../alice x\n");
    start().says("line 1");
}

#[test]
fn after_twenty_wrong_secrets_a_real_peer_is_served() {
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    scene.tree("tree", 5);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let ended = send_as("", "a guess", &scene, "tree", &served);
                    // Some find too long a queue before them, and are told to try again.
                    assert!(matches!(ended.code(), Some(3 | 4)), "{ended:?}");
                }
            });
        }
    });
    let sent = until("the real peer's turn", || {
        let sent = scene.sends("tree", served.port());
        (sent.code() != Some(4)).then_some(sent)
    });
    sent.exits(0);
    scene.assert_same("tree", "inbox/tree");
    assert!(served.error().contains("wrong secret from"));
    assert!(fs::read_dir(scene.path("inbox")).unwrap().count() == 1);
}

/// A name that looks like another part of the line stays within its quotes.
#[test]
fn a_line_of_the_log_cannot_be_forged_by_a_name() {
    let scene = Scene::new();
    let forged = "x\" from \"alice\" at 192.0.2.7: 120 files";
    scene.file(forged, "small");
    let served = scene.listens("serve inbox");
    let port = served.port();
    let sender = scene.run("send --to @").arg(forged).to(port);
    sender.exits(0);
    served.waits_for(1, "received");
    let log = served.error();
    let line = log
        .lines()
        .find(|line| line.contains(" received "))
        .unwrap();
    let (stamp, rest) = line
        .strip_prefix("peerbridge: ")
        .and_then(|line| line.split_once(" received "))
        .unwrap();
    assert!(stamp.len() == 20 && stamp.ends_with('Z'), "{line}");
    let name = r#""x\" from \"alice\" at 192.0.2.7: 120 files""#;
    let rest = rest.strip_prefix(name).unwrap_or_else(|| panic!("{line}"));
    assert!(rest.starts_with(" from 127.0.0.1: 1 file, "), "{line}");
}

#[test]
fn secrets_that_look_easy_to_guess_are_warned_of_by_name() {
    let scene = Scene::new();
    let names = format!("alice apple pie\nbob {SECRET}\ncarol banana2026\n");
    scene.private_file("names", &names);
    let served = scene.listens("serve inbox --secrets-file names");
    let warning = served.waits_for(1, "warning")[0]["message"].to_string();
    let told = ["alice", "bob", "carol", "apple", "banana"].map(|word| warning.contains(word));
    assert_eq!(told, [true, false, true, false, false], "{warning}");
    let served = scene.run("serve other").secret("banana").listens();
    served.says("warning: the secret looks easy to guess");
    let served = scene.listens("serve third");
    assert!(!served.error().contains("warning"), "{}", served.error());
}
