//! POSIX rules for time zones, as in the variable `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`. Zone files end with a
//! rule for the years after their table (RFC 9636, section 3.3.1).

use super::calendar::{CivilTime, DAY_SECONDS, days, is_leap_year};

/// One offset all year, or two that alternate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PosixRule {
    /// Seconds east of UTC.
    standard: i64,
    summer: Option<SummerTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SummerTime {
    /// Seconds east of UTC.
    offset: i64,
    start: YearlyMoment,
    end: YearlyMoment,
}

/// A moment in each year, in the local time until then.
#[derive(Clone, Debug, PartialEq, Eq)]
struct YearlyMoment {
    day: YearlyDay,
    /// Seconds after midnight; may be negative or more than a day.
    seconds: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum YearlyDay {
    /// From 1; 29 February is not counted.
    Julian(i64),
    /// From 0; 29 February is counted.
    DayOfYear(i64),
    /// Week 5 is the last one of the month; weekday 0 is Sunday.
    Weekday { month: i64, week: i64, weekday: i64 },
}

/// The default rule, which POSIX leaves open. Other programs use that of the United States.
const USUAL_RULE: &str = "M3.2.0,M11.1.0";

impl PosixRule {
    /// `None` if the text is not such a rule.
    pub(super) fn parse(text: &str) -> Option<PosixRule> {
        let mut text = Scanner(text);
        text.name()?;
        let standard = -text.time()?;
        if text.0.is_empty() {
            let summer = None;
            return Some(PosixRule { standard, summer });
        }
        text.name()?;
        let offset = match text.0.starts_with(',') || text.0.is_empty() {
            true => standard + 3600,
            false => -text.time()?,
        };
        let mut rule = match text.0.strip_prefix(',') {
            Some(rule) => Scanner(rule),
            None if text.0.is_empty() => Scanner(USUAL_RULE),
            None => return None,
        };
        let start = rule.moment()?;
        rule.take(",")?;
        let end = rule.moment()?;
        rule.0.is_empty().then_some(PosixRule {
            standard,
            summer: Some(SummerTime { offset, start, end }),
        })
    }

    /// Seconds east of UTC at a second since 1970.
    pub(super) fn offset_at(&self, utc: i64) -> i64 {
        let Some(summer) = &self.summer else {
            return self.standard;
        };
        let year = CivilTime::of_seconds(utc.saturating_add(self.standard)).year;
        let start = summer.start.seconds_in(year) - self.standard;
        let end = summer.end.seconds_in(year) - summer.offset;
        let is_summer = match start < end {
            true => (start..end).contains(&utc),
            // South of the equator summer spans the turn of the year.
            false => !(end..start).contains(&utc),
        };
        match is_summer {
            true => summer.offset,
            false => self.standard,
        }
    }
}

impl YearlyMoment {
    /// Local seconds since 1970.
    fn seconds_in(&self, year: i64) -> i64 {
        let day = match self.day {
            YearlyDay::Julian(day) => {
                let leap_day = i64::from(day >= 60 && is_leap_year(year));
                days(year, 1, 1) + day - 1 + leap_day
            }
            YearlyDay::DayOfYear(day) => days(year, 1, 1) + day,
            YearlyDay::Weekday {
                month,
                week,
                weekday,
            } => {
                let first = days(year, month, 1);
                // 1970 began on a Thursday.
                let weekday_of_first = (first + 4).rem_euclid(7);
                let day = first + (weekday - weekday_of_first).rem_euclid(7) + (week - 1) * 7;
                let next_month = match month {
                    12 => days(year + 1, 1, 1),
                    _ => days(year, month + 1, 1),
                };
                if day >= next_month { day - 7 } else { day }
            }
        };
        day * DAY_SECONDS + self.seconds
    }
}

/// The rest of the text.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn take(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// `CEST`, or `<+0330>`.
    fn name(&mut self) -> Option<()> {
        if let Some(quoted) = self.0.strip_prefix('<') {
            self.0 = quoted.split_once('>')?.1;
            return Some(());
        }
        let end = self.0.find(|c: char| !c.is_ascii_alphabetic());
        let end = end.unwrap_or(self.0.len());
        self.0 = &self.0[end..];
        (end >= 3).then_some(())
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    fn time(&mut self) -> Option<i64> {
        let sign = match self.0.as_bytes().first()? {
            b'-' => -1,
            _ => 1,
        };
        self.0 = self.0.strip_prefix(['+', '-']).unwrap_or(self.0);
        let mut seconds = self.number(0..=167)? * 3600;
        for unit in [60, 1] {
            if self.take(":").is_some() {
                seconds += self.number(0..=59)? * unit;
            } else {
                break;
            }
        }
        Some(sign * seconds)
    }

    fn moment(&mut self) -> Option<YearlyMoment> {
        let day = if self.take("M").is_some() {
            let month = self.number(1..=12)?;
            self.take(".")?;
            let week = self.number(1..=5)?;
            self.take(".")?;
            let weekday = self.number(0..=6)?;
            YearlyDay::Weekday {
                month,
                week,
                weekday,
            }
        } else if self.take("J").is_some() {
            YearlyDay::Julian(self.number(1..=365)?)
        } else {
            YearlyDay::DayOfYear(self.number(0..=365)?)
        };
        let seconds = match self.take("/") {
            Some(()) => self.time()?,
            None => 2 * 3600,
        };
        Some(YearlyMoment { day, seconds })
    }

    fn number(&mut self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let end = self.0.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        digits.parse().ok().filter(|number| range.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with `date` of GNU coreutils.
    #[test]
    fn offsets_around_each_change() {
        for (rule, utc, offset) in [
            ("UTC0", 1_700_000_000, 0),
            ("<+0545>-5:45", 1_700_000_000, 20_700),
            ("EST5EDT", 1_710_053_999, -18_000),
            ("EST5EDT", 1_710_054_000, -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", 1_730_613_599, -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", 1_730_613_600, -18_000),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_799, 3600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_800, 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_799, 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_800, 3600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_704_067_200, 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_719_792_000, 36_000),
            ("XXX3YYY,J60/0,J300/0", 1_709_262_000, -7200),
            ("XXX3YYY,J60/0,J300/0", 1_709_261_999, -10_800),
            ("IST-2IDT,M3.4.4/26,M10.5.0", 1_711_670_399, 7200),
            ("IST-2IDT,M3.4.4/26,M10.5.0", 1_711_670_400, 10_800),
        ] {
            let parsed = PosixRule::parse(rule).unwrap();
            assert_eq!(parsed.offset_at(utc), offset, "{rule} {utc}");
        }
    }

    #[test]
    fn what_is_no_rule() {
        for text in [
            "",
            "UT",
            "UTC",
            "Europe/Berlin",
            "EST5EDT,M3.2.0",
            "EST5EDT,M13.2.0,M11.1.0",
            "EST5EDT,M3.2.0,M11.1.0x",
            "EST999",
            "<abc",
            "EST5EDT4x",
        ] {
            assert_eq!(PosixRule::parse(text), None, "{text}");
        }
    }
}
