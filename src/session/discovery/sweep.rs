//! Asks each host of this machine's networks by its address, while no peer was found.
//!
//! Many firewalls admit only answers. A query from the discovery port to the peer's discovery port makes
//! everything that comes back count as an answer, so two peers that ask each other get through on both sides.

use super::own_addresses::is_private;
use crate::model::len32;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// For this long only groups are asked. A machine without a network looks again after this time.
const FIRST_SWEEP: Duration = Duration::from_secs(2);

/// Pause between two sweeps. Firewalls remember an unanswered query for 30 s, and the sweeps of both sides must
/// happen within that time.
const SWEEP_PAUSE: Duration = Duration::from_secs(20);

/// How long a sweep of one network takes.
const SWEEP_TIME: Duration = Duration::from_secs(1);

/// The most networks in a sweep, each of 24 bits. A machine with more is a router or runs many containers.
const NETWORKS: usize = 4;

/// Hosts in a network of 24 bits.
const HOSTS: u32 = 254;

/// Which hosts are due.
#[derive(Debug)]
pub(super) struct Sweep {
    /// When the current sweep began or the next begins.
    begins: Instant,
    /// The first 24 bits of each network, determined at the sweep's first host.
    networks: Vec<Ipv4Addr>,
    /// Hosts that were asked.
    asked: u32,
}

impl Sweep {
    pub(super) fn new(now: Instant) -> Self {
        Sweep {
            begins: now + FIRST_SWEEP,
            networks: Vec::new(),
            asked: 0,
        }
    }

    /// The next host if one is due. It stays due until [`Sweep::was_asked`].
    pub(super) fn due(&mut self, now: Instant, own: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        if now < self.begins {
            return None;
        }
        if self.asked == 0 {
            self.networks = private_networks(own);
        }
        let count = len32(self.networks.len());
        if self.asked >= count * HOSTS {
            let is_idle = self.networks.is_empty();
            self.begins = now + if is_idle { FIRST_SWEEP } else { SWEEP_PAUSE };
            self.asked = 0;
            return None;
        }
        // Alternates between the networks, so that none waits for another.
        let network = self.networks[(self.asked % count) as usize];
        let host = 1 + self.asked / count;
        let is_due = now >= self.begins + SWEEP_TIME * self.asked / HOSTS;
        is_due.then(|| Ipv4Addr::from_bits(network.to_bits() | host))
    }

    /// The host that was due has been asked.
    pub(super) fn was_asked(&mut self) {
        self.asked += 1;
    }

    /// Whether a sweep is running.
    pub(super) fn is_running(&self, now: Instant) -> bool {
        now >= self.begins
    }
}

fn private_networks(own: &BTreeSet<Ipv4Addr>) -> Vec<Ipv4Addr> {
    let private = own.iter().filter(|address| is_private(**address));
    let networks = private.map(|address| Ipv4Addr::from_bits(address.to_bits() & !0xff));
    let distinct: BTreeSet<_> = networks.collect();
    distinct.into_iter().take(NETWORKS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(texts: &[&str]) -> BTreeSet<Ipv4Addr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The addresses asked until `end`, each with its time in milliseconds.
    fn run(own: &BTreeSet<Ipv4Addr>, end: u64) -> Vec<(u64, Ipv4Addr)> {
        let start = Instant::now();
        let mut sweep = Sweep::new(start);
        let mut asked = Vec::new();
        for millisecond in 0..end {
            let now = start + Duration::from_millis(millisecond);
            while let Some(host) = sweep.due(now, own) {
                sweep.was_asked();
                asked.push((millisecond, host));
            }
        }
        asked
    }

    #[test]
    fn each_host_is_asked_once_within_a_second_after_two() {
        let asked = run(&own(&["192.168.1.23"]), 10_000);
        let hosts: BTreeSet<_> = asked.iter().map(|(_, host)| *host).collect();
        assert_eq!((asked.len(), hosts.len()), (254, 254));
        assert!(hosts.contains(&Ipv4Addr::new(192, 168, 1, 1)));
        assert!(hosts.contains(&Ipv4Addr::new(192, 168, 1, 254)));
        assert!(asked.iter().all(|(time, _)| (2000..3000).contains(time)));
        let half = asked.iter().filter(|(time, _)| *time < 2500).count();
        assert!((120..135).contains(&half), "{half}");
    }

    #[test]
    fn a_sweep_is_repeated_before_firewalls_forget() {
        let asked = run(&own(&["192.168.1.23"]), 60_000);
        assert_eq!(asked.len(), 3 * 254);
    }

    #[test]
    fn networks_take_turns_and_are_few() {
        let asked = run(&own(&["10.0.0.1", "10.0.0.2", "172.17.0.1"]), 10_000);
        assert_eq!(asked.len(), 2 * 254);
        let first: Vec<_> = asked.iter().take(2).map(|(_, host)| *host).collect();
        assert_eq!(
            first,
            [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(172, 17, 0, 1)]
        );
        let many: BTreeSet<_> = (0..25).map(|n| Ipv4Addr::new(10, 0, n, 1)).collect();
        assert_eq!(run(&many, 20_000).len(), NETWORKS * 254);
    }

    #[test]
    fn public_and_link_local_networks_are_left_alone() {
        assert!(run(&own(&["198.51.100.7", "169.254.1.1"]), 10_000).is_empty());
        assert!(run(&own(&[]), 10_000).is_empty());
    }

    #[test]
    fn a_host_that_could_not_be_asked_stays_due() {
        let start = Instant::now();
        let own = own(&["10.0.0.7"]);
        let mut sweep = Sweep::new(start);
        let now = start + FIRST_SWEEP;
        let first = sweep.due(now, &own);
        assert_eq!(first, Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(sweep.due(now, &own), first);
        sweep.was_asked();
        let second = sweep.due(now + SWEEP_TIME, &own);
        assert_eq!(second, Some(Ipv4Addr::new(10, 0, 0, 2)));
    }
}
