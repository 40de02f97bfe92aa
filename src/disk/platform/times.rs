//! Converts times between this system and the protocol.

use crate::model::Mtime;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NANOSECONDS: u32 = 1_000_000_000;

/// The times that this system keeps, in seconds since 1970.
#[cfg(unix)]
const TIMES: std::ops::RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// The times that this system keeps, in seconds since 1970: from one second after the start of 1601, because
/// zero means no time, to the end of 63 bits of 100 ns.
#[cfg(windows)]
const TIMES: std::ops::RangeInclusive<i64> = -11_644_473_599..=910_692_730_084;

/// This moment, to the nanosecond.
pub fn now() -> Mtime {
    mtime_from(SystemTime::now())
}

/// A time of this system as the protocol has it.
pub(super) fn mtime_from(time: SystemTime) -> Mtime {
    let seconds = |whole: u64| i64::try_from(whole).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => Mtime {
            seconds: seconds(since.as_secs()),
            nanoseconds: since.subsec_nanos(),
        },
        Err(before) => {
            let before = before.duration();
            let into_second = (NANOSECONDS - before.subsec_nanos()) % NANOSECONDS;
            Mtime {
                seconds: -seconds(before.as_secs()) - i64::from(into_second > 0),
                nanoseconds: into_second,
            }
        }
    }
}

/// An mtime from a peer as a time of this system; `None` if this system cannot express it.
pub fn system_time(mtime: Mtime) -> Option<SystemTime> {
    if !TIMES.contains(&mtime.seconds) {
        return None;
    }
    let seconds = Duration::from_secs(mtime.seconds.unsigned_abs());
    let whole = if mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    whole?.checked_add(Duration::from_nanos(mtime.nanoseconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_survive() {
        let mtime = Mtime {
            seconds: -2,
            nanoseconds: 500_000_000,
        };
        let expected = UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(system_time(mtime), Some(expected));
        assert_eq!(mtime_from(expected), mtime);
        let whole = Mtime {
            seconds: -2,
            nanoseconds: 0,
        };
        assert_eq!(mtime_from(UNIX_EPOCH - Duration::from_secs(2)), whole);
    }
}
