//! Archives in which a large file changed halfway, opened by other programs.

use super::openers::{OPENERS, open_streamed, open_with};
use crate::harness::Scene;
use crate::harness::has_tool;
use crate::harness::trees::noise;
use peerbridge::ArchivePassword;
use peerbridge::{Event, Level, Names, Operator, ZipOptions};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

const PASSWORD: &str = "orchard Lantern-58";

/// Far more than is buffered between the reader of the file and the writer of the archive.
const LENGTH: usize = 64 << 20;

/// The files before and behind the large one.
const KEPT: [&str; 3] = ["before", "late", "later"];

/// Truncates a file at the first sign that some of it has been written to the archive.
struct Cutter(Mutex<Option<File>>);

impl Operator for Cutter {
    fn event(&self, event: &Event<'_>) {
        if let Event::Progress(progress) = event
            && progress.bytes > 1 << 20
            && let Some(file) = self.0.lock().unwrap().take()
        {
            file.set_len(1000).unwrap();
        }
    }
}

fn tree(scene: &Scene) -> File {
    scene.file("tree/before", "before");
    let large = scene.file("tree/large", noise(1, LENGTH));
    scene.file("tree/late", noise(2, 2 << 20));
    scene.file("tree/later", "later");
    File::options().write(true).open(large).unwrap()
}

/// Makes an archive of all files, during which the large one changes.
fn make(scene: &Scene, name: &str, level: Level, names: Names) {
    let cutter = Cutter(Mutex::new(Some(tree(scene))));
    let password = ArchivePassword::from_text(PASSWORD).unwrap();
    let mut options = ZipOptions::new(scene.path(name), vec![scene.path("tree")], password);
    options.level = level;
    options.names = names;
    let summary = peerbridge::zip(&options, &cutter).unwrap();
    assert_eq!((summary.files, summary.lost_sources), (3, 1));
}

#[track_caller]
fn holds_the_others(scene: &Scene, top: &Path) {
    for name in KEPT {
        let source = fs::read(scene.path("tree").join(name)).unwrap();
        assert!(fs::read(top.join(name)).unwrap() == source, "{name}");
    }
}

/// Programs that read the directory report no fault.
#[track_caller]
fn opens_everywhere(scene: &Scene, archive: &str) {
    let path = scene.path(archive);
    for tool in OPENERS.into_iter().filter(|tool| has_tool(tool)) {
        let into = scene.path(format!("{archive}-{tool}"));
        let output = open_with(tool, &path, PASSWORD, &into);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        assert!(output.status.success(), "{tool}: {said}");
        assert!(!said.contains("warning"), "{tool}: {said}");
        holds_the_others(scene, &into.join("tree"));
        assert!(!into.join("tree/large").exists(), "{tool}");
    }
    if has_tool("unzip") {
        // Info-ZIP does not support AES, but reports whether everything else is sound.
        let tested = Command::new("unzip").arg("-t").arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&tested.stdout).into_owned();
        assert!(said.contains("No errors detected"), "{said}");
    }
    let opened = scene.run(&format!("unzip {archive} {archive}-own"));
    opened
        .env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD)
        .ends()
        .exits(0);
    holds_the_others(scene, &scene.path(format!("{archive}-own/tree")));
}

#[test]
fn nothing_of_it_stays_in_a_file() {
    for level in [Level::Auto, Level::Fixed(0)] {
        let scene = Scene::new();
        make(&scene, "a.zip", level, Names::Shown);
        let length = fs::metadata(scene.path("a.zip")).unwrap().len();
        assert!(length < 3 << 20, "{length}");
        opens_everywhere(&scene, "a.zip");
        if has_tool("bsdtar") {
            let streamed = open_streamed(&scene.path("a.zip"), PASSWORD, &scene.path("out"));
            assert!(streamed.status.success());
            holds_the_others(&scene, &scene.path("out/tree"));
            assert!(!scene.path("out/tree/large").exists());
        }
    }
}

/// A program that does not read the directory reports that the member is damaged and continues: libarchive
/// does, if the member is deflated.
#[track_caller]
fn streams(scene: &Scene, archive: &str, level: Level) {
    if has_tool("bsdtar") {
        let streamed = open_streamed(&scene.path(archive), PASSWORD, &scene.path("out"));
        let said = String::from_utf8_lossy(&streamed.stderr).into_owned();
        assert!(said.contains("tree/large: "), "{said}");
        assert!(!streamed.status.success());
        if level == Level::Auto {
            holds_the_others(scene, &scene.path("out/tree"));
        }
    }
}

#[test]
fn where_it_cannot_be_taken_back_it_has_an_end() {
    for level in [Level::Auto, Level::Fixed(0)] {
        let scene = Scene::new();
        make(&scene, "a.zip", level, Names::Hidden);
        let own = scene.run("unzip a.zip own");
        own.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD).ends().exits(0);
        holds_the_others(&scene, &scene.path("own/tree"));
        assert!(!scene.path("own/tree/large").exists());
        if !has_tool("7zz") {
            continue;
        }
        let outer = open_with("7zz", &scene.path("a.zip"), PASSWORD, &scene.path(""));
        assert!(outer.status.success());
        opens_everywhere(&scene, "contents.zip");
        streams(&scene, "contents.zip", level);
    }
}

#[test]
fn it_has_an_end_in_what_is_sent() {
    for (level, word) in [(Level::Auto, "auto"), (Level::Fixed(0), "0")] {
        let scene = Scene::new();
        let large = tree(&scene);
        let (mut read, written) = std::io::pipe().unwrap();
        let receiver = scene.run("receive --output - --yes --port 0");
        let receiver = receiver.output(written).start();
        let sender = scene.run(&format!("send tree --zip --level {word} --to @"));
        let sender = sender.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD);
        let sender = sender.to(receiver.port()).start();
        let mut archive = File::create(scene.path("a.zip")).unwrap();
        let mut begin = vec![0; 2 << 20];
        read.read_exact(&mut begin).unwrap();
        large.set_len(1000).unwrap();
        archive.write_all(&begin).unwrap();
        std::io::copy(&mut read, &mut archive).unwrap();
        let sent = sender.ends().exits(13);
        sent.says("tree/large: it changed while it was packed");
        receiver.ends().exits(0);
        opens_everywhere(&scene, "a.zip");
        streams(&scene, "a.zip", level);
    }
}
