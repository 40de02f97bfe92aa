//! Zone files such as `/etc/localtime`: a table of moments at which the offset changed (RFC 9636).

use super::posix_rule::PosixRule;

const MAGIC: &[u8] = b"TZif";
const HEADER_BYTES: usize = 44;

/// The UTC offsets of a zone over time.
#[derive(Clone, Debug)]
pub(super) struct ZoneTable {
    /// In order, the seconds since 1970 at which an offset begins, and the offset in seconds east of UTC.
    changes: Vec<(i64, i64)>,
    /// The offset before the first change.
    before: i64,
    /// The rule after the last change.
    after: Option<PosixRule>,
}

impl ZoneTable {
    /// `None` if the bytes are not a zone file.
    pub(super) fn parse(bytes: &[u8]) -> Option<ZoneTable> {
        let counts = Counts::parse(bytes)?;
        let (counts, body, time_bytes) = match counts.version {
            0 => (counts, bytes.get(HEADER_BYTES..)?, 4),
            // The first table is for old programs; a better one follows.
            _ => {
                let second = bytes.get(HEADER_BYTES + counts.body_bytes(4)?..)?;
                (Counts::parse(second)?, second.get(HEADER_BYTES..)?, 8)
            }
        };
        let (times, rest) = body.split_at_checked(counts.times.checked_mul(time_bytes)?)?;
        let (kinds, rest) = rest.split_at_checked(counts.times)?;
        let offsets = rest.get(..counts.types.checked_mul(6)?)?;
        let offset = |kind: usize| {
            let bytes = offsets.get(kind * 6..)?.first_chunk()?;
            Some(i64::from(i32::from_be_bytes(*bytes)))
        };
        let changes = times
            .chunks_exact(time_bytes)
            .zip(kinds)
            .map(|(time, &kind)| Some((big_endian(time), offset(kind.into())?)));
        let footer = body.get(counts.body_bytes(time_bytes)?..)?;
        let footer = footer.strip_prefix(b"\n").and_then(|footer| {
            let end = footer.iter().position(|&byte| byte == b'\n')?;
            std::str::from_utf8(&footer[..end]).ok()
        });
        Some(ZoneTable {
            changes: changes.collect::<Option<_>>()?,
            before: offset(0)?,
            after: footer.and_then(PosixRule::parse),
        })
    }

    /// Seconds east of UTC at a second since 1970.
    pub(super) fn offset_at(&self, utc: i64) -> i64 {
        let passed = self.changes.partition_point(|(time, _)| *time <= utc);
        match (&self.after, self.changes[..passed].last()) {
            (Some(rule), _) if passed == self.changes.len() => rule.offset_at(utc),
            (_, Some((_, offset))) => *offset,
            (_, None) => self.before,
        }
    }
}

fn big_endian(bytes: &[u8]) -> i64 {
    let sign = match bytes.first() {
        Some(128..) => -1,
        _ => 0,
    };
    let shift = |value: i64, byte: &u8| value << 8 | i64::from(*byte);
    bytes.iter().fold(sign, shift)
}

/// The lengths of a table, from its header.
struct Counts {
    version: u8,
    utc_marks: usize,
    standard_marks: usize,
    leap_seconds: usize,
    times: usize,
    types: usize,
    names: usize,
}

impl Counts {
    fn parse(header: &[u8]) -> Option<Counts> {
        let header = header.get(..HEADER_BYTES)?;
        if !header.starts_with(MAGIC) {
            return None;
        }
        let count = |at: usize| {
            let bytes = header[at..].first_chunk()?;
            usize::try_from(u32::from_be_bytes(*bytes)).ok()
        };
        Some(Counts {
            version: header[4],
            utc_marks: count(20)?,
            standard_marks: count(24)?,
            leap_seconds: count(28)?,
            times: count(32)?,
            types: count(36)?,
            names: count(40)?,
        })
    }

    fn body_bytes(&self, time_bytes: usize) -> Option<usize> {
        let parts = [
            (self.times, time_bytes + 1),
            (self.types, 6),
            (self.names, 1),
            (self.leap_seconds, time_bytes + 4),
            (self.standard_marks, 1),
            (self.utc_marks, 1),
        ];
        parts.into_iter().try_fold(0_usize, |sum, (count, bytes)| {
            sum.checked_add(count.checked_mul(bytes)?)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A zone file: changes, their new offsets, and a rule for the time after them.
    pub(in crate::disk::zip_time) fn zone_file(
        changes: &[(i64, u8)],
        offsets: &[i32],
        rule: &str,
    ) -> Vec<u8> {
        let header = |times: usize| {
            let mut header = b"TZif2".to_vec();
            header.extend([0; 15]);
            for count in [0, 0, 0, times, offsets.len(), 4] {
                header.extend((count as u32).to_be_bytes());
            }
            header
        };
        let types = || {
            let each = offsets
                .iter()
                .flat_map(|offset| [&offset.to_be_bytes()[..], &[0, 0]].concat());
            each.chain(*b"XYZ\0").collect::<Vec<u8>>()
        };
        let mut bytes = [header(0), types(), header(changes.len())].concat();
        bytes.extend(changes.iter().flat_map(|(time, _)| time.to_be_bytes()));
        bytes.extend(changes.iter().map(|(_, kind)| kind));
        bytes.extend(types());
        bytes.extend(format!("\n{rule}\n").bytes());
        bytes
    }

    #[test]
    fn offsets_before_between_and_after_the_changes() {
        let changes = [(-1_000_000_000, 1), (1_000_000_000, 2)];
        let file = zone_file(&changes, &[-100, 3600, 7200], "EST5");
        let zone = ZoneTable::parse(&file).unwrap();
        for (utc, offset) in [
            (i64::MIN, -100),
            (-1_000_000_001, -100),
            (-1_000_000_000, 3600),
            (999_999_999, 3600),
            (1_000_000_000, -18_000),
        ] {
            assert_eq!(zone.offset_at(utc), offset, "{utc}");
        }
        let last = zone_file(&changes, &[-100, 3600, 7200], "");
        let last = ZoneTable::parse(&last).unwrap();
        assert_eq!(last.offset_at(i64::MAX), 7200);
    }

    #[test]
    fn cut_or_changed_it_is_no_zone_or_another_one() {
        let file = zone_file(&[(0, 1)], &[0, 3600], "CET-1");
        for length in 0..file.len() {
            let _ = ZoneTable::parse(&file[..length]);
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = file.clone();
                changed[length] ^= flip;
                let offset = ZoneTable::parse(&changed).map(|zone| zone.offset_at(1 << 40));
                assert!(offset.is_none_or(|offset| offset.abs() <= 1 << 32));
            }
        }
        assert!(ZoneTable::parse(b"").is_none());
        assert!(ZoneTable::parse(&zone_file(&[(0, 2)], &[0, 3600], "")).is_none());
    }
}
