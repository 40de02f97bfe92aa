//! The queries and answers of discovery as a state machine: no sockets, and the caller gives the time.

use super::Found;
use super::finds::Finds;
use super::own_addresses::OwnAddresses;
use super::quota::AnswerQuota;
use crate::protocol::{Datagram, DatagramKind, Instance, Nonce, Presence};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Instant;

/// One search for others, or one presence that can be found.
#[derive(Debug)]
pub(super) struct Exchange {
    presence: Presence,
    instance: Instance,
    nonce: Nonce,
    /// The current addresses of this machine.
    pub(super) own: OwnAddresses,
    quota: AnswerQuota,
    finds: Finds,
    /// Datagrams received from other instances nearby that want to meet.
    pub(super) heard: u64,
}

/// The result of a datagram.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The answer to send to the source of the datagram.
    pub(super) answer: Option<Vec<u8>>,
    pub(super) found: Option<Found>,
}

impl Exchange {
    pub(super) fn new(presence: Presence, instance: Instance, nonce: Nonce, now: Instant) -> Self {
        Exchange {
            presence,
            instance,
            nonce,
            own: OwnAddresses::default(),
            quota: AnswerQuota::new(now),
            finds: Finds::default(),
            heard: 0,
        }
    }

    pub(super) fn has_found(&self) -> bool {
        !self.finds.is_empty()
    }

    /// The query to send; `None` if this side only answers.
    pub(super) fn query(&self) -> Option<Vec<u8>> {
        let asks = !matches!(self.presence, Presence::Serving { .. });
        asks.then(|| self.datagram(DatagramKind::Query, self.nonce))
    }

    /// Handles a datagram from `source`.
    pub(super) fn receive(&mut self, bytes: &[u8], source: SocketAddr, now: Instant) -> Outcome {
        let Some(datagram) = Datagram::parse(bytes) else {
            return Outcome::default();
        };
        if datagram.instance == self.instance || !self.own.is_near(source.ip()) {
            return Outcome::default();
        }
        // A ping that searches the network is no sign of a peer.
        self.heard += u64::from(matches!(datagram.presence, Presence::Meeting { .. }));
        let is_query = datagram.kind == DatagramKind::Query;
        if !is_query && datagram.nonce != self.nonce {
            return Outcome::default();
        }
        let answers = is_query && self.is_for_us(datagram.presence);
        let answer = (answers && self.quota.take(source.ip().to_canonical(), now))
            .then(|| self.datagram(DatagramKind::Answer, datagram.nonce));
        let found = self
            .port_of(datagram.presence)
            .map(|port| dial_address(source, port))
            .filter(|address| self.finds.insert(datagram.instance, *address))
            .map(|address| Found {
                instance: datagram.instance,
                presence: datagram.presence,
                address,
            });
        Outcome { answer, found }
    }

    /// Whether a query from a peer with this presence concerns this side.
    fn is_for_us(&self, theirs: Presence) -> bool {
        match (self.presence, theirs) {
            (Presence::Meeting { channel, .. }, Presence::Meeting { channel: other, .. }) => {
                channel == other
            }
            (Presence::Serving { .. }, Presence::Looking) => true,
            _ => false,
        }
    }

    /// Where a peer listens, if it is one that this side looks for.
    fn port_of(&self, theirs: Presence) -> Option<NonZeroU16> {
        match (self.presence, theirs) {
            (
                Presence::Meeting { channel, .. },
                Presence::Meeting {
                    channel: other,
                    port,
                    ..
                },
            ) => (channel == other).then_some(port),
            (Presence::Looking, Presence::Serving { port } | Presence::Meeting { port, .. }) => {
                Some(port)
            }
            _ => None,
        }
    }

    fn datagram(&self, kind: DatagramKind, nonce: Nonce) -> Vec<u8> {
        let datagram = Datagram {
            kind,
            presence: self.presence,
            instance: self.instance,
            nonce,
        };
        datagram.to_bytes()
    }
}

/// The source address of a datagram, with the port to dial. A link-local address keeps its interface. An IPv4
/// address that an IPv6 socket reports as mapped becomes plain IPv4.
fn dial_address(source: SocketAddr, port: NonZeroU16) -> SocketAddr {
    let mut address = source;
    address.set_port(port.get());
    match source.ip().to_canonical() {
        plain if plain != source.ip() => SocketAddr::new(plain, port.get()),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Channel;
    use crate::protocol::Role;
    use std::collections::BTreeSet;
    use std::net::SocketAddrV6;

    const NEAR: &str = "192.168.1.7:50000";
    const FAR: &str = "10.9.9.9:50000";

    fn port(number: u16) -> NonZeroU16 {
        NonZeroU16::new(number).unwrap()
    }

    fn meeting(role: Role, channel: u16) -> Presence {
        Presence::Meeting {
            role,
            channel: Channel::new(channel).unwrap(),
            port: port(9000),
        }
    }

    fn exchange(presence: Presence, name: u8) -> Exchange {
        let now = Instant::now();
        let mut exchange = Exchange::new(presence, Instance([name; 8]), Nonce([name; 8]), now);
        exchange.own = OwnAddresses {
            v4: BTreeSet::from([[192, 168, 1, 23].into()]),
            ..OwnAddresses::default()
        };
        exchange
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn receive(exchange: &mut Exchange, bytes: &[u8], source: &str) -> Outcome {
        exchange.receive(bytes, at(source), Instant::now())
    }

    #[test]
    fn a_query_finds_the_one_and_its_answer_the_other() {
        let mut alice = exchange(meeting(Role::Send, 4271), 1);
        let mut bob = exchange(meeting(Role::Receive, 4271), 2);
        let at_bob = receive(&mut bob, &alice.query().unwrap(), NEAR);
        let found = at_bob.found.unwrap();
        assert_eq!(found.address, at("192.168.1.7:9000"));
        assert_eq!(found.instance, Instance([1; 8]));
        assert_eq!(found.presence, meeting(Role::Send, 4271));
        // The answer may come from another address than was asked: only the nonce counts.
        let at_alice = receive(&mut alice, &at_bob.answer.unwrap(), "192.168.1.8:8080");
        assert_eq!(at_alice.found.unwrap().address, at("192.168.1.8:9000"));
        assert_eq!(at_alice.answer, None);
        assert!(alice.has_found() && bob.has_found());
    }

    #[test]
    fn what_does_not_concern_us_is_neither_found_nor_answered() {
        let query = |presence| exchange(presence, 1).query().unwrap();
        let good = query(meeting(Role::Send, 4271));
        let mut own = exchange(meeting(Role::Send, 4271), 2);
        for (bytes, source) in [
            (query(meeting(Role::Send, 4272)), NEAR),
            (query(Presence::Looking), NEAR),
            (own.query().unwrap(), NEAR),
            (good.clone(), FAR),
            (good[..63].to_vec(), NEAR),
        ] {
            let outcome = receive(&mut own, &bytes, source);
            assert_eq!(outcome, Outcome::default(), "{bytes:?} {source}");
        }
        assert!(receive(&mut own, &good, NEAR).found.is_some());
    }

    #[test]
    fn an_answer_to_somebody_else_is_ignored() {
        let mut alice = exchange(meeting(Role::Send, 4271), 1);
        let mut bob = exchange(meeting(Role::Receive, 4271), 2);
        let other = exchange(meeting(Role::Send, 4271), 3);
        let answer = receive(&mut bob, &other.query().unwrap(), NEAR).answer;
        let outcome = receive(&mut alice, &answer.unwrap(), NEAR);
        assert_eq!(outcome, Outcome::default());
    }

    #[test]
    fn each_address_of_an_instance_is_news_once() {
        let query = exchange(meeting(Role::Send, 4271), 1).query().unwrap();
        let mut bob = exchange(meeting(Role::Receive, 4271), 2);
        let mut news = |source| receive(&mut bob, &query, source).found.is_some();
        assert!(news(NEAR));
        assert!(
            !news("192.168.1.7:50001"),
            "another source port is the same listener"
        );
        assert!(news("[fe80::7%3]:50000"));
        assert!(
            news("[fe80::7%4]:50000"),
            "each interface has its own link-local addresses"
        );
    }

    #[test]
    fn answers_are_few_and_finds_go_on() {
        let query = exchange(meeting(Role::Send, 4271), 1).query().unwrap();
        let mut bob = exchange(meeting(Role::Receive, 4271), 2);
        let now = Instant::now();
        let answers = (0..100).filter(|_| bob.receive(&query, at(NEAR), now).answer.is_some());
        assert_eq!(answers.count(), 8);
        // The same address as an IPv6 socket reports it.
        let mapped = bob.receive(&query, at("[::ffff:192.168.1.7]:1"), now);
        assert_eq!(mapped, Outcome::default());
    }

    #[test]
    fn a_link_local_find_keeps_its_interface() {
        let link_local = at("[fe80::7%3]:50000");
        let dialled = dial_address(link_local, port(9000));
        let SocketAddr::V6(dialled) = dialled else {
            panic!("{dialled}");
        };
        assert_eq!(
            dialled,
            SocketAddrV6::new("fe80::7".parse().unwrap(), 9000, 0, 3)
        );
        let mapped = dial_address(at("[::ffff:192.168.1.7]:1"), port(9000));
        assert_eq!(mapped, at("192.168.1.7:9000"));
    }

    #[test]
    fn who_looks_around_sees_servers_and_meetings_and_is_answered_by_servers() {
        let mut looking = exchange(Presence::Looking, 1);
        let mut serving = exchange(Presence::Serving { port: port(8080) }, 2);
        let meeting = exchange(meeting(Role::Send, 4271), 3);
        assert_eq!(serving.query(), None);
        let heard = receive(&mut serving, &looking.query().unwrap(), NEAR);
        assert_eq!(heard.found, None);
        let mut meets = exchange(meeting.presence, 4);
        receive(&mut meets, &looking.query().unwrap(), NEAR);
        assert_eq!(meets.heard, 0);
        receive(&mut meets, &meeting.query().unwrap(), NEAR);
        assert_eq!(meets.heard, 1);
        let server = receive(&mut looking, &heard.answer.unwrap(), NEAR)
            .found
            .unwrap();
        assert_eq!(server.presence, Presence::Serving { port: port(8080) });
        let overheard = receive(&mut looking, &meeting.query().unwrap(), NEAR);
        assert!(overheard.answer.is_none() && overheard.found.is_some());
        assert_eq!(
            receive(&mut serving, &meeting.query().unwrap(), NEAR),
            Outcome::default()
        );
    }
}
