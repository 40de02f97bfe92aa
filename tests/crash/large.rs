//! Tests that take minutes: a million files, a thousand levels, gigabytes. `PEERBRIDGE_TEST_LONG=1` enables
//! them.

use crate::harness::chance::Chance;
use crate::harness::running::peak_memory;
use crate::harness::trees::{self};
use crate::harness::{Ended, LISTEN, Scene, is_long};
use crate::sides::{receive, send};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

/// The memory that docs/RELIABILITY.md promises for a manifest, in bytes: 64 MiB, and 200 bytes an entry.
fn memory_limit(entries: u64) -> u64 {
    64 * 1024 + entries * 200 / 1024
}

/// Runs both sides, and returns the peak memory of each in KiB.
fn measured(from: &Path, into: &Path) -> (Ended, u64, Ended, u64) {
    let mut receiver = receive(into, &LISTEN).start();
    let mut sender = send(from, &["--to", "@"]).to(receiver.port()).start();
    let mut peaks = [0, 0];
    while !(sender.is_over() && receiver.is_over()) {
        for (peak, side) in peaks.iter_mut().zip([&sender, &receiver]) {
            *peak = peak_memory(side.id()).map_or(*peak, |bytes| bytes / 1024);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    (sender.ends(), peaks[0], receiver.ends(), peaks[1])
}

#[test]
fn a_million_empty_files() {
    if !is_long() {
        return;
    }
    const FILES: u64 = 1_000_000;
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    for folder in 0..1000 {
        let folder = from.join(format!("folder {folder:03}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..FILES / 1000 {
            File::create(folder.join(format!("file {file:03}"))).unwrap();
        }
    }
    for (run, sent) in [("new", FILES), ("unchanged", 0)] {
        let begun = Instant::now();
        let (sender, send_memory, receiver, receive_memory) = measured(&from, &into);
        let seconds = begun.elapsed().as_secs_f32();
        println!(
            "{FILES} empty files, {run}: {seconds:.1} s, sender {send_memory} KiB, \
             receiver {receive_memory} KiB, on the line {}",
            receiver.total("wire_bytes")
        );
        sender.exits(0);
        assert_eq!(receiver.exits(0).total("files"), sent);
        let limit = memory_limit(FILES + 1001);
        assert!(
            send_memory < limit && receive_memory < limit,
            "{limit} KiB are allowed"
        );
    }
    assert_eq!(
        fs::read_dir(into.join("tree/folder 999")).unwrap().count(),
        1000
    );
}

#[test]
fn a_thousand_levels() {
    let scene = Scene::new();
    let (from, into) = (scene.path("d"), scene.path("into"));
    // The program's own paths and those of the tree together stay within the system's 4096 bytes.
    let levels = 1000;
    fs::create_dir_all(from.join(vec!["d"; levels - 1].join("/"))).unwrap();
    let (sender, send_memory, receiver, receive_memory) = measured(&from, &into);
    println!("{levels} levels: sender {send_memory} KiB, receiver {receive_memory} KiB");
    sender.exits(0);
    receiver.exits(0);
    assert!(send_memory < memory_limit(1000) && receive_memory < memory_limit(1000));
    assert!(into.join(vec!["d"; levels].join("/")).is_dir());
}

#[test]
fn two_gigabytes_killed_again_and_again() {
    if !is_long() {
        return;
    }
    const TOTAL: u64 = 2 << 30;
    const PART: u64 = 8 << 20;
    let mut chance = Chance::new(Chance::seed());
    let scene = Scene::new();
    let (from, into) = (scene.path("file"), scene.path("into"));
    {
        use std::io::Write;
        let mut file = File::create(&from).unwrap();
        for _ in 0..256 {
            file.write_all(&chance.bytes(8 << 20)).unwrap();
        }
    }
    let (mut kills, mut wire) = (0, None);
    while wire.is_none() {
        let mut receiver = receive(&into, &LISTEN).args(["--retry", "0"]).start();
        let rest = ["--to", "@", "--retry", "0", "-z", "0", "-n", "2"];
        let mut sender = send(&from, &rest).to(receiver.port()).start();
        let before = trees::recorded_bytes(&into, TOTAL, PART);
        let delay = Duration::from_millis(chance.below(4000));
        let is_over = match kills % 2 {
            0 => receiver.ends_within(delay) || !receiver.kill(),
            _ => sender.ends_within(delay) || !sender.kill(),
        };
        let (sender, receiver) = (sender.ends(), receiver.ends());
        if is_over && receiver.code() == Some(0) {
            sender.exits(0);
            let (resumed, sent) = (
                receiver.total("resumed_bytes"),
                receiver.total("wire_bytes"),
            );
            println!("after {kills} kills: resumed {resumed}, on the line {sent}");
            assert_eq!(resumed, before);
            let rest = TOTAL - resumed;
            assert!(sent < rest + rest / 500 + 64 * 1024);
            wire = Some(sent);
        }
        kills += 1;
    }
    let mut compared = std::process::Command::new("cmp");
    assert!(
        compared
            .arg(&from)
            .arg(into.join("file"))
            .status()
            .unwrap()
            .success()
    );
}
