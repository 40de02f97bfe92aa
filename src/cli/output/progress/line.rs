//! The line that shows a reading of the meter, fitted to the columns of the terminal.

use super::meter::Reading;
use crate::cli::output::colour::Colour;
use crate::cli::output::{format, width};
use std::time::Duration;

const GREEN: &str = "32";
const YELLOW: &str = "33";
const BAR: std::ops::RangeInclusive<usize> = 8..=24;
/// The fewest columns of a name that are of any use.
const SHORTEST_NAME: usize = 10;

const GAP: &str = "  ";

/// The reading in at most `columns`: the most important parts first, then what fits. `name` is the current file,
/// escaped; `other` is the peer that a stalled transfer waits for.
pub(crate) fn draw(
    reading: &Reading,
    name: &str,
    other: &str,
    columns: usize,
    colour: Colour,
) -> String {
    let is_wide = columns >= 60;
    let essence = match reading.total {
        Some(total) => format!("{:>3}%", percent(reading.bytes, total)),
        None => format::size(reading.bytes),
    };
    let mut room = columns.saturating_sub(width::of_text(&essence));
    let mut take = |piece: Option<String>| {
        let width = width::of_text(piece.as_deref()?) + GAP.len();
        room = room.checked_sub(width)?;
        piece
    };
    // In the order of their importance.
    let rate = take(Some(match reading.stalled {
        Some(time) if is_wide => stalled(time, other),
        Some(time) => format!("stalled {} s", time.as_secs()),
        None if is_wide => rate_and_limit(reading),
        None => format::rate(reading.rate),
    }));
    let left = reading.left.filter(|_| reading.stalled.is_none());
    let left = take(left.map(|left| format!("{} left", clock(left))));
    let total = reading.total;
    let amount = take(total.map(|total| format::part(reading.bytes, total)));
    let cells = (columns / 5).clamp(*BAR.start(), *BAR.end());
    let bar = total.filter(|_| is_wide);
    let bar = take(bar.map(|total| cells_of(reading.bytes, total, cells)));
    let curve = take((is_wide && !reading.curve.is_empty()).then(|| curve(&reading.curve)));
    let name = (room >= SHORTEST_NAME + GAP.len() && !name.is_empty())
        .then(|| width::tail(name, room - GAP.len()));
    let bar = bar.map(|bar| colour.paint(GREEN, &bar));
    let rate = rate.map(|rate| match reading.stalled {
        Some(_) => colour.paint(YELLOW, &rate),
        None => rate,
    });
    let pieces = [bar, Some(essence), amount, rate, left, curve, name];
    let pieces: Vec<String> = pieces.into_iter().flatten().collect();
    pieces.join(GAP).trim_start().to_owned()
}

/// The reading in words, for logs.
pub(crate) fn words(reading: &Reading, other: &str) -> String {
    let mut text = match reading.total {
        Some(total) => format!(
            "{}% of {}",
            percent(reading.bytes, total),
            format::size(total)
        ),
        None => format::size(reading.bytes),
    };
    text.push_str(", ");
    text.push_str(&match reading.stalled {
        Some(time) => stalled(time, other),
        None => rate_and_limit(reading),
    });
    if let Some(left) = reading.left.filter(|_| reading.stalled.is_none()) {
        text.push_str(&format!(", {} left", clock(left)));
    }
    text
}

/// The speed of contents, and the rate limit. The two can differ if contents are compressed.
fn rate_and_limit(reading: &Reading) -> String {
    let rate = format::rate(reading.rate);
    match reading.limit {
        Some(limit) => format!("{rate} (limit {} on the network)", format::rate(limit)),
        None => rate,
    }
}

fn stalled(time: Duration, other: &str) -> String {
    format!("stalled for {} s: waiting for {other}", time.as_secs())
}

fn cells_of(bytes: u64, total: u64, cells: usize) -> String {
    let inner = cells.saturating_sub(2);
    let filled = inner * percent(bytes, total) / 100;
    format!("[{}{}]", "#".repeat(filled), ".".repeat(inner - filled))
}

/// The speed of the last seconds as a curve, from the lowest step for zero to the highest for the maximum.
fn curve(rates: &[u64]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = rates.iter().copied().max().unwrap_or(0);
    let step = |rate: &u64| STEPS[(STEPS.len() - 1) * percent(*rate, most.max(1)) / 100];
    rates.iter().map(step).collect()
}

fn percent(bytes: u64, total: u64) -> usize {
    let scaled = u128::from(bytes.min(total)) * 100;
    let percent = scaled.checked_div(u128::from(total)).unwrap_or(100);
    usize::try_from(percent).unwrap_or(100)
}

/// `0:07`, `12:30`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            bytes: 50 << 20,
            total: Some(200 << 20),
            rate: 10 << 20,
            left: Some(Duration::from_secs(15)),
            stalled: None,
            curve: vec![0, 5 << 20, 10 << 20],
            limit: None,
        }
    }

    fn plain(reading: &Reading, columns: usize) -> String {
        draw(
            reading,
            "photos/写真.jpg",
            "the receiver",
            columns,
            Colour::Plain,
        )
    }

    #[test]
    fn what_a_line_shows_at_each_width() {
        let reading = reading();
        assert_eq!(plain(&reading, 20), "25%  10.0 MiB/s");
        assert_eq!(
            plain(&reading, 40),
            "25%  10.0 MiB/s  0:15 left  ../写真.jpg"
        );
        assert_eq!(
            plain(&reading, 50),
            "25%  50.0 of 200.0 MiB  10.0 MiB/s  0:15 left"
        );
        assert_eq!(
            plain(&reading, 79),
            "[###..........]   25%  50.0 of 200.0 MiB  10.0 MiB/s  0:15 left  ▁▄█"
        );
        assert_eq!(
            plain(&reading, 200),
            "[#####.................]   25%  50.0 of 200.0 MiB  10.0 MiB/s  0:15 left  ▁▄█  \
             photos/写真.jpg"
        );
    }

    #[test]
    fn no_line_is_wider_than_its_columns() {
        let huge = Reading {
            bytes: u64::MAX - 1,
            total: Some(u64::MAX),
            rate: u64::MAX,
            left: Some(Duration::from_secs(99 * 3600)),
            curve: vec![7; 12],
            stalled: None,
            limit: Some(u64::MAX),
        };
        let stalled = Reading {
            stalled: Some(Duration::from_secs(86_400)),
            ..reading()
        };
        let unknown = Reading {
            total: None,
            left: None,
            ..reading()
        };
        for reading in [huge, stalled, unknown, reading()] {
            for columns in 20..=200 {
                let line = plain(&reading, columns);
                assert!(width::of_text(&line) <= columns, "{columns}: {line}");
                assert_eq!(line, line.trim(), "{columns}");
            }
        }
    }

    #[test]
    fn a_stall_is_named_in_place_of_the_speed() {
        let reading = Reading {
            stalled: Some(Duration::from_secs(12)),
            ..reading()
        };
        assert_eq!(plain(&reading, 20), "25%  stalled 12 s");
        let wide = plain(&reading, 100);
        assert!(
            wide.contains("stalled for 12 s: waiting for the receiver"),
            "{wide}"
        );
        assert!(!wide.contains("MiB/s") && !wide.contains("left"), "{wide}");
        assert_eq!(
            words(&reading, "the receiver"),
            "25% of 200.0 MiB, stalled for 12 s: waiting for the receiver"
        );
    }

    #[test]
    fn a_limit_is_said_to_be_that_of_the_network() {
        let limited = Reading {
            limit: Some(5 << 20),
            ..reading()
        };
        let said = "10.0 MiB/s (limit 5.0 MiB/s on the network)";
        assert!(plain(&limited, 100).contains(said));
        assert!(words(&limited, "the receiver").contains(said));
        assert!(!plain(&limited, 40).contains("limit"), "no room");
    }

    #[test]
    fn in_words() {
        let reading = reading();
        assert_eq!(
            words(&reading, "the receiver"),
            "25% of 200.0 MiB, 10.0 MiB/s, 0:15 left"
        );
        let unknown = Reading {
            total: None,
            left: None,
            ..reading
        };
        assert_eq!(words(&unknown, "the receiver"), "50.0 MiB, 10.0 MiB/s");
    }

    #[test]
    fn nothing_to_move_is_all_of_it() {
        let empty = Reading {
            total: Some(0),
            ..Reading::default()
        };
        assert!(plain(&empty, 20).starts_with("100%"));
    }

    #[test]
    fn colour_takes_no_columns_and_is_switched_off() {
        let reading = reading();
        let coloured = draw(&reading, "", "", 80, Colour::Allowed);
        assert!(coloured.contains("\x1b[32m"));
        assert!(!plain(&reading, 80).contains('\x1b'));
    }
}
