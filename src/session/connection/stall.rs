//! How long a session has made no progress because of its peer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time that this side has waited for the peer since the last progress. Time in which this side is busy with a
/// disk, a person or a program doesn't count.
#[derive(Debug)]
pub(crate) struct StallClock {
    start: Instant,
    /// Milliseconds of completed waits.
    waited: AtomicU64,
    /// When the current wait began, in milliseconds from the start, plus one; 0 if there is none.
    since: AtomicU64,
}

impl StallClock {
    pub(crate) fn new() -> Self {
        StallClock {
            start: Instant::now(),
            waited: AtomicU64::new(0),
            since: AtomicU64::new(0),
        }
    }

    /// Starts a wait for the peer, which lasts until the result is dropped. One thread waits at a time.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.since.store(self.now(), Ordering::Relaxed);
        Waiting(self)
    }

    /// The transfer has made progress: the count starts again.
    pub(crate) fn moved(&self) {
        self.waited.store(0, Ordering::Relaxed);
        if self.since.load(Ordering::Relaxed) != 0 {
            self.since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// How long there was no progress.
    pub(crate) fn stalled(&self) -> Duration {
        let waiting = match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.now().saturating_sub(since),
        };
        Duration::from_millis(self.waited.load(Ordering::Relaxed) + waiting)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).map_or(u64::MAX, |now| now + 1)
    }
}

/// A thread's wait for the peer.
pub(crate) struct Waiting<'a>(&'a StallClock);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let clock = self.0;
        let since = clock.since.swap(0, Ordering::Relaxed);
        let waited = clock.now().saturating_sub(since);
        clock.waited.fetch_add(waited, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[test]
    fn only_waiting_counts_and_what_moves_ends_it() {
        let clock = StallClock::new();
        sleep(Duration::from_millis(20));
        assert_eq!(clock.stalled(), Duration::ZERO, "this side is busy");
        let waiting = clock.wait();
        sleep(Duration::from_millis(20));
        assert!(clock.stalled() >= Duration::from_millis(15));
        drop(waiting);
        let so_far = clock.stalled();
        sleep(Duration::from_millis(20));
        assert_eq!(clock.stalled(), so_far);
        let _waiting = clock.wait();
        sleep(Duration::from_millis(20));
        assert!(clock.stalled() > so_far);
        clock.moved();
        assert!(clock.stalled() < so_far);
    }
}
