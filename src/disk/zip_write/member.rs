//! A member of an archive, as its headers describe it, without its contents.

use crate::disk::zip_time::{DosTime, TimeZone, UNKNOWN_DOS_TIME};
use crate::model::{Entry, EntryKind, Mode, Mtime};
use std::borrow::Cow;

/// A file, folder or link as an archive names it.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its path with `/` between components; a folder's path ends with `/`.
    pub(super) name: Cow<'a, [u8]>,
    kind: MemberKind,
    mode: Mode,
    mtime: Mtime,
    dos_time: DosTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberKind {
    File,
    Folder,
    Link,
}

/// `S_IFREG` and the like, the same on every Unix, in the upper half of the external attributes.
const UNIX_FILE: u32 = 0o100_000;
const UNIX_FOLDER: u32 = 0o040_000;
const UNIX_LINK: u32 = 0o120_000;
/// The last second that signed 32 bits can count.
const LAST_UNIX_SECOND: u32 = u32::MAX / 2;
/// Seconds from 1601, the epoch of NTFS, to 1970.
const NTFS_TO_UNIX_SECONDS: i64 = 11_644_473_600;
/// NTFS counts in units of 100 ns.
const NTFS_TICKS: u64 = 10_000_000;
/// The attribute of a folder in the lower half.
const DOS_FOLDER: u32 = 0x10;

impl<'a> Member<'a> {
    /// The member for an entry of a manifest, with its DOS time in `zone`.
    pub fn of_entry(entry: &Entry<'a>, zone: &TimeZone) -> Member<'a> {
        let path = entry.path.as_bytes();
        let (kind, name) = match entry.kind {
            EntryKind::File(_) => (MemberKind::File, Cow::Borrowed(path)),
            EntryKind::Link(_) => (MemberKind::Link, Cow::Borrowed(path)),
            EntryKind::Folder => (MemberKind::Folder, Cow::Owned([path, b"/"].concat())),
        };
        Member {
            name,
            kind,
            mode: entry.mode,
            mtime: entry.mtime,
            dos_time: zone.dos_time(entry.mtime.seconds),
        }
    }

    /// A file without information about its contents: readable by its owner, without a time.
    pub fn nameless(name: &'a [u8]) -> Member<'a> {
        Member {
            name: Cow::Borrowed(name),
            kind: MemberKind::File,
            mode: Mode::from_bits(0o600),
            mtime: Mtime::default(),
            dos_time: UNKNOWN_DOS_TIME,
        }
    }

    pub(super) fn attributes(&self) -> u32 {
        let (kind, dos) = match self.kind {
            MemberKind::File => (UNIX_FILE, 0),
            MemberKind::Folder => (UNIX_FOLDER, DOS_FOLDER),
            MemberKind::Link => (UNIX_LINK, 0),
        };
        (kind | self.mode.bits()) << 16 | dos
    }

    /// Whether the name is marked as UTF-8. ASCII needs no mark, and a name that is not UTF-8 keeps its bytes
    /// from the disk.
    pub(super) fn is_marked_utf8(&self) -> bool {
        !self.name.is_ascii() && std::str::from_utf8(&self.name).is_ok()
    }

    /// Date and time as DOS has them.
    pub(super) fn dos_time(&self) -> DosTime {
        self.dos_time
    }

    /// The exact second, if all programs read the field for it alike: from 1970 to 2038. Before and after that
    /// they disagree about its sign.
    pub(super) fn unix_seconds(&self) -> Option<u32> {
        let seconds = u32::try_from(self.mtime.seconds).ok()?;
        (seconds <= LAST_UNIX_SECOND).then_some(seconds)
    }

    /// The time of NTFS, in units of 100 ns since 1601, if [`Member::unix_seconds`] is `None`.
    pub(super) fn ntfs_ticks(&self) -> Option<u64> {
        if self.unix_seconds().is_some() {
            return None;
        }
        let seconds = self.mtime.seconds.checked_add(NTFS_TO_UNIX_SECONDS)?;
        let seconds = u64::try_from(seconds).ok()?;
        let ticks = u64::from(self.mtime.nanoseconds / 100);
        seconds.checked_mul(NTFS_TICKS)?.checked_add(ticks)
    }
}
