//! Sizes, rates, times and counts in words.

use crate::model::escaped;
use std::path::Path;
use std::time::Duration;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A path, safe to show on a terminal.
pub(crate) fn path(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

/// A size in binary units with one decimal: `999 B`, `1.5 KiB`, `20.0 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `84.0 of 200.0 MiB`, with the unit once if both have the same.
pub(crate) fn part(bytes: u64, total: u64) -> String {
    let (bytes, total) = (size(bytes), size(total));
    match (bytes.split_once(' '), total.split_once(' ')) {
        (Some((number, one)), Some((_, other))) if one == other => format!("{number} of {total}"),
        _ => format!("{bytes} of {total}"),
    }
}

/// A speed in bytes a second: `1.5 MiB/s`.
pub(crate) fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", size(bytes_per_second))
}

/// Bytes a second; 0 if no time has passed.
pub(crate) fn bytes_per_second(bytes: u64, elapsed: Duration) -> u64 {
    let scaled = u128::from(bytes) * 1_000_000_000;
    let rate = scaled.checked_div(elapsed.as_nanos()).unwrap_or(0);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A time: `0.25 s`, `12.3 s`, `2 min 05 s`, `3 h 07 min`.
pub(crate) fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", elapsed.as_secs_f64()),
        10..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A count with its noun: `1 file`, `20,000 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A count of entries: `1 entry`, `20,000 entries`.
pub(crate) fn entries(number: u64) -> String {
    let noun = if number == 1 { "entry" } else { "entries" };
    format!("{} {noun}", grouped(number))
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(size(3 << 29), "1.5 GiB");
        assert_eq!(size(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn parts() {
        assert_eq!(part(50 << 20, 200 << 20), "50.0 of 200.0 MiB");
        assert_eq!(part(5, 200 << 20), "5 B of 200.0 MiB");
    }

    #[test]
    fn times() {
        assert_eq!(time(Duration::from_millis(250)), "0.25 s");
        assert_eq!(time(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(time(Duration::from_secs(3 * 3600 + 420)), "3 h 07 min");
    }

    #[test]
    fn counts() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(999, "link"), "999 links");
        assert_eq!(count(1_234_567, "file"), "1,234,567 files");
    }

    #[test]
    fn a_rate_without_time_is_no_division_by_zero() {
        assert_eq!(bytes_per_second(10, Duration::ZERO), 0);
        assert_eq!(bytes_per_second(10, Duration::from_secs(2)), 5);
    }
}
