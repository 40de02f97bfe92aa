//! Opening what a peer has sealed, and nothing else.

use super::envelope::{Envelope, Method};
use super::layout::{
    AES_FIELD_LENGTH, DIRECTORY_LENGTH, END_LENGTH, ENTRY_NAME, LOCAL_HEADER_LENGTH, Layout,
};
use super::position::Position;
use crate::crypto::keys::{OpeningKeys, PositionKeys};
use std::fmt;
use std::io::{Cursor, Read};
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ExtraField, ZipArchive, ZipReadOptions};

/// How much is read at once: the cipher passes over each slice twice, so it should stay in the
/// processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

/// The general purpose bits 0 and 3 (APPNOTE 4.4.4), and no other.
const ENCRYPTED_WITH_DESCRIPTOR: u16 = 0b1001;

/// Opens for one thread: it keeps the buffer.
#[derive(Default)]
pub struct Opener {
    raw: Vec<u8>,
}

impl Opener {
    /// An opener without a buffer yet. It grows to what is opened with it.
    #[must_use]
    pub fn new() -> Opener {
        Opener::default()
    }

    /// Opens the archive that came behind the envelope, at the position where it must belong. The
    /// contents come back only when every byte was verified; on an error none of them is kept.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which is the doing of the peer or of who sits in between.
    pub fn open(
        &mut self,
        keys: &OpeningKeys,
        position: Position,
        envelope: &Envelope,
        archive: &[u8],
    ) -> Result<&[u8], OpenError> {
        let keys = keys.at(position);
        let result = open_into(&mut self.raw, &keys, position, envelope, archive);
        if result.is_err() {
            self.raw.clear();
        }
        result.map(|()| self.raw.as_slice())
    }

    #[cfg(test)]
    pub(super) fn buffer(&self) -> &Vec<u8> {
        &self.raw
    }
}

fn open_into(
    raw: &mut Vec<u8>,
    keys: &PositionKeys,
    position: Position,
    envelope: &Envelope,
    archive: &[u8],
) -> Result<(), OpenError> {
    if archive.len() != envelope.sealed_length() as usize {
        return Err(OpenError::NotAsAgreed);
    }
    let layout = Layout::of(archive.len()).ok_or(OpenError::NotAsAgreed)?;
    envelope.verify(keys, position, archive)?;
    let mut reader = read_directory(&layout, archive)?;
    let options = ZipReadOptions::new()
        .password(Some(&*keys.password))
        .enforce_header_consistency(true);
    let entry = reader
        .by_index_with_options(0, options)
        .map_err(|_| OpenError::NotAsAgreed)?;
    if !is_as_agreed(&entry, envelope, &layout)
        || archive[layout.descriptor.clone()] != expected_descriptor(envelope, &layout)
    {
        return Err(OpenError::NotAsAgreed);
    }
    raw.resize(envelope.raw_length() as usize, 0);
    read_verified(entry, raw)
}

/// The archive's directory: one entry, and nothing between and around what has its place.
fn read_directory<'a>(
    layout: &Layout,
    archive: &'a [u8],
) -> Result<ZipArchive<Cursor<&'a [u8]>>, OpenError> {
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let directory = layout.descriptor.end;
    match ZipArchive::with_config(config, Cursor::new(archive)) {
        Ok(reader)
            if reader.len() == 1
                && !reader.has_duplicate_names()
                && reader.comment().is_empty()
                && reader.raw_zip64_extensible_data_sector().is_none()
                && reader.central_directory_start() == directory as u64
                && directory + DIRECTORY_LENGTH + END_LENGTH == archive.len() =>
        {
            Ok(reader)
        }
        _ => Err(OpenError::NotAsAgreed),
    }
}

/// Whether the entry is exactly what a [`super::Sealer`] writes. The reader has compared its two
/// headers; it does not mind entries that are not encrypted, or encrypted in another way.
fn is_as_agreed(entry: &ZipFile<'_, Cursor<&[u8]>>, envelope: &Envelope, layout: &Layout) -> bool {
    let method = match envelope.method() {
        Method::Stored => CompressionMethod::Stored,
        Method::Zstd => CompressionMethod::Zstd,
    };
    let fields: Vec<&ExtraField> = entry.extra_data_fields().collect();
    entry.name_raw() == ENTRY_NAME.as_bytes()
        && entry.flags().as_u16() == ENCRYPTED_WITH_DESCRIPTOR
        && matches!(fields[..], [field] if is_aes_256_ae_2(field, envelope.method()))
        && entry.compression() == method
        && entry.size() == u64::from(envelope.raw_length())
        && entry.compressed_size() == layout.entry_length() as u64
        && entry.crc32() == 0
        && entry.comment_raw().is_empty()
        && entry.header_start() == 0
        && entry.data_start() == Some(LOCAL_HEADER_LENGTH as u64)
}

/// Whether the extra field says AES-256 in version AE-2, around that method.
fn is_aes_256_ae_2(field: &ExtraField, method: Method) -> bool {
    let mut written = Vec::with_capacity(AES_FIELD_LENGTH);
    let expected = [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3, method.number(), 0];
    matches!(field, ExtraField::AeXEncryption(aes) if aes.write(&mut written).is_ok())
        && written == expected
}

/// The data descriptor (APPNOTE 4.3.9) of an AE-2 entry: signature, no checksum, both sizes.
fn expected_descriptor(envelope: &Envelope, layout: &Layout) -> Vec<u8> {
    let sizes = [layout.entry_length() as u32, envelope.raw_length()];
    [
        *b"PK\x07\x08",
        [0; 4],
        sizes[0].to_le_bytes(),
        sizes[1].to_le_bytes(),
    ]
    .concat()
}

/// Fills the buffer from the entry. The reader checks the tag when it has read the last byte of
/// the ciphertext, so it must be asked until it has nothing more; more than the buffer takes, be
/// it one byte, is an error.
fn read_verified(mut entry: impl Read, raw: &mut [u8]) -> Result<(), OpenError> {
    let mut filled = 0;
    while filled < raw.len() {
        let end = raw.len().min(filled + SLICE_LENGTH);
        match entry.read(&mut raw[filled..end]) {
            Ok(0) => return Err(OpenError::NotAsAgreed),
            Ok(read) => filled += read,
            Err(_) => return Err(OpenError::NotAuthentic),
        }
    }
    match entry.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(OpenError::NotAsAgreed),
        Err(_) => Err(OpenError::NotAuthentic),
    }
}

/// Why something could not be opened. It says no more, so that nothing can be learnt from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// The peer announced contents above the limit.
    TooLong,
    /// What arrived does not verify: it is damaged, forged, or belongs elsewhere.
    NotAuthentic,
    /// The peer sealed something that is not of the agreed form.
    NotAsAgreed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenError::TooLong => "the peer sent something longer than allowed",
            OpenError::NotAuthentic => "what arrived does not verify",
            OpenError::NotAsAgreed => "the peer sent something that is not sealed as agreed",
        })
    }
}

impl std::error::Error for OpenError {}
