//! Numbers as people write them: counts, times, sizes, rates.

use crate::cli::error::CliError;
use crate::model::limits;
use crate::session::Level;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A year: longer than any real wait, and short enough for every clock to add.
const LONGEST_SECONDS: u64 = 366 * 24 * 3600;

/// Reads whole numbers within a range.
///
/// # Errors
/// The reader's: a usage error that names the option and the range.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str, &str) -> Result<T, CliError> {
    move |option, text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        let number = number.filter(|number| range.contains(number));
        let (first, last) = (range.start(), range.end());
        let number = number.and_then(|number: u64| T::try_from(number).ok());
        number.ok_or_else(|| match *last {
            u64::MAX => wrong(option, text, &format!("a whole number, {first} or more")),
            _ => wrong(
                option,
                text,
                &format!("a whole number from {first} to {last}"),
            ),
        })
    }
}

/// Reads times in seconds, at least `shortest`.
///
/// # Errors
/// The reader's: a usage error.
pub(crate) fn seconds(shortest: u64) -> impl Fn(&str, &str) -> Result<Duration, CliError> {
    let whole = whole(shortest..=LONGEST_SECONDS);
    move |option, text| whole(option, text).map(Duration::from_secs)
}

/// Reads a time in days, at least one.
///
/// # Errors
/// A usage error.
pub(crate) fn days(option: &str, text: &str) -> Result<Duration, CliError> {
    const DAY: u64 = 24 * 3600;
    let days: u64 = whole(1..=LONGEST_SECONDS / DAY)(option, text)?;
    Ok(Duration::from_secs(days * DAY))
}

/// Reads a number of parallel connections.
///
/// # Errors
/// A usage error.
pub(crate) fn streams(option: &str, text: &str) -> Result<u16, CliError> {
    whole(1..=limits::STREAMS.into())(option, text)
}

/// Reads a size: `1500`, `10K`, `2G`, in units of 1024. `KB` and `KiB` mean the same as `K`.
///
/// # Errors
/// A usage error.
pub(crate) fn size(option: &str, text: &str) -> Result<u64, CliError> {
    let error = || wrong(option, text, "a size like 1500, 10K, 20M, 2G or 1T");
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: u64 = digits.parse().map_err(|_| error())?;
    let power = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 1,
        "M" | "MB" | "MIB" => 2,
        "G" | "GB" | "GIB" => 3,
        "T" | "TB" | "TIB" => 4,
        _ => return Err(error()),
    };
    number.checked_mul(1 << (10 * power)).ok_or_else(error)
}

/// Reads a number of bytes a second, above 0, written like a size.
///
/// # Errors
/// A usage error.
pub(crate) fn rate(option: &str, text: &str) -> Result<u64, CliError> {
    match size(option, text)? {
        0 => Err(wrong(option, text, "bytes a second, like 500K or 10M")),
        bytes => Ok(bytes),
    }
}

/// Reads a compression level.
///
/// # Errors
/// A usage error.
pub(crate) fn level(option: &str, text: &str) -> Result<Level, CliError> {
    match text.as_bytes() {
        b"auto" => Ok(Level::Auto),
        [digit @ b'0'..=b'9'] => Ok(Level::Fixed(digit - b'0')),
        _ => Err(wrong(option, text, "auto or 0 to 9")),
    }
}

fn wrong(option: &str, text: &str, allowed: &str) -> CliError {
    CliError::usage(
        format!("{option} cannot be {text:?}"),
        format!("{option} takes {allowed}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_say_the_range() {
        assert_eq!(streams("--streams", "1").unwrap(), 1);
        assert_eq!(streams("--streams", "64").unwrap(), 64);
        for text in [
            "0",
            "65",
            "-1",
            "+4",
            "",
            "four",
            "4.0",
            "99999999999999999999",
        ] {
            let error = streams("--streams", text).err().unwrap();
            assert_eq!(error.exit_code(), 2);
            assert_eq!(
                error.hint().unwrap(),
                "--streams takes a whole number from 1 to 64",
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("1b", 1),
            ("10K", 10 << 10),
            ("20m", 20 << 20),
            ("2GiB", 2 << 30),
            ("1TB", 1 << 40),
        ] {
            assert_eq!(size("--max-size", text).unwrap(), bytes, "{text}");
        }
        for text in ["", "K", "1.5G", "-1", "1X", "1 K", "16777216T", "1é"] {
            assert!(size("--max-size", text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels() {
        assert_eq!(level("--level", "auto").unwrap(), Level::Auto);
        assert_eq!(level("--level", "0").unwrap(), Level::Fixed(0));
        assert_eq!(level("--level", "9").unwrap(), Level::Fixed(9));
        for text in ["10", "", "best", "-1"] {
            assert!(level("--level", text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_an_end() {
        assert_eq!(seconds(0)("--wait", "0").unwrap(), Duration::ZERO);
        assert!(seconds(1)("--idle-timeout", "0").is_err());
        assert!(seconds(0)("--wait", &u64::MAX.to_string()).is_err());
    }
}
