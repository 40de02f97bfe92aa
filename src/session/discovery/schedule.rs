//! When queries are sent, and to where.
//!
//! Each second has two rounds of three datagrams for an interface with one address. Never more than six a second,
//! even at the start: of a hundred peers that start together, each must read the queries of all. One round asks
//! port 8080, the other one of the nine other ports, so a peer that could not get port 8080 is asked within nine
//! seconds. The first two rounds both ask port 8080, because the network may lose one.

use crate::model::number16;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::time::{Duration, Instant};

/// The discovery ports. A peer takes the first that is free.
pub(super) const PORTS: std::ops::RangeInclusive<u16> = 8080..=8089;

/// The groups that peers join.
pub(super) const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 80, 80);
pub(super) const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0, 0x5042);

/// When the two rounds are sent, counted from the start of their second. The second round comes soon, because the
/// first may be lost.
const ROUNDS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(250)];

/// Which rounds are due.
#[derive(Debug)]
pub(super) struct Schedule {
    started: Instant,
    done: u32,
}

/// One round of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round(pub(super) u32);

impl Schedule {
    pub(super) fn new(now: Instant) -> Self {
        Schedule {
            started: now,
            done: 0,
        }
    }

    /// The round that is due, if there is one. Rounds that were missed while the machine slept are skipped.
    pub(super) fn due(&mut self, now: Instant) -> Option<Round> {
        if now < self.next() {
            return None;
        }
        let round = Round(self.done);
        self.done += 1;
        if self.next() < now {
            // Goes on as if the latest round had been on time.
            self.started += now - self.next();
        }
        Some(round)
    }

    /// When the next round is due.
    pub(super) fn next(&self) -> Instant {
        let round = Round(self.done);
        let within = ROUNDS[usize::from(round.is_second())];
        self.started + Duration::from_secs(round.second().into()) + within
    }
}

impl Round {
    /// The second in which it is sent.
    fn second(self) -> u32 {
        self.0 / 2
    }

    /// Whether it is the second round of its second.
    fn is_second(self) -> bool {
        self.0 % 2 == 1
    }

    /// The port that it asks.
    fn port(self) -> u16 {
        let others = u64::from(PORTS.end() - PORTS.start());
        match self.second().checked_sub(1) {
            Some(turn) if self.is_second() => {
                PORTS.start() + 1 + number16(u64::from(turn) % others)
            }
            _ => *PORTS.start(),
        }
    }

    /// Where to ask from this machine's IPv4 `address`: the group, and alternately the limited and the network's
    /// broadcast address, because some networks drop one of them. The network is assumed to have 24 bits.
    pub(super) fn at_address(self, address: Ipv4Addr) -> impl Iterator<Item = SocketAddrV4> {
        // So that the two rounds of the first second differ, and each port gets both kinds in turn.
        let turn = self.second() + u32::from(self == Round(1));
        let broadcast = match turn % 2 {
            0 => Ipv4Addr::BROADCAST,
            _ => Ipv4Addr::from_bits(address.to_bits() | 0xff),
        };
        [GROUP_V4, broadcast]
            .into_iter()
            .map(move |to| SocketAddrV4::new(to, self.port()))
    }

    /// Where to ask on the interface of this index.
    pub(super) fn at_interface(self, index: u32) -> SocketAddrV6 {
        SocketAddrV6::new(GROUP_V6, self.port(), 0, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rounds_come_each_second_and_never_three() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        let mut times = Vec::new();
        for millisecond in 0..4000 {
            if schedule
                .due(now + Duration::from_millis(millisecond))
                .is_some()
            {
                times.push(millisecond);
            }
        }
        assert_eq!(times[..4], [0, 250, 1000, 1250]);
        assert_eq!(times.len(), 8);
        assert!(times.windows(3).all(|three| three[2] - three[0] >= 1000));
    }

    #[test]
    fn a_machine_that_slept_does_not_make_up_for_it() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        let later = now + Duration::from_secs(3600);
        assert_eq!(schedule.due(later), Some(Round(0)));
        let due = (1..10_000).filter(|_| schedule.due(later).is_some());
        assert!(due.count() <= 1);
        let minute = (0..60).filter(|s| schedule.due(later + Duration::from_secs(*s)).is_some());
        assert!((55..=61).contains(&minute.count()));
    }

    #[test]
    fn port_8080_is_asked_each_second_and_every_port_within_ten() {
        let mut asked: Vec<u16> = (0..20).map(|n| Round(n).port()).collect();
        assert_eq!(asked[..4], [8080, 8080, 8080, 8081]);
        assert!(asked.iter().step_by(2).all(|port| *port == 8080));
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked, PORTS.collect::<Vec<_>>());
    }

    #[test]
    fn both_broadcast_addresses_of_every_port_get_their_turn() {
        let mut asked: Vec<_> = (0..40)
            .flat_map(|n| Round(n).at_address(Ipv4Addr::new(10, 1, 2, 3)))
            .collect();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), 10 * 3);
    }

    #[test]
    fn a_round_is_three_datagrams_for_an_interface_with_one_address() {
        let to = |round: u32| {
            let to = Round(round).at_address(Ipv4Addr::new(10, 1, 2, 3));
            to.map(|to| *to.ip()).collect::<Vec<_>>()
        };
        assert_eq!(to(0), [GROUP_V4, Ipv4Addr::BROADCAST]);
        assert_eq!(to(1), [GROUP_V4, Ipv4Addr::new(10, 1, 2, 255)]);
        assert_eq!(Round(0).at_interface(300).scope_id(), 300);
    }
}
