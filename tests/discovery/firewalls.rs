//! Every mix of firewalls on two machines: they meet if at least one can be dialled; if not, both people learn
//! what to do.

use crate::network::{Machine, can_make_networks, home};
use crate::peer::{Outcome, Peer};
use std::thread;
use std::time::Instant;

const CODE: &str = "4271-anvil-tundra-lemon";

/// What a machine's firewall admits, besides answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Firewall {
    Open,
    Deny,
    UdpOnly,
    TcpOnly,
}

use Firewall::{Deny, Open, TcpOnly, UdpOnly};

impl Firewall {
    fn admits_connections(self) -> bool {
        matches!(self, Open | TcpOnly)
    }

    fn guard(self, machine: &Machine) {
        let admitted = match self {
            Open => return,
            Deny => None,
            UdpOnly => Some("meta l4proto udp accept"),
            TcpOnly => Some("meta l4proto tcp accept"),
        };
        let mut rules = vec![
            "iifname lo accept",
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
            "ct state established,related accept",
        ];
        rules.extend(admitted);
        rules.push("drop");
        machine.filter("input", &rules);
    }
}

fn start(walls: [Firewall; 2]) -> ([Machine; 2], Peer, Peer) {
    let (one, other) = home();
    walls[0].guard(&one);
    walls[1].guard(&other);
    let sender = Peer::start(&one, &format!("send {CODE}"));
    let receiver = Peer::start(&other, &format!("receive {CODE}"));
    ([one, other], sender, receiver)
}

fn mixes(can_meet: bool) -> Vec<[Firewall; 2]> {
    let all = [Open, Deny, UdpOnly, TcpOnly];
    let mixes = all
        .into_iter()
        .flat_map(|one| all.map(|other| [one, other]));
    mixes
        .filter(|walls| walls.iter().any(|wall| wall.admits_connections()) == can_meet)
        .collect()
}

#[test]
fn they_meet_wherever_one_side_can_be_dialled() {
    if !can_make_networks() {
        return;
    }
    let mixes = mixes(true);
    assert_eq!(mixes.len(), 12);
    for some in mixes.chunks(4) {
        thread::scope(|scope| {
            for walls in some {
                scope.spawn(move || {
                    let (_machines, sender, receiver) = start(*walls);
                    let begun = Instant::now();
                    assert_eq!(receiver.outcome(), Outcome::Done, "{walls:?}");
                    assert_eq!(sender.outcome(), Outcome::Done, "{walls:?}");
                    eprintln!("{walls:?}: {:?}", begun.elapsed());
                });
            }
        });
    }
}

#[test]
fn where_neither_can_be_dialled_both_learn_why() {
    if !can_make_networks() {
        return;
    }
    let mixes = mixes(false);
    assert_eq!(mixes.len(), 4);
    thread::scope(|scope| {
        for walls in &mixes {
            scope.spawn(move || {
                let (_machines, sender, receiver) = start(*walls);
                for (peer, own, other) in [
                    (&sender, "10.77.0.1", "10.77.0.2"),
                    (&receiver, "10.77.0.2", "10.77.0.1"),
                ] {
                    let said = peer.looking();
                    assert!(said.contains(&format!("own {own}")), "{walls:?}: {said}");
                    assert!(said.contains(" listening 8080"), "{walls:?}: {said}");
                    let is_found = said.contains(&format!("unreachable {other}:8080"));
                    assert!(is_found, "{walls:?}: {said}");
                }
            });
        }
    });
}
