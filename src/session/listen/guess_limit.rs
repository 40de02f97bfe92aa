//! Guessing takes time: who has proven a wrong secret waits before the next Hello is answered.
//!
//! Each network has a few mistakes free. After those its Hellos are answered one after the other with a
//! growing gap, also when they come over many connections at once; who would have to wait for too long
//! is told that there is no room now. When mistakes come from everywhere, every Hello waits a little:
//! that only delays, so that nobody is kept out by others.

use crate::model::limits;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The first gap behind the free mistakes; it doubles with each further one.
const FIRST_GAP: Duration = Duration::from_millis(250);

/// The longest gap: a person who mistyped for a while still gets through.
const LONGEST_GAP: Duration = Duration::from_secs(2);

/// Who would have to wait for longer is turned away.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Mistakes are forgotten when there was none for so long.
const MEMORY: Duration = Duration::from_secs(300);

/// Mistakes from everywhere within [`MEMORY`] from which on everybody waits.
const MANY: u32 = 64;

/// The gap between two Hellos while there are many mistakes, and the longest wait that it makes.
const OVERALL_GAP: Duration = Duration::from_millis(50);
const OVERALL_WAIT: Duration = Duration::from_secs(1);

/// Who has made how many mistakes.
#[derive(Default)]
pub(crate) struct GuessLimiter {
    state: Mutex<GuessCounts>,
}

#[derive(Default)]
struct GuessCounts {
    networks: HashMap<IpAddr, GuessRecord>,
    overall: Option<GuessRecord>,
}

#[derive(Clone, Copy)]
struct GuessRecord {
    mistakes: u32,
    latest: Instant,
    /// From when on the next Hello may be answered.
    next: Instant,
}

impl GuessRecord {
    fn new(now: Instant) -> Self {
        GuessRecord {
            mistakes: 0,
            latest: now,
            next: now,
        }
    }

    fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.latest) >= MEMORY
    }

    fn count(&mut self, now: Instant) {
        if self.is_stale(now) {
            *self = GuessRecord::new(now);
        }
        self.mistakes = self.mistakes.saturating_add(1);
        self.latest = now;
    }

    /// How long the next in line waits, when two are `gap` apart.
    fn reserve(&mut self, now: Instant, gap: Duration) -> Duration {
        let turn = self.next.max(now);
        self.next = turn + gap;
        turn.saturating_duration_since(now)
    }
}

impl GuessLimiter {
    /// How long somebody's Hello has to wait before it is answered; `None` when that is too long.
    pub(crate) fn turn(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let mut state = lock(&self.state);
        let mut wait = Duration::ZERO;
        if let Some(record) = state.networks.get_mut(&network(address))
            && let Some(gap) = gap_after(record.mistakes)
            && !record.is_stale(now)
        {
            if record.next.saturating_duration_since(now) > LONGEST_WAIT {
                return None;
            }
            wait = record.reserve(now, gap);
        }
        if let Some(overall) = &mut state.overall
            && overall.mistakes > MANY
            && !overall.is_stale(now)
        {
            let longest = now + OVERALL_WAIT;
            wait = wait.max(overall.reserve(now, OVERALL_GAP).min(OVERALL_WAIT));
            overall.next = overall.next.min(longest);
        }
        Some(wait)
    }

    /// Somebody has proven a wrong secret, or none although there was a chance.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) {
        let mut state = lock(&self.state);
        state.forget(now);
        let network = network(address);
        let record = state.networks.entry(network);
        let record = record.or_insert_with(|| GuessRecord::new(now));
        record.count(now);
        let gap = gap_after(record.mistakes).unwrap_or_default();
        record.next = record.next.max(now + gap);
        state
            .overall
            .get_or_insert_with(|| GuessRecord::new(now))
            .count(now);
    }

    /// Somebody has proven the secret: what it mistyped before is forgiven.
    pub(crate) fn forgive(&self, address: IpAddr) {
        lock(&self.state).networks.remove(&network(address));
    }
}

impl GuessCounts {
    /// Makes room for one more network: by those that were quiet, else by the quietest.
    fn forget(&mut self, now: Instant) {
        if self.networks.len() < limits::SLOWED_NETWORKS {
            return;
        }
        self.networks.retain(|_, record| !record.is_stale(now));
        if self.networks.len() >= limits::SLOWED_NETWORKS
            && let Some((&quietest, _)) = self.networks.iter().min_by_key(|(_, r)| r.latest)
        {
            self.networks.remove(&quietest);
        }
    }
}

/// The pause between two Hellos after so many mistakes; none while they are free.
fn gap_after(mistakes: u32) -> Option<Duration> {
    let beyond = mistakes.checked_sub(limits::FAILED_PROOFS)?;
    let doubled = FIRST_GAP.saturating_mul(1 << beyond.min(8));
    Some(doubled.min(LONGEST_GAP))
}

/// Whose addresses count as one: an IPv4 address, and the 64-bit network of an IPv6 address, in which
/// anybody can take as many addresses as he likes.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    #[test]
    fn a_few_mistakes_are_free_and_others_pay_nothing() {
        let (slowdown, now) = (GuessLimiter::default(), Instant::now());
        for _ in 0..limits::FAILED_PROOFS - 1 {
            slowdown.count(address(1), now);
        }
        assert_eq!(slowdown.turn(address(1), now), Some(Duration::ZERO));
        slowdown.count(address(1), now);
        assert_eq!(slowdown.turn(address(1), now), Some(FIRST_GAP));
        assert_eq!(slowdown.turn(address(2), now), Some(Duration::ZERO));
    }

    #[test]
    fn guesses_at_once_stand_in_line_and_the_line_has_an_end() {
        let (slowdown, now) = (GuessLimiter::default(), Instant::now());
        for _ in 0..20 {
            slowdown.count(address(1), now);
        }
        let turns: Vec<_> = (0..10).map(|_| slowdown.turn(address(1), now)).collect();
        assert_eq!(turns[0], Some(LONGEST_GAP));
        assert_eq!(turns[1], Some(2 * LONGEST_GAP));
        assert_eq!(turns[2], None);
        let later = now + Duration::from_secs(10);
        assert_eq!(slowdown.turn(address(1), later), Some(Duration::ZERO));
    }

    #[test]
    fn who_proves_the_secret_is_forgiven_and_time_heals() {
        let (slowdown, now) = (GuessLimiter::default(), Instant::now());
        for _ in 0..9 {
            slowdown.count(address(1), now);
            slowdown.count(address(2), now);
        }
        slowdown.forgive(address(1));
        assert_eq!(slowdown.turn(address(1), now), Some(Duration::ZERO));
        let later = now + MEMORY;
        assert_eq!(slowdown.turn(address(2), later), Some(Duration::ZERO));
    }

    #[test]
    fn mistakes_from_everywhere_delay_everybody_a_little_and_keep_nobody_out() {
        let (slowdown, now) = (GuessLimiter::default(), Instant::now());
        for n in 0..200 {
            slowdown.count(address(n), now);
        }
        let waits: Vec<_> = (0..100)
            .map(|n| slowdown.turn(address(1000 + n), now).unwrap())
            .collect();
        assert!(waits[1] > Duration::ZERO);
        assert!(waits.iter().all(|wait| *wait <= OVERALL_WAIT));
    }

    #[test]
    fn memory_is_bounded() {
        let (slowdown, now) = (GuessLimiter::default(), Instant::now());
        for n in 0..2 * limits::SLOWED_NETWORKS as u32 {
            slowdown.count(address(n), now + Duration::from_millis(n.into()));
        }
        assert!(lock(&slowdown.state).networks.len() <= limits::SLOWED_NETWORKS);
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    }
}
