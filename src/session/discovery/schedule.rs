//! When queries go out, and to where.
//!
//! Early rounds are close together, so that a peer that waits is found at once; then there is one each
//! second. A round asks port 8080 and one of the nine others, so a peer that could not have 8080 is asked
//! within nine rounds.

use crate::model::{len32, number16};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::time::{Duration, Instant};

/// The discovery ports. A peer takes the first that is free.
pub(super) const PORTS: std::ops::RangeInclusive<u16> = 8080..=8089;

/// The groups that peers join.
pub(super) const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 80, 80);
pub(super) const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0, 0x5042);

/// The first rounds, counted from the start.
const EARLY_ROUNDS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
];

/// Pause between two later rounds.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

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

    /// The round that is due, if one is. Rounds that were missed, by a machine that slept, are left out.
    pub(super) fn due(&mut self, now: Instant) -> Option<Round> {
        if now < self.next() {
            return None;
        }
        let round = Round(self.done);
        self.done += 1;
        if self.next() < now {
            // Counts on from here as if the latest round had been in time.
            self.started += now - self.next();
        }
        Some(round)
    }

    /// When the next round is due.
    pub(super) fn next(&self) -> Instant {
        let early = EARLY_ROUNDS.get(self.done as usize);
        let last = len32(EARLY_ROUNDS.len()) - 1;
        let later = || EARLY_ROUNDS[last as usize] + ROUND_PAUSE * (self.done - last);
        self.started + early.copied().unwrap_or_else(later)
    }
}

impl Round {
    /// The two ports that it asks.
    fn ports(self) -> [u16; 2] {
        let others = u64::from(PORTS.end() - PORTS.start());
        let other = PORTS.start() + 1 + number16(u64::from(self.0) % others);
        [*PORTS.start(), other]
    }

    /// Where to ask from the own IPv4 `address`: the group, and in turn the two broadcast addresses, for
    /// some networks drop one kind or the other. The network's own is taken to have 24 bits.
    pub(super) fn at_address(self, address: Ipv4Addr) -> impl Iterator<Item = SocketAddrV4> {
        let broadcast = match self.0 % 2 {
            0 => Ipv4Addr::BROADCAST,
            _ => Ipv4Addr::from_bits(address.to_bits() | 0xff),
        };
        let at = move |port| [GROUP_V4, broadcast].map(|to| SocketAddrV4::new(to, port));
        self.ports().into_iter().flat_map(at)
    }

    /// Where to ask on the interface of this index.
    pub(super) fn at_interface(self, index: u32) -> impl Iterator<Item = SocketAddrV6> {
        let at = move |port| SocketAddrV6::new(GROUP_V6, port, 0, index);
        self.ports().into_iter().map(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_fast_at_first_and_then_each_second() {
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
        assert_eq!(times, [0, 100, 300, 1000, 2000, 3000]);
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
    fn nine_rounds_ask_every_port() {
        let mut asked: Vec<u16> = (0..9).flat_map(|n| Round(n).ports()).collect();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked, PORTS.collect::<Vec<_>>());
        assert!((0..100).all(|n| Round(n).ports()[0] == 8080));
    }

    #[test]
    fn a_round_is_six_datagrams_for_an_interface_with_one_address() {
        let address = Ipv4Addr::new(10, 1, 2, 3);
        let even: Vec<_> = Round(0).at_address(address).collect();
        assert_eq!(even.len() + Round(0).at_interface(4).count(), 6);
        let to = |round: u32| {
            let ips = Round(round).at_address(address).map(|to| *to.ip());
            ips.collect::<Vec<_>>()
        };
        let directed = Ipv4Addr::new(10, 1, 2, 255);
        assert_eq!(
            to(0),
            [GROUP_V4, Ipv4Addr::BROADCAST, GROUP_V4, Ipv4Addr::BROADCAST]
        );
        assert_eq!(to(1), [GROUP_V4, directed, GROUP_V4, directed]);
        assert!(Round(0).at_interface(300).all(|to| to.scope_id() == 300));
    }
}
