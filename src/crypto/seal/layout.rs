//! Where everything is in a sealed archive.
//!
//! The archive has one entry of a fixed name, with no field that varies in length, so all lengths
//! but the ciphertext's are constants (APPNOTE 6.3.10, and WinZip's AES specification).

use std::ops::Range;

/// The name of the one entry.
pub(super) const ENTRY_NAME: &str = "part";

/// The local file header: its fixed fields, the name, the AES extra field.
pub(super) const LOCAL_HEADER_LENGTH: usize = 30 + ENTRY_NAME.len() + AES_FIELD_LENGTH;

/// The AES extra field: identifier, length, version, vendor, strength, method.
pub(super) const AES_FIELD_LENGTH: usize = 2 + 2 + 2 + 2 + 1 + 2;

/// In front of the ciphertext: the salt of AES-256 and the password verifier.
const SALT_LENGTH: usize = 16 + 2;

/// Behind the ciphertext: the authentication tag.
const TAG_LENGTH: usize = 10;

/// The data descriptor: signature, checksum, two sizes.
pub(super) const DESCRIPTOR_LENGTH: usize = 16;

/// The one entry's header in the central directory.
pub(super) const DIRECTORY_LENGTH: usize = 46 + ENTRY_NAME.len() + AES_FIELD_LENGTH;

/// The end of central directory record, without a comment.
pub(super) const END_LENGTH: usize = 22;

/// How many bytes a sealed archive has beside its ciphertext.
pub const SEALED_OVERHEAD: u32 = (HEAD_LENGTH + TAIL_LENGTH) as u32;

const HEAD_LENGTH: usize = LOCAL_HEADER_LENGTH + SALT_LENGTH;
const TAIL_LENGTH: usize = TAG_LENGTH + DESCRIPTOR_LENGTH + DIRECTORY_LENGTH + END_LENGTH;

/// The places in an archive of one length.
pub(super) struct Layout {
    /// The ciphertext, between salt and verifier, and tag.
    pub(super) ciphertext: Range<usize>,
    /// The data descriptor.
    pub(super) descriptor: Range<usize>,
}

impl Layout {
    /// The places in an archive that long; none when it is too short to have a ciphertext.
    pub(super) fn of(sealed_length: usize) -> Option<Layout> {
        let ciphertext_end = sealed_length.checked_sub(TAIL_LENGTH)?;
        let descriptor = ciphertext_end + TAG_LENGTH;
        (ciphertext_end >= HEAD_LENGTH).then_some(Layout {
            ciphertext: HEAD_LENGTH..ciphertext_end,
            descriptor: descriptor..descriptor + DESCRIPTOR_LENGTH,
        })
    }

    /// What the headers call the compressed size: salt, verifier, ciphertext and tag.
    pub(super) fn entry_length(&self) -> usize {
        SALT_LENGTH + self.ciphertext.len() + TAG_LENGTH
    }
}
