//! A window of a transfer: collects what its threads did, until there is enough to judge by.

use std::time::{Duration, Instant};

/// What the threads of a transfer did since the window began.
pub(crate) struct Window {
    pub(crate) began: Instant,
    /// Bytes that were moved, as the owner of the window counts them.
    pub(crate) bytes: u64,
    /// Parts that were moved.
    pub(crate) parts: u32,
    busy: Duration,
    blocked: Duration,
}

/// The result of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Bytes a second, all streams together.
    pub(crate) rate: f64,
    /// The share of their time that the threads waited for the line, 0 to 1.
    pub(crate) blocked: f64,
}

impl Window {
    /// A window that begins now.
    pub(crate) fn new() -> Self {
        Window {
            began: Instant::now(),
            bytes: 0,
            parts: 0,
            busy: Duration::ZERO,
            blocked: Duration::ZERO,
        }
    }

    /// Counts a part: its thread worked for `busy` and waited for `blocked`.
    pub(crate) fn note(&mut self, busy: Duration, blocked: Duration) {
        self.parts += 1;
        self.busy += busy;
        self.blocked += blocked;
    }

    /// The result so far. If no part was moved, the threads only waited.
    pub(crate) fn measured(&self) -> Measured {
        const NOT_ZERO: f64 = 1e-9;
        let time = self.busy + self.blocked;
        Measured {
            rate: self.bytes as f64 / self.began.elapsed().as_secs_f64().max(NOT_ZERO),
            blocked: match time.is_zero() {
                true => 1.0,
                false => self.blocked.as_secs_f64() / time.as_secs_f64(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_shows_the_share_of_waiting_and_the_rate() {
        let mut window = Window::new();
        assert_eq!(window.measured().blocked, 1.0, "nothing was moved");
        let second = Duration::from_secs(1);
        window.note(second, second);
        window.note(second, second * 5);
        window.bytes += 20;
        let Measured { rate, blocked } = window.measured();
        assert_eq!((window.parts, blocked), (2, 0.75));
        assert!(rate > 0.0);
    }
}
