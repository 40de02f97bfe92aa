//! What `zip` leaves behind if it is killed or cannot clean up, and what `doctor` says about it.

use super::terminal::Terminal;
use crate::harness::trees::set_mode;
use crate::harness::{LIMIT, Run, Scene};
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn zip(scene: &Scene, line: &str) -> Run {
    let run = scene.run(&format!("zip {line}"));
    run.env("PEERBRIDGE_ZIP_PASSWORD", "orchard Lantern-58")
}

fn temporary_in(scene: &Scene, folder: &str) -> Option<PathBuf> {
    let mut names = scene.names_in(folder).into_iter();
    let name = names.find(|name| name.starts_with(".peerbridge-zip-"))?;
    Some(scene.path(folder).join(name))
}

/// Does what `doctor` says, word for word.
fn follow_advice(scene: &Scene, said: &str) {
    let advice = said
        .lines()
        .find_map(|line| line.split_once("discard all leftovers there: "));
    let (_, command) = advice.expect("an advice");
    let line = command.strip_prefix("peerbridge ").expect("a command");
    scene.run(line).exits(0);
}

#[test]
fn a_killed_zip_is_found_by_the_doctor() {
    let scene = Scene::new();
    scene.folder("made");
    // Zeros that take no room on the disk, but enough time to see that an archive is being made.
    let sparse = File::create(scene.path("zeros")).unwrap();
    sparse.set_len(8 << 30).unwrap();
    let running = zip(&scene, "made/a.zip zeros --level 9").start();
    let begun = Instant::now();
    while temporary_in(&scene, "made").is_none() {
        assert!(begun.elapsed() < LIMIT, "nothing is made");
        std::thread::yield_now();
    }
    let doctor = || scene.run("doctor made --port 0").ends().exits(0).output();
    assert!(doctor().contains("is being made into an archive now"));
    running.signal(Signal::KILL);
    running.ends().was_killed_by(Signal::KILL);
    // The killed run has left it behind.
    assert!(temporary_in(&scene, "made").is_some());
    let said = doctor();
    assert!(
        said.contains("look  leftovers: made/.peerbridge-zip-"),
        "{said}"
    );
    assert!(said.contains(": unfinished since "), "{said}");
    assert!(
        said.contains("run the same `zip` again to start over"),
        "{said}"
    );
    let json = scene.run("doctor made --port 0 --json").ends().exits(0);
    let found = json
        .events()
        .into_iter()
        .find(|event| event["what"] == "leftovers");
    assert_eq!(found.unwrap()["result"], "look");
    follow_advice(&scene, &said);
    assert!(scene.names_in("made").is_empty());
    assert!(doctor().contains("no unfinished transfers"));
}

/// A folder in which names can be created but not removed; `None` if the file system does not support that.
struct AppendOnly(PathBuf);

impl AppendOnly {
    fn new(path: PathBuf) -> Option<AppendOnly> {
        let is_made = Command::new("chattr").arg("+a").arg(&path).output();
        match is_made.is_ok_and(|output| output.status.success()) {
            true => Some(AppendOnly(path)),
            false => {
                eprintln!("not checked: no folder can be made append-only here");
                None
            }
        }
    }
}

impl Drop for AppendOnly {
    fn drop(&mut self) {
        let done = Command::new("chattr").arg("-a").arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_name_that_cannot_be_removed_is_told_and_the_archive_is_there() {
    let scene = Scene::new();
    scene.file("file", "x");
    let Some(folder) = AppendOnly::new(scene.folder("made")) else {
        return;
    };
    let ended = zip(&scene, "made/a.zip file").ends().exits(0);
    let left = temporary_in(&scene, "made").unwrap();
    ended
        .says("warning: the archive is complete, but has a second name: cannot remove ")
        .says(&left.file_name().unwrap().to_string_lossy())
        .says("saved as ");
    drop(folder);
    let whole = fs::read(scene.path("made/a.zip")).unwrap();
    let said = scene.run("doctor made --port 0").ends().exits(0).output();
    assert!(
        said.contains("look  leftovers: made/.peerbridge-zip-"),
        "{said}"
    );
    // The next run removes the name, and does not touch the file behind it.
    fs::rename(scene.path("made/a.zip"), scene.path("made/kept.zip")).unwrap();
    zip(&scene, "made/a.zip file").ends().exits(0);
    assert_eq!(scene.names_in("made"), ["a.zip", "kept.zip"]);
    assert!(fs::read(scene.path("made/kept.zip")).unwrap() == whole);
}

#[test]
fn a_file_that_others_can_read_is_not_written_to() {
    let scene = Scene::new();
    scene.file("file", "x");
    let name = format!(".peerbridge-zip-{:08x}", crc32fast::hash(b"a.zip"));
    let planted = scene.file(&name, "planted");
    set_mode(&planted, 0o666);
    let watched = File::open(&planted).unwrap();
    zip(&scene, "a.zip file").ends().exits(0);
    let mode = |path: &Path| crate::harness::trees::mode(path) & 0o777;
    assert_eq!(mode(&scene.path("a.zip")), 0o600);
    assert_eq!(watched.metadata().unwrap().len(), 7);
}

#[test]
fn the_doctor_removes_leftovers_that_are_not_in_use() {
    let scene = Scene::new();
    let staged = |digit: &str| {
        let name = format!("made/.peerbridge-{}", digit.repeat(32));
        scene.file(format!("{name}/tree/a/file"), "half");
        scene.file(format!("{name}/journal"), "");
        scene.file(format!("{name}/lock"), "")
    };
    let (left, in_use) = (staged("a"), staged("b"));
    let lock = File::open(&in_use).unwrap();
    lock.lock().unwrap();
    let archive = scene.file("made/.peerbridge-zip-00000000", "half");
    scene.file("made/own", "mine");
    let said = scene.run("doctor made --clean").exits(0).output();
    assert_eq!(
        said.matches("removed made/.peerbridge-").count(),
        2,
        "{said}"
    );
    assert!(said.contains(" is in use and stays"), "{said}");
    assert!(!left.exists() && !archive.exists() && in_use.exists());
    drop(lock);
    scene.run("doctor made --clean --json").exits(0);
    assert_eq!(scene.names_in("made"), ["own"]);
    let said = scene.run("doctor made --clean").exits(0).output();
    assert!(said.contains("nothing to remove"), "{said}");
    scene.run("doctor nowhere --clean").exits(9);
}

#[test]
fn the_doctor_asks_before_it_removes_anything() {
    let scene = Scene::new();
    let archive = scene.file("made/.peerbridge-zip-00000000", "half");
    let mut doctor = Terminal::start(scene.run("doctor made --clean"));
    doctor.shows("made/.peerbridge-zip-00000000: unfinished since ");
    doctor.answers("Remove this? [y/N] ", "");
    doctor.exits(0);
    assert!(archive.exists());
    let mut doctor = Terminal::start(scene.run("doctor made --clean"));
    doctor.answers("Remove this? [y/N] ", "y");
    doctor.exits(0);
    assert!(!archive.exists());
}
