//! How far discovery goes: which peers are answered, and what leaves the machine.

use crate::network::{Machine, can_make_networks, home};
use crate::peer::Peer;
use std::time::Duration;

/// How many UDP datagrams have left the machine, as its packet filter counted them.
fn sent(machine: &Machine) -> u64 {
    let listing = machine.run("nft list table inet of_output");
    let (_, count) = listing.split_once("packets ").expect("a counter");
    count.split(' ').next().unwrap().parse().unwrap()
}

const COUNTED: &[&str] = &["oifname != \"lo\" udp sport 0-65535 counter"];

#[test]
fn a_query_from_another_network_is_not_answered() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    // Another network behind the same cable, with a way back.
    other.address("lan", "172.31.9.9/32");
    one.run("ip route add 172.31.9.9 dev lan");
    let _peer = Peer::meet(&one, "receive");
    let far = Peer::start(&other, "ask 172.31.9.9:0 10.77.0.1:8080");
    assert_eq!(far.next(), "0 answers");
    // The same query from the machine's own network: it is valid, and there are only a few answers.
    let near = Peer::start(&other, "ask 10.77.0.2:0 10.77.0.1:8080");
    assert_eq!(near.next(), "8 answers");
}

#[test]
fn loopback_stays_on_the_machine_and_off_is_silent() {
    if !can_make_networks() {
        return;
    }
    let (one, _other) = home();
    one.filter("output", COUNTED);
    {
        let sender = Peer::start(&one, "loopback send 4271");
        let receiver = Peer::start(&one, "loopback receive 4271");
        assert_eq!(sender.next().rsplit(':').next(), Some("9000"));
        receiver.next();
        let off = Peer::start(&one, "off receive 4271");
        // Long enough for a sweep to begin.
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(off.latest(), None);
        assert_eq!(sent(&one), 0);
    }
    // Checks that the counter works.
    let sender = Peer::meet(&one, "send");
    let receiver = Peer::meet(&one, "receive");
    sender.next();
    receiver.next();
    assert!(sent(&one) > 0);
}
