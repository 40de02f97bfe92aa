//! What an archive lists.

use super::directory::Directory;
use super::encryption::{AesStrength, Protection};
use super::kind::CentralKind;
use super::record::CentralEntry;
use crate::model::{Mode, Mtime};

/// An entry as the archive lists it; nothing of it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedEntry<'a> {
    /// Its path, to be escaped.
    pub path: &'a [u8],
    /// What it is.
    pub kind: ListedKind,
    /// Bytes of its contents.
    pub size: u64,
    /// Bytes that it takes in the archive.
    pub compressed: u64,
    /// How it is encrypted.
    pub encryption: ListedEncryption,
    /// Its permissions.
    pub mode: Mode,
    /// When its contents were last changed.
    pub mtime: Mtime,
}

/// What a listed entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Something that is never made here: a device, a pipe, a socket.
    Special,
}

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedEncryption {
    /// Not at all.
    None,
    /// As WinZip does, with AES.
    Aes(AesStrength),
    /// With ZipCrypto, which protects little.
    ZipCrypto,
    /// In a way that only its maker opens.
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
