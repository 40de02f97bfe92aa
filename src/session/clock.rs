//! Deadlines and liveness, from one clock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    listening: AtomicUsize,
    idle_limit: Duration,
}

/// A thread listens.
pub(super) struct Listening<'a>(&'a Liveness);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.listening.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Liveness {
    /// Counts from now on.
    pub(super) fn new(idle_limit: Duration) -> Self {
        Liveness {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            listening: AtomicUsize::new(0),
            idle_limit,
        }
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        let now = self.start.elapsed().as_millis() as u64;
        self.heard.fetch_max(now, Ordering::Relaxed);
    }

    /// This side listens, until the guard is dropped. While no thread does, as when a person is asked or
    /// files are put in their places, what the peer says is not heard yet and is no silence.
    pub(super) fn listen(&self) -> Listening<'_> {
        if self.listening.fetch_add(1, Ordering::SeqCst) == 0 {
            self.heard();
        }
        Listening(self)
    }

    /// Whether any thread listens.
    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::SeqCst) > 0
    }

    /// Whether the peer has been silent for the idle limit.
    pub(super) fn is_silent(&self) -> bool {
        if !self.is_listening() {
            return false;
        }
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(heard) >= self.idle_limit
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
        let liveness = Liveness::new(Duration::from_secs(3600));
        let _listening = liveness.listen();
        liveness.heard();
        assert!(!liveness.is_silent());
        let liveness = Liveness::new(Duration::ZERO);
        let _listening = liveness.listen();
        assert!(liveness.is_silent());
    }

    #[test]
    fn nobody_is_silent_to_who_does_not_listen() {
        let liveness = Liveness::new(Duration::ZERO);
        assert!(!liveness.is_silent());
        drop(liveness.listen());
        assert!(!liveness.is_silent());
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
