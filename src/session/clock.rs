//! Deadlines and liveness, from one clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A point in time by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// `duration` from now.
    pub(super) fn after(duration: Duration) -> Self {
        Deadline(Instant::now() + duration)
    }

    /// How long is left; `None` when it has passed.
    pub(super) fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// When a peer was last heard, over all streams of a session. A peer is alive while any stream brings
/// bytes; only when none does for the idle limit is it silent.
#[derive(Debug)]
pub(super) struct Liveness {
    start: Instant,
    heard: AtomicU64,
    idle_limit: Duration,
}

impl Liveness {
    /// Counts from now on.
    pub(super) fn new(idle_limit: Duration) -> Self {
        Liveness {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            idle_limit,
        }
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        let now = self.start.elapsed().as_millis() as u64;
        self.heard.fetch_max(now, Ordering::Relaxed);
    }

    /// Whether the peer has been silent for the idle limit, counted from `since` at the earliest:
    /// whoever did not listen before, because a person was being asked, heard nothing and knows nothing.
    pub(super) fn is_silent(&self, since: Instant) -> bool {
        let heard = self.start + Duration::from_millis(self.heard.load(Ordering::Relaxed));
        heard.max(since).elapsed() >= self.idle_limit
    }

    /// The idle limit.
    pub(super) fn idle_limit(&self) -> Duration {
        self.idle_limit
    }

    /// How often a blocked read or write wakes up to look at the clock.
    pub(super) fn tick(&self) -> Duration {
        (self.idle_limit / 4).max(Duration::from_millis(10))
    }

    /// How often a side that has nothing to say sends a heartbeat: often enough also for a peer that is
    /// less patient.
    pub(super) fn heartbeat(&self) -> Duration {
        const MOST: Duration = Duration::from_secs(3);
        (self.idle_limit / 3).clamp(Duration::from_millis(10), MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_byte() {
        let begun = Instant::now();
        let liveness = Liveness::new(Duration::from_secs(3600));
        liveness.heard();
        assert!(!liveness.is_silent(begun));
        let liveness = Liveness::new(Duration::ZERO);
        assert!(liveness.is_silent(begun));
    }

    #[test]
    fn silence_counts_from_when_somebody_listens() {
        let liveness = Liveness::new(Duration::from_millis(1));
        std::thread::sleep(Duration::from_millis(2));
        assert!(liveness.is_silent(liveness.start));
        let later = Instant::now() + Duration::from_secs(3600);
        assert!(!liveness.is_silent(later));
    }

    #[test]
    fn a_deadline_passes() {
        assert!(
            Deadline::after(Duration::from_secs(60))
                .remaining()
                .is_some()
        );
        assert!(Deadline::after(Duration::ZERO).remaining().is_none());
    }
}
