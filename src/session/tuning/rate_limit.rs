//! Limits the rate of all streams together to what the operator wants.

use crate::session::sync::lock;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a waiting stream checks whether the transfer is over (chosen).
const SLICE: Duration = Duration::from_millis(250);

/// A limit in bytes a second, counted over everything that is sent.
pub(crate) struct RateLimit {
    bytes_per_second: u64,
    /// When everything that was let through so far will be paid for.
    paid: Mutex<Instant>,
}

impl RateLimit {
    /// A limit that starts now.
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        RateLimit {
            bytes_per_second: bytes_per_second.max(1),
            paid: Mutex::new(Instant::now()),
        }
    }

    /// The largest part to use: a quarter of a second each, so that the line is used evenly.
    pub(crate) fn part_bytes(&self) -> u64 {
        self.bytes_per_second / 4
    }

    /// Waits until `bytes` more may be sent, or `is_over`.
    pub(crate) fn wait(&self, bytes: usize, is_over: impl Fn() -> bool) {
        let turn = self.reserve(bytes, Instant::now());
        while !is_over() {
            let left = turn.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(SLICE));
        }
    }

    /// When `bytes` more may be sent. Bytes are paid for in advance, and idle time is not saved up.
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut paid = lock(&self.paid);
        *paid = (*paid).max(now) + cost;
        *paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_share_what_there_is_and_save_nothing_up() {
        let limit = RateLimit::new(1000);
        let now = Instant::now() + Duration::from_secs(60);
        let after = |millis| now + Duration::from_millis(millis);
        assert_eq!(limit.reserve(500, now), after(500));
        assert_eq!(limit.reserve(500, now), after(1000));
        assert_eq!(limit.reserve(100, after(5000)), after(5100));
    }

    #[test]
    fn who_has_nothing_to_wait_for_comes_back() {
        let limit = RateLimit::new(1);
        limit.wait(usize::MAX >> 32, || true);
    }
}
