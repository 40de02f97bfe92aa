//! Streams that are cut: neither the folder nor whoever reads the output ever sees one that looks whole.

use super::support::chance::Chance;
use super::support::program::{LISTEN, Program};
use super::support::proxy::{Act, Proxy};
use super::support::trees::{self, MIB};
use std::fs::{self, File};
use std::path::Path;

const SEND: [&str; 8] = ["send", "-", "--name", "x", "--listen", "--json", "-z", "0"];

/// Sends what `from` holds through a line that is cut after so many bytes, as `receive` says;
/// `to` takes standard output. How both ended.
fn cut(from: &Path, receive: &[&str], to: &Path, offset: u64, act: Act) -> [Option<i32>; 2] {
    let words = [&SEND[..], &LISTEN].concat();
    let sender = Program::new(words).input(File::open(from).unwrap());
    let mut sender = sender.start();
    let proxy = Proxy::to(sender.port());
    proxy.then(offset, act);
    let words = ["--yes", "--wait", "1", "--from", proxy.address()];
    let receiver = Program::new([receive, &words].concat());
    let receiver = receiver.output(File::create(to).unwrap()).run();
    let sender = sender.wait();
    for side in [&sender, &receiver] {
        assert!(!side.err.contains("panicked"), "{side:?}");
        assert!(!side.err.contains("go on where it stopped"), "{side:?}");
        assert!(!side.err.contains("trying again"), "{side:?}");
    }
    [sender.code(), receiver.code()]
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
