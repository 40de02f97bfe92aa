//! Streams that are cut: neither in the folder nor at the output do they ever look complete.

use crate::harness::chance::Chance;
use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Run, Scene};
use crate::sides::{receive, send};
use std::fs::{self, File};
use std::path::Path;

const SEND: &str = "send - --name x --listen --json -z 0";

/// Sends the contents of `from` over a connection that `breaks` prepares, to a receiver with the options
/// `receive`, whose standard output is `to`. Returns how both ended, and how many bytes went to the receiver.
fn through(
    from: &Path,
    receive: &[&str],
    to: &Path,
    breaks: impl Fn(&Proxy),
) -> ([Option<i32>; 2], u64) {
    let folder = from.parent().unwrap();
    let sender = Run::new(folder, SEND).args(LISTEN);
    let sender = sender.input(File::open(from).unwrap()).start();
    let proxy = Proxy::to(sender.port());
    breaks(&proxy);
    let receiver = Run::new(folder, "receive --yes --wait 1 --from @");
    let receiver = receiver.args(receive).to(proxy.port());
    let receiver = receiver.output(File::create(to).unwrap()).ends();
    let sender = sender.ends();
    for side in [&sender, &receiver] {
        assert!(!side.error().contains("again to resume"), "{side:?}");
        assert!(!side.error().contains("reconnecting"), "{side:?}");
    }
    ([sender.code(), receiver.code()], proxy.to_dialler())
}

/// Sends over a connection that is cut after `offset` bytes in both directions together.
fn cut(from: &Path, receive: &[&str], to: &Path, offset: u64, act: Act) -> [Option<i32>; 2] {
    let breaks = |proxy: &Proxy| {
        proxy.then(offset, act);
    };
    through(from, receive, to, breaks).0
}

#[test]
fn cut_anywhere_an_output_never_looks_whole() {
    let mut chance = Chance::new(Chance::seed());
    let scene = Scene::new();
    let from = scene.path("from");
    trees::write(&from, &trees::noise(1, 9 * MIB + 5));
    let whole = fs::read(&from).unwrap();
    let to = scene.path("to");
    // From the first part to the message with the end, and within that message.
    let anywhere = (0..8).map(|_| 4096 + chance.below(9 * MIB as u64 - 4096));
    let near = [2048, 9 * MIB as u64 + 1500];
    for (number, offset) in anywhere.chain(near).enumerate() {
        let act = if number % 2 == 0 {
            Act::Fin
        } else {
            Act::Reset
        };
        let ends = cut(&from, &["--output", "-"], &to, offset, act);
        assert_eq!(ends, [Some(12); 2], "cut at {offset}");
        let got = fs::read(&to).unwrap();
        assert!(whole.starts_with(&got), "cut at {offset}");
        assert!(got.len() < whole.len(), "cut at {offset}: it looks whole");
    }
}

#[test]
fn a_stream_without_its_end_does_not_look_whole() {
    // The size of a sealed message of one byte with its frame.
    const BYE: u64 = 5 + 41 + 172 + 1;
    let scene = Scene::new();
    let from = scene.path("from");
    let to = scene.path("to");
    let receive = ["--output", "-"];
    for length in [4 * MIB + 5, 1000] {
        trees::write(&from, &trees::noise(3, length));
        let whole = fs::read(&from).unwrap();
        let (ends, bytes) = through(&from, &receive, &to, |_| {});
        assert_eq!(ends, [Some(0); 2]);
        assert_eq!(fs::read(&to).unwrap(), whole);
        // The last message before the Bye is the end; heartbeats may move it a little.
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
    let scene = Scene::new();
    let from = scene.path("from");
    trees::write(&from, &trees::noise(2, 9 * MIB + 5));
    let into = scene.path("into");
    for number in 0..6 {
        // Before the end of the contents: behind it, both sides may have what they need.
        let offset = 4096 + chance.below(9 * MIB as u64 - 4096);
        let act = if number % 2 == 0 {
            Act::Fin
        } else {
            Act::Reset
        };
        let receive = [into.to_str().unwrap()];
        let ends = cut(&from, &receive, &scene.path("none"), offset, act);
        assert_eq!(ends, [Some(12); 2], "cut at {offset}");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 0, "cut at {offset}");
    }
}

#[test]
fn half_an_archive_never_arrives() {
    let scene = Scene::new();
    let from = scene.path("tree");
    trees::make_mixed(&from, 6 * MIB, 4);
    let into = scene.path("into");
    for offset in [5000, MIB as u64, 6 * MIB as u64] {
        let words = ["--zip", "--listen", "--zip-password-file"];
        let password = scene.private_file("password", "only for the archive");
        let words = [&words[..], &[password.to_str().unwrap()], &LISTEN].concat();
        let sender = send(&from, &words).start();
        let proxy = Proxy::to(sender.port());
        proxy.then(offset, Act::Fin);
        let receiver = receive(&into, &["--from", "@", "--wait", "1"])
            .to(proxy.port())
            .ends();
        for side in [sender.ends().exits(12), receiver.exits(12)] {
            assert!(!side.error().contains("again to resume"), "{side:?}");
        }
        assert_eq!(fs::read_dir(&into).unwrap().count(), 0, "cut at {offset}");
    }
}
