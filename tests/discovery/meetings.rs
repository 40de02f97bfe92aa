//! Whole meetings by code: what is sent arrives, whoever started first and whatever else is on the network.

use crate::network::{Machine, can_make_networks, home, is_long, plug, switch};
use crate::peer::{Outcome, Peer};
use std::time::Duration;

const CODE: &str = "4271-anvil-tundra-lemon";

/// A code with the same channel and other words.
const WRONG: &str = "4271-anvil-tundra-magic";

fn both_done(sender: &Peer, receiver: &Peer) {
    assert_eq!(sender.outcome(), Outcome::Done);
    assert_eq!(receiver.outcome(), Outcome::Done);
}

#[test]
fn either_side_may_start_first() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let sender = Peer::start(&one, &format!("send {CODE}"));
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    both_done(&sender, &receiver);
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    let sender = Peer::start(&one, &format!("send {CODE}"));
    both_done(&sender, &receiver);
}

#[test]
fn one_side_that_can_be_dialled_is_enough() {
    if !can_make_networks() {
        return;
    }
    const NO_CONNECTIONS: &[&str] = &["iifname lo accept", "tcp flags syn / fin,syn,rst,ack drop"];
    for closed in [0, 1] {
        let machines = home();
        [&machines.0, &machines.1][closed].filter("input", NO_CONNECTIONS);
        let sender = Peer::start(&machines.0, &format!("send {CODE}"));
        let receiver = Peer::start(&machines.1, &format!("receive {CODE}"));
        both_done(&sender, &receiver);
    }
}

#[test]
fn both_dial_at_once_and_one_session_comes_of_it() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let runs = if is_long() { 200 } else { 20 };
    for _ in 0..runs {
        let receiver = Peer::start(&other, &format!("receive {CODE}"));
        let sender = Peer::start(&one, &format!("send {CODE}"));
        both_done(&sender, &receiver);
        let noise = [sender.noise(), receiver.noise()].concat();
        assert!(noise.is_empty(), "{noise:?}");
    }
}

#[test]
fn two_pairs_on_one_channel_both_meet() {
    if !can_make_networks() {
        return;
    }
    let machines: [Machine; 4] = std::array::from_fn(|_| Machine::new());
    let _switch = on_a_switch(&machines);
    let senders = [CODE, WRONG].map(|code| format!("send {code}"));
    let receivers = [CODE, WRONG].map(|code| format!("receive {code}"));
    let peers: Vec<Peer> = machines
        .iter()
        .zip(senders.iter().chain(&receivers))
        .map(|(machine, job)| Peer::start(machine, job))
        .collect();
    for peer in &peers {
        assert_eq!(peer.outcome(), Outcome::Done);
    }
}

#[test]
fn of_three_peers_two_meet_and_the_third_hears_busy() {
    if !can_make_networks() {
        return;
    }
    let machines: [Machine; 3] = std::array::from_fn(|_| Machine::new());
    let _switch = on_a_switch(&machines);
    let receivers = [1, 2].map(|n| Peer::start(&machines[n], &format!("receive {CODE}")));
    let sender = Peer::start(&machines[0], &format!("hold-send {CODE}"));
    sender.expect("accepted");
    // The receiver that was met waits for the sender, so only the other receiver ends.
    let mut looks = 0..1500;
    let is_first_turned_away = loop {
        assert!(looks.next().is_some(), "nobody is turned away");
        let latest = receivers.each_ref().map(Peer::latest);
        let is_busy = |line: &Option<String>| line.as_deref() == Some("failed: Busy");
        if let Some(position) = latest.iter().position(is_busy) {
            break position == 0;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    sender.say("go on");
    both_done(&sender, &receivers[usize::from(is_first_turned_away)]);
}

#[test]
fn a_receiver_that_was_killed_and_started_again_is_found_again() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let sender = Peer::start(&one, &format!("hold-send {CODE}"));
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    sender.expect("accepted");
    drop(receiver);
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    sender.say("go on");
    sender.expect("accepted");
    sender.say("go on");
    both_done(&sender, &receiver);
}

#[test]
fn whoever_was_in_a_session_is_met_again_when_all_guesses_are_spent() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let sender = Peer::start(&one, &format!("hold-send {CODE}"));
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    sender.expect("accepted");
    let guesses = Peer::start(&other, &format!("guess 10.77.0.1 {WRONG}"));
    guesses.expect("5 wrong");
    // Every packet of the connection is answered with a reset.
    one.filter(
        "output",
        &["ip daddr 10.77.0.2 tcp flags & syn == 0 reject with tcp reset"],
    );
    sender.say("go on");
    sender.expect_noise("warning: connects again");
    one.run("nft delete table inet of_output");
    sender.expect("accepted");
    sender.say("go on");
    both_done(&sender, &receiver);
}

#[test]
fn five_wrong_proofs_over_both_directions_end_it_with_the_addresses_named() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    for host in 3..8 {
        other.address("lan", &format!("10.77.0.{host}/24"));
    }
    let liar = Peer::start(&other, &format!("receive {WRONG}"));
    let sender = Peer::start(&one, &format!("send {CODE}"));
    assert_eq!(
        sender.outcome(),
        Outcome::Failed("WrongSecret { attempts: 5 }".into())
    );
    let named = sender.noise();
    assert_eq!(named.len(), 5, "{named:?}");
    assert!(
        named
            .iter()
            .all(|line| line.starts_with("wrong proof from 10.77.0.")
                || line.starts_with("wrong proof from fe80")),
        "{named:?}"
    );
    drop(liar);
}

#[test]
fn a_liar_with_one_address_costs_little_and_the_peer_is_met() {
    if !can_make_networks() {
        return;
    }
    let machines: [Machine; 3] = std::array::from_fn(|_| Machine::with_ipv4_only());
    let _switch = on_a_switch(&machines);
    let _liar = Peer::start(&machines[2], &format!("receive {WRONG}"));
    let sender = Peer::start(&machines[0], &format!("send {CODE}"));
    sender.expect_noise("wrong proof from 10.77.0.3");
    let receiver = Peer::start(&machines[1], &format!("receive {CODE}"));
    both_done(&sender, &receiver);
}

#[test]
fn a_liar_that_says_nothing_delays_and_costs_no_guess() {
    if !can_make_networks() {
        return;
    }
    let machines: [Machine; 3] = std::array::from_fn(|_| Machine::with_ipv4_only());
    let _switch = on_a_switch(&machines);
    let liar = Peer::start(&machines[2], "silent receive 4271");
    let sender = Peer::start(&machines[0], &format!("send {CODE}"));
    liar.expect("dialled");
    let receiver = Peer::start(&machines[1], &format!("receive {CODE}"));
    both_done(&sender, &receiver);
    let noise = [sender.noise(), receiver.noise()].concat();
    assert!(noise.is_empty(), "{noise:?}");
}

#[test]
fn a_liar_that_copies_an_instance_keeps_nobody_apart() {
    if !can_make_networks() {
        return;
    }
    let machines: [Machine; 3] = std::array::from_fn(|_| Machine::with_ipv4_only());
    let _switch = on_a_switch(&machines);
    let liar = Peer::start(&machines[2], "copy 10.77.0.2");
    let receiver = Peer::start(&machines[1], &format!("receive {CODE}"));
    liar.expect("copied");
    let sender = Peer::start(&machines[0], &format!("send {CODE}"));
    both_done(&sender, &receiver);
    let noise = [sender.noise(), receiver.noise()].concat();
    assert!(noise.is_empty(), "{noise:?}");
}

fn on_a_switch(machines: &[Machine]) -> Machine {
    let switch = switch(&[]);
    for (number, machine) in machines.iter().enumerate() {
        plug(&switch, number, machine, "lan");
        machine.address("lan", &format!("10.77.0.{}/24", number + 1));
    }
    switch
}
