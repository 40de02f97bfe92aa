//! `docs/PROTOCOL.md` is enough to read the protocol: `tests/protocol_reader.py` was written from that page
//! alone, and opens a recorded session.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// If this variable is set, as on the build machine, a missing tool is a failure.
const REQUIRE_TOOLS: &str = "PEERBRIDGE_REQUIRE_TOOLS";

fn vectors() -> PathBuf {
    Path::new(ROOT).join("docs/vectors")
}

fn read(folder: &Path) -> Output {
    Command::new("python3")
        .arg(Path::new(ROOT).join("tests/protocol_reader.py"))
        .arg(folder)
        .output()
        .expect("python3 runs")
}

/// Whether the reader can run here: it needs Python 3.9, and 7-Zip for compressed parts.
fn reader_runs() -> bool {
    let says = |program: &str, arguments: &[&str], expected: &str| {
        let run = Command::new(program).args(arguments).output();
        run.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(expected))
    };
    let python = ["-c", "import sys; print(sys.version_info >= (3, 9))"];
    let missing = if !says("python3", &python, "True") {
        "python3 (3.9 or newer)"
    } else if !says("7zz", &["i"], "zstd") {
        "7zz (with zstd)"
    } else {
        return true;
    };
    assert!(
        std::env::var_os(REQUIRE_TOOLS).is_none(),
        "{missing} is missing"
    );
    eprintln!("not checked, for want of {missing}: the protocol page against its second reader");
    false
}

/// The recording's lines, without comments.
fn frames() -> Vec<String> {
    let recording = std::fs::read_to_string(vectors().join("recording.txt")).expect("a recording");
    let lines = recording.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Runs the reader on another recording of the same session.
fn read_instead(frames: &[String]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["session.txt", "words.txt"] {
        std::fs::copy(vectors().join(name), folder.path().join(name)).expect("a copy");
    }
    let recording = frames.join("\n") + "\n";
    std::fs::write(folder.path().join("recording.txt"), recording).expect("a recording");
    read(folder.path())
}

#[test]
fn the_reader_opens_every_frame() {
    if !reader_runs() {
        return;
    }
    let output = read(&vectors());
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    let frames = frames();
    assert_eq!(said.lines().count(), frames.len() + 1, "{said}");
    for (frame, line) in frames.iter().zip(said.lines()) {
        let who = frame.rsplit_once(' ').expect("three words").0;
        assert!(line.starts_with(who), "{line}");
    }
}

#[test]
fn the_reader_takes_no_frame_that_is_not_as_recorded() {
    if !reader_runs() {
        return;
    }
    let frames = frames();
    let mut wrong: Vec<(String, Vec<String>)> = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let digits = frame.rsplit(' ').next().expect("three words").len();
        // Changes each frame at another offset, so that all fields are covered.
        let place = frame.len() - digits + (number * 1009) % digits;
        let mut changed = frames.clone();
        let flipped = match &frame[place..=place] {
            "0" => "1",
            _ => "0",
        };
        changed[number].replace_range(place..=place, flipped);
        wrong.push((format!("digit {place} of line {number}"), changed));
    }
    let last = frames.len() - 1;
    let mut swapped = frames.clone();
    swapped.swap(last - 2, last - 1);
    wrong.push(("two swapped".into(), swapped));
    for number in [3, 10, last] {
        let mut dropped = frames.clone();
        dropped.remove(number);
        wrong.push((format!("line {number} dropped"), dropped));
        let mut repeated = frames.clone();
        repeated.insert(number, frames[number].clone());
        wrong.push((format!("line {number} twice"), repeated));
    }
    all_refused(&wrong);
}

fn all_refused(recordings: &[(String, Vec<String>)]) {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((what, frames)) = recordings.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let output = read_instead(frames);
                    assert!(!output.status.success(), "{what} is not noticed");
                    let complained = String::from_utf8_lossy(&output.stderr);
                    assert!(
                        complained.starts_with("protocol_reader: "),
                        "{what}: {complained}"
                    );
                }
            });
        }
    });
}
