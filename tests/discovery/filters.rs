//! Networks and firewalls that drop one kind of query or another.

use crate::network::{Machine, can_make_networks, home, pair};
use crate::peer::Peer;

pub const MULTICAST: &str = "ip daddr 224.0.0.0/4 udp dport 8080-8089 drop";
pub const BROADCAST: &str = "ip daddr { 255.255.255.255, 10.77.0.255, 198.51.100.255 } drop";
pub const IPV6_GROUP: &str = "ip6 daddr ff12::5042 drop";

/// Two machines meet on a network that drops these packets. Its addresses are public, so single hosts are not
/// queried.
fn meet_despite(rules: &[&str]) {
    let (one, other) = pair(Machine::new(), Machine::new());
    one.address("lan", "198.51.100.1/24");
    other.address("lan", "198.51.100.2/24");
    for machine in [&one, &other] {
        machine.filter("input", rules);
    }
    meet(&one, &other);
}

fn meet(one: &Machine, other: &Machine) {
    let sender = Peer::meet(one, "send");
    let receiver = Peer::meet(other, "receive");
    sender.next();
    receiver.next();
}

#[test]
fn one_kind_of_query_is_dropped() {
    if !can_make_networks() {
        return;
    }
    for rule in [MULTICAST, BROADCAST, IPV6_GROUP] {
        meet_despite(&[rule]);
    }
}

#[test]
fn two_kinds_of_query_are_dropped() {
    if !can_make_networks() {
        return;
    }
    for rules in [
        [MULTICAST, BROADCAST],
        [MULTICAST, IPV6_GROUP],
        [BROADCAST, IPV6_GROUP],
    ] {
        meet_despite(&rules);
    }
}

#[test]
fn all_groups_are_dropped_and_hosts_are_asked_one_by_one() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    for machine in [&one, &other] {
        machine.filter("input", &[MULTICAST, BROADCAST, IPV6_GROUP]);
    }
    meet(&one, &other);
}

/// A firewall that admits only answers from hosts that were queried.
const ANSWERS_ONLY: &[&str] = &[
    "iifname lo accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
    "ct state established,related accept",
    "drop",
];

#[test]
fn a_firewall_on_one_side_admits_only_answers() {
    if !can_make_networks() {
        return;
    }
    for guarded in [0, 1] {
        let machines = home();
        [&machines.0, &machines.1][guarded].filter("input", ANSWERS_ONLY);
        meet(&machines.0, &machines.1);
    }
}

#[test]
fn firewalls_on_both_sides_admit_only_answers() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    one.filter("input", ANSWERS_ONLY);
    other.filter("input", ANSWERS_ONLY);
    meet(&one, &other);
}
