//! Times of files, and how precisely each file system keeps them.

/// A point in time as file systems keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970-01-01 UTC, negative before.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// Resolutions of file systems that round down, in nanoseconds: exact, 100 ns on NTFS, 1 us and 1 ms over
/// networks, 10 ms on exFAT, 1 s on older systems.
const STEPS: [u32; 6] = [1, 100, 1_000, 1_000_000, 10_000_000, 1_000_000_000];

impl Mtime {
    /// Whether a file system may have rounded this time to `kept`. FAT keeps even seconds; Linux rounds down,
    /// Windows rounds up.
    pub(crate) fn is_kept_as(self, kept: Mtime) -> bool {
        let cut = |step: u32| self.nanoseconds - self.nanoseconds % step;
        let is_cut =
            self.seconds == kept.seconds && STEPS.iter().any(|&step| cut(step) == kept.nanoseconds);
        is_cut || self.is_kept_by_fat_as(kept)
    }

    /// Whether this time is later than `other`, even at the coarser resolution of the two file systems.
    pub(crate) fn is_after(self, other: Mtime) -> bool {
        self > other && !self.is_kept_as(other) && !other.is_kept_as(self)
    }

    fn is_kept_by_fat_as(self, kept: Mtime) -> bool {
        let is_even = kept.seconds % 2 == 0 && kept.nanoseconds == 0;
        let after = self.seconds.checked_sub(kept.seconds);
        let is_near = match after {
            Some(-2) => self.nanoseconds > 0,
            Some(after) => (-1..2).contains(&after),
            None => false,
        };
        is_even && is_near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64, nanoseconds: u32) -> Mtime {
        Mtime {
            seconds,
            nanoseconds,
        }
    }

    #[test]
    fn coarse_clocks_are_tolerated() {
        let wanted = time(-5, 123_456_789);
        let (ms, exfat) = (123_000_000, 120_000_000);
        for kept in [123_456_789, 123_456_700, 123_456_000, ms, exfat, 0] {
            assert!(wanted.is_kept_as(time(-5, kept)), "{kept}");
        }
        assert!(!wanted.is_kept_as(time(-5, 123_456_788)));
        assert!(!wanted.is_kept_as(time(-5, 123_000_001)));
        assert!(!wanted.is_kept_as(time(-3, 123_456_789)));
        assert!(!time(7, 0).is_kept_as(time(7, 1)));
    }

    #[test]
    fn fat_keeps_even_seconds_before_or_after() {
        for (seconds, nanoseconds) in [(8, 1), (9, 5), (10, 0), (10, 1), (11, 999_999_999)] {
            assert!(time(seconds, nanoseconds).is_kept_as(time(10, 0)));
        }
        for (seconds, nanoseconds) in [(8, 0), (7, 999_999_999), (12, 0)] {
            assert!(!time(seconds, nanoseconds).is_kept_as(time(10, 0)));
        }
        assert!(!time(12, 0).is_kept_as(time(11, 0)));
        assert!(!time(12, 5).is_kept_as(time(10, 5)));
        assert!(!time(i64::MIN, 0).is_kept_as(time(i64::MAX - 1, 0)));
    }

    #[test]
    fn later_is_later_by_the_coarser_clock() {
        assert!(time(12, 0).is_after(time(10, 0)));
        assert!(time(11, 7).is_after(time(11, 6)));
        // The one was kept by FAT, at either side; the one by whole seconds.
        for (late, early) in [
            (time(11, 5), time(10, 0)),
            (time(12, 0), time(11, 5)),
            (time(7, 5), time(7, 0)),
        ] {
            assert!(!late.is_after(early) && !early.is_after(late));
        }
        assert!(!time(10, 0).is_after(time(12, 0)));
    }
}
