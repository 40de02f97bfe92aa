//! The records of a zip archive as bytes (PKWARE APPNOTE 6.3; WinZip's AE-2 specification 1.04).

use super::entry::{Encryption, EntryContents, Method, WrittenEntry};
use super::member::Member;
use crate::disk::zip_time::DosTime;

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const ZIP64_END: u32 = 0x0606_4b50;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;

const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The method of encrypted entries; the real one is in the extra field.
const AES: u16 = 99;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_NTFS: u16 = 0x000a;
const EXTRA_TIME: u16 = 0x5455;
const EXTRA_AES: u16 = 0x9901;

/// Versions of the format that a reader must know: folders and deflate, zip64, AES.
const VERSION_PLAIN: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const VERSION_AES: u16 = 51;
/// Made on Unix, by version 6.3 of APPNOTE.
const MADE_BY: u16 = 3 << 8 | 63;

/// Stands for a number that does not fit and is in the extra field.
const IN_EXTRA_32: u32 = u32::MAX;
const IN_EXTRA_16: u16 = u16::MAX;

/// The number itself, or [`IN_EXTRA_32`] if it does not fit.
fn low32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(IN_EXTRA_32)
}

/// Like [`low32`], in two bytes.
fn low16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(IN_EXTRA_16)
}

/// Builds a record. All numbers of zip are little-endian.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A length that [`crate::model::limits`] keeps far below 2^16: of a path, or of extra fields.
    fn length(&mut self, bytes: &[u8]) -> &mut Self {
        self.u16(low16(bytes.len() as u64))
    }
}

/// The two headers of a member.
pub(super) struct MemberHeader<'a> {
    member: &'a Member<'a>,
    written: &'a WrittenEntry,
}

impl<'a> MemberHeader<'a> {
    pub(super) fn new(member: &'a Member<'a>, written: &'a WrittenEntry) -> Self {
        MemberHeader { member, written }
    }

    /// The header before the contents. With `zip64`, lengths take eight bytes here and in a data descriptor.
    pub(super) fn local(&self, zip64: bool) -> Vec<u8> {
        let EntryContents { raw, packed, crc32 } = self.written.contents;
        let mut extra = Bytes::default();
        if zip64 {
            extra.u16(EXTRA_ZIP64).u16(16).u64(raw).u64(packed);
        }
        self.common_extra(&mut extra);
        let mut header = Bytes::default();
        header.u32(LOCAL);
        self.common(&mut header, zip64);
        header.u32(crc32);
        match zip64 {
            true => header.u32(IN_EXTRA_32).u32(IN_EXTRA_32),
            false => header.u32(low32(packed)).u32(low32(raw)),
        };
        header.length(&self.member.name).length(&extra.0);
        header.raw(&self.member.name).raw(&extra.0);
        header.0
    }

    /// The header in the directory. Its extra field holds only the numbers from `zip64_from` on.
    pub(super) fn central(&self, zip64_from: u64) -> Vec<u8> {
        let EntryContents { raw, packed, crc32 } = self.written.contents;
        let mut zip64 = Bytes::default();
        let mut narrow = |value: u64| match value >= zip64_from {
            true => {
                zip64.u64(value);
                IN_EXTRA_32
            }
            false => low32(value),
        };
        let (raw, packed) = (narrow(raw), narrow(packed));
        let offset = narrow(self.written.offset);
        let mut extra = Bytes::default();
        if !zip64.0.is_empty() {
            extra.u16(EXTRA_ZIP64).length(&zip64.0).raw(&zip64.0);
        }
        self.common_extra(&mut extra);
        let mut header = Bytes::default();
        header.u32(CENTRAL).u16(MADE_BY);
        self.common(&mut header, !zip64.0.is_empty());
        header.u32(crc32).u32(packed).u32(raw);
        header.length(&self.member.name).length(&extra.0);
        // No comment, on the first disk, no internal attributes.
        header.u16(0).u16(0).u16(0);
        header.u32(self.member.attributes()).u32(offset);
        header.raw(&self.member.name).raw(&extra.0);
        header.0
    }

    fn common(&self, header: &mut Bytes, zip64: bool) {
        let sealed = self.written.encryption == Encryption::Aes256;
        let version = match (sealed, zip64) {
            (true, _) => VERSION_AES,
            (false, true) => VERSION_ZIP64,
            (false, false) => VERSION_PLAIN,
        };
        let mut flags = 0;
        if sealed {
            flags |= ENCRYPTED;
        }
        if self.written.has_descriptor {
            flags |= HAS_DESCRIPTOR;
        }
        if self.member.is_marked_utf8() {
            flags |= UTF8;
        }
        let DosTime { date, time } = self.member.dos_time();
        header.u16(version).u16(flags);
        header.u16(if sealed { AES } else { self.method() });
        header.u16(time).u16(date);
    }

    fn common_extra(&self, extra: &mut Bytes) {
        if let Some(seconds) = self.member.unix_seconds() {
            // Bit 0: the field has the modification time.
            extra.u16(EXTRA_TIME).u16(5).raw(&[1]);
            extra.raw(&seconds.to_le_bytes());
        }
        if let Some(ticks) = self.member.ntfs_ticks() {
            // Reserved, then attribute 1: times of modification, access and creation. Only the first is known.
            extra.u16(EXTRA_NTFS).u16(32).u32(0).u16(1).u16(24);
            extra.u64(ticks).u64(ticks).u64(ticks);
        }
        if self.written.encryption == Encryption::Aes256 {
            // AE-2, by "AE", with keys of strength 3: 256 bits.
            extra.u16(EXTRA_AES).u16(7).u16(2).raw(b"AE").raw(&[3]);
            extra.u16(self.method());
        }
    }

    fn method(&self) -> u16 {
        match self.written.method {
            Method::Stored => STORED,
            Method::Deflated => DEFLATED,
        }
    }
}

/// The data descriptor after contents whose lengths were unknown when the header was written.
pub(super) struct Descriptor(pub(super) EntryContents);

impl Descriptor {
    pub(super) fn bytes(&self, zip64: bool) -> Vec<u8> {
        let EntryContents { raw, packed, crc32 } = self.0;
        let mut bytes = Bytes::default();
        bytes.u32(DESCRIPTOR).u32(crc32);
        match zip64 {
            true => bytes.u64(packed).u64(raw),
            false => bytes.u32(low32(packed)).u32(low32(raw)),
        };
        bytes.0
    }
}

/// The end of the directory, and of the archive.
pub(super) struct DirectoryEnd {
    pub(super) members: u64,
    pub(super) start: u64,
    pub(super) length: u64,
}

impl DirectoryEnd {
    pub(super) fn bytes(&self, zip64_from: u64) -> Vec<u8> {
        let many = self.members >= u64::from(IN_EXTRA_16);
        let large = self.start.max(self.length) >= zip64_from;
        let mut bytes = Bytes::default();
        if many || large {
            self.zip64(&mut bytes);
        }
        let narrow = |value: u64| match large {
            true => IN_EXTRA_32,
            false => low32(value),
        };
        let members = match many || large {
            true => IN_EXTRA_16,
            false => low16(self.members),
        };
        bytes.u32(END).u16(0).u16(0).u16(members).u16(members);
        bytes.u32(narrow(self.length)).u32(narrow(self.start));
        bytes.u16(0);
        bytes.0
    }

    fn zip64(&self, bytes: &mut Bytes) {
        bytes.u32(ZIP64_END).u64(44);
        bytes.u16(MADE_BY).u16(VERSION_ZIP64).u32(0).u32(0);
        bytes.u64(self.members).u64(self.members);
        bytes.u64(self.length).u64(self.start);
        bytes.u32(ZIP64_LOCATOR).u32(0);
        bytes.u64(self.start + self.length).u32(1);
    }
}
