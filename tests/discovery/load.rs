//! A flood of datagrams costs little, and a peer that comes after it is found.

use crate::network::{Machine, can_make_networks, home, is_long, plug, switch};
use crate::peer::Peer;
use peerbridge::internals::limits;
use std::fs;
use std::time::{Duration, Instant};

/// Processor time of a process, in hundredths of a second.
fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Memory of a process, in KiB.
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
    one.filter("output", &["ip daddr 10.77.0.2 udp sport 8080 counter"]);
    let (ticks_before, memory_before) = (ticks(peer.id()), memory(peer.id()));
    let mut flood = Peer::start(&other, "flood 10.77.0.1:8080");
    std::thread::sleep(Duration::from_secs(SECONDS));
    let used = ticks(peer.id()) - ticks_before;
    let grown = memory(peer.id()).saturating_sub(memory_before);
    let sent: u64 = flood.finish().trim_end_matches(" sent").parse().unwrap();
    let answers = counted(&one);
    eprintln!(
        "{} datagrams a second: {used} ticks in {SECONDS} s, {grown} KiB more, {answers} answers",
        sent / SECONDS
    );
    assert!(sent / SECONDS > 10_000, "{sent} datagrams are no flood");
    assert!(
        used < 10 * SECONDS,
        "{used} hundredths of a second of {SECONDS} s"
    );
    assert!(grown < 4096, "{grown} KiB more");
    // One source, for slightly more than the time slept, and the single query of a sweep.
    let most = u64::from(limits::ANSWERS_PER_SOURCE) * (SECONDS + 2);
    assert!((1..=most).contains(&answers), "{answers} answers");
    let sender = Peer::start(&other, "meet send 4271");
    assert_eq!(sender.next().rsplit(':').next(), Some("9000"));
    let heard = std::iter::from_fn(|| Some(peer.next()));
    assert!(
        heard
            .take(10_000)
            .any(|address| address == "10.77.0.2:9000")
    );
}

/// Filter rules for what a machine sends to groups and broadcast addresses.
const QUERIES: [&str; 2] = [
    "ip daddr { 239.255.80.80, 255.255.255.255, 10.77.0.255 } udp dport 8080-8089 counter",
    "ip6 daddr ff12::5042 udp dport 8080-8089 counter",
];

/// How many datagrams the filters of a machine have counted on their way out.
fn counted(machine: &Machine) -> u64 {
    let listing = machine.run("nft list table inet of_output");
    let counts = listing.split("packets ").skip(1);
    let counts = counts.map(|rest| rest.split(' ').next().unwrap().parse::<u64>().unwrap());
    counts.sum()
}

#[test]
fn a_hundred_peers_that_begin_at_once_find_each_other_and_say_little() {
    if !can_make_networks() || !is_long() {
        return;
    }
    let machines: Vec<Machine> = (0..100).map(|_| Machine::new()).collect();
    let switch = switch(&[]);
    for (number, machine) in machines.iter().enumerate() {
        plug(&switch, number, machine, "lan");
        machine.address("lan", &format!("10.77.0.{}/24", number + 1));
    }
    let one = &machines[0];
    one.filter("output", &QUERIES);
    let job = |number: usize| {
        let role = ["send", "receive"][number % 2];
        format!("meet-when-told {role} {}", 1000 + number / 2)
    };
    let peers = machines.iter().enumerate();
    let peers: Vec<Peer> = peers.map(|(n, one)| Peer::start(one, &job(n))).collect();
    let begun = Instant::now();
    peers.iter().for_each(|peer| peer.say("now"));
    let milliseconds = |peer: &Peer| peer.next().parse::<u64>().unwrap();
    let mut times: Vec<u64> = peers.iter().map(milliseconds).collect();
    std::thread::sleep(Duration::from_secs(5));
    let sent = counted(one);
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    eprintln!(
        "100 peers: found after {} to {} ms, median {}; {:.1} group datagrams a second",
        times[0],
        times[99],
        times[50],
        sent as f64 / seconds
    );
    assert!(sent > 0, "nothing was counted");
    assert!(
        sent as f64 <= 6.0 * (seconds + 1.0),
        "{sent} in {seconds} s"
    );
}
