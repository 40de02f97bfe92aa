//! The layout of a sealed archive, and the bytes that must be in it.
//!
//! The archive has one entry of a fixed name and no field that varies in length, so all lengths but
//! the ciphertext's are constants. The structures are those of APPNOTE 6.3.10, sections 4.3.7,
//! 4.3.9, 4.3.12 and 4.3.16, and of WinZip's AES specification.

use crate::model::{len8, len32};
use std::ops::Range;

/// The name of the one entry.
pub(super) const ENTRY_NAME: &str = "part";

/// Bytes of a sealed archive that are not ciphertext.
pub const SEALED_OVERHEAD: u32 = 172;

const _: () = assert!(HEAD_LENGTH + TAIL_LENGTH == SEALED_OVERHEAD as usize);

/// Bytes before the ciphertext: the local header, AES-256's salt and the password verifier.
const HEAD_LENGTH: usize = LOCAL_HEADER_LENGTH + SALT_LENGTH;
pub(super) const LOCAL_HEADER_LENGTH: usize = 30 + ENTRY_NAME.len() + AES_FIELD_LENGTH;
const AES_FIELD_LENGTH: usize = 11;
const SALT_LENGTH: usize = 16 + 2;

/// Bytes after the ciphertext: the tag, the data descriptor, the directory's one header, the end of the
/// directory.
const TAIL_LENGTH: usize = TAG_LENGTH + DESCRIPTOR_LENGTH + DIRECTORY_LENGTH + END_LENGTH;
const TAG_LENGTH: usize = 10;
const DESCRIPTOR_LENGTH: usize = 16;
const DIRECTORY_LENGTH: usize = 46 + ENTRY_NAME.len() + AES_FIELD_LENGTH;
const END_LENGTH: usize = 22;

/// The method number of AES entries; the true one is in the AES field.
const AES_METHOD: u8 = 99;

/// General purpose bits 0 and 3 only: encrypted, with a data descriptor.
const FLAGS: u8 = 0b1001;

/// The offsets in an archive of a given length.
pub(super) struct Layout {
    /// The ciphertext, between the password verifier and the tag.
    pub(super) ciphertext: Range<usize>,
}

impl Layout {
    /// The layout of an archive of that length; `None` if it is too short for an empty ciphertext.
    pub(super) fn of(sealed_length: usize) -> Option<Layout> {
        let end = sealed_length.checked_sub(TAIL_LENGTH)?;
        (end >= HEAD_LENGTH).then_some(Layout {
            ciphertext: HEAD_LENGTH..end,
        })
    }

    /// Offset of the data descriptor.
    pub(super) fn descriptor(&self) -> usize {
        self.ciphertext.end + TAG_LENGTH
    }

    /// Offset of the central directory.
    pub(super) fn directory(&self) -> usize {
        self.descriptor() + DESCRIPTOR_LENGTH
    }

    /// Whether everything except salt, ciphertext and tag is what a [`super::Sealer`] writes around
    /// contents of that length and method: one entry of that name, encrypted with AES-256 in version
    /// AE-2, with those sizes, and nothing before, between or after. This is stricter than a zip reader.
    /// Versions, times and attributes depend on the writing program and may have any value.
    pub(super) fn is_as_agreed(&self, archive: &[u8], method: u8, raw_length: u32) -> bool {
        let sizes = [self.entry_length().to_le_bytes(), raw_length.to_le_bytes()].concat();
        let aes = [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3, method, 0];
        let lengths = [len8(ENTRY_NAME.len()), 0, len8(AES_FIELD_LENGTH), 0];
        let name = ENTRY_NAME.as_bytes();

        let local_header = [
            only(b"PK\x03\x04"),
            any(2), // version needed
            only(&[FLAGS, 0, AES_METHOD, 0]),
            any(4),         // time and date
            only(&[0; 12]), // checksum and sizes: in the descriptor
            only(&lengths),
            only(name),
            only(&aes),
        ];
        let descriptor = [only(b"PK\x07\x08"), only(&[0; 4]), only(&sizes)];
        let directory = [
            only(b"PK\x01\x02"),
            any(4), // versions made by and needed
            only(&[FLAGS, 0, AES_METHOD, 0]),
            any(4),        // time and date
            only(&[0; 4]), // checksum
            only(&sizes),
            only(&lengths),
            only(&[0; 4]), // lengths of no comment, number of the disk
            any(6),        // attributes
            only(&[0; 4]), // place of the local header
            only(name),
            only(&aes),
        ];
        let end = [
            only(b"PK\x05\x06"),
            only(&[0; 4]),       // numbers of the disks
            only(&[1, 0, 1, 0]), // entries
            only(&len32(DIRECTORY_LENGTH).to_le_bytes()),
            only(&len32(self.directory()).to_le_bytes()),
            only(&[0; 2]), // length of no comment
        ];
        let tail = [descriptor.concat(), directory.concat(), end.concat()].concat();
        fits(&local_header.concat(), &archive[..LOCAL_HEADER_LENGTH])
            && fits(&tail, &archive[self.descriptor()..])
    }

    /// The compressed size in the headers: salt, verifier, ciphertext and tag.
    fn entry_length(&self) -> u32 {
        len32(SALT_LENGTH + self.ciphertext.len() + TAG_LENGTH)
    }
}

/// Bytes that must be exactly these.
fn only(bytes: &[u8]) -> Vec<Option<u8>> {
    bytes.iter().copied().map(Some).collect()
}

/// This many arbitrary bytes.
fn any(length: usize) -> Vec<Option<u8>> {
    vec![None; length]
}

fn fits(pattern: &[Option<u8>], bytes: &[u8]) -> bool {
    pattern.len() == bytes.len()
        && pattern
            .iter()
            .zip(bytes)
            .all(|(expected, byte)| expected.is_none_or(|expected| expected == *byte))
}
