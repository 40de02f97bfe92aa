//! Following the line: what a transfer does is measured window by window, and one step up or down is kept
//! only while it makes the transfer faster.

use super::heartbeat::lock;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Adds up what the threads of a transfer do until there is enough to judge by.
pub(super) struct Pace {
    shortest: Duration,
    window: Mutex<Window>,
}

struct Window {
    began: Instant,
    bytes: u64,
    parts: u32,
    busy: Duration,
    blocked: Duration,
}

/// What one window showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// Bytes of contents a second, all streams together.
    pub(super) rate: f64,
    /// Share of the threads' time that they waited for the line, 0 to 1.
    pub(super) blocked: f64,
}

impl Pace {
    /// Windows of at least this length.
    pub(super) fn new(shortest: Duration) -> Self {
        Pace {
            shortest,
            window: Mutex::new(Window::new()),
        }
    }

    /// A thread worked for `busy` and waited for `blocked` to move a part of `bytes`. Gives what the
    /// window showed when this ends it: it is long enough, and has a few parts of each of `streams`.
    pub(super) fn note(
        &self,
        bytes: usize,
        busy: Duration,
        blocked: Duration,
        streams: usize,
    ) -> Option<Measured> {
        const PARTS_OF_EACH: usize = 2;
        let mut window = lock(&self.window);
        window.bytes += bytes as u64;
        window.parts += 1;
        window.busy += busy;
        window.blocked += blocked;
        let length = window.began.elapsed();
        if length < self.shortest || (window.parts as usize) < streams * PARTS_OF_EACH {
            return None;
        }
        let measured = Measured {
            rate: window.bytes as f64 / length.as_secs_f64(),
            blocked: window.blocked.as_secs_f64()
                / (window.busy + window.blocked).as_secs_f64().max(1e-9),
        };
        *window = Window::new();
        Some(measured)
    }

    /// What happened so far is not to be judged by.
    pub(super) fn restart(&self) {
        *lock(&self.window) = Window::new();
    }
}

impl Window {
    fn new() -> Self {
        Window {
            began: Instant::now(),
            bytes: 0,
            parts: 0,
            busy: Duration::ZERO,
            blocked: Duration::ZERO,
        }
    }
}

/// Which way might be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lean {
    /// One step up.
    Up,
    /// One step down.
    Down,
    /// Where it is.
    Stay,
}

/// A position on a ladder of settings that climbs towards the fastest. A step that does not pay is taken
/// back, and the same step is not tried again for a while, twice as long each time.
#[derive(Debug)]
pub(super) struct Climb {
    position: usize,
    top: usize,
    gain: f64,
    trial: Option<Trial>,
    rest: [Rest; 2],
}

#[derive(Debug)]
struct Trial {
    from: usize,
    rate: f64,
    lean: Lean,
}

/// How many windows a direction is left alone.
#[derive(Clone, Copy, Debug)]
struct Rest {
    left: u32,
    next: u32,
}

impl Climb {
    /// Starts at `position` of a ladder whose last position is `top`. A step is kept when it makes the
    /// transfer faster by the factor `gain`.
    pub(super) fn new(position: usize, top: usize, gain: f64) -> Self {
        const FIRST_REST: Rest = Rest { left: 0, next: 4 };
        Climb {
            position: position.min(top),
            top,
            gain,
            trial: None,
            rest: [FIRST_REST; 2],
        }
    }

    /// Where it is.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// A window ended at `rate`; `lean` says what its threads' waiting suggests. Gives the position of
    /// the next window.
    pub(super) fn step(&mut self, rate: f64, lean: Lean) -> usize {
        for rest in &mut self.rest {
            rest.left = rest.left.saturating_sub(1);
        }
        if let Some(trial) = self.trial.take() {
            let rest = self.rest_of(trial.lean);
            if rate < trial.rate * self.gain {
                let rest = &mut self.rest[rest];
                rest.left = rest.next;
                rest.next = (rest.next * 2).min(64);
                self.position = trial.from;
                return self.position;
            }
            self.rest[rest].next = 4;
        }
        let target = match lean {
            Lean::Up if self.position < self.top => self.position + 1,
            Lean::Down if self.position > 0 => self.position - 1,
            _ => return self.position,
        };
        if self.rest[self.rest_of(lean)].left == 0 {
            self.trial = Some(Trial {
                from: self.position,
                rate,
                lean,
            });
            self.position = target;
        }
        self.position
    }

    fn rest_of(&self, lean: Lean) -> usize {
        usize::from(lean == Lean::Up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate at each position of a line that is fastest at `best`.
    fn rate(position: usize, best: usize) -> f64 {
        100.0 - 10.0 * (position as f64 - best as f64).abs()
    }

    #[test]
    fn it_climbs_to_the_fastest_and_stays_near() {
        let mut climb = Climb::new(1, 7, 1.02);
        let mut visits = [0; 8];
        for window in 0..200 {
            let here = climb.position();
            let lean = if here < 5 { Lean::Up } else { Lean::Down };
            climb.step(rate(here, 5), lean);
            if window > 20 {
                visits[climb.position()] += 1;
            }
        }
        assert!(visits[5] > 150, "{visits:?}");
    }

    #[test]
    fn a_step_that_does_not_pay_is_taken_back_and_tried_ever_less() {
        let mut climb = Climb::new(0, 3, 1.1);
        let tries = (0..100).filter(|_| climb.step(50.0, Lean::Up) == 1).count();
        assert!((2..10).contains(&tries), "{tries}");
    }

    #[test]
    fn the_ladder_has_ends() {
        let mut climb = Climb::new(9, 3, 1.0);
        assert_eq!(climb.position(), 3);
        assert_eq!(climb.step(1.0, Lean::Up), 3);
        let mut climb = Climb::new(0, 3, 1.0);
        assert_eq!(climb.step(1.0, Lean::Down), 0);
        assert_eq!(climb.step(1.0, Lean::Stay), 0);
    }

    #[test]
    fn a_window_ends_when_each_stream_had_its_parts() {
        let pace = Pace::new(Duration::ZERO);
        let second = Duration::from_secs(1);
        assert!(pace.note(10, second, second, 1).is_none());
        let measured = pace.note(10, second, second * 5, 1).unwrap();
        assert_eq!(measured.blocked, 0.75);
        assert!(measured.rate > 0.0);
        assert!(pace.note(10, second, second, 1).is_none(), "a new window");
        let patient = Pace::new(Duration::from_secs(3600));
        for _ in 0..10 {
            assert!(patient.note(10, second, second, 1).is_none());
        }
    }
}
