//! Common network layouts: two machines find each other on each.

use crate::network::{Machine, cable, can_make_networks, home, pair, plug, switch};
use crate::peer::Peer;
use std::collections::BTreeSet;
use std::time::Duration;

/// The addresses at which the two first find each other.
fn meet(one: &Machine, other: &Machine) -> (String, String) {
    let sender = Peer::meet(one, "send");
    let receiver = Peer::meet(other, "receive");
    (sender.next(), receiver.next())
}

#[test]
fn ipv4_without_a_default_route() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = pair(Machine::with_ipv4_only(), Machine::with_ipv4_only());
    one.address("lan", "10.77.0.1/24");
    other.address("lan", "10.77.0.2/24");
    let (at_one, at_other) = meet(&one, &other);
    assert_eq!((&*at_one, &*at_other), ("10.77.0.2:9000", "10.77.0.1:9000"));
}

#[test]
fn link_local_ipv6_alone() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = pair(Machine::new(), Machine::new());
    let (at_one, at_other) = meet(&one, &other);
    assert!(
        at_one.starts_with("[fe80:") && at_one.contains('%'),
        "{at_one}"
    );
    assert!(
        at_other.starts_with("[fe80:") && at_other.contains('%'),
        "{at_other}"
    );
}

#[test]
fn an_interface_with_a_large_number() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = (Machine::new(), Machine::new());
    one.run(&format!(
        "ip link add lan index 300 type veth peer name lan index 301 netns {}",
        other.name
    ));
    one.up("lan");
    other.up("lan");
    let (at_one, at_other) = meet(&one, &other);
    assert!(at_one.contains("%300]"), "{at_one}");
    assert!(at_other.contains("%301]"), "{at_other}");
}

#[test]
fn addresses_that_the_machines_chose_themselves() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = pair(Machine::with_ipv4_only(), Machine::with_ipv4_only());
    one.address("lan", "169.254.7.1/16");
    other.address("lan", "169.254.200.2/16");
    let (at_one, at_other) = meet(&one, &other);
    assert_eq!(
        (&*at_one, &*at_other),
        ("169.254.200.2:9000", "169.254.7.1:9000")
    );
}

#[test]
fn two_networks_and_a_vpn_that_takes_the_default_route() {
    if !can_make_networks() {
        return;
    }
    let [middle, left, right, vpn] = std::array::from_fn(|_| Machine::with_ipv4_only());
    cable(&middle, "left", &left, "lan");
    cable(&middle, "right", &right, "lan");
    cable(&middle, "vpn", &vpn, "lan");
    for (card, address) in [
        ("left", "10.1.0.1/24"),
        ("right", "192.168.5.1/24"),
        ("vpn", "10.8.0.2/24"),
    ] {
        middle.up(card);
        middle.address(card, address);
    }
    for (machine, address) in [
        (&left, "10.1.0.2/24"),
        (&right, "192.168.5.2/24"),
        (&vpn, "10.8.0.1/24"),
    ] {
        machine.up("lan");
        machine.address("lan", address);
    }
    middle.run("ip route add default via 10.8.0.1");
    let sender = Peer::meet(&middle, "send");
    let receivers = [&left, &right].map(|machine| Peer::meet(machine, "receive"));
    let found: BTreeSet<String> = [sender.next(), sender.next()].into();
    let both = ["10.1.0.2:9000", "192.168.5.2:9000"].map(str::to_owned);
    assert_eq!(found, both.into());
    assert_eq!(receivers[0].next(), "10.1.0.1:9000");
    assert_eq!(receivers[1].next(), "192.168.5.1:9000");
}

#[test]
fn a_cable_that_is_plugged_in_later() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = (Machine::with_ipv4_only(), Machine::with_ipv4_only());
    cable(&one, "lan", &other, "lan");
    let sender = Peer::meet(&one, "send");
    let receiver = Peer::meet(&other, "receive");
    std::thread::sleep(Duration::from_secs(1));
    for (machine, address) in [(&one, "10.77.0.1/24"), (&other, "10.77.0.2/24")] {
        machine.up("lan");
        machine.address("lan", address);
    }
    assert_eq!(sender.next(), "10.77.0.2:9000");
    assert_eq!(receiver.next(), "10.77.0.1:9000");
}

#[test]
fn more_addresses_than_a_socket_may_join_groups_for() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = (Machine::with_ipv4_only(), Machine::with_ipv4_only());
    // One interface for each address, because an interface joins a group only once, however many addresses it
    // has.
    for number in 0..25 {
        let card = format!("lan{number}");
        cable(&one, &card, &other, &card);
        for (machine, host) in [(&one, 1), (&other, 2)] {
            machine.up(&card);
            machine.address(&card, &format!("10.3.{number}.{host}/24"));
        }
    }
    let sender = Peer::meet(&one, "send");
    let _receiver = Peer::meet(&other, "receive");
    // As many addresses as are kept of one peer.
    let found: BTreeSet<String> = (0..8).map(|_| sender.next()).collect();
    assert_eq!(found.len(), 8);
}

#[test]
fn the_last_of_many_networks_is_the_only_one_with_a_peer() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = (Machine::with_ipv4_only(), Machine::with_ipv4_only());
    for number in 0..24 {
        let (near, far) = (format!("a{number}"), format!("b{number}"));
        one.run(&format!("ip link add {near} type veth peer name {far}"));
        one.up(&near);
        one.up(&far);
        one.address(&near, &format!("10.3.{number}.1/24"));
    }
    cable(&one, "lan", &other, "lan");
    for (machine, address) in [(&one, "192.168.9.1/24"), (&other, "192.168.9.2/24")] {
        machine.up("lan");
        machine.address("lan", address);
    }
    let (at_one, at_other) = meet(&one, &other);
    assert_eq!(
        (&*at_one, &*at_other),
        ("192.168.9.2:9000", "192.168.9.1:9000")
    );
}

#[test]
fn two_cards_on_one_network() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = (Machine::with_ipv4_only(), Machine::with_ipv4_only());
    let switch = switch(&[&one, &other]);
    plug(&switch, 2, &one, "wlan");
    one.address("lan", "10.77.0.1/24");
    one.address("wlan", "10.77.0.3/24");
    other.address("lan", "10.77.0.2/24");
    let sender = Peer::meet(&one, "send");
    let receiver = Peer::meet(&other, "receive");
    assert_eq!(sender.next(), "10.77.0.2:9000");
    let found: BTreeSet<String> = [receiver.next(), receiver.next()].into();
    let both = ["10.77.0.1:9000", "10.77.0.3:9000"].map(str::to_owned);
    assert_eq!(found, both.into());
}

#[test]
fn a_discovery_port_that_another_program_has() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let _programs = [
        Peer::start(&one, "hold 0.0.0.0:8080"),
        Peer::start(&other, "hold 10.77.0.2:8080"),
        Peer::start(&other, "hold [::]:8081"),
    ];
    meet(&one, &other);
}

#[test]
fn second_processes_on_both_machines() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let _firsts = [&one, &other].map(|machine| Peer::start(machine, "meet send 1111"));
    let _seconds = [&one, &other].map(|machine| Peer::start(machine, "meet send 2222"));
    meet(&one, &other);
}
