//! `unzip`: hidden names, passwords, existing files, lists, and a kill.

use super::archives::{WORD, archive, unzip};
use crate::harness::trees::{set_mode, set_modified};
use crate::harness::{LIMIT, Scene};
use rustix::process::Signal;
use std::fs;
use zip::CompressionMethod;

#[test]
fn an_archive_with_hidden_names_is_opened_in_one_step() {
    let scene = Scene::new();
    let inner = scene.path("inner.zip");
    archive(
        &inner,
        CompressionMethod::Deflated,
        None,
        &[("a/b", b"one"), ("c", b"two")],
    );
    let inner = fs::read(inner).unwrap();
    let name = "contents.zip";
    archive(
        &scene.path("hidden.zip"),
        CompressionMethod::Stored,
        Some(WORD),
        &[(name, &inner)],
    );
    // This file is in the way of nothing, because the inner archive is not delivered.
    scene.file("out/contents.zip", "mine");
    let ended = unzip(&scene, "hidden.zip out --json").ends().exits(0);
    assert_eq!(ended.done()["files"], 2);
    assert_eq!(scene.names_in("out"), ["a", "c", "contents.zip"]);
    assert_eq!(fs::read(scene.path("out/contents.zip")).unwrap(), b"mine");
    let listed = unzip(&scene, "hidden.zip --list").ends();
    listed.exits(0).says("its names are hidden");
    // A bad inner archive leaves nothing.
    archive(
        &scene.path("bad.zip"),
        CompressionMethod::Stored,
        Some(WORD),
        &[(name, &inner[..inner.len() - 1])],
    );
    unzip(&scene, "bad.zip bad")
        .ends()
        .exits(10)
        .complains("bad.zip is damaged", "nothing was written");
    assert!(!scene.path("bad").exists());
    // A `contents.zip` that is not encrypted, or not the only entry, is an ordinary entry.
    archive(
        &scene.path("open.zip"),
        CompressionMethod::Stored,
        None,
        &[(name, &inner)],
    );
    unzip(&scene, "open.zip open").ends().exits(0);
    assert_eq!(scene.names_in("open"), [name]);
}

#[test]
fn passwords_that_are_missing_or_wrong_write_nothing() {
    let scene = Scene::new();
    archive(
        &scene.path("a.zip"),
        CompressionMethod::Deflated,
        Some(WORD),
        &[("a", b"one"), ("b", b"two")],
    );
    let wrong = unzip(&scene, "a.zip out")
        .env("PEERBRIDGE_ZIP_PASSWORD", "other")
        .ends();
    wrong
        .exits(3)
        .complains("does not open with this password", "nothing was written");
    let missing = scene
        .run("unzip a.zip out")
        .without("PEERBRIDGE_ZIP_PASSWORD")
        .ends();
    missing
        .exits(2)
        .complains("is not a terminal", "--zip-password-file");
    assert!(!scene.path("out").exists());
    let file = scene.file("password", format!("{WORD}\n"));
    set_mode(&file, 0o600);
    let right = scene
        .run("unzip a.zip out --zip-password-file password")
        .ends();
    right.exits(0).says("2 files");
    assert_eq!(scene.names_in("out"), ["a", "b"]);
}

#[test]
fn files_that_are_there() {
    let scene = Scene::new();
    archive(
        &scene.path("a.zip"),
        CompressionMethod::Deflated,
        None,
        &[("f", b"new"), ("g", b"more")],
    );
    let into = |name: &str, more: &str, code: i32| {
        let old = scene.file(format!("{name}/f"), "the old one");
        set_modified(&old, 1_700_000_000, 0);
        unzip(&scene, &format!("a.zip {name} {more}"))
            .ends()
            .exits(code)
    };
    into("fail", "", 7).complains("in the way", "--existing");
    assert_eq!(scene.names_in("fail"), ["f"]);
    into("skip", "--existing skip", 0);
    into("rename", "--existing rename", 0);
    assert_eq!(scene.names_in("rename"), ["f", "f (1)", "g"]);
    into("overwrite", "--existing overwrite", 0);
    // The time in the archive is 1980.
    into("newer", "--existing newer", 0);
    let read = |name: &str| fs::read_to_string(scene.path(name)).unwrap();
    assert_eq!(read("skip/f"), "the old one");
    assert_eq!(read("rename/f"), "the old one");
    assert_eq!(read("rename/f (1)"), "new");
    assert_eq!(read("overwrite/f"), "new");
    assert_eq!(read("newer/f"), "the old one");
    // Everything exists already: nothing is done, which is a success.
    let again = unzip(&scene, "a.zip overwrite --json").ends().exits(0);
    assert_eq!(again.done()["files"], 0);
}

#[test]
fn lists_are_for_people_and_programs() {
    let scene = Scene::new();
    let files: &[(&str, &[u8])] = &[("a", b"one"), ("b\u{1b}[2J", b"two!")];
    archive(
        &scene.path("a.zip"),
        CompressionMethod::Stored,
        Some(WORD),
        files,
    );
    let ended = scene
        .run("unzip --list a.zip")
        .ends()
        .exits(0)
        .says("2 entries");
    assert!(!ended.everything().contains(&0x1b));
    assert!(
        ended
            .output()
            .contains("--  4  AES-256    1980-01-01 00:00:00  b\\x1b[2J\n"),
        "{}",
        ended.output()
    );
    let events = scene
        .run("unzip --list a.zip --json")
        .ends()
        .exits(0)
        .events();
    assert_eq!(events[0]["event"], "entry");
    assert_eq!(events[0]["path"], "a");
    assert_eq!(events[0]["bytes"], 3);
    assert_eq!(events[0]["encryption"], "AES-256");
    assert_eq!(events[0]["mode"], "0644");
    assert_eq!(events[0]["mtime"], 315_532_800.0);
    assert_eq!(
        scene
            .names_in("")
            .iter()
            .filter(|name| *name == "a")
            .count(),
        0
    );
    scene.run("unzip --list a.zip out").ends().exits(2);
    scene
        .run("unzip")
        .ends()
        .exits(2)
        .complains("no archive", "unzip ARCHIVE [DIR]");
    scene
        .run("unzip none.zip")
        .ends()
        .exits(8)
        .complains("none.zip cannot be read", "spelling");
    let text = scene.file("text", "no archive");
    assert!(text.exists());
    scene
        .run("unzip text")
        .ends()
        .exits(10)
        .complains("text is not a zip archive", "zip archives only");
}

/// An archive with three entries to choose from.
fn choice(scene: &Scene) {
    let files: &[(&str, &[u8])] = &[("d/a.txt", b"one"), ("d/b.tmp", b"two"), ("c", b"three")];
    archive(
        &scene.path("a.zip"),
        CompressionMethod::Deflated,
        None,
        files,
    );
}

#[test]
fn entries_are_chosen_by_patterns() {
    let scene = Scene::new();
    choice(&scene);
    let some = unzip(&scene, "a.zip some --only *.txt --only c --json");
    assert_eq!(some.ends().exits(0).done()["files"], 2);
    assert_eq!(scene.names_in("some"), ["c", "d"]);
    assert_eq!(scene.names_in("some/d"), ["a.txt"]);
    unzip(&scene, "a.zip rest -x d").ends().exits(0);
    assert_eq!(scene.names_in("rest"), ["c"]);
    unzip(&scene, "a.zip none --only nothing")
        .ends()
        .exits(8)
        .complains("no such entry", "--list");
    unzip(&scene, "a.zip none --only [").ends().exits(2);
    assert!(!scene.path("none").exists());
    unzip(&scene, "a.zip --list --only c").ends().exits(2);
}

#[test]
fn a_test_reads_everything_and_writes_nothing() {
    let scene = Scene::new();
    choice(&scene);
    let before = scene.names_in("");
    let tested = unzip(&scene, "a.zip --test").ends().exits(0);
    tested.says("3 files").says("verified; nothing was written");
    let bytes = fs::read(scene.path("a.zip")).unwrap();
    // In the compressed contents of the first entry.
    let mut damaged = bytes.clone();
    damaged[30 + "d/a.txt".len() + 2] ^= 0x10;
    scene.file("damaged.zip", damaged);
    unzip(&scene, "damaged.zip --test")
        .ends()
        .exits(10)
        .complains("d/a.txt", "again from its source");
    unzip(&scene, "damaged.zip --test --only c").ends().exits(0);
    let inner = fs::read(scene.path("a.zip")).unwrap();
    let stored = CompressionMethod::Stored;
    let hidden = scene.path("hidden.zip");
    archive(&hidden, stored, Some(WORD), &[("contents.zip", &inner)]);
    let hidden = unzip(&scene, "hidden.zip --test").ends().exits(0);
    hidden.says("3 files");
    unzip(&scene, "a.zip out --test").ends().exits(2);
    let after = scene.names_in("").into_iter();
    let new: Vec<_> = after.filter(|name| !before.contains(name)).collect();
    assert_eq!(new, ["damaged.zip", "hidden.zip"]);
    assert!(scene.names_in("tmp").is_empty());
}

#[test]
fn an_archive_comes_from_standard_input() {
    let scene = Scene::new();
    choice(&scene);
    let piped = |line: &str| {
        let mut cat = std::process::Command::new("cat")
            .arg(scene.path("a.zip"))
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let input = cat.stdout.take().unwrap();
        let ended = unzip(&scene, line).input(input).ends();
        cat.wait().unwrap();
        ended
    };
    piped("- out").exits(0).says("3 files");
    assert_eq!(scene.names_in("out"), ["c", "d"]);
    assert!(piped("- --list").exits(0).output().contains("d/a.txt"));
    let nothing = unzip(&scene, "- nowhere").ends().exits(10);
    nothing.complains("standard input is not a zip archive", "zip archives only");
    assert!(scene.names_in("tmp").is_empty());
}

/// Options that users of Info-ZIP's unzip know.
#[test]
fn habits_get_the_right_hint() {
    let scene = Scene::new();
    choice(&scene);
    for (line, hint) in [
        ("-l a.zip", "--list"),
        ("-t a.zip", "--test"),
        ("a.zip -d out", "unzip ARCHIVE DIR"),
        ("-o a.zip", "--existing overwrite"),
        ("-n a.zip", "--existing skip"),
        ("-u a.zip", "--existing newer"),
        ("-p a.zip", "--only"),
        ("-c a.zip", "--only"),
        ("-j a.zip", "keeps the folders"),
        ("-Z a.zip", "--list"),
        ("-P word a.zip", "--zip-password-file"),
        ("-O cp866 a.zip", "--name-encoding"),
        ("a.zip c", "--only"),
        ("a.zip d/a.txt", "--only"),
        ("a.zip c d/a.txt", "--only"),
        ("a.zip *.txt", "--only"),
        ("a.zip d/*", "--only"),
        ("a.zip --name-encoding sjis", "cp866"),
        ("a.zip --name-encoding cp932", "bsdtar"),
    ] {
        let ended = unzip(&scene, line).ends().exits(2);
        ended.complains("", hint);
    }
    let file = scene.file("c", "an older one");
    let ended = unzip(&scene, "a.zip c").ends().exits(2);
    ended.complains("", "--only");
    fs::remove_file(file).unwrap();
    unzip(&scene, "a.zip *.jpg").ends().exits(0);
    // Now a folder of that name exists, and is meant.
    scene.folder("c");
    unzip(&scene, "a.zip c").ends().exits(0);
    unzip(&scene, "a.zip d").ends().exits(0);
}

/// Killed at any time, it leaves only complete entries under their final names, and the same command completes
/// the job.
#[test]
fn killed_and_run_again_it_is_whole() {
    let scene = Scene::new();
    let names: Vec<String> = (0..300).map(|number| format!("d/{number}")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), name.as_bytes()))
        .collect();
    archive(
        &scene.path("a.zip"),
        CompressionMethod::Stored,
        Some(WORD),
        &files,
    );
    for wait in [0, 3, 30] {
        let begun = std::time::Instant::now();
        let running = unzip(&scene, "a.zip out").start();
        let is_staged = || {
            scene
                .names_in("out")
                .iter()
                .any(|name| name.starts_with(".peerbridge-"))
        };
        // On a fast machine it may be done before it is noticed.
        while !is_staged() && !scene.path("out/d").exists() {
            assert!(begun.elapsed() < LIMIT, "nothing is staged");
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(wait));
        running.signal(Signal::KILL);
        drop(running.ends());
        for name in scene.names_in("out/d") {
            let contents = fs::read_to_string(scene.path("out/d").join(&name)).unwrap();
            assert_eq!(contents, format!("d/{name}"));
        }
    }
    unzip(&scene, "a.zip out").ends().exits(0);
    assert_eq!(scene.names_in("out"), ["d"]);
    assert_eq!(scene.names_in("out/d").len(), 300);
}
