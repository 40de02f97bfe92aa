//! How far a transfer is: when to say it, how fast it goes, and the line that says so.

use crate::cli::output::format;
use crate::model::{in_memory, number64};
use crate::session::Progress;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How progress is shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressStyle {
    /// A bar that is drawn over and over.
    Bar,
    /// Whole lines, for logs.
    Lines,
    /// Not at all.
    Off,
}

/// Lets something through now and then.
pub(crate) struct Throttle {
    next: Instant,
    gap: Duration,
}

impl Throttle {
    /// A bar: the first time after 250 ms, so that short transfers show none, then at most 30 times a
    /// second.
    pub(crate) fn bar(start: Instant) -> Throttle {
        Throttle::new(start, Duration::from_millis(250), Duration::from_millis(34))
    }

    /// Lines in a log: every 5 s.
    pub(crate) fn lines(start: Instant) -> Throttle {
        Throttle::new(start, Duration::from_secs(5), Duration::from_secs(5))
    }

    /// JSON events: every second.
    pub(crate) fn events(start: Instant) -> Throttle {
        Throttle::new(start, Duration::from_secs(1), Duration::from_secs(1))
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

/// Measures the speed over the last few seconds.
pub(crate) struct Speed {
    samples: VecDeque<(Instant, u64)>,
}

impl Speed {
    const WINDOW: Duration = Duration::from_secs(5);
    const GAP: Duration = Duration::from_millis(100);

    /// Starts with what was there before anything moved.
    pub(crate) fn new(start: Instant, bytes: u64) -> Speed {
        Speed {
            samples: VecDeque::from([(start, bytes)]),
        }
    }

    /// Takes note of how many bytes are there and gives the speed in bytes a second.
    pub(crate) fn measure(&mut self, now: Instant, bytes: u64) -> u64 {
        let newest = self.samples.back().map_or(now, |(time, _)| *time);
        if now.saturating_duration_since(newest) >= Self::GAP {
            self.samples.push_back((now, bytes));
        }
        while self.samples.len() > 2
            && now.saturating_duration_since(self.samples[0].0) > Self::WINDOW
        {
            self.samples.pop_front();
        }
        let Some((since, before)) = self.samples.front() else {
            return 0;
        };
        format::bytes_per_second(
            bytes.saturating_sub(*before),
            now.saturating_duration_since(*since),
        )
    }
}

/// Whether the bar may be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Yes.
    Allowed,
    /// No: `NO_COLOR` is set.
    Plain,
}

/// The bar, at most 76 columns wide: std cannot ask a terminal for its width, and 80 is the least.
pub(crate) fn bar(progress: Progress, rate: u64, colour: Colour) -> String {
    const CELLS: u64 = 20;
    let Some(total) = progress.total else {
        return line(progress, rate);
    };
    let filled = in_memory(CELLS * permille(progress.bytes, total) / 1000);
    let (on, off) = match colour {
        Colour::Allowed => ("\x1b[32m", "\x1b[0m"),
        Colour::Plain => ("", ""),
    };
    let cells = in_memory(CELLS);
    format!(
        "[{on}{}{off}{}] {}",
        "#".repeat(filled),
        ".".repeat(cells - filled),
        line(progress, rate)
    )
}

/// The same in words.
pub(crate) fn line(progress: Progress, rate: u64) -> String {
    let bytes = format::size(progress.bytes);
    let speed = format::rate(rate);
    let Some(total) = progress.total else {
        return format!("{bytes}, {speed}");
    };
    let percent = permille(progress.bytes, total) / 10;
    let rest = match total.saturating_sub(progress.bytes).checked_div(rate) {
        Some(seconds) if seconds < 100 * 3600 => format!(", {} left", clock(seconds)),
        _ => String::new(),
    };
    format!("{percent:3}% of {}, {speed}{rest}", format::size(total))
}

fn permille(bytes: u64, total: u64) -> u64 {
    if total == 0 {
        return 1000;
    }
    number64(u128::from(bytes.min(total)) * 1000 / u128::from(total))
}

/// `0:07`, `12:30`, `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(mut throttle: Throttle, start: Instant, step: u64, end: u64) -> Vec<u64> {
        let times = (0..=end).step_by(step as usize);
        times
            .filter(|time| throttle.passes(start + Duration::from_millis(*time)))
            .collect()
    }

    #[test]
    fn a_bar_first_shows_after_250_ms_and_then_at_most_30_times_a_second() {
        let start = Instant::now();
        let drawn = passed(Throttle::bar(start), start, 1, 1250);
        assert_eq!(drawn[0], 250);
        assert!(drawn.len() <= 31, "{}", drawn.len());
        assert!(drawn.windows(2).all(|pair| pair[1] - pair[0] >= 33));
    }

    #[test]
    fn logs_get_a_line_every_5_s_and_programs_an_event_a_second() {
        let start = Instant::now();
        let lines = passed(Throttle::lines(start), start, 100, 12_000);
        assert_eq!(lines, [5000, 10_000]);
        let events = passed(Throttle::events(start), start, 300, 3600);
        assert_eq!(events, [1200, 2400, 3600]);
    }

    #[test]
    fn the_speed_leaves_out_what_was_there_before() {
        let start = Instant::now();
        let mut speed = Speed::new(start, 1_000_000);
        assert_eq!(speed.measure(start, 1_000_000), 0);
        assert_eq!(
            speed.measure(start + Duration::from_secs(2), 1_002_000),
            1000
        );
    }

    #[test]
    fn the_speed_forgets_after_a_few_seconds() {
        let start = Instant::now();
        let mut speed = Speed::new(start, 0);
        for second in 1..=60 {
            speed.measure(
                start + Duration::from_secs(second),
                10_000_000 + second * 10,
            );
        }
        let now = start + Duration::from_secs(61);
        assert_eq!(speed.measure(now, 10_000_610), 10);
        assert!(speed.samples.len() < 60);
    }

    #[test]
    fn a_bar_fits_80_columns_at_any_size() {
        let progress = Progress {
            bytes: u64::MAX - 1,
            total: Some(u64::MAX),
            wire_bytes: 0,
        };
        assert!(bar(progress, u64::MAX, Colour::Plain).len() <= 76);
        let slow = Progress {
            bytes: 1023,
            total: Some(1023 * 1024 * 1024),
            wire_bytes: 0,
        };
        assert!(bar(slow, 1024 * 1023, Colour::Plain).len() <= 76);
    }

    #[test]
    fn what_a_bar_says() {
        let progress = Progress {
            bytes: 50 << 20,
            total: Some(200 << 20),
            wire_bytes: 0,
        };
        assert_eq!(
            bar(progress, 10 << 20, Colour::Plain),
            "[#####...............]  25% of 200.0 MiB, 10.0 MiB/s, 0:15 left"
        );
        assert_eq!(
            line(
                Progress {
                    total: None,
                    ..progress
                },
                1024
            ),
            "50.0 MiB, 1.0 KiB/s"
        );
    }

    #[test]
    fn an_empty_or_stalled_transfer_divides_by_nothing() {
        let empty = Progress {
            bytes: 0,
            total: Some(0),
            wire_bytes: 0,
        };
        assert!(bar(empty, 0, Colour::Plain).contains("100%"));
        let stalled = Progress {
            bytes: 0,
            total: Some(5),
            wire_bytes: 0,
        };
        assert!(!line(stalled, 0).contains("left"));
    }

    #[test]
    fn colour_is_switched_off() {
        let progress = Progress {
            bytes: 1,
            total: Some(1),
            wire_bytes: 0,
        };
        assert!(bar(progress, 1, Colour::Allowed).contains('\x1b'));
        assert!(!bar(progress, 1, Colour::Plain).contains('\x1b'));
    }
}
