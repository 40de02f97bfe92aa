//! Following the line: what a transfer does is measured window by window, and one step up or down is kept
//! only while it makes the transfer faster.

use crate::session::sync::lock;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Adds up what the threads of a transfer do until there is enough to judge by.
pub(crate) struct Pace {
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
pub(crate) struct Measured {
    /// Bytes of contents a second, all streams together.
    pub(crate) rate: f64,
    /// Share of the threads' time that they waited for the line, 0 to 1.
    pub(crate) blocked: f64,
}

impl Pace {
    /// Windows of at least this length.
    pub(crate) fn new(shortest: Duration) -> Self {
        Pace {
            shortest,
            window: Mutex::new(Window::new()),
        }
    }

    /// A thread worked for `busy` and waited for `blocked` to move a part of `bytes`. Gives what the
    /// window showed when this ends it: it is long enough, and has a few parts of each of `streams`.
    pub(crate) fn note(
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
        let measured = window.measured();
        *window = Window::new();
        Some(measured)
    }

    /// What the window that has begun shows so far, once there is more than one part of it.
    pub(crate) fn so_far(&self) -> Option<Measured> {
        let window = lock(&self.window);
        (window.parts > 1).then(|| window.measured())
    }

    /// What happened so far is not to be judged by.
    pub(crate) fn restart(&self) {
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

    fn measured(&self) -> Measured {
        let time = (self.busy + self.blocked).as_secs_f64();
        Measured {
            rate: self.bytes as f64 / self.began.elapsed().as_secs_f64().max(1e-9),
            blocked: self.blocked.as_secs_f64() / time.max(1e-9),
        }
    }
}

/// Which way might be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lean {
    /// Up to this position, at once.
    UpTo(usize),
    /// One step down.
    Down,
    /// Where it is.
    Stay,
}

/// A position on a ladder of settings that climbs towards the fastest. A step that does not pay is taken
/// back. After more than one at once, half as many are tried next; after a single one the same is not tried
/// again for a while, twice as long each time.
#[derive(Debug)]
pub(crate) struct HillClimb {
    position: usize,
    /// Where the step that is being tried began.
    trial: Option<usize>,
    /// How many steps up may be taken at once.
    stride: usize,
    rest: [Rest; 2],
}

/// How many windows a direction is left alone.
#[derive(Clone, Copy, Debug)]
struct Rest {
    left: u32,
    next: u32,
}

impl HillClimb {
    /// Starts at `position`.
    pub(crate) fn new(position: usize) -> Self {
        const FIRST_REST: Rest = Rest { left: 0, next: 4 };
        HillClimb {
            position,
            trial: None,
            stride: usize::MAX,
            rest: [FIRST_REST; 2],
        }
    }

    /// Where it is.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// It may not be above `top` any more.
    pub(crate) fn limit(&mut self, top: usize) {
        if self.position > top {
            self.position = top;
            self.trial = None;
        }
    }

    /// Whether a step is being tried.
    pub(crate) fn is_trying(&self) -> bool {
        self.trial.is_some()
    }

    /// Whether a step up may be taken, or the one that is being tried made longer: none failed a short while
    /// ago.
    pub(crate) fn may_rise(&self) -> bool {
        self.rest[1].left == 0 && self.trial.is_none_or(|from| self.position > from)
    }

    /// Makes the step up that is being tried longer.
    pub(crate) fn raise(&mut self, target: usize) {
        self.position = target.min(self.position.saturating_add(self.stride));
    }

    /// A window ended: `pays` says whether the step that was tried in it does, if one was, and `lean` what
    /// the threads' waiting suggests. Gives the position of the next window.
    pub(crate) fn step(&mut self, pays: bool, lean: Lean) -> usize {
        for rest in &mut self.rest {
            rest.left = rest.left.saturating_sub(1);
        }
        if let Some(from) = self.trial.take() {
            if !pays {
                self.take_back(from);
                return self.position;
            }
            self.stride = usize::MAX;
            self.rest[usize::from(self.position > from)].next = 4;
        }
        let target = match lean {
            Lean::UpTo(target) => {
                let reach = self.position.saturating_add(self.stride);
                target.min(reach).max(self.position)
            }
            Lean::Down => self.position.saturating_sub(1),
            Lean::Stay => self.position,
        };
        let way = usize::from(target > self.position);
        if target != self.position && self.rest[way].left == 0 {
            self.trial = Some(self.position);
            self.position = target;
        }
        self.position
    }

    fn take_back(&mut self, from: usize) {
        let steps = self.position.saturating_sub(from);
        if steps > 1 {
            self.stride = steps / 2;
        } else {
            let rest = &mut self.rest[usize::from(steps == 1)];
            rest.left = rest.next;
            rest.next = (rest.next * 2).min(64);
        }
        self.position = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_climbs_to_the_fastest_and_stays_near() {
        let mut climb = HillClimb::new(1);
        let mut visits = [0; 8];
        let mut before = 1;
        for window in 0..200_u32 {
            let here = climb.position();
            let is_nearer = here.abs_diff(5) < usize::abs_diff(before, 5);
            before = here;
            let lean = if here < 5 { Lean::UpTo(7) } else { Lean::Down };
            climb.step(is_nearer, lean);
            if window > 20 {
                visits[climb.position()] += 1;
            }
        }
        assert!(visits[5] > 150, "{visits:?}");
    }

    #[test]
    fn a_step_that_does_not_pay_is_taken_back_and_tried_ever_less() {
        let mut climb = HillClimb::new(0);
        let step = |_: &i32| climb.step(false, Lean::UpTo(1)) == 1;
        let tries = (0..100).filter(step).count();
        assert!((2..10).contains(&tries), "{tries}");
    }

    #[test]
    fn the_ladder_has_ends() {
        let mut climb = HillClimb::new(3);
        assert_eq!(climb.step(true, Lean::UpTo(3)), 3);
        assert_eq!(climb.step(true, Lean::UpTo(2)), 3, "up is not down");
        climb.limit(2);
        assert_eq!(climb.position(), 2);
        let mut climb = HillClimb::new(0);
        assert_eq!(climb.step(true, Lean::Down), 0);
        assert_eq!(climb.step(true, Lean::Stay), 0);
    }

    #[test]
    fn a_leap_that_was_too_far_is_halved() {
        let mut climb = HillClimb::new(3);
        assert_eq!(climb.step(true, Lean::UpTo(7)), 7);
        assert_eq!(climb.step(false, Lean::Down), 3);
        assert_eq!(climb.step(true, Lean::UpTo(7)), 5);
        assert_eq!(climb.step(true, Lean::Stay), 5);
    }

    #[test]
    fn a_step_up_is_made_longer_while_it_is_tried() {
        let mut climb = HillClimb::new(3);
        climb.step(true, Lean::UpTo(4));
        assert!(climb.may_rise());
        climb.raise(6);
        assert_eq!(climb.position(), 6);
        assert_eq!(climb.step(false, Lean::Stay), 3);
        climb.step(true, Lean::Down);
        assert!(!climb.may_rise(), "a step down is being tried");
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
