//! The Gregorian calendar: days since 1970 to dates and back.

/// Seconds of a day without leap seconds, as Unix counts.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The year, 0 for 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

impl CivilTime {
    /// The date and time of a second since 1970, in the same zone. Saturates at the ends of `i64`.
    pub(super) fn of_seconds(seconds: i64) -> CivilTime {
        let (year, month, day) = date(seconds.div_euclid(DAY_SECONDS));
        let second = seconds.rem_euclid(DAY_SECONDS);
        CivilTime {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// The second since 1970.
    pub(super) fn seconds(&self) -> i64 {
        days(self.year, self.month, self.day) * DAY_SECONDS
            + self.hour * 3600
            + self.minute * 60
            + self.second
    }
}

/// Days from 1970 to a date. Years are counted from March, so that a leap day comes last.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - MARCH_OF_YEAR_0
}

/// Days from 1 March of the year 0 to 1970.
const MARCH_OF_YEAR_0: i64 = 719_468;
/// Days of 400 years: the calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// Year, month and day of a day since 1970.
pub(super) fn date(day: i64) -> (i64, i64, i64) {
    let day = day + MARCH_OF_YEAR_0;
    let (era, rest) = (day.div_euclid(ERA_DAYS), day.rem_euclid(ERA_DAYS));
    // Leap days before: one in 4 years, but not in 100, and again in 400.
    let year = (rest - rest / 1460 + rest / 36_524 - rest / (ERA_DAYS - 1)) / 365;
    let day_of_year = rest - (year * 365 + year / 4 - year / 100);
    let month = (day_of_year * 5 + 2) / 153;
    let day = day_of_year - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year;
    match month {
        0..=9 => (year, month + 3, day),
        _ => (year + 1, month - 9, day),
    }
}

pub(super) fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (-25_567, (1900, 1, 1)),
            (-719_528, (0, 1, 1)),
        ] {
            assert_eq!(date(day), expected);
        }
        for day in (-800_000..800_000).step_by(13) {
            let (year, month, in_month) = date(day);
            assert_eq!(days(year, month, in_month), day);
        }
    }

    #[test]
    fn seconds_before_1970() {
        let last = CivilTime::of_seconds(-1);
        assert_eq!((last.year, last.month, last.day), (1969, 12, 31));
        assert_eq!((last.hour, last.minute, last.second), (23, 59, 59));
        assert_eq!(last.seconds(), -1);
    }
}
