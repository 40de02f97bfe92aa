//! What happens to names that are taken, and to offers that are declined.

use crate::harness::trees::{assert_same, assert_same_entries, look, set_mode, set_modified};
use crate::harness::{Ended, Scene};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;

/// `tree` is offered. `in` has an older, different `tree/clash`, an identical `tree/same`, and `tree/own`,
/// which is not part of the offer.
fn scene() -> Scene {
    let scene = Scene::new();
    let clash = scene.file("tree/clash", "the offered one");
    set_modified(&clash, 1_600_000_000, 7);
    scene.file("tree/new", "new");
    let same = scene.file("tree/same", "the same");
    set_modified(&same, 1_500_000_000, 5);
    let old = scene.file("in/tree/clash", "the old one");
    set_modified(&old, 1_500_000_000, 9);
    let same = scene.file("in/tree/same", "the same");
    set_modified(&same, 1_500_000_000, 5);
    scene.file("in/tree/own", "own");
    scene
}

fn transfer(scene: &Scene, more: &str) -> (Ended, Ended) {
    let receiver = format!("receive in --yes --port 0 --json {more}");
    scene.both(&receiver, "send tree --to @ --json")
}

fn contents(scene: &Scene, name: &str) -> String {
    fs::read_to_string(scene.path("in/tree").join(name)).unwrap()
}

#[test]
fn fail_takes_nothing_and_touches_nothing() {
    for more in ["", "--existing fail"] {
        let scene = scene();
        let before = look(&scene.path("in"));
        let (received, sent) = transfer(&scene, more);
        received.exits(7).complains("tree/clash", "--existing");
        sent.exits(6).complains("declined", "--existing");
        assert_same_entries(&before, &look(&scene.path("in")));
    }
}

#[test]
fn skip_keeps_the_old_one() {
    let scene = scene();
    let (received, sent) = transfer(&scene, "--existing skip");
    let received = received.exits(0).says("kept as it was: tree/clash");
    let sent = sent.exits(0).says("1 file kept as it was");
    for side in [&received, &sent] {
        assert_eq!(side.done()["skipped"], 1);
        assert_eq!(result_of(side, "tree/clash"), "skipped");
        assert!(side.error().contains("kept as it was: tree/clash"));
    }
    assert_eq!(contents(&scene, "clash"), "the old one");
    assert_eq!(contents(&scene, "new"), "new");
    assert_eq!(contents(&scene, "own"), "own");
    assert_eq!(result_of(&received, "tree/clash"), "skipped");
    assert_eq!(result_of(&received, "tree/new"), "delivered");
    assert_eq!(result_of(&received, "tree/same"), "identical");
}

#[test]
fn overwrite_replaces_and_keeps_what_was_not_offered() {
    let scene = scene();
    let (received, sent) = transfer(&scene, "--existing overwrite");
    let received = received.exits(0);
    sent.exits(0);
    assert_same(&scene.path("tree/clash"), &scene.path("in/tree/clash"));
    assert_eq!(contents(&scene, "own"), "own");
    assert_eq!(result_of(&received, "tree/same"), "identical");
    assert_eq!(received.done()["files"], 2);
}

#[test]
fn rename_puts_the_new_one_beside() {
    let scene = scene();
    let (received, sent) = transfer(&scene, "--existing rename");
    for side in [received.exits(0), sent.exits(0)] {
        assert_eq!(event_of(&side, "tree/clash")["saved_as"], "tree/clash (1)");
        assert!(side.error().contains("tree/clash (1)"), "{side:?}");
    }
    assert_eq!(contents(&scene, "clash"), "the old one");
    let names = scene.names_in("in/tree");
    assert_eq!(names.len(), 5, "{names:?}");
    let new: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("clash"))
        .collect();
    let beside = new.iter().find(|name| **name != "clash").unwrap();
    assert_eq!(contents(&scene, beside), "the offered one");
}

/// A file is where a folder must go: the folder gets a new name, and everything in it a new path.
#[test]
fn what_is_in_a_folder_with_a_new_name_is_found_by_both_sides() {
    let scene = Scene::new();
    scene.file("tree/deep/one", "offered");
    scene.file("in/tree/deep", "a file");
    let (received, sent) = transfer(&scene, "--existing rename");
    let (received, sent) = (received.exits(0), sent.exits(0));
    for side in [&received, &sent] {
        assert_eq!(event_of(side, "tree/deep")["saved_as"], "tree/deep (1)");
    }
    let inside = event_of(&received, "tree/deep/one");
    assert_eq!(inside["saved_as"], "tree/deep (1)/one");
    let top = received.done()["paths"][0].as_str().unwrap().to_owned();
    assert_eq!(std::path::Path::new(&top), scene.path("in/tree"));
}

#[test]
fn newer_replaces_only_what_is_older() {
    let scene = scene();
    let (received, sent) = transfer(&scene, "--existing newer");
    received.exits(0);
    sent.exits(0);
    assert_eq!(contents(&scene, "clash"), "the offered one");

    let young = scene.file("in/tree/clash", "a younger one");
    set_modified(&young, 1_700_000_000, 0);
    let (received, sent) = transfer(&scene, "--existing newer");
    received.exits(0);
    sent.exits(0);
    assert_eq!(contents(&scene, "clash"), "a younger one");
}

/// A file on a disk with a coarser clock counts as old as its original: with 100 ns on NTFS, 10 ms on exFAT,
/// whole seconds, and FAT's even seconds.
#[test]
fn newer_leaves_what_a_coarser_clock_made_older() {
    let (seconds, nanoseconds) = (1_600_000_001, 123_456_789);
    for kept in [
        (seconds, 123_456_700),
        (seconds, 120_000_000),
        (seconds, 0),
        (seconds - 1, 0),
    ] {
        let scene = scene();
        set_modified(&scene.path("tree/clash"), seconds, nanoseconds);
        set_modified(&scene.path("in/tree/clash"), kept.0, kept.1);
        let before = contents(&scene, "clash");
        let (received, sent) = transfer(&scene, "--existing newer");
        received.exits(0);
        sent.exits(0);
        assert_eq!(contents(&scene, "clash"), before, "{kept:?}");
    }
}

#[test]
fn the_same_again_is_done_at_once() {
    let scene = Scene::new();
    crate::harness::trees::make_odd(&scene.path("tree"));
    let (received, sent) = transfer(&scene, "");
    received.exits(0);
    sent.exits(0);
    let before = look(&scene.path("in/tree"));
    let (received, sent) = transfer(&scene, "");
    let received = received.exits(0).says("everything was there already");
    let sent = sent.exits(0);
    assert_same_entries(&before, &look(&scene.path("in/tree")));
    for ended in [received, sent] {
        assert_eq!(ended.done()["files"], 0);
        let wire = ended.done()["wire_bytes"].as_u64().unwrap();
        assert!(wire < 100_000, "{wire} bytes for nothing");
    }
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    for (mode, exit) in [("fail", 7), ("skip", 0), ("overwrite", 0)] {
        let scene = Scene::new();
        scene.file("tree/name", "offered");
        let target = scene.file("outside", "untouched");
        scene.folder("in/tree");
        symlink(&target, scene.path("in/tree/name")).unwrap();
        let (received, sent) = transfer(&scene, &format!("--existing {mode}"));
        received.exits(exit);
        sent.exits(if exit == 7 { 6 } else { 0 });
        assert_eq!(fs::read(&target).unwrap(), b"untouched");
        assert_eq!(scene.path("in/tree/name").is_symlink(), mode != "overwrite");
    }
}

#[test]
fn larger_offers_than_allowed_are_declined() {
    for (limit, what) in [
        ("--max-size 5", "6 bytes, and 5 are allowed"),
        ("--max-files 2", "3 files and folders, and 2 are allowed"),
    ] {
        let scene = Scene::new();
        scene.file("tree/one", "123");
        scene.file("tree/two", "456");
        let (received, sent) = transfer(&scene, limit);
        received.exits(14).complains(what, "");
        sent.exits(6).complains("limit", "--max-size");
        assert!(scene.names_in("in").is_empty());
    }
    let scene = Scene::new();
    scene.file("tree/one", "12345");
    let (received, sent) = transfer(&scene, "--max-size 5 --max-files 2");
    received.exits(0);
    sent.exits(0);
}

#[test]
fn a_folder_that_cannot_be_written_is_said_on_both_sides() {
    let scene = Scene::new();
    scene.file("tree/one", "1");
    let folder = scene.folder("in");
    set_mode(&folder, 0o555);
    open_to_all(&scene);
    let receiver = scene.run("receive in --yes --port 0").without_rights();
    let (received, sent) = crate::harness::meet(receiver, scene.run("send tree --to @"));
    received.exits(9).complains("in", "you can write");
    sent.exits(6).complains("cannot be written", "can write");
    assert!(scene.names_in("in").is_empty());
}

#[test]
fn a_file_where_the_folder_should_be_is_said() {
    let scene = Scene::new();
    scene.file("tree/one", "1");
    let file = scene.file("in", "a file");
    let received = scene.run("receive in --yes --port 0").ends().exits(9);
    received.complains("in", "another folder");
    assert_eq!(fs::read(file).unwrap(), b"a file");
}

/// Lets a user without rights access everything in the scene.
fn open_to_all(scene: &Scene) {
    set_mode(&scene.path(""), 0o755);
}

fn result_of(side: &Ended, path: &str) -> String {
    event_of(side, path)["result"].as_str().unwrap().to_owned()
}

fn event_of(side: &Ended, path: &str) -> Value {
    let mut files = side.events_of("file");
    files.retain(|event| event["path"] == path);
    files.pop().expect("an event of the file")
}

/// If nothing arrived, no hint mentions kept data.
#[test]
fn an_impossible_destination_keeps_nothing() {
    let scene = Scene::new();
    let gone = "mkdir -p gone && cd gone && rmdir ../gone";
    let runs = [
        scene.run("receive --yes --port 0").after(gone),
        scene.run("serve . --port 0").after(gone),
        scene.run("doctor --port 0").after(gone),
    ];
    for run in runs {
        let ended = run.exits(9);
        let said = String::from_utf8(ended.everything()).unwrap();
        for claim in ["kept", "to resume"] {
            assert!(!said.contains(claim), "{said}");
        }
    }
}

#[test]
fn a_hint_never_says_what_was_said_already() {
    for (there, offered) in [("in/tree/x/below", "tree/x"), ("in/tree/x", "tree/x/below")] {
        let scene = Scene::new();
        scene.file(there, "there");
        scene.file(offered, "offered");
        for policy in ["overwrite", "newer"] {
            let (received, sent) = transfer(&scene, &format!("--existing {policy}"));
            let received = received.exits(7);
            received
                .complains("never replaced", "skip or rename")
                .never_says(policy);
            sent.exits(6).complains("declined", "skip or rename");
        }
        let (received, sent) = transfer(&scene, "--existing rename");
        received.exits(0);
        sent.exits(0);
        assert_eq!(scene.names_in("in/tree"), ["x", "x (1)"]);
    }
}
