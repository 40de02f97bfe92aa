//! How many streams a transfer uses: more are tried, and kept if the line then carries more.

use crate::session::tuning::window::Measured;

/// If the threads wait for more than this share of their time, the line is the limit (chosen).
const LINE_BOUND: f64 = 0.5;

/// More streams must raise the rate by this factor, or they rest again (chosen).
const WORTH: f64 = 1.1;

/// If twice the streams raise the rate by this factor, each stream is limited by itself (its buffers, losses) and
/// not by what all share, so doubling them again is worth a try (chosen).
const SHARED_LITTLE: f64 = 1.5;

/// Below this share of the best rate so far, the streams have collapsed (chosen).
const COLLAPSED: f64 = 0.5;

/// A transfer of fewer windows than this is too short to judge by (chosen).
const HURRY: u64 = 8;

/// After a collapse, the streams are multiplied by at most this factor at once (chosen).
const LEAP: u16 = 8;

/// Windows until the next try after one that brought little. Doubled after each (chosen).
const FIRST_REST: u32 = 16;
const LONGEST_REST: u32 = 256;

/// A stream that is limited by its own window or losses has at least this many bytes in flight: four segments
/// (chosen; TCP goes no lower after a loss). With fewer, it waits for the line's queue.
const LEAST_UNDER_WAY: f64 = 6000.0;

/// The work left for streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Parts that are still to be moved.
    pub(crate) left: u64,
    /// How many streams fit into memory.
    pub(crate) room: usize,
}

/// The figures of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) measured: Measured,
    /// Parts that were moved.
    pub(crate) parts: u32,
    pub(crate) work: Work,
    /// The round trip of the idle line, in seconds.
    pub(crate) round_trip: f64,
}

/// Decides after each window. The first window after a change is not judged: in it, streams start and buffers
/// fill.
#[derive(Debug)]
pub(crate) struct StreamTuner {
    most: u16,
    count: u16,
    phase: Phase,
    /// The best rate so far, in bytes a second.
    best: f64,
    rest: u32,
    next_rest: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The transfer has just begun.
    Beginning,
    /// Streams have just been added.
    Settling(Before),
    /// Streams were added, and are now judged.
    Trying(Before),
    Steady,
}

/// The state before streams were added.
#[derive(Clone, Copy, Debug)]
struct Before {
    count: u16,
    rate: f64,
}

impl StreamTuner {
    /// Begins with `count` streams of at most `most`.
    pub(crate) fn new(count: u16, most: u16) -> Self {
        StreamTuner {
            most,
            count: count.min(most),
            phase: Phase::Beginning,
            best: 0.0,
            rest: 0,
            next_rest: FIRST_REST,
        }
    }

    /// How many streams take parts.
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    /// The length of the current window, in units of the time that a stream needs to start. Windows that are
    /// judged are longer, because a sender sees a line in bursts.
    pub(crate) fn window_lengths(&self) -> u32 {
        match self.phase {
            Phase::Beginning | Phase::Settling(_) => 1,
            Phase::Trying(_) | Phase::Steady => 2,
        }
    }

    /// Whether nothing was measured yet.
    pub(crate) fn is_beginning(&self) -> bool {
        matches!(self.phase, Phase::Beginning)
    }

    /// How many streams there may soon be, since the next try may follow at once.
    pub(crate) fn soon(&self) -> u16 {
        let times = match self.phase {
            Phase::Steady => 1,
            // Two tries may come before anything is known, and a high level must leave memory for them.
            Phase::Beginning => 4,
            Phase::Settling(_) | Phase::Trying(_) => 2,
        };
        self.count.saturating_mul(times).min(self.most)
    }

    /// Ends a window. Returns how many streams take parts from now on.
    pub(crate) fn step(&mut self, seen: Seen) -> u16 {
        let Measured { rate, blocked } = seen.measured;
        if seen.work.left == 0 {
            // The last parts are running out, which proves nothing.
            return self.count;
        }
        let under_way = rate * seen.round_trip / f64::from(self.count);
        let may_grow = blocked > LINE_BOUND
            && under_way > LEAST_UNDER_WAY
            && self.count < self.most
            && seen.work.left >= self.count.into();
        let has_room = usize::from(self.count) * 2 <= seen.work.room;
        let has_collapsed = rate < self.best * COLLAPSED;
        let is_short = seen.work.left < HURRY * u64::from(seen.parts);
        match self.phase {
            // The transfer is too short to judge anything. Most of it is sent while streams are still starting,
            // and many streams start faster than few.
            Phase::Settling(_) if self.best == 0.0 && is_short && may_grow && has_room => {
                self.grow(rate, 2)
            }
            Phase::Settling(before) => self.phase = Phase::Trying(before),
            Phase::Beginning if may_grow && has_room => self.grow(rate, 2),
            Phase::Beginning => self.phase = Phase::Steady,
            // After a collapse, speed matters more than memory.
            _ if may_grow && has_collapsed => {
                let lost = (2..=LEAP).rfind(|&times| rate.max(1.0) * f64::from(times) <= self.best);
                self.best = rate;
                self.grow(rate, lost.unwrap_or(2));
            }
            Phase::Trying(before) => self.judge(before, rate, may_grow && has_room),
            Phase::Steady => {
                self.best = self.best.max(rate);
                self.rest = self.rest.saturating_sub(1);
                if may_grow && has_room && self.rest == 0 {
                    self.grow(rate, 2);
                }
            }
        }
        self.count
    }

    fn judge(&mut self, before: Before, rate: f64, may_grow: bool) {
        let gain = rate / before.rate.max(1.0);
        self.phase = Phase::Steady;
        self.best = self.best.max(rate);
        if gain >= SHARED_LITTLE {
            self.next_rest = FIRST_REST;
            self.rest = 0;
            if may_grow {
                self.grow(rate, 2);
            }
            return;
        }
        self.rest = self.next_rest;
        self.next_rest = (self.next_rest * 2).min(LONGEST_REST);
        if gain < WORTH {
            self.count = before.count;
            self.best = rate;
        }
    }

    fn grow(&mut self, rate: f64, times: u16) {
        let count = self.count;
        self.count = count.saturating_mul(times).min(self.most);
        self.phase = Phase::Settling(Before { count, rate });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: f64 = 1e6;

    fn seen(rate: f64, blocked: f64, parts: u32, left: u64) -> Seen {
        Seen {
            measured: Measured { rate, blocked },
            parts,
            work: Work {
                left,
                room: usize::MAX,
            },
            round_trip: FAR,
        }
    }

    /// The counts after each of `windows`, on a line that carries `rate(streams, window)`.
    fn counts(windows: u32, rate: impl Fn(u16, u32) -> f64) -> Vec<u16> {
        let mut tuner = StreamTuner::new(4, 64);
        let step = |window| {
            let rate = rate(tuner.count(), window);
            tuner.step(seen(rate, 0.9, 10, u64::MAX))
        };
        (0..windows).map(step).collect()
    }

    #[test]
    fn streams_that_are_each_held_back_get_as_many_as_fill_the_line() {
        let counts = counts(60, |streams, _| (f64::from(streams) * 12.0).min(100.0));
        let at_work = |count| counts.iter().filter(|&&c| c == count).count();
        assert!(counts.iter().all(|&count| count <= 16), "{counts:?}");
        assert!(at_work(8) > 45, "{counts:?}");
    }

    #[test]
    fn where_each_stream_brings_as_much_as_the_first_there_are_as_many_as_may_be() {
        let counts = counts(20, |streams, _| f64::from(streams));
        assert_eq!(*counts.last().unwrap(), 64, "{counts:?}");
    }

    #[test]
    fn a_full_line_keeps_the_first_streams() {
        let counts = counts(100, |_, _| 100.0);
        let tried = counts.iter().filter(|&&count| count > 4).count();
        assert_eq!(*counts.iter().max().unwrap(), 8);
        assert!(tried < 15, "{counts:?}");
        assert_eq!(*counts.last().unwrap(), 4);
    }

    /// Models streams that start as on an empty line and lose their speed at each lost packet.
    #[test]
    fn a_collapse_brings_many_streams_at_once() {
        let burst = |streams: u16, window: u32| match window {
            0..5 => 100.0,
            _ => f64::from(streams),
        };
        let counts = counts(12, burst);
        assert_eq!(*counts.last().unwrap(), 64, "{counts:?}");
    }

    #[test]
    fn the_last_windows_of_a_transfer_are_no_collapse() {
        let mut tuner = StreamTuner::new(4, 64);
        for _ in 0..10 {
            tuner.step(seen(100.0, 1.0, 10, 1000));
        }
        for left in [3, 0, 0, 0] {
            assert_eq!(tuner.step(seen(0.0, 1.0, 0, left)), 4);
        }
    }

    #[test]
    fn a_short_transfer_does_not_wait_for_a_judgement() {
        let mut tuner = StreamTuner::new(4, 64);
        assert_eq!(tuner.step(seen(1.0, 0.9, 4, 50)), 8);
        assert_eq!(tuner.step(seen(5.0, 0.9, 10, 40)), 16);
        assert_eq!(tuner.step(seen(9.0, 0.9, 20, 20)), 32);
        assert_eq!(tuner.step(seen(9.0, 0.9, 20, 10)), 32);
    }

    #[test]
    fn without_memory_no_more_streams_are_tried_unless_the_line_collapses() {
        let mut tuner = StreamTuner::new(4, 64);
        let tight = |rate| {
            let mut seen = seen(rate, 1.0, 10, 1000);
            seen.work.room = 7;
            seen
        };
        for _ in 0..100 {
            assert_eq!(tuner.step(tight(100.0)), 4);
        }
        assert_eq!(tuner.step(tight(40.0)), 8);
    }

    #[test]
    fn a_busy_processor_needs_no_streams() {
        let mut tuner = StreamTuner::new(4, 64);
        for _ in 0..10 {
            assert_eq!(tuner.step(seen(1.0, 0.2, 10, 1000)), 4);
        }
    }

    #[test]
    fn where_a_stream_has_next_to_nothing_under_way_more_of_them_only_stand_in_line() {
        let mut tuner = StreamTuner::new(4, 64);
        assert_eq!(tuner.soon(), 16);
        let near = Seen {
            round_trip: 0.0005,
            ..seen(12e6, 0.95, 10, 1000)
        };
        assert_eq!(tuner.step(near), 4);
        assert_eq!(tuner.soon(), 4);
        let far = Seen {
            round_trip: 0.08,
            ..near
        };
        assert_eq!(tuner.step(far), 8);
        assert_eq!(tuner.soon(), 16);
    }
}
