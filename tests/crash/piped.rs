//! Streams that are cut: neither the folder nor whoever reads the output ever sees one that looks whole.

use super::support::chance::Chance;
use super::support::program::{LISTEN, Program};
use super::support::proxy::{Act, Proxy};
use super::support::trees::{self, MIB};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SEND: [&str; 8] = ["send", "-", "--name", "x", "--listen", "--json", "-z", "0"];

/// Sends what `from` holds through a line that `breaks` prepares, as `receive` says; `to` takes standard
/// output. How both ended, and how many bytes went to the receiver.
fn through(
    from: &Path,
    receive: &[&str],
    to: &Path,
    breaks: impl Fn(&Proxy),
) -> ([Option<i32>; 2], u64) {
    let words = [&SEND[..], &LISTEN].concat();
    let sender = Program::new(words).input(File::open(from).unwrap());
    let mut sender = sender.start();
    let proxy = Proxy::to(sender.port());
    breaks(&proxy);
    let words = ["--yes", "--wait", "1", "--from", proxy.address()];
    let receiver = Program::new([receive, &words].concat());
    let receiver = receiver.output(File::create(to).unwrap()).run();
    let sender = sender.wait();
    for side in [&sender, &receiver] {
        assert!(!side.err.contains("panicked"), "{side:?}");
        assert!(!side.err.contains("go on where it stopped"), "{side:?}");
        assert!(!side.err.contains("trying again"), "{side:?}");
    }
    ([sender.code(), receiver.code()], proxy.to_dialler())
}

/// The same, cut after so many bytes both ways.
fn cut(from: &Path, receive: &[&str], to: &Path, offset: u64, act: Act) -> [Option<i32>; 2] {
    let breaks = |proxy: &Proxy| {
        proxy.then(offset, act);
    };
    through(from, receive, to, breaks).0
}

#[test]
fn cut_anywhere_an_output_never_looks_whole() {
    let mut chance = Chance::new(Chance::seed());
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("from");
    trees::noise(&from, 9 * MIB + 5, 1);
    let whole = fs::read(&from).unwrap();
    let to = work.path().join("to");
    // From where the parts begin to where the end is told, and just there.
    let anywhere = (0..8).map(|_| 4096 + chance.below(9 * MIB as u64));
    let near = [2048, 9 * MIB as u64 + 1500];
    for (number, offset) in anywhere.chain(near).enumerate() {
        let act = if number % 2 == 0 {
            Act::Fin
        } else {
            Act::Reset
        };
        let ends = cut(&from, &["receive", "--output", "-"], &to, offset, act);
        assert_eq!(ends, [Some(12); 2], "cut at {offset}");
        let got = fs::read(&to).unwrap();
        assert!(whole.starts_with(&got), "cut at {offset}");
        assert!(got.len() < whole.len(), "cut at {offset}: it looks whole");
    }
}

#[test]
fn everything_but_the_end_does_not_look_whole() {
    // What is sealed in a message of a byte, and its frame.
    const BYE: u64 = 5 + 41 + 172 + 1;
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("from");
    let to = work.path().join("to");
    let receive = ["receive", "--output", "-"];
    for length in [4 * MIB + 5, 1000] {
        trees::noise(&from, length, 3);
        let whole = fs::read(&from).unwrap();
        let (ends, bytes) = through(&from, &receive, &to, |_| {});
        assert_eq!(ends, [Some(0); 2]);
        assert_eq!(fs::read(&to).unwrap(), whole);
        // The last message but the Bye is the end; heartbeats may make it a little later.
        for before in [1, 100, 400] {
            let (ends, _) = through(&from, &receive, &to, |proxy| {
                proxy.end_answers_at(bytes - BYE - before);
            });
            let got = fs::read(&to).unwrap();
            assert_eq!(ends[1] == Some(0), got.len() == whole.len(), "{before}");
            assert!(whole.starts_with(&got), "{before}");
            assert!(matches!(ends[1], Some(0 | 12)), "{before}: {ends:?}");
        }
    }
}

#[test]
fn cut_anywhere_a_folder_gets_nothing_and_keeps_nothing() {
    let mut chance = Chance::new(Chance::seed());
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("from");
    trees::noise(&from, 9 * MIB + 5, 2);
    let into = work.path().join("into");
    for number in 0..6 {
        let offset = 4096 + chance.below(9 * MIB as u64);
        let act = if number % 2 == 0 {
            Act::Fin
        } else {
            Act::Reset
        };
        let receive = ["receive", into.to_str().unwrap()];
        let ends = cut(&from, &receive, &work.path().join("none"), offset, act);
        assert_eq!(ends, [Some(12); 2], "cut at {offset}");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 0, "cut at {offset}");
    }
}

#[test]
fn half_an_archive_never_arrives() {
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("tree");
    trees::mixed(&from, 6 * MIB, 4);
    let into = work.path().join("into");
    for offset in [5000, MIB as u64, 6 * MIB as u64] {
        let words = ["--zip", "--listen", "--zip-password-file"];
        let password = work.path().join("password");
        fs::write(&password, "only for the archive").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        let words = [&words[..], &[password.to_str().unwrap()], &LISTEN].concat();
        let mut sender = Program::send(&from, &words).start();
        let proxy = Proxy::to(sender.port());
        proxy.then(offset, Act::Fin);
        let receiver = Program::receive(&into, &["--from", proxy.address(), "--wait", "1"]).run();
        for side in [sender.wait().expect(12), receiver.expect(12)] {
            assert!(!side.err.contains("go on where it stopped"), "{side:?}");
        }
        assert_eq!(fs::read_dir(&into).unwrap().count(), 0, "cut at {offset}");
    }
}
