//! `send --zip`: the peer gets one encrypted archive instead of the files.

use crate::harness::trees::noise;
use crate::harness::{SECRET, Scene};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read, Seek};
use std::path::Path;

const PASSWORD: &str = "archive-only-Xk3";

/// A tree with a file of several pieces, odd names, and an empty file.
fn tree(scene: &Scene) -> BTreeMap<String, Vec<u8>> {
    let files = [
        ("tree/large", noise(1, (5 << 20) + 7)),
        ("tree/sub/text", b"the same again\n".repeat(9000)),
        ("tree/sub/none", Vec::new()),
        ("tree/-odd $(id)", b"odd".to_vec()),
    ];
    for (name, contents) in &files {
        scene.file(name, contents);
    }
    files
        .into_iter()
        .map(|(name, contents)| (name.to_owned(), contents))
        .collect()
}

/// The files of an archive, by name.
fn unpacked(archive: impl Read + Seek, password: &str) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(archive).expect("an archive");
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive
            .by_index_decrypt(index, password.as_bytes())
            .expect("the password");
        if !member.is_dir() {
            let mut contents = Vec::new();
            member.read_to_end(&mut contents).expect("it is whole");
            let name = member.name().expect("a name").into_owned();
            files.insert(name, contents);
        }
    }
    files
}

fn send(scene: &Scene, words: &str) {
    let receiver = scene.run("receive in --yes --port 0").start();
    let sender = scene.run(words).env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD);
    sender.to(receiver.port()).ends().exits(0);
    receiver.ends().exits(0).says(".zip");
}

fn open(path: &Path) -> File {
    File::open(path).expect("it arrived")
}

#[test]
fn the_peer_gets_an_archive_with_everything_in_it() {
    let scene = Scene::new();
    let files = tree(&scene);
    send(&scene, "send tree --zip --to @");
    assert_eq!(scene.names_in("in"), ["tree.zip"]);
    let archive = scene.path("in/tree.zip");
    assert!(unpacked(open(&archive), PASSWORD) == files);
    let mut members = zip::ZipArchive::new(open(&archive)).unwrap();
    for index in 0..members.len() {
        let is_open = members
            .by_index_decrypt(index, SECRET.as_bytes())
            .is_ok_and(|member| member.is_file());
        assert!(!is_open, "the secret is no password");
    }
}

#[test]
fn names_are_hidden_where_that_is_asked_for() {
    let scene = Scene::new();
    let files = tree(&scene);
    send(
        &scene,
        "send tree --zip --hide-names --name kept.zip --level 9 --to @",
    );
    let archive = scene.path("in/kept.zip");
    let bytes = fs::read(&archive).unwrap();
    for name in ["large", "-odd $(id)", "sub/text"] {
        let is_there = bytes.windows(name.len()).any(|at| at == name.as_bytes());
        assert!(!is_there, "{name}");
    }
    let outer = unpacked(open(&archive), PASSWORD);
    let [inner] = outer.values().collect::<Vec<_>>()[..] else {
        panic!("{:?}", outer.keys());
    };
    assert!(unpacked(Cursor::new(inner), PASSWORD) == files);
}

#[test]
fn what_cannot_be_packed_is_named_and_the_rest_arrives() {
    let scene = Scene::new();
    let files = tree(&scene);
    scene.pipe("tree/pipe");
    let receiver = scene.run("receive in --yes --port 0").start();
    let sender = scene.run("send tree --zip --json --to @");
    let sender = sender.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD);
    let sent = sender.to(receiver.port()).ends().exits(13);
    let sent = sent.says("left out tree/pipe");
    assert_eq!(sent.done()["exit"], 13);
    receiver.ends().exits(0);
    assert!(unpacked(open(&scene.path("in/tree.zip")), PASSWORD) == files);
}

#[test]
fn what_does_not_go_with_an_archive_is_a_usage_error() {
    let scene = Scene::new();
    scene.file("file", "x");
    let lines = [
        "send - --name x --zip --to 127.0.0.1:9",
        "send file --zip --retry 1 --to 127.0.0.1:9",
        "send file --zip --streams 2 --to 127.0.0.1:9",
        "send file --zip --name a/b --to 127.0.0.1:9",
        "send file --hide-names --to 127.0.0.1:9",
        "send file --zip-password-file file --to 127.0.0.1:9",
    ];
    for line in lines {
        let run = scene.run(line).env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD);
        run.ends().exits(2).says("peerbridge: hint: ");
    }
    let send = "send file --zip --to 127.0.0.1:9";
    let same = scene.run(send).env("PEERBRIDGE_ZIP_PASSWORD", SECRET);
    let refused = same.ends().exits(2);
    refused.complains(
        "the archive's password is the connection's secret",
        "another",
    );
    let none = scene.run(send).ends();
    none.exits(2)
        .complains("for the archive's password", "--zip-password-file");
}
