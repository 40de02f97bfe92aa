//! Why an archive cannot be opened or read.

use crate::model::{ManifestError, escaped, shortened};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why an archive was not opened, and the entry that caused it. `Display` gives one line, safe to show.
#[derive(Debug)]
pub struct ArchiveError {
    archive: PathBuf,
    entry: Option<Box<[u8]>>,
    fault: ArchiveFault,
}

/// A fault of an archive or of an entry.
#[derive(Debug)]
pub enum ArchiveFault {
    /// The system cannot read it.
    Unreadable(io::Error),
    /// It is not a zip archive.
    NotZip,
    /// It is cut, changed or malformed.
    Damaged(&'static str),
    /// It seems to be made to do harm: it looks like two archives, or grows out of proportion.
    Trap(&'static str),
    /// It is encrypted with ZipCrypto, and the reader is strict.
    ZipCrypto,
    /// No entry is selected.
    NothingSelected,
    /// It needs a feature that is missing here.
    Unsupported(&'static str),
    /// It is compressed by a method that is missing here; the number is that of the format.
    Method(u16),
    /// A name or a link would lead outside, or occurs twice.
    Unsafe(ManifestError),
    /// It is larger than [`crate::model::limits`] allow.
    TooLarge(&'static str),
    /// It is encrypted, and no password was given.
    PasswordNeeded,
    /// The password is wrong.
    WrongPassword,
    /// The contents fail their checksum, tag or size.
    NotVerified(&'static str),
}

/// For [`ArchiveFault::Unsupported`].
pub(super) const NEEDS_STRONG_ENCRYPTION: &str = "needs PKWARE's strong encryption";

impl ArchiveError {
    /// What is wrong.
    pub(crate) fn fault(&self) -> &ArchiveFault {
        &self.fault
    }

    /// The archive.
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    pub(super) fn of_archive(archive: &Path, fault: ArchiveFault) -> Self {
        EntryFault::from(fault).in_archive(archive)
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let archive = escaped(self.archive.as_os_str().as_encoded_bytes());
        match &self.entry {
            Some(entry) => write!(f, "{} in {archive} {}", shortened(entry), self.fault),
            None => write!(f, "{archive} {}", self.fault),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// The rest of a line after the name of the archive or entry: `a.zip is not a zip archive`.
impl fmt::Display for ArchiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveFault::Unreadable(source) => write!(f, "cannot be read: {source}"),
            ArchiveFault::NotZip => f.write_str("is not a zip archive"),
            ArchiveFault::Damaged(what) => write!(f, "is damaged: {what}"),
            ArchiveFault::Trap(what) => write!(f, "looks like a trap: {what}"),
            ArchiveFault::ZipCrypto => {
                f.write_str("is encrypted with ZipCrypto, which has been broken since 1994")
            }
            ArchiveFault::NothingSelected => f.write_str("has no such entry"),
            ArchiveFault::Unsupported(what) => write!(f, "cannot be opened here: it {what}"),
            ArchiveFault::Method(number) => match method_name(*number) {
                Some(name) => write!(
                    f,
                    "is compressed with {name}, which peerbridge does not know"
                ),
                None => write!(
                    f,
                    "is compressed by method {number}, which peerbridge does not know"
                ),
            },
            ArchiveFault::Unsafe(error) => write!(f, "is refused: {error}"),
            ArchiveFault::TooLarge(what) => write!(f, "is refused: it has {what} than allowed"),
            ArchiveFault::PasswordNeeded => f.write_str("is encrypted, and no password is given"),
            ArchiveFault::WrongPassword => f.write_str("does not open with this password"),
            ArchiveFault::NotVerified(what) => write!(f, "does not verify: {what}"),
        }
    }
}

/// A fault and its entry, before the archive's name is added.
#[derive(Debug)]
pub(super) struct EntryFault {
    entry: Option<Box<[u8]>>,
    fault: ArchiveFault,
}

impl EntryFault {
    /// `entry` is the raw name in the archive.
    pub(super) fn of_entry(entry: &[u8], fault: ArchiveFault) -> Self {
        EntryFault {
            entry: Some(entry.into()),
            fault,
        }
    }

    pub(super) fn in_archive(self, archive: &Path) -> ArchiveError {
        ArchiveError {
            archive: archive.to_owned(),
            entry: self.entry,
            fault: self.fault,
        }
    }
}

impl From<ArchiveFault> for EntryFault {
    fn from(fault: ArchiveFault) -> Self {
        EntryFault { entry: None, fault }
    }
}

impl From<io::Error> for EntryFault {
    fn from(source: io::Error) -> Self {
        ArchiveFault::Unreadable(source).into()
    }
}

/// The methods that other programs write (APPNOTE 4.4.5).
fn method_name(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "Shrink",
        2..=5 => "Reduce",
        6 => "Implode",
        7 => "Tokenize",
        10 => "PKWARE's DCL Implode",
        12 => "bzip2",
        14 => "LZMA",
        20 => "an early form of zstd",
        94 => "MP3",
        95 => "xz",
        96 => "JPEG",
        97 => "WavPack",
        98 => "PPMd",
        _ => return None,
    })
}
