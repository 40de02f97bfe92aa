//! Opening what a peer has sealed, and nothing else.

use super::envelope::Envelope;
use super::layout::Layout;
use super::position::Position;
use crate::crypto::keys::{OpeningKeys, PositionKeys};
use std::fmt;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// How much is read at once: the cipher passes over each slice twice, so it should stay in the
/// processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

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
    let method = envelope.method().number();
    if !layout.is_as_agreed(archive, method, envelope.raw_length()) {
        return Err(OpenError::NotAsAgreed);
    }
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let mut reader = ZipArchive::with_config(config, Cursor::new(archive))
        .map_err(|_| OpenError::NotAsAgreed)?;
    let entry = reader
        .by_index_decrypt(0, &*keys.password)
        .map_err(|_| OpenError::NotAsAgreed)?;
    raw.resize(envelope.raw_length() as usize, 0);
    read_verified(entry, raw)
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
