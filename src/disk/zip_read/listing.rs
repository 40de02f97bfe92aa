//! Entries as an archive lists them.

use super::directory::Directory;
use super::encryption::{AesStrength, Protection};
use super::kind::CentralKind;
use super::record::CentralEntry;
use crate::model::{Mode, Mtime};

/// An entry as the archive lists it, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedEntry<'a> {
    /// Its path, to be escaped.
    pub path: &'a [u8],
    /// Its kind.
    pub kind: ListedKind,
    /// Bytes of its contents.
    pub size: u64,
    /// Bytes of its packed contents.
    pub compressed: u64,
    /// How it is encrypted.
    pub encryption: ListedEncryption,
    /// Its permissions.
    pub mode: Mode,
    /// When its contents were last changed.
    pub mtime: Mtime,
}

/// The kind of a listed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket, which is never made here.
    Special,
}

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedEncryption {
    /// No encryption.
    None,
    /// With AES, as WinZip does.
    Aes(AesStrength),
    /// With ZipCrypto, which protects little.
    ZipCrypto,
    /// With another method, which is missing here.
    Other,
}

/// An entry of the directory.
pub(super) fn listed<'a>(record: &CentralEntry, directory: &'a Directory) -> ListedEntry<'a> {
    ListedEntry {
        path: record.path.of(&directory.text),
        kind: match record.kind {
            CentralKind::File => ListedKind::File,
            CentralKind::Folder => ListedKind::Folder,
            CentralKind::Link => ListedKind::Link,
            CentralKind::Special => ListedKind::Special,
        },
        size: record.size,
        compressed: record.compressed,
        encryption: match record.protection {
            Protection::Nothing => ListedEncryption::None,
            Protection::Aes(aes) => ListedEncryption::Aes(aes.strength),
            Protection::ZipCrypto => ListedEncryption::ZipCrypto,
            Protection::Strong => ListedEncryption::Other,
        },
        mode: record.mode,
        mtime: record.mtime,
    }
}
