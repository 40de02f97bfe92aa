//! Compares an existing entry with the manifest.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::model::{Entry, EntryKind, FileSize, Mtime};
use std::fs::{self, Metadata};
use std::path::Path;

/// How an existing entry relates to the new one of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExistingEntry {
    /// They are the same: nothing to do.
    Same,
    /// Neither is a folder: a policy may replace the existing one.
    Differs,
    /// Only one is a folder: no policy replaces it.
    Blocks,
}

/// Compares an entry with the metadata at `path`, which was read without following links.
pub(super) fn meet(
    entry: &Entry<'_>,
    found: &Metadata,
    path: &Path,
) -> Result<ExistingEntry, DiskError> {
    let same = match entry.kind {
        EntryKind::Folder if found.is_dir() => true,
        EntryKind::Folder => return Ok(ExistingEntry::Blocks),
        _ if found.is_dir() => return Ok(ExistingEntry::Blocks),
        EntryKind::File(size) => {
            found.is_file()
                && size == FileSize::Known(found.len())
                && same_time(entry.mtime, platform::mtime_of(found))
        }
        EntryKind::Link(target) => {
            found.is_symlink() && {
                let text = fs::read_link(path).map_err(DiskError::at("read link", path))?;
                platform::bytes_from_name(text.as_os_str()).as_deref() == Some(target.as_bytes())
            }
        }
    };
    Ok(if same {
        ExistingEntry::Same
    } else {
        ExistingEntry::Differs
    })
}

/// Whether `found` is `wanted` as a file system keeps it: to the nanosecond, or with the lower digits cut
/// off by a coarser clock (100 ns on NTFS, 1 us and 1 ms over networks, 1 s on older systems). FAT's two
/// seconds are not tolerated: a wrong "identical" is worse than a file sent twice.
fn same_time(wanted: Mtime, found: Mtime) -> bool {
    const TICKS: [u32; 5] = [1, 100, 1_000, 1_000_000, 1_000_000_000];
    let cut = |tick: u32| wanted.nanoseconds - wanted.nanoseconds % tick;
    wanted.seconds == found.seconds && TICKS.iter().any(|&tick| cut(tick) == found.nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_clocks_are_tolerated() {
        let time = |seconds, nanoseconds| Mtime {
            seconds,
            nanoseconds,
        };
        let wanted = time(-5, 123_456_789);
        for found in [123_456_789, 123_456_700, 123_456_000, 123_000_000, 0] {
            assert!(same_time(wanted, time(-5, found)), "{found}");
        }
        assert!(!same_time(wanted, time(-5, 123_456_788)));
        assert!(!same_time(wanted, time(-5, 123_000_001)));
        assert!(!same_time(wanted, time(-4, 123_456_789)));
        assert!(!same_time(time(7, 0), time(7, 1)));
    }
}
