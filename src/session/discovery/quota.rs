//! Limits on how much is read and answered in a second, so that a flood does not load this machine.

use crate::model::limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts events in windows of a second.
#[derive(Debug)]
struct QuotaWindow {
    begun: Instant,
    count: u32,
}

impl QuotaWindow {
    fn new(now: Instant) -> Self {
        QuotaWindow {
            begun: now,
            count: 0,
        }
    }

    /// Begins the next window if this one is over. Returns whether it was.
    fn roll(&mut self, now: Instant) -> bool {
        let is_over = now.saturating_duration_since(self.begun) >= WINDOW;
        if is_over {
            *self = QuotaWindow::new(now);
        }
        is_over
    }
}

/// Limits the datagrams that are read, to [`limits::DATAGRAMS_PER_SECOND`].
#[derive(Debug)]
pub(super) struct ReadQuota(QuotaWindow);

impl ReadQuota {
    pub(super) fn new(now: Instant) -> Self {
        ReadQuota(QuotaWindow::new(now))
    }

    /// Counts a datagram.
    pub(super) fn charge(&mut self, now: Instant) {
        self.0.roll(now);
        self.0.count += 1;
    }

    /// How long to stop reading; zero while the quota lasts.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        self.0.roll(now);
        match self.0.count < limits::DATAGRAMS_PER_SECOND {
            true => Duration::ZERO,
            false => WINDOW.saturating_sub(now.saturating_duration_since(self.0.begun)),
        }
    }
}

/// Limits the answers, to [`limits::ANSWERS_PER_SECOND`] and [`limits::ANSWERS_PER_SOURCE`].
#[derive(Debug)]
pub(super) struct AnswerQuota {
    window: QuotaWindow,
    /// At most one entry for each answer in this window.
    sources: HashMap<IpAddr, u32>,
}

impl AnswerQuota {
    pub(super) fn new(now: Instant) -> Self {
        AnswerQuota {
            window: QuotaWindow::new(now),
            sources: HashMap::new(),
        }
    }

    /// Whether `source` gets one more answer. Counts it if so.
    pub(super) fn take(&mut self, source: IpAddr, now: Instant) -> bool {
        if self.window.roll(now) {
            self.sources.clear();
        }
        if self.window.count >= limits::ANSWERS_PER_SECOND {
            return false;
        }
        let answers = self.sources.entry(source).or_default();
        if *answers >= limits::ANSWERS_PER_SOURCE {
            return false;
        }
        *answers += 1;
        self.window.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    #[test]
    fn one_source_gets_eight_answers_a_second() {
        let now = Instant::now();
        let mut quota = AnswerQuota::new(now);
        let taken = (0..1000).filter(|_| quota.take(source(1), now)).count();
        assert_eq!(taken, 8);
        assert!(quota.take(source(2), now));
        assert!(!quota.take(source(1), now + WINDOW / 2));
        assert!(quota.take(source(1), now + WINDOW));
    }

    #[test]
    fn a_peer_that_asks_on_schedule_is_always_answered() {
        let now = Instant::now();
        let mut quota = AnswerQuota::new(now);
        // Rounds ask a group and a broadcast address; at 2 s the single query of a sweep follows.
        let rounds = [0, 250, 1000, 1250, 2000].map(|at| [at; 2]);
        for at in rounds.into_iter().flatten().chain([2000]) {
            assert!(
                quota.take(source(1), now + Duration::from_millis(at)),
                "{at}"
            );
        }
    }

    #[test]
    fn all_sources_get_fifty_and_memory_is_bounded() {
        let now = Instant::now();
        let mut quota = AnswerQuota::new(now);
        let taken = (0..100_000).filter(|n| quota.take(source(*n), now)).count();
        assert_eq!(taken, 50);
        assert_eq!(quota.sources.len(), 50);
        assert!(quota.take(source(1_000_000), now + WINDOW));
        assert_eq!(quota.sources.len(), 1);
    }

    #[test]
    fn reading_pauses_until_the_second_is_over() {
        let now = Instant::now();
        let mut quota = ReadQuota::new(now);
        for _ in 0..limits::DATAGRAMS_PER_SECOND {
            assert_eq!(quota.pause(now), Duration::ZERO);
            quota.charge(now);
        }
        assert_eq!(quota.pause(now), WINDOW);
        assert_eq!(quota.pause(now + WINDOW / 4), WINDOW * 3 / 4);
        assert_eq!(quota.pause(now + WINDOW), Duration::ZERO);
    }
}
