//! Disks that refuse names, links, permissions or times: each refused entry is left out by itself, and the rest
//! arrives.

use crate::harness::disks::Disk;
use crate::harness::proxy::Proxy;
use crate::harness::trees::{MIB, noise};
use crate::harness::{Run, Scene, meet};
use std::fs;
use std::path::Path;

/// Names that NTFS refuses, see `windows_names`.
const REFUSED: [&str; 3] = ["a:b", "what?", "trail."];

/// A tree with names that Windows does not allow: small files, a large one, and a folder.
fn windows_tree(scene: &Scene) {
    scene.file("tree/good", "good");
    for name in REFUSED {
        scene.file(format!("tree/{name}"), name);
    }
    scene.file("tree/large: one", noise(1, 3 * MIB));
    scene.file("tree/fol:der/below", "below");
    scene.file("tree/z/last", noise(2, 300_000));
}

fn receiver(scene: &Scene, into: &Path, more: &str) -> Run {
    let line = format!("receive --yes --port 0 --json {more}");
    scene.run(&line).arg(into)
}

#[test]
fn names_that_the_disk_refuses_are_left_out_and_the_rest_arrives() {
    let Some(disk) = Disk::ntfs() else { return };
    let scene = Scene::new();
    windows_tree(&scene);
    let into = disk.path().join("in");
    for (dialling, listening) in [(false, "--to"), (true, "--listen")] {
        let sender = scene.run("send tree -n 2 --json");
        let (received, sent) = match dialling {
            false => meet(receiver(&scene, &into, ""), sender.args([listening, "@"])),
            true => {
                let line = "receive --yes --json --from @";
                let receiver = scene.run(line).arg(&into);
                let (sent, received) = meet(sender.args([listening, "--port", "0"]), receiver);
                (received, sent)
            }
        };
        let (received, sent) = (received.exits(13), sent.exits(13));
        let told = received.failures();
        assert_eq!(told.len(), 6, "{told:?}");
        for (path, why) in told {
            assert!(
                why.ends_with("does not allow that name: invalid argument"),
                "{path}: {why}"
            );
        }
        let told = sent.failures();
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(
            told.iter()
                .all(|(_, why)| why.contains("does not allow that name"))
        );
        assert!(received.error().contains("left out tree/a:b"));
        assert_eq!(scene.names_in(&into), ["tree"]);
        assert_eq!(scene.names_in(into.join("tree")), ["good", "z"]);
        assert_eq!(
            fs::read(into.join("tree/z/last")).unwrap(),
            noise(2, 300_000)
        );
        fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_refused_name_is_told_before_anything_moves() {
    let Some(disk) = Disk::ntfs() else { return };
    let scene = Scene::new();
    for number in 0..12 {
        scene.file(format!("tree/{number}:"), noise(number, MIB));
    }
    scene.file("tree/good", noise(20, 2 * MIB));
    let receiver = receiver(&scene, disk.path(), "").start();
    // Room for the offer, and not for a part.
    let line = Proxy::holding_at(receiver.port(), 64 * 1024);
    let sender = scene.run("send tree --to @ --json").to(line.port()).start();
    receiver.says("refuses these names");
    receiver.says("and 2 more");
    line.release();
    receiver.ends().exits(13);
    // A refused file that shares no part with another file is not sent.
    assert!(sender.ends().exits(13).total("wire_bytes") < 5 * MIB as u64);
}

#[test]
fn an_archive_with_refused_names_gives_the_rest() {
    let Some(disk) = Disk::ntfs() else { return };
    let scene = Scene::new();
    windows_tree(&scene);
    scene
        .run("zip all.zip tree")
        .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit")
        .exits(0);
    let ended = scene
        .run("unzip all.zip --json")
        .arg(disk.path())
        .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit")
        .exits(13);
    assert_eq!(ended.failures().len(), 6);
    assert_eq!(scene.names_in(disk.path()), ["tree"]);
    assert_eq!(scene.names_in(disk.path().join("tree")), ["good", "z"]);
}

#[test]
fn a_stream_whose_name_is_refused_leaves_nothing() {
    let Some(disk) = Disk::ntfs() else { return };
    let scene = Scene::new();
    let input = fs::File::open(scene.file("input", noise(3, 3 * MIB))).unwrap();
    let sender = scene.run("send - --name a:b --to @").input(input);
    let (received, sent) = meet(receiver(&scene, disk.path(), ""), sender);
    received.exits(13).says("left out a:b");
    sent.exits(13);
    assert!(scene.names_in(disk.path()).is_empty());
}

#[test]
fn names_that_differ_in_case_only_are_one_each() {
    let Some(disk) = Disk::exfat() else { return };
    let scene = Scene::new();
    scene.file("tree/readme", noise(1, 2 * MIB));
    scene.file("tree/README", noise(2, 2 * MIB));
    scene.file("tree/Folder/one", "one");
    scene.file("tree/folder/two", "two");
    scene.file("tree/zero", "zero");
    for streams in ["1", "4"] {
        let sender = scene.run("send tree --to @ --json -n").arg(streams);
        let (received, sent) = meet(receiver(&scene, disk.path(), ""), sender);
        let received = received.exits(13);
        let told = received.failures();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told.iter()
                .all(|(_, why)| why.contains("cannot tell this name"))
        );
        assert_eq!(sent.exits(13).failures().len(), 3);
        assert_eq!(scene.names_in(disk.path()), ["tree"]);
        let names = scene.names_in(disk.path().join("tree"));
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(fs::read(disk.path().join("tree/zero")).unwrap(), b"zero");
        fs::remove_dir_all(disk.path().join("tree")).unwrap();
    }
}

#[test]
fn links_that_the_disk_does_not_have_are_left_out_with_the_reason() {
    let Some(disk) = Disk::exfat() else { return };
    let scene = Scene::new();
    scene.file("tree/file", "file");
    std::os::unix::fs::symlink("file", scene.path("tree/link")).unwrap();
    let sender = scene.run("send tree --to @ --json");
    let (received, sent) = meet(receiver(&scene, disk.path(), ""), sender);
    let told = received.exits(13).failures();
    let why = "the receiver's disk has no symbolic links: function not implemented";
    assert_eq!(told, [("tree/link".to_owned(), why.to_owned())]);
    let told = sent.exits(13).failures();
    assert_eq!(told[0].1, "the receiver's disk has no symbolic links");
    assert_eq!(scene.names_in(disk.path().join("tree")), ["file"]);
}

#[test]
fn portable_names_bring_everything() {
    let Some(disk) = Disk::ntfs() else { return };
    let scene = Scene::new();
    windows_tree(&scene);
    scene.file("tree/a_b", "the real one");
    for _ in 0..2 {
        let sender = scene.run("send tree --to @ --json");
        let receiver = receiver(&scene, disk.path(), "--portable-names");
        let (received, sent) = meet(receiver, sender);
        sent.exits(0);
        let received = received.exits(0);
        let files = received.events_of("file");
        let renamed = files.iter().filter(|event| event["saved_as"].is_string());
        assert_eq!(renamed.count(), 6);
        let file = files
            .iter()
            .find(|event| event["path"] == "tree/a:b")
            .unwrap();
        assert_eq!(file["saved_as"], "tree/a_b (1)");
        assert_eq!(scene.names_in(disk.path()), ["tree"]);
        let names = [
            "a_b",
            "a_b (1)",
            "fol_der",
            "good",
            "large_ one",
            "trail_",
            "what_",
            "z",
        ];
        assert_eq!(scene.names_in(disk.path().join("tree")), names);
    }
    let there = |name: &str| fs::read(disk.path().join("tree").join(name)).unwrap();
    assert_eq!(there("a_b"), b"the real one");
    assert_eq!(there("a_b (1)"), b"a:b");
    assert_eq!(there("large_ one"), noise(1, 3 * MIB));
    assert_eq!(there("fol_der/below"), b"below");
}

#[test]
fn portable_names_tell_names_apart_that_differ_in_case() {
    let Some(disk) = Disk::exfat() else { return };
    let scene = Scene::new();
    scene.file("tree/readme", "small");
    scene.file("tree/README", "LARGE");
    scene.file("tree/Folder/one", "one");
    scene.file("tree/folder/two", "two");
    scene
        .run("zip all.zip tree")
        .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit")
        .exits(0);
    let ended = scene
        .run("unzip all.zip --portable-names --json")
        .arg(disk.path())
        .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit");
    ended.exits(0);
    let names = scene.names_in(disk.path().join("tree"));
    assert_eq!(names, ["Folder", "README", "folder (1)", "readme (1)"]);
    let two = disk.path().join("tree/folder (1)/two");
    assert_eq!(fs::read(two).unwrap(), b"two");
}
