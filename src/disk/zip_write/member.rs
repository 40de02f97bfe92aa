//! What a header says of a member of an archive, beside its contents.

use super::dos_time::dos_time;
use crate::model::{Entry, EntryKind, Mode, Mtime};
use std::borrow::Cow;

/// A file, folder or link as an archive names it.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its path with `/` between components, and one at the end of a folder's.
    pub(super) name: Cow<'a, [u8]>,
    kind: MemberKind,
    mode: Mode,
    mtime: Mtime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberKind {
    File,
    Folder,
    Link,
}

/// `S_IFREG` and its kin of every Unix, in the upper half of the external attributes.
const UNIX_FILE: u32 = 0o100_000;
const UNIX_FOLDER: u32 = 0o040_000;
const UNIX_LINK: u32 = 0o120_000;
/// The attribute of a folder in the lower half.
const DOS_FOLDER: u32 = 0x10;

impl<'a> Member<'a> {
    /// An entry of a manifest.
    pub fn of_entry(entry: &Entry<'a>) -> Member<'a> {
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
        }
    }

    /// A file of its own, which says nothing about anything: readable by its owner, of no time.
    pub fn nameless(name: &'a [u8]) -> Member<'a> {
        Member {
            name: Cow::Borrowed(name),
            kind: MemberKind::File,
            mode: Mode::from_bits(0o600),
            mtime: Mtime::default(),
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

    /// Whether the name says that it is UTF-8. ASCII needs no such word, and what is no UTF-8 stands as
    /// the bytes that it is on the disk.
    pub(super) fn is_marked_utf8(&self) -> bool {
        !self.name.is_ascii() && std::str::from_utf8(&self.name).is_ok()
    }

    /// Date and time as DOS has them, in UTC: there is no other zone that both sides know.
    pub(super) fn dos_time(&self) -> (u16, u16) {
        dos_time(self.mtime.seconds)
    }

    /// The exact second, where the extra field can hold it: until 2038.
    pub(super) fn unix_seconds(&self) -> Option<i32> {
        i32::try_from(self.mtime.seconds).ok()
    }
}
