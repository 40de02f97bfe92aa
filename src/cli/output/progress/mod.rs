//! The progress of a transfer: when to show it, what to measure, and the line that shows it.

pub(crate) mod line;
pub(crate) mod meter;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often progress is updated while nothing is transferred.
const TICK: Duration = Duration::from_millis(100);

/// Runs a session, and calls `show` regularly meanwhile.
pub(crate) fn watch<R>(show: impl Fn() + Sync, session: impl FnOnce() -> R) -> R {
    thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        let ticker = thread::Builder::new().name("progress".to_owned());
        let show = &show;
        // Without a thread, progress is only shown when data is transferred.
        let _ = ticker.spawn_scoped(scope, move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                show();
            }
        });
        let result = session();
        drop(running);
        result
    })
}

/// How progress is shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressStyle {
    /// One line that is drawn again and again.
    Bar,
    /// A line a second, for logs.
    Lines,
    /// Not at all.
    Off,
}

/// Limits how often something happens.
pub(crate) struct Throttle {
    next: Instant,
    gap: Duration,
}

impl Throttle {
    /// A bar: first after 250 ms, so that short transfers show none, then at most ten times a second.
    pub(crate) fn bar(start: Instant) -> Throttle {
        Throttle::new(
            start,
            Duration::from_millis(250),
            Duration::from_millis(100),
        )
    }

    /// Lines and JSON events: every second.
    pub(crate) fn seconds(start: Instant) -> Throttle {
        Throttle::every(start, Duration::from_secs(1))
    }

    /// Once in each `gap`, and first after one.
    pub(crate) fn every(start: Instant, gap: Duration) -> Throttle {
        Throttle::new(start, gap, gap)
    }

    fn new(start: Instant, first: Duration, gap: Duration) -> Throttle {
        Throttle {
            next: start + first,
            gap,
        }
    }

    /// Whether it is time; if so, the next time is a gap away.
    pub(crate) fn passes(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + self.gap;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(mut throttle: Throttle, start: Instant, step: usize, end: u64) -> Vec<u64> {
        let times = (0..=end).step_by(step);
        times
            .filter(|time| throttle.passes(start + Duration::from_millis(*time)))
            .collect()
    }

    #[test]
    fn a_bar_first_shows_after_250_ms_and_then_at_most_ten_times_a_second() {
        let start = Instant::now();
        let drawn = passed(Throttle::bar(start), start, 1, 1250);
        assert_eq!(drawn[..3], [250, 350, 450]);
        assert!(drawn.len() <= 11, "{}", drawn.len());
    }

    #[test]
    fn logs_and_programs_hear_of_it_every_second() {
        let start = Instant::now();
        let events = passed(Throttle::seconds(start), start, 300, 3600);
        assert_eq!(events, [1200, 2400, 3600]);
    }
}
