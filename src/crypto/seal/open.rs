//! Opening what a peer has sealed, and nothing else.

use super::envelope::{Envelope, PartMethod};
use super::in_place::open_in_place;
use super::layout::Layout;
use super::position::Position;
use crate::crypto::keys::{OpeningKeys, PositionKeys};
use std::fmt;
use std::io::{Cursor, Read, Seek};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// How much is read at once: the cipher passes over each slice twice, so it should stay in the
/// processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

/// Opens for one thread: it keeps the buffers.
#[derive(Default)]
pub struct Opener {
    raw: Vec<u8>,
    slice: Vec<u8>,
}

impl Opener {
    /// An opener without buffers yet. They grow to what is opened with it.
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
        verified_layout(&keys, position, envelope, archive)?;
        self.open_verified(&keys, envelope, archive)
    }

    /// The same, and stored contents take the place of their ciphertext: the archive is of no use any
    /// more. After an error no contents are in it.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which is the doing of the peer or of who sits in between.
    pub fn open_in_place<'a>(
        &'a mut self,
        keys: &OpeningKeys,
        position: Position,
        envelope: &Envelope,
        archive: &'a mut [u8],
    ) -> Result<&'a [u8], OpenError> {
        let keys = keys.at(position);
        let layout = verified_layout(&keys, position, envelope, archive);
        if envelope.method() == PartMethod::Zstd {
            return layout.and_then(|_| self.open_verified(&keys, envelope, archive));
        }
        self.slice.resize(SLICE_LENGTH, 0);
        let opened = layout.and_then(|layout| {
            open_in_place(archive, &layout, &keys, &mut self.slice)?;
            Ok(layout.ciphertext)
        });
        match opened {
            Ok(place) => Ok(&archive[place]),
            Err(error) => {
                archive.fill(0);
                Err(error)
            }
        }
    }

    fn open_verified(
        &mut self,
        keys: &PositionKeys,
        envelope: &Envelope,
        archive: &[u8],
    ) -> Result<&[u8], OpenError> {
        let raw = &mut self.raw;
        let result = with_entry(Cursor::new(archive), keys, |entry| {
            raw.resize(envelope.raw_length() as usize, 0);
            let mut filled = 0;
            while filled < raw.len() {
                let end = raw.len().min(filled + SLICE_LENGTH);
                filled += next_of(entry, &mut raw[filled..end])?;
            }
            end_of(entry)
        });
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

/// Where everything is in the archive, once its envelope and its form were found true.
fn verified_layout(
    keys: &PositionKeys,
    position: Position,
    envelope: &Envelope,
    archive: &[u8],
) -> Result<Layout, OpenError> {
    if archive.len() != envelope.sealed_length() as usize {
        return Err(OpenError::NotAsAgreed);
    }
    let layout = Layout::of(archive.len()).ok_or(OpenError::NotAsAgreed)?;
    envelope.verify(keys, position, archive)?;
    let method = envelope.method().number();
    if !layout.is_as_agreed(archive, method, envelope.raw_length()) {
        return Err(OpenError::NotAsAgreed);
    }
    Ok(layout)
}

/// Gives the archive's entry to `read`.
pub(super) fn with_entry(
    archive: impl Read + Seek,
    keys: &PositionKeys,
    read: impl FnOnce(&mut dyn Read) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let mut archive =
        ZipArchive::with_config(config, archive).map_err(|_| OpenError::NotAsAgreed)?;
    let mut entry = archive
        .by_index_decrypt(0, &*keys.password)
        .map_err(|_| OpenError::NotAsAgreed)?;
    read(&mut entry)
}

/// The next contents of an entry that must have more of them.
pub(super) fn next_of(entry: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, OpenError> {
    match entry.read(buffer) {
        Ok(0) => Err(OpenError::NotAsAgreed),
        Ok(read) => Ok(read),
        Err(_) => Err(OpenError::NotAuthentic),
    }
}

/// The end of an entry. The reader checks the tag when it has read the last byte of the ciphertext, so it
/// must be asked until it has nothing more; more than was announced, be it one byte, is an error.
pub(super) fn end_of(entry: &mut dyn Read) -> Result<(), OpenError> {
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
