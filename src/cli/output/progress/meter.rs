//! Measures a transfer: its speed, the time left, and whether it stalls.

use crate::cli::output::format;
use crate::session::Progress;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The speed is measured over this time.
const WINDOW: Duration = Duration::from_secs(5);
/// The time between two samples of the speed.
const GAP: Duration = Duration::from_millis(100);
/// A transfer without progress for this long has stalled.
const STALL: Duration = Duration::from_secs(3);
/// The time between two points of the curve.
const CURVE_GAP: Duration = Duration::from_secs(1);
/// The most points of the curve.
pub(crate) const CURVE_POINTS: usize = 12;

/// The measurements of a running transfer.
pub(crate) struct Meter {
    samples: VecDeque<(Instant, u64)>,
    latest: Progress,
    /// When bytes moved last.
    moved_at: Instant,
    /// When it will be done, according to the latest estimate shown.
    end: Option<Instant>,
    curve: VecDeque<u64>,
    curve_at: Instant,
    limit: Option<u64>,
}

/// The values of a meter at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) bytes: u64,
    pub(crate) total: Option<u64>,
    /// Bytes a second.
    pub(crate) rate: u64,
    pub(crate) left: Option<Duration>,
    /// For how long there was no progress, if that is long enough to show.
    pub(crate) stalled: Option<Duration>,
    /// The speed of the last seconds, oldest first.
    pub(crate) curve: Vec<u64>,
    /// The rate limit on the network, in bytes a second. The rate of contents can be higher, because they are
    /// compressed.
    pub(crate) limit: Option<u64>,
}

impl Meter {
    /// Starts with the bytes that need not be sent.
    pub(crate) fn new(start: Instant, bytes: u64, total: Option<u64>) -> Meter {
        Meter {
            samples: VecDeque::from([(start, bytes)]),
            latest: Progress {
                bytes,
                total,
                wire_bytes: 0,
            },
            moved_at: start,
            end: None,
            curve: VecDeque::new(),
            curve_at: start,
            limit: None,
        }
    }

    /// The same meter, with a rate limit.
    pub(crate) fn with_limit(self, limit: Option<u64>) -> Meter {
        Meter { limit, ..self }
    }

    /// Records that bytes have moved.
    pub(crate) fn note(&mut self, now: Instant, progress: Progress) {
        if progress.bytes > self.latest.bytes {
            self.moved_at = now;
        }
        self.latest = progress;
        self.sample(now);
    }

    /// Reads the meter.
    pub(crate) fn read(&mut self, now: Instant) -> Reading {
        self.sample(now);
        let rate = self.rate(now);
        if now.saturating_duration_since(self.curve_at) >= CURVE_GAP {
            self.curve_at = now;
            self.curve.push_back(rate);
            if self.curve.len() > CURVE_POINTS {
                self.curve.pop_front();
            }
        }
        let idle = now.saturating_duration_since(self.moved_at);
        Reading {
            bytes: self.latest.bytes,
            total: self.latest.total,
            rate,
            left: self.left(now, rate),
            stalled: (idle >= STALL).then_some(idle),
            curve: self.curve.iter().copied().collect(),
            limit: self.limit,
        }
    }

    fn sample(&mut self, now: Instant) {
        let newest = self.samples.back().map_or(now, |(time, _)| *time);
        if now.saturating_duration_since(newest) >= GAP {
            self.samples.push_back((now, self.latest.bytes));
        }
        let is_old = |(time, _): &(Instant, u64)| now.saturating_duration_since(*time) > WINDOW;
        while self.samples.len() > 2 && self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
    }

    fn rate(&self, now: Instant) -> u64 {
        let Some((since, before)) = self.samples.front() else {
            return 0;
        };
        format::bytes_per_second(
            self.latest.bytes.saturating_sub(*before),
            now.saturating_duration_since(*since),
        )
    }

    /// The time left, which counts down steadily: a new estimate replaces the previous one only if it differs a
    /// lot.
    fn left(&mut self, now: Instant, rate: u64) -> Option<Duration> {
        const LONGEST: u64 = 100 * 3600;
        let lacking = self.latest.total?.saturating_sub(self.latest.bytes);
        let seconds = lacking.checked_div(rate)?;
        if seconds >= LONGEST {
            self.end = None;
            return None;
        }
        let estimate = Duration::from_secs(seconds);
        let told = self.end.map(|end| end.saturating_duration_since(now));
        let tolerance = (estimate / 5).max(Duration::from_secs(2));
        Some(match told {
            Some(told) if told.abs_diff(estimate) <= tolerance => told,
            _ => {
                self.end = Some(now + estimate);
                estimate
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bytes: u64) -> Progress {
        Progress {
            bytes,
            total: Some(1_000_000),
            wire_bytes: 0,
        }
    }

    #[test]
    fn the_speed_leaves_out_what_was_there_before() {
        let start = Instant::now();
        let mut meter = Meter::new(start, 500_000, Some(1_000_000));
        assert_eq!(meter.read(start).rate, 0);
        let now = start + Duration::from_secs(2);
        meter.note(now, at(502_000));
        assert_eq!(meter.read(now).rate, 1000);
    }

    #[test]
    fn the_speed_forgets_after_a_few_seconds() {
        let start = Instant::now();
        let mut meter = Meter::new(start, 0, Some(1_000_000));
        for second in 1..=60 {
            let now = start + Duration::from_secs(second);
            meter.note(now, at(500_000 + second * 10));
        }
        assert_eq!(meter.read(start + Duration::from_secs(60)).rate, 10);
        assert!(meter.samples.len() < 60);
    }

    #[test]
    fn a_stall_is_noticed_and_its_speed_is_none() {
        let start = Instant::now();
        let mut meter = Meter::new(start, 0, Some(1_000_000));
        meter.note(start + Duration::from_secs(1), at(100_000));
        let reading = |meter: &mut Meter, seconds: u64| {
            (1..seconds * 10).fold(Reading::default(), |_, tenth| {
                meter.read(start + Duration::from_secs(1) + Duration::from_millis(tenth * 100))
            })
        };
        assert_eq!(reading(&mut meter, 2).stalled, None);
        let stalled = reading(&mut meter, 13);
        assert_eq!(
            stalled.rate, 0,
            "nothing has moved for longer than is measured"
        );
        assert_eq!(stalled.left, None);
        assert_eq!(stalled.stalled.unwrap().as_secs(), 12);
        let now = start + Duration::from_secs(15);
        meter.note(now, at(200_000));
        assert_eq!(meter.read(now).stalled, None);
        meter.note(now, at(1_000_000));
        let later = meter.read(now + Duration::from_secs(60));
        let stalled = later.stalled.unwrap().as_secs();
        assert_eq!(stalled, 60, "sent is not yet confirmed");
    }

    #[test]
    fn the_time_left_counts_down_and_does_not_jump() {
        let start = Instant::now();
        let mut meter = Meter::new(start, 0, Some(1_000_000));
        let mut told = Vec::new();
        for second in 1..=50 {
            let now = start + Duration::from_secs(second);
            // The speed varies by a tenth.
            let sway = if second % 2 == 0 { 900 } else { 0 };
            meter.note(now, at(second * 10_000 + sway));
            told.extend(meter.read(now).left.map(|left| left.as_secs()));
        }
        let jumps = told
            .windows(2)
            .filter(|pair| pair[1] > pair[0] || pair[0] - pair[1] > 1);
        assert_eq!(jumps.count(), 0, "{told:?}");
        assert!((49..=51).contains(told.last().unwrap()), "{told:?}");
    }

    #[test]
    fn the_curve_has_an_end() {
        let start = Instant::now();
        let mut meter = Meter::new(start, 0, Some(1_000_000));
        for second in 1..=100 {
            meter.read(start + Duration::from_secs(second));
        }
        let reading = meter.read(start + Duration::from_secs(100));
        assert_eq!(reading.curve.len(), CURVE_POINTS);
    }
}
