//! Opens what a peer sealed.

use super::entry::{end_of, next_of, with_entry};
use super::envelope::{Envelope, PartMethod};
use super::in_place::open_in_place;
use super::layout::Layout;
use super::open_error::OpenError;
use super::position::Position;
use crate::crypto::keys::{OpeningKeys, PositionKeys};
use std::io::Cursor;

/// Bytes read at once. The cipher passes over each slice twice, so it should stay in the processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

/// Opens what the peer sealed. Each thread has one of its own, because it reuses its buffers.
#[derive(Default)]
pub struct Opener {
    raw: Vec<u8>,
    slice: Vec<u8>,
}

impl Opener {
    /// An opener with empty buffers, which grow as needed.
    #[must_use]
    pub fn new() -> Opener {
        Opener::default()
    }

    /// Opens the archive that followed the envelope, at the position where it must belong. It returns the
    /// contents only after every byte was verified, and keeps nothing on an error.
    ///
    /// # Errors
    ///
    /// [`OpenError`], caused by the peer or by someone on the line.
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

    /// Like [`Opener::open`], but stored contents overwrite their ciphertext, so the archive cannot be used
    /// again. After an error it holds no contents.
    ///
    /// # Errors
    ///
    /// [`OpenError`], caused by the peer or by someone on the line.
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

/// The layout of an archive whose envelope and form were verified.
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
