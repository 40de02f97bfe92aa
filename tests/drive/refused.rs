//! A system that refuses further threads: there is a complete archive or none.

use super::openers::open_with;
use crate::harness::Scene;
use crate::harness::has_tool;
use crate::harness::trees::{noise, set_mode};
use std::fs;

const PASSWORD: &str = "orchard Lantern-58";

/// A tree that every user can read, and a folder to which every user can write.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("tree/large", noise(1, 3 << 20));
    scene.file("tree/small", "x");
    for folder in ["", "home", "tmp", "made"] {
        set_mode(&scene.folder(folder), 0o777);
    }
    scene
}

#[test]
fn zip_says_so_and_leaves_nothing() {
    let scene = scene();
    let run = scene.run("zip made/a.zip tree").without_rights().threads(1);
    let ended = run.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD).ends();
    ended.exits(1).complains("it has no thread to give", "");
    assert!(scene.names_in("made").is_empty());
}

#[test]
fn what_is_sent_is_a_whole_archive_or_none() {
    let scene = scene();
    let mut has_failed = false;
    for most in 1..=6 {
        let into = format!("in{most}");
        let receiver = scene.run(&format!("receive {into} --yes --port 0 --retry 0 --wait 3"));
        let receiver = receiver.start();
        let sender = scene.run("send tree --zip --to @ --retry 0 --wait 3");
        let sender = sender.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD);
        let sender = sender.without_rights().threads(most).to(receiver.port());
        let sent = sender.ends();
        let received = receiver.ends();
        if sent.code() != Some(0) {
            has_failed = true;
            assert_ne!(received.code(), Some(0), "{}", received.told());
            assert!(scene.names_in(&into).is_empty(), "{}", received.told());
            continue;
        }
        received.exits(0);
        assert_eq!(scene.names_in(&into), ["tree.zip"]);
        if has_tool("7zz") {
            let archive = scene.path(&into).join("tree.zip");
            let opened = scene.path(format!("opened{most}"));
            let output = open_with("7zz", &archive, PASSWORD, &opened);
            assert!(output.status.success());
            let large = fs::read(opened.join("tree/large")).unwrap();
            assert!(large == noise(1, 3 << 20));
        }
    }
    assert!(has_failed, "one thread is enough for everything");
}
