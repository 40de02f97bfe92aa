//! The same command again: data that arrived before is not sent again, and the report says so.

use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Scene, is_root, until};
use crate::sides::{receive, send, transfer};
use std::fs;
use std::path::Path;

#[test]
fn an_unchanged_tree_moves_the_manifest_only() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 5 * MIB, 1);
    let (sender, receiver) = transfer(&from, &["-z", "0"], &into, &[]);
    let whole = receiver.exits(0).total("wire_bytes");
    assert_eq!(sender.exits(0).total("resumed_bytes"), 0);
    assert!(whole > 5 * MIB as u64);
    // Under every policy, identical entries are no conflict.
    for existing in ["fail", "overwrite", "rename", "skip", "newer"] {
        let (sender, receiver) = transfer(&from, &[], &into, &["--existing", existing]);
        for side in [sender.exits(0), receiver.exits(0)] {
            assert_eq!(side.total("files"), 0);
            assert!(side.total("wire_bytes") < 8 * 1024, "{side:?}");
        }
        trees::assert_same(&from, &into.join("tree"));
    }
}

#[test]
fn what_was_cut_is_kept_named_and_gone_on_from() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 16 * MIB, 2);
    let total = trees::total_bytes(&from);
    let mut there = 0;
    for (number, cut) in [6 * MIB as u64, 4 * MIB as u64].into_iter().enumerate() {
        let receiver = receive(&into, &LISTEN).args(["--retry", "0"]).start();
        let proxy = Proxy::to(receiver.port());
        proxy.then(cut, Act::Fin);
        let rest = ["--to", "@", "--retry", "0", "-n", "1", "-z", "0"];
        let sender = send(&from, &rest).to(proxy.port()).ends().exits(12);
        let receiver = receiver.ends().exits(12);
        assert!(sender.error().contains("hint: run the same command again"));
        let staging = &trees::stagings(&into)[0];
        let path = staging.to_str().unwrap();
        assert!(receiver.error().contains(path), "{}", receiver.error());
        let warnings = receiver.events_of("warning");
        let message = warnings[0]["message"].as_str().unwrap();
        assert!(message.contains(path), "{receiver:?}");
        assert!(receiver.total("wire_bytes") >= cut, "{receiver:?}");
        assert_eq!(trees::mode(staging) & 0o777, 0o700);
        // Everything that was carried, except at most the one part that was in flight.
        let part = part_size(total, 1);
        let now = trees::recorded_bytes(&into, total, part);
        assert!(
            now + part + cut / 50 >= there + cut,
            "{number}: {now} after {there}"
        );
        there = now;
    }
    let (sender, receiver) = transfer(&from, &["-n", "1", "-z", "0"], &into, &[]);
    for side in [sender.exits(0), receiver.exits(0)] {
        assert_eq!(side.total("resumed_bytes"), there);
        let rest = total - there;
        assert!(side.total("wire_bytes") < rest + rest / 100 + 64 * 1024);
    }
    assert!(trees::stagings(&into).is_empty());
    trees::assert_same(&from, &into.join("tree"));
}

/// The part size that the sender proposes for `total` bytes and up to four streams: an eighth of each stream's
/// share, as a power of two from 1 to 4 MiB (to 8 MiB for one or two streams).
fn part_size(total: u64, streams: u64) -> u64 {
    let large = if streams > 2 { 4 } else { 8 } * MIB as u64;
    let share = (total / (streams * 8)).min(large);
    share.next_power_of_two().clamp(MIB as u64, large)
}

#[test]
fn a_second_receiver_of_the_same_is_turned_away_and_harms_nothing() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 8 * MIB, 3);
    let receiver = receive(&into, &LISTEN).start();
    let proxy = Proxy::to(receiver.port());
    proxy.rate(4 * MIB as u64);
    let to = ["--to", "@"];
    let first = send(&from, &to).to(proxy.port()).start();
    receiver.waits_for(1, "authenticated");
    until("a staging folder", || trees::stagings(&into).pop());
    let (sender, second) = transfer(&from, &[], &into, &[]);
    assert!(
        sender
            .exits(6)
            .error()
            .contains("another receiver is receiving this transfer")
    );
    assert!(second.exits(9).error().contains("another peerbridge"));
    first.ends().exits(0);
    receiver.ends().exits(0);
    trees::assert_same(&from, &into.join("tree"));
}

/// It is empty, and anybody may write to it.
#[test]
fn a_staging_folder_of_somebody_else_is_refused() {
    if !is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 8 * MIB, 5);
    cut_off(&from, &into);
    let staging = trees::stagings(&into).remove(0);
    fs::remove_dir_all(&staging).unwrap();
    fs::create_dir(&staging).unwrap();
    for folder in [&scene.path(""), &into, &staging] {
        trees::set_mode(folder, 0o777);
    }
    let receiver = receive(&into, &LISTEN).without_rights().start();
    let sender = send(&from, &["--to", "@"]).to(receiver.port()).ends();
    sender.exits(6);
    let received = receiver.ends().exits(9);
    assert!(
        received.error().contains("cannot make private"),
        "{received:?}"
    );
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
    assert!(!into.join("tree").exists());
}

#[test]
fn a_journal_that_is_not_believed_is_put_aside_with_a_word() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 8 * MIB, 4);
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("it is damaged", |journal| journal[40] ^= 1),
        ("another version", |journal| with_header(journal, 9, 1)),
        ("another transfer", |journal| with_header(journal, 12, 0xee)),
        ("it is damaged", |journal| journal.insert(34, 1)),
    ];
    for (word, damage) in damages {
        cut_off(&from, &into);
        let journal = trees::stagings(&into)[0].join("journal");
        let mut bytes = fs::read(&journal).unwrap();
        assert!(bytes.len() > 34 + 13);
        damage(&mut bytes);
        fs::write(&journal, bytes).unwrap();
        let (_, receiver) = transfer(&from, &[], &into, &[]);
        let receiver = receiver.exits(0);
        assert!(receiver.error().contains(word), "{}", receiver.error());
        assert_eq!(receiver.total("resumed_bytes"), 0);
        trees::assert_same(&from, &into.join("tree"));
        fs::remove_dir_all(&into).unwrap();
    }
}

/// Changes a byte of the header and corrects its checksum.
fn with_header(journal: &mut [u8], at: usize, value: u8) {
    journal[at] = value;
    let check = crc32fast::hash(&journal[..30]);
    journal[30..34].copy_from_slice(&check.to_be_bytes());
}

/// Leaves an interrupted transfer behind that was cut after some parts.
pub fn cut_off(from: &Path, into: &Path) {
    let retry = ["--retry", "0"];
    let receiver = receive(into, &[&LISTEN[..], &retry].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(6 * MIB as u64, Act::Fin);
    let to = [&["--to", "@", "-z", "0"][..], &retry].concat();
    send(from, &to).to(proxy.port()).ends().exits(12);
    receiver.ends().exits(12);
}
