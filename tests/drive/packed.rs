//! Archives that `zip` makes, opened by other programs.

use super::openers::{OPENERS, open_with};
use crate::harness::has_tool;
use crate::harness::trees::{Entry, look, set_mode};
use crate::harness::{Run, Scene};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const PASSWORD: &str = "orchard Lantern-58";

/// `zip` with the password in its environment.
fn zip(scene: &Scene, line: &str) -> Run {
    let run = scene.run(&format!("zip {line}"));
    run.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD)
}

/// A tree with an entry of each kind.
fn odd_tree(scene: &Scene) -> PathBuf {
    scene.file("tree/empty", "");
    scene.file("tree/sp ace 'quote' $(id)", "one");
    scene.file("tree/ünï 日本.txt", "two");
    scene.file("tree/sub/deeper/small", "x");
    scene.file("tree/text", "over and over again ".repeat(200_000));
    let noise: Vec<u8> = (0..3_000_000_u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8)
        .collect();
    scene.file("tree/noise", noise);
    scene.folder("tree/hollow");
    let top = scene.path("tree");
    symlink("sub/deeper", top.join("link to folder")).unwrap();
    symlink("deeper/small", top.join("sub/link")).unwrap();
    set_mode(&top.join("sub/deeper/small"), 0o750);
    set_mode(&top.join("sub/deeper"), 0o700);
    let old = fs::File::options().write(true).open(top.join("text"));
    let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_234_567_891);
    old.unwrap().set_modified(then).unwrap();
    top
}

/// The properties that must be the same: times in whole seconds, and no times of folders if `tool` does not set
/// them.
fn essence(top: &Path, tool: &str) -> BTreeMap<PathBuf, Entry> {
    let mut found = look(top);
    for entry in found.values_mut() {
        match entry {
            Entry::File { modified, .. } => {
                modified.1 = 0;
                if tool == "pyzipper" {
                    *modified = (0, 0);
                }
            }
            Entry::Folder { modified, mode } => {
                *modified = (0, 0);
                if tool == "pyzipper" {
                    *mode = 0;
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn other_programs_open_what_is_made_at_each_level() {
    let scene = Scene::new();
    let top = odd_tree(&scene);
    for level in ["auto", "0", "1", "6", "9"] {
        let archive = format!("{level}.zip");
        let made = zip(&scene, &format!("{archive} tree --level {level}")).ends();
        made.exits(0);
        for tool in OPENERS.into_iter().filter(|tool| has_tool(tool)) {
            let into = scene.path(format!("{tool}-{level}"));
            let output = open_with(tool, &scene.path(&archive), PASSWORD, &into);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{tool}: {said}");
            assert_eq!(
                essence(&into.join("tree"), tool),
                essence(&top, tool),
                "{tool} {level}"
            );
        }
    }
}

#[test]
fn a_wrong_password_opens_nothing() {
    let scene = Scene::new();
    let contents = "contents that nobody sees";
    scene.file("tree/file", contents);
    zip(&scene, "a.zip tree").ends().exits(0);
    for tool in OPENERS.into_iter().filter(|tool| has_tool(tool)) {
        let into = scene.path(tool);
        let output = open_with(tool, &scene.path("a.zip"), "another", &into);
        assert!(!output.status.success(), "{tool}");
        let there = fs::read(into.join("tree/file")).unwrap_or_default();
        // libarchive leaves a file of the right length with zeros.
        assert_ne!(there, contents.as_bytes(), "{tool}");
    }
}

#[test]
fn hidden_names_are_in_an_archive_within_the_archive() {
    let scene = Scene::new();
    let top = odd_tree(&scene);
    zip(&scene, "a.zip tree --hide-names").ends().exits(0);
    let bytes = fs::read(scene.path("a.zip")).unwrap();
    for name in ["tree", "deeper", "small", "quote"] {
        let shows = bytes.windows(name.len()).any(|at| at == name.as_bytes());
        assert!(!shows, "{name}");
    }
    for tool in OPENERS.into_iter().filter(|tool| has_tool(tool)) {
        let into = scene.path(tool);
        let outer = open_with(tool, &scene.path("a.zip"), PASSWORD, &into);
        assert!(outer.status.success(), "{tool}");
        assert_eq!(scene.names_in(tool), ["contents.zip"]);
        let inner = open_with(tool, &into.join("contents.zip"), PASSWORD, &into);
        assert!(
            inner.status.success(),
            "{tool}: {}",
            String::from_utf8_lossy(&inner.stderr)
        );
        assert_eq!(
            essence(&into.join("tree"), tool),
            essence(&top, tool),
            "{tool}"
        );
    }
}

#[test]
fn names_that_are_no_utf8_stay_the_bytes_that_they_are() {
    let scene = Scene::new();
    let name = OsStr::from_bytes(b"tree/b\xe4d");
    scene.file(name, "x");
    zip(&scene, "a.zip tree").ends().exits(0);
    let bytes = fs::read(scene.path("a.zip")).unwrap();
    let raw = b"tree/b\xe4d";
    assert_eq!(bytes.windows(raw.len()).filter(|at| at == raw).count(), 2);
    if has_tool("bsdtar") {
        let into = scene.path("out");
        fs::create_dir(&into).unwrap();
        let mut command = Command::new("bsdtar");
        command
            .arg("-C")
            .arg(&into)
            .args(["--passphrase", PASSWORD]);
        command
            .arg("-xf")
            .arg(scene.path("a.zip"))
            .env("LC_ALL", "C");
        assert!(command.output().unwrap().status.success());
        assert!(into.join(name).exists());
    }
}

#[test]
fn the_archive_is_for_its_maker_only_and_nothing_else_is_left() {
    let scene = Scene::new();
    scene.file("made/tree/file", "x");
    let run = zip(&scene, "a.zip tree").after("umask 000");
    run.in_folder(scene.path("made")).ends().exits(0);
    let mode = fs::metadata(scene.path("made/a.zip")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(scene.names_in("made"), ["a.zip", "tree"]);
}

#[test]
fn an_existing_archive_is_replaced_only_on_request() {
    let scene = Scene::new();
    scene.file("file", "x");
    scene.file("a.zip", "something else");
    let there = || fs::read(scene.path("a.zip")).unwrap();
    let refused = zip(&scene, "a.zip file").ends();
    refused.exits(7).complains("a.zip", "--existing");
    zip(&scene, "a.zip file -e skip").ends().exits(0);
    assert_eq!(there(), b"something else");
    zip(&scene, "a.zip file -e rename").ends().exits(0);
    assert_eq!(there(), b"something else");
    assert!(scene.path("a (1).zip").exists());
    // The source is older than the existing archive.
    zip(&scene, "a.zip file -e newer").ends().exits(0);
    assert_eq!(there(), b"something else");
    let file = fs::File::options().write(true).open(scene.path("file"));
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(100);
    file.unwrap().set_modified(later).unwrap();
    zip(&scene, "a.zip file -e newer").ends().exits(0);
    assert!(there().starts_with(b"PK"));
    scene.file("a.zip", "something else");
    zip(&scene, "a.zip file -e overwrite").ends().exits(0);
    assert!(there().starts_with(b"PK"));
    assert_eq!(
        scene.names_in(""),
        ["a (1).zip", "a.zip", "file", "home", "tmp"]
    );
    scene.folder("folder.zip");
    let folder = zip(&scene, "folder.zip file -e overwrite").ends();
    folder
        .exits(7)
        .complains("folder.zip is a folder", "name of the archive itself");
}

#[test]
fn an_archive_is_never_packed_into_itself() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    let tree = scene.path("tree");
    for _ in 0..2 {
        let run = zip(&scene, "a.zip . a.zip --existing overwrite --json");
        let run = match tree.join("a.zip").exists() {
            true => run,
            false => zip(&scene, "a.zip . --json"),
        };
        let ended = run.in_folder(&tree).ends().exits(0);
        let events = ended.events();
        let offer = events.iter().find(|event| event["event"] == "offer");
        assert!(offer.unwrap()["files"].as_u64().unwrap() <= 2);
    }
    assert_eq!(scene.names_in("tree"), ["a.zip", "file"]);
    let run = zip(&scene, "a.zip ./a.zip --existing overwrite");
    run.in_folder(&tree)
        .ends()
        .exits(2)
        .complains("itself", "first path");
}

#[test]
fn what_cannot_be_packed_is_named() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    scene.pipe("tree/pipe");
    let ended = zip(&scene, "a.zip tree --json").ends();
    let ended = ended.exits(13).says("tree/pipe: it is a pipe");
    let events = ended.events();
    let dones: Vec<&Value> = events.iter().filter(|e| e["event"] == "done").collect();
    assert_eq!(dones.len(), 1);
    assert_eq!(dones[0]["exit"], 13);
    assert_eq!(dones[0]["files"], 1);
    let failed = events.iter().filter(|event| event["event"] == "file");
    assert!(failed.into_iter().all(|event| event["result"] == "failed"));

    let missing = zip(&scene, "b.zip tree missing").ends();
    missing.exits(8).complains("missing", "spelling");
    assert!(!scene.path("b.zip").exists());
}

#[test]
fn excluded_names_and_followed_links() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    scene.file("tree/file.tmp", "x");
    symlink("file", scene.path("tree/link")).unwrap();
    let count = |line: &str, kind: &str| {
        let ended = zip(&scene, line).ends().exits(0);
        let events = ended.events();
        let offer = events.iter().find(|event| event["event"] == "offer");
        offer.unwrap()[kind].as_u64().unwrap()
    };
    assert_eq!(count("a.zip tree -x *.tmp --json", "files"), 1);
    assert_eq!(count("b.zip tree --json", "links"), 1);
    assert_eq!(count("c.zip tree -L --json", "files"), 3);
}

#[test]
fn the_password_comes_from_a_private_file_or_there_is_none() {
    let scene = Scene::new();
    scene.file("file", "x");
    let secret = scene.file("word", format!("{PASSWORD}\nmore"));
    set_mode(&secret, 0o644);
    let line = "zip a.zip file --zip-password-file word";
    let exposed = scene.run(line).ends();
    exposed
        .exits(2)
        .complains("other users can read", "chmod 600");
    set_mode(&secret, 0o600);
    scene.run(line).ends().exits(0);
    if has_tool("7zz") {
        let output = open_with("7zz", &scene.path("a.zip"), PASSWORD, &scene.path("out"));
        assert!(output.status.success());
    }
    let asked = scene.run("zip b.zip file").ends();
    asked.exits(2).complains("password", "--zip-password-file");
    let long = scene
        .run("zip b.zip file")
        .env("PEERBRIDGE_ZIP_PASSWORD", "x".repeat(100));
    long.ends()
        .exits(2)
        .complains("longer than 99 bytes", "1 to 99");
    assert!(!scene.path("b.zip").exists());
}

#[test]
fn words_that_make_no_archive_are_usage_errors() {
    let scene = Scene::new();
    scene.file("file", "x");
    for line in ["", "a.zip", "- file", "a.zip -", "a.zip file --level 10"] {
        zip(&scene, line).ends().exits(2);
    }
    let nowhere = zip(&scene, "no/such/a.zip file").ends();
    nowhere
        .exits(9)
        .complains("cannot create \"no/such/a.zip\"", "no such folder");
}

#[test]
fn a_password_beyond_ascii_is_warned_of() {
    let scene = Scene::new();
    scene.file("file", "x");
    let run = |name: &str, word: &str| {
        let run = scene.run(&format!("zip {name} file"));
        run.env("PEERBRIDGE_ZIP_PASSWORD", word).ends().exits(0)
    };
    run("a.zip", "pässword").says("the password is not ASCII");
    let plain = run("b.zip", PASSWORD);
    assert!(!String::from_utf8_lossy(&plain.everything()).contains("ASCII"));
}
