//! Archives that need 64 bits: for the number of their entries, or for lengths and offsets.

use super::openers::{OPENERS, open_streamed};
use crate::harness::has_tool;
use crate::harness::is_long;
use crate::harness::{Run, Scene};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

const PASSWORD: &str = "orchard Lantern-58";

/// The limit for the large archives.
const LIMIT: Duration = Duration::from_secs(1200);

fn with_password(run: Run) -> Run {
    run.env("PEERBRIDGE_ZIP_PASSWORD", PASSWORD)
}

/// The listing of a program, one line for each entry.
fn listed(tool: &str, scene: &Scene, archive: &str) -> String {
    const NAMES: &str =
        "import pyzipper, sys; print(*pyzipper.AESZipFile(sys.argv[1]).namelist(), sep='\\n')";
    let words: &[&str] = match tool {
        "7zz" => &["7zz", "l", "-slt"],
        "bsdtar" => &["bsdtar", "-tf"],
        _ => &["python3", "-c", NAMES],
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(scene.path(archive));
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The entries are links, which are made quickly and need no key.
#[test]
fn more_entries_than_sixteen_bits_count() {
    const LINKS: usize = 66_000;
    let scene = Scene::new();
    scene.file("tree/zz", "behind all of them");
    for number in 0..LINKS {
        symlink("zz", scene.path(format!("tree/{number}"))).unwrap();
    }
    let made = scene.run("zip a.zip tree --quiet");
    with_password(made).ends().exits(0);
    for tool in OPENERS.into_iter().filter(|tool| has_tool(tool)) {
        let listed = listed(tool, &scene, "a.zip");
        let count = listed.lines().filter(|line| line.contains("tree/")).count();
        assert!(count == LINKS + 1 || count == LINKS + 2, "{tool}: {count}");
        assert!(listed.contains("tree/65999\n"), "{tool}");
    }
    if has_tool("7zz") {
        reads_all("7zz", &scene, "a.zip");
        let mut one = Command::new("7zz");
        one.args(["x", "-so", &format!("-p{PASSWORD}")]);
        let one = one.arg(scene.path("a.zip")).arg("tree/zz").output();
        assert_eq!(one.unwrap().stdout, b"behind all of them");
    }
    let own = scene.run("unzip --list a.zip --json").ends().exits(0);
    let entries = own.events().len() - 1;
    assert_eq!(entries, LINKS + 2);
}

/// Makes a program read and check everything in an archive.
#[track_caller]
fn reads_all(tool: &str, scene: &Scene, archive: &str) {
    let mut command = Command::new(tool);
    match tool {
        "7zz" => command.args(["t", &format!("-p{PASSWORD}")]),
        _ => command.args(["--passphrase", PASSWORD, "-xOf"]),
    };
    let command = command.arg(scene.path(archive)).stdout(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {archive}: {said}");
}

/// A file of five GiB that takes no room, and a small one behind it. Level `0` stores them, so the offset of
/// the small one needs 64 bits as well; `auto` makes a small archive.
#[test]
fn more_than_four_gigabytes() {
    if !is_long() {
        return;
    }
    let scene = Scene::new();
    scene.folder("tree");
    let sparse = File::create(scene.path("tree/a")).unwrap();
    sparse.set_len(5 << 30).unwrap();
    scene.file("tree/behind", "behind it");
    for (level, more) in [("0", ""), ("auto", ""), ("0", "--hide-names")] {
        let line = format!("zip a.zip tree --level {level} {more} -e overwrite");
        let made = with_password(scene.run(&line)).limit(LIMIT).start();
        made.ends().exits(0);
        for tool in ["7zz", "bsdtar"].into_iter().filter(|tool| has_tool(tool)) {
            reads_all(tool, &scene, "a.zip");
        }
        if !more.is_empty() {
            continue;
        }
        let opened = with_password(scene.run("unzip a.zip own --yes"));
        opened.limit(LIMIT).ends().exits(0);
        let opened = fs::metadata(scene.path("own/tree/a")).unwrap().len();
        assert_eq!(opened, 5 << 30);
        fs::remove_dir_all(scene.path("own")).unwrap();
        // From a pipe the end of a stored entry cannot be found: only the directory has its length.
        if level == "auto" && has_tool("bsdtar") {
            let into = scene.path("streamed");
            let output = open_streamed(&scene.path("a.zip"), PASSWORD, &into);
            assert!(output.status.success(), "streamed");
            let behind = fs::read_to_string(into.join("tree/behind")).unwrap();
            assert_eq!(behind, "behind it");
            fs::remove_dir_all(into).unwrap();
        }
    }
}
