//! How an entry's contents are stored, and its record in the directory.

/// How an entry's contents are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// No compression.
    Stored,
    /// Raw deflate (RFC 1951).
    Deflated,
}

/// How an entry's contents are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With WinZip's AES-256, version AE-2, without the CRC-32 of the contents.
    Aes256,
    /// No encryption.
    None,
}

/// Lengths and checksum of an entry's contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryContents {
    /// Bytes of the contents.
    pub raw: u64,
    /// Bytes of the packed contents.
    pub packed: u64,
    /// CRC-32 of the contents; 0 if they are encrypted.
    pub crc32: u32,
}

/// The directory's facts about an entry, besides its `Member`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenEntry {
    pub(super) number: u32,
    pub(super) method: Method,
    pub(super) encryption: Encryption,
    pub(super) has_descriptor: bool,
    pub(super) offset: u64,
    pub(super) contents: EntryContents,
}
