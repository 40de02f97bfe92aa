//! DOS times: local, from 1980 to 2107, in steps of two seconds.

use super::calendar::{CivilTime, days};

/// A date and a time in the form of headers (APPNOTE 4.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DosTime {
    pub(crate) date: u16,
    pub(crate) time: u16,
}

/// The first possible date; it means "unknown".
pub(crate) const UNKNOWN_DOS_TIME: DosTime = DosTime {
    date: 1 << 5 | 1,
    time: 0,
};

/// The last possible date and time.
const LAST: DosTime = DosTime {
    date: 127 << 9 | 12 << 5 | 31,
    time: 23 << 11 | 59 << 5 | 29,
};

impl DosTime {
    /// The DOS time of a local time in seconds since 1970; the nearest possible one if DOS cannot express it.
    pub(crate) fn of_local(seconds: i64) -> DosTime {
        let (first, end) = (days(1980, 1, 1) * 86_400, days(2108, 1, 1) * 86_400);
        if seconds < first {
            return UNKNOWN_DOS_TIME;
        }
        if seconds >= end {
            return LAST;
        }
        let civil = CivilTime::of_seconds(seconds);
        let date = (civil.year - 1980) << 9 | civil.month << 5 | civil.day;
        let time = civil.hour << 11 | civil.minute << 5 | (civil.second / 2);
        DosTime {
            date: u16::try_from(date).unwrap_or(LAST.date),
            time: u16::try_from(time).unwrap_or(LAST.time),
        }
    }

    /// The local time in seconds since 1970; that of [`UNKNOWN_DOS_TIME`] if the fields are not a date. Hour 25 is
    /// an hour of the next day, as for other programs.
    pub(crate) fn local_seconds(self) -> i64 {
        let (date, time) = (i64::from(self.date), i64::from(self.time));
        let civil = CivilTime {
            year: 1980 + (date >> 9),
            month: date >> 5 & 15,
            day: date & 31,
            hour: time >> 11,
            minute: time >> 5 & 63,
            second: (time & 31) * 2,
        };
        let is_date = (1..=12).contains(&civil.month) && civil.day >= 1;
        match is_date {
            true => civil.seconds(),
            false => days(1980, 1, 1) * 86_400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: i64) -> String {
        let DosTime { date, time } = DosTime::of_local(seconds);
        format!(
            "{}-{:02}-{:02} {:02}:{:02}:{:02}",
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            time >> 11,
            time >> 5 & 63,
            (time & 31) * 2
        )
    }

    #[test]
    fn days_and_seconds() {
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:58");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(shown(1_798_761_599), "2026-12-31 23:59:58");
        assert_eq!(shown(4_107_542_400), "2100-03-01 00:00:00");
    }

    #[test]
    fn times_that_dos_cannot_express_are_clamped() {
        for early in [i64::MIN, -1, 0, 315_532_799] {
            assert_eq!(shown(early), "1980-01-01 00:00:00");
        }
        for late in [4_354_819_199, 4_354_819_200, i64::MAX] {
            assert_eq!(shown(late), "2107-12-31 23:59:58");
        }
    }

    #[test]
    fn fields_to_seconds() {
        let dos = |year: u16, month: u16, day: u16, time: u16| DosTime {
            date: (year - 1980) << 9 | month << 5 | day,
            time,
        };
        for (dos, expected) in [
            (UNKNOWN_DOS_TIME, 315_532_800),
            (dos(2000, 2, 29, 23 << 11 | 59 << 5 | 29), 951_868_798),
            (dos(2026, 11, 26, 18 << 11 | 1), 1_795_716_002),
            (dos(2107, 12, 31, 0), 4_354_732_800),
            (DosTime { date: 0, time: 0 }, 315_532_800),
            (dos(2026, 13, 1, 0), 315_532_800),
            (dos(2026, 11, 26, 27 << 11 | 61 << 5 | 30), 1_795_752_120),
        ] {
            assert_eq!(dos.local_seconds(), expected);
        }
        for seconds in (315_532_800..4_354_819_199).step_by(86_399 * 97) {
            let seconds = seconds / 2 * 2;
            assert_eq!(DosTime::of_local(seconds).local_seconds(), seconds);
        }
    }
}
