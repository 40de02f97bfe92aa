//! A flood of datagrams costs little, and what comes after it is found.

use crate::network::{can_make_networks, home};
use crate::peer::Peer;
use std::fs;
use std::time::Duration;

/// Processor time that a process has used, in hundredths of a second.
fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Memory that a process has, in KiB.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_flood_costs_little_and_the_pair_meets_after_it() {
    if !can_make_networks() {
        return;
    }
    const SECONDS: u64 = 5;
    let (one, other) = home();
    let peer = Peer::meet(&one, "receive");
    let (ticks_before, memory_before) = (ticks(peer.id()), memory(peer.id()));
    let mut flood = Peer::start(&other, "flood 10.77.0.1:8080");
    std::thread::sleep(Duration::from_secs(SECONDS));
    let used = ticks(peer.id()) - ticks_before;
    let grown = memory(peer.id()).saturating_sub(memory_before);
    let sent: u64 = flood.finish().trim_end_matches(" sent").parse().unwrap();
    eprintln!(
        "{} datagrams a second: {used} ticks in {SECONDS} s, {grown} KiB more",
        sent / SECONDS
    );
    assert!(sent / SECONDS > 10_000, "{sent} datagrams are no flood");
    assert!(
        used < 10 * SECONDS,
        "{used} hundredths of a second of {SECONDS} s"
    );
    assert!(grown < 4096, "{grown} KiB more");
    let sender = Peer::start(&other, "meet send 4271");
    assert_eq!(sender.next().rsplit(':').next(), Some("9000"));
    let heard = std::iter::from_fn(|| Some(peer.next()));
    assert!(
        heard
            .take(10_000)
            .any(|address| address == "10.77.0.2:9000")
    );
}
