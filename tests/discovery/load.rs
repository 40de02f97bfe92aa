//! A flood of datagrams costs little, and what comes after it is found.

use crate::network::{Machine, can_make_networks, home, is_long, plug, switch};
use crate::peer::Peer;
use std::fs;
use std::time::{Duration, Instant};

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

/// Peers that are there already, each on a machine of its own and on the channel of one other.
const OTHERS: usize = 90;

/// Pairs that come afterwards.
const NEWCOMERS: usize = 5;

/// Queries that a machine has sent by its card. One that has found its peer asks groups only.
fn queries_of(machine: &Machine) -> u64 {
    let listing = machine.run("nft list table inet of_output");
    let (_, count) = listing.split_once("packets ").expect("a counter");
    count.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn newcomers_among_a_hundred_peers_find_each_other_and_say_little() {
    if !can_make_networks() || !is_long() {
        return;
    }
    const QUERIES: &str = "oifname \"lan\" udp dport 8080-8089 counter";
    let machines: Vec<Machine> = (0..OTHERS + 2 * NEWCOMERS)
        .map(|_| Machine::new())
        .collect();
    let switch = switch(&[]);
    for (number, machine) in machines.iter().enumerate() {
        plug(&switch, number, machine, "lan");
        machine.address("lan", &format!("10.77.0.{}/24", number + 1));
    }
    let role = |number: usize| ["send", "receive"][number % 2];
    let job = |number: usize| format!("meet {} {}", role(number), 1000 + number / 2);
    let others = machines[..OTHERS].iter().enumerate();
    let others: Vec<Peer> = others.map(|(n, one)| Peer::start(one, &job(n))).collect();
    let one = &machines[0];
    let begun = Instant::now();
    one.filter("output", &[QUERIES]);
    let mut times = Vec::new();
    for number in (OTHERS..machines.len()).step_by(2) {
        let _waits = Peer::start(&machines[number + 1], &job(number + 1));
        let sender = Peer::start(&machines[number], &job(number));
        let from = Instant::now();
        sender.next();
        times.push(from.elapsed());
    }
    std::thread::sleep(Duration::from_secs(5));
    let sent = queries_of(one);
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    eprintln!(
        "{OTHERS} others: found after {times:?}, median {:?}; {:.1} group datagrams a second",
        times[times.len() / 2],
        sent as f64 / seconds
    );
    assert!(sent > 0, "nothing was counted");
    assert!(
        sent as f64 <= 6.0 * (seconds + 2.0),
        "{sent} in {seconds} s"
    );
    drop(others);
}
