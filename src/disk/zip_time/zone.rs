//! The local time zone, read without the C library: from `TZ` and from zone files.

use super::calendar::{CivilTime, DAY_SECONDS};
use super::dos::DosTime;
use super::posix_rule::PosixRule;
use super::tzif::ZoneTable;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};
use std::sync::Arc;

/// The zone of this machine. Windows has none.
const LOCAL_ZONE: &str = "/etc/localtime";
/// The zones by name.
const ZONES: &str = "/usr/share/zoneinfo";
/// Larger files are not zone files.
const ZONE_FILE_BYTES: u64 = 64 * 1024;

/// A time zone: the offset from UTC at any time. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct TimeZone(Offsets);

#[derive(Clone, Debug, Default)]
enum Offsets {
    #[default]
    Utc,
    Rule(Arc<PosixRule>),
    Table(Arc<ZoneTable>),
}

impl TimeZone {
    /// Coordinated Universal Time.
    pub fn utc() -> TimeZone {
        TimeZone(Offsets::Utc)
    }

    /// The zone of this machine, or that of `tz`, the value of the variable `TZ`: a file below
    /// `/usr/share/zoneinfo`, an absolute path, or a POSIX rule such as `CET-1CEST,M3.5.0,M10.5.0/3`. UTC if
    /// neither can be read, as on Windows without `TZ`.
    pub fn local(tz: Option<&OsStr>) -> TimeZone {
        let Some(tz) = tz else {
            return TimeZone::of_file(Path::new(LOCAL_ZONE)).unwrap_or_default();
        };
        let Some(text) = tz.to_str() else {
            return TimeZone::utc();
        };
        let name = text.strip_prefix(':').unwrap_or(text);
        let is_below = |component| matches!(component, Component::Normal(_));
        let path = Path::new(name);
        let found = match path.is_absolute() {
            true => TimeZone::of_file(path),
            false if !name.is_empty() && path.components().all(is_below) => {
                TimeZone::of_file(&Path::new(ZONES).join(path))
            }
            false => None,
        };
        let rule = || Some(TimeZone(Offsets::Rule(Arc::new(PosixRule::parse(text)?))));
        found.or_else(rule).unwrap_or_default()
    }

    /// Local date and time at a second since 1970, UTC.
    pub fn civil(&self, utc: i64) -> CivilTime {
        CivilTime::of_seconds(utc.saturating_add(self.offset_at(utc)))
    }

    /// The local DOS time at a second since 1970, UTC.
    pub(crate) fn dos_time(&self, utc: i64) -> DosTime {
        DosTime::of_local(utc.saturating_add(self.offset_at(utc)))
    }

    /// The second since 1970, UTC, of the local DOS time `dos`. If an hour occurs twice, the first one is
    /// meant; in an hour that never occurs, the offset before the change applies.
    pub(crate) fn seconds_of(&self, dos: DosTime) -> i64 {
        let local = dos.local_seconds();
        // No zone is more than a day from UTC, and none changes twice within two days.
        let (before, after) = (
            self.offset_at(local - DAY_SECONDS),
            self.offset_at(local + DAY_SECONDS),
        );
        let is_after =
            self.offset_at(local - before) != before && self.offset_at(local - after) == after;
        match is_after {
            true => local - after,
            false => local - before,
        }
    }

    fn of_file(path: &Path) -> Option<TimeZone> {
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(ZONE_FILE_BYTES).read_to_end(&mut bytes).ok()?;
        let table = ZoneTable::parse(&bytes)?;
        Some(TimeZone(Offsets::Table(Arc::new(table))))
    }

    fn offset_at(&self, utc: i64) -> i64 {
        match &self.0 {
            Offsets::Utc => 0,
            Offsets::Rule(rule) => rule.offset_at(utc),
            Offsets::Table(table) => table.offset_at(utc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tzif::tests::zone_file;
    use super::*;

    fn zone(tz: &str) -> TimeZone {
        TimeZone::local(Some(OsStr::new(tz)))
    }

    fn shown(zone: &TimeZone, utc: i64) -> String {
        let at = zone.civil(utc);
        format!("{}-{} {}:{}", at.month, at.day, at.hour, at.minute)
    }

    #[test]
    fn rules_files_and_nonsense() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zone");
        std::fs::write(&file, zone_file(&[], &[-12_600], "")).unwrap();
        assert_eq!(shown(&zone(file.to_str().unwrap()), 0), "12-31 20:30");
        assert_eq!(shown(&zone("XYZ-1"), 0), "1-1 1:0");
        for nonsense in ["", ":", "../etc/passwd", "No/Such_Zone", "/etc/passwd", "/"] {
            assert_eq!(shown(&zone(nonsense), 0), "1-1 0:0", "{nonsense}");
        }
    }

    #[test]
    fn dos_times_come_back() {
        let zone = zone("EST5EDT,M3.2.0,M11.1.0");
        for utc in (315_600_000..4_300_000_000).step_by(86_400 * 11 + 3600) {
            let dos = zone.dos_time(utc);
            let back = zone.seconds_of(dos);
            // Only the second of two identical hours is not restored.
            let is_second_of_two = utc - back == 3600 && zone.dos_time(back) == dos;
            assert!(back == utc || is_second_of_two, "{utc} {back}");
        }
    }

    #[test]
    fn hours_that_come_twice_or_never() {
        let zone = zone("EST5EDT,M3.2.0,M11.1.0");
        // 2024-11-03 01:30 occurred twice: at 05:30 and 06:30 UTC.
        let twice = zone.dos_time(1_730_611_800);
        assert_eq!(zone.dos_time(1_730_615_400), twice);
        assert_eq!(zone.seconds_of(twice), 1_730_611_800);
        // 2024-03-10 02:30 never occurred.
        let never = DosTime::of_local(1_710_037_800);
        assert_eq!(zone.seconds_of(never), 1_710_037_800 + 5 * 3600);
    }
}
