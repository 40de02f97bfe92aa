//! Hill climbing: one step up or down a ladder of settings, which is kept only if it pays off.

/// After a step that did not pay off, the same step is not tried for this many windows, at first and at most
/// (chosen).
const FIRST_REST_WINDOWS: u32 = 4;
const LONGEST_REST_WINDOWS: u32 = 64;

/// The direction in which to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lean {
    /// Up to this position, at once.
    UpTo(usize),
    /// One step down.
    Down,
    /// No direction: keep the position.
    Stay,
}

/// Climbs a ladder of settings towards the fastest. A step that does not pay off is taken back. If it was several
/// rungs, half as many are tried next. If it was one rung, the same step rests, twice as long each time.
#[derive(Debug)]
pub(crate) struct HillClimb {
    position: usize,
    /// The position before the step that is being tried.
    trial: Option<usize>,
    /// How many steps up may be taken at once.
    stride: usize,
    rest: [Rest; 2],
}

/// For how many windows a direction is not tried.
#[derive(Clone, Copy, Debug)]
struct Rest {
    left: u32,
    next: u32,
}

impl HillClimb {
    /// Starts at `position`.
    pub(crate) fn new(position: usize) -> Self {
        const FIRST_REST: Rest = Rest {
            left: 0,
            next: FIRST_REST_WINDOWS,
        };
        HillClimb {
            position,
            trial: None,
            stride: usize::MAX,
            rest: [FIRST_REST; 2],
        }
    }

    /// The current position.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// From now on, the position must not be above `top`.
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

    /// Whether a step up may be taken or extended, because none has failed recently.
    pub(crate) fn may_rise(&self) -> bool {
        self.rest[1].left == 0 && self.trial.is_none_or(|from| self.position > from)
    }

    /// Extends the step up that is being tried.
    pub(crate) fn raise(&mut self, target: usize) {
        self.position = target.min(self.position.saturating_add(self.stride));
    }

    /// Ends a window. `pays` says whether the step that was tried in it pays off, if there was one, and `lean`
    /// what the threads' waiting suggests. Returns the position for the next window.
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
            self.rest[usize::from(self.position > from)].next = FIRST_REST_WINDOWS;
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
            rest.next = (rest.next * 2).min(LONGEST_REST_WINDOWS);
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
}
