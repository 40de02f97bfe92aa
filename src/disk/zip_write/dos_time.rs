//! Times as DOS kept them: from 1980 to 2107, every other second.

/// The first and the last day, counted from 1970.
const FIRST_DAY: i64 = 3652;
const LAST_DAY: i64 = 50_402;
const DAY_SECONDS: i64 = 86_400;

/// Date and time of a second since 1970; what DOS cannot express becomes its first or last time.
pub(super) fn dos_time(seconds: i64) -> (u16, u16) {
    let last = (LAST_DAY + 1) * DAY_SECONDS - 1;
    let seconds = seconds.clamp(FIRST_DAY * DAY_SECONDS, last);
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    let second = seconds % DAY_SECONDS;
    let date = (year - 1980) << 9 | month << 5 | day;
    let time = (second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2);
    // Clamped above: a year below 2108 fits into seven bits.
    (date as u16, time as u16)
}

/// Year, month and day of a day since 1970 within what DOS has: 2000 was a leap year, 2100 is none.
fn civil(day: i64) -> (i64, i64, i64) {
    let mut rest = day - FIRST_DAY;
    let mut year = 1980;
    while rest >= 365 + leap_day(year) {
        rest -= 365 + leap_day(year);
        year += 1;
    }
    let february = 28 + leap_day(year);
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

fn leap_day(year: i64) -> i64 {
    (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: i64) -> String {
        let (date, time) = dos_time(seconds);
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
    fn what_dos_cannot_express_is_clamped() {
        for early in [i64::MIN, -1, 0, 315_532_799] {
            assert_eq!(shown(early), "1980-01-01 00:00:00");
        }
        for late in [4_354_819_199, 4_354_819_200, i64::MAX] {
            assert_eq!(shown(late), "2107-12-31 23:59:58");
        }
    }
}
