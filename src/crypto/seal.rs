//! Sealing messages and parts.
//!
//! A sealed message or part is an [`Envelope`] followed by a complete zip archive of one AES-256 entry
//! (AE-2, so no checksum of the contents shows). Any zip program opens the archive with its password. Peers
//! open it with [`Opener`], which accepts only what [`Sealer`] makes.

mod archive;
mod entry;
mod envelope;
mod in_place;
mod layout;
mod open;
mod open_error;
mod position;
mod prepared;

pub use envelope::{ENVELOPE_LENGTH, Envelope};
pub use layout::SEALED_OVERHEAD;
pub use open::Opener;
pub use open_error::OpenError;
pub use position::Position;
pub use prepared::{PREPARED_LENGTH, Prepared};

use super::keys::{PositionKeys, SealingKeys};
use crate::model::len64;
use archive::{Fit, SealedArchiveWriter, entry_options, write_archive};
use envelope::PartMethod;
use std::fmt;
use zip::result::ZipError;
use zip::write::FileOptions;
use zip::{AesMode, CompressionMethod};

/// Longest contents that can be sealed, in bytes. 1 GiB keeps every length in an archive and an envelope far
/// below 32 bits. The limits for a peer are smaller: see the limits table.
pub const MAX_RAW_LENGTH: u32 = 1 << 30;

/// Shorter contents are stored: the framing of compressed data would cost more than it saves.
const MIN_COMPRESSED_LENGTH: usize = 64;

/// Length of a sample, in bytes. Samples are compressed first, to find out whether the whole is worth it.
const SAMPLE_LENGTH: usize = 16 * 1024;

/// Contents of at least this length are sampled at their start, middle and end.
const MIN_SAMPLED_LENGTH: usize = 3 * SAMPLE_LENGTH;

/// How to compress contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    Stored,
    /// With zstd at this level, -7 to 22, unless that saves less than about 3 %.
    Zstd(i32),
}

/// Seals messages and parts. Each thread has one of its own, because it reuses its buffers.
#[derive(Default)]
pub struct Sealer {
    archive: Vec<u8>,
    samples: Vec<u8>,
}

/// A sealed message or part, ready to be sent: the envelope first, then the archive.
#[derive(Debug)]
pub struct Sealed<'a> {
    /// The facts that the peer checks before it opens the archive.
    pub envelope: Envelope,
    /// The archive.
    pub archive: &'a [u8],
}

impl Sealer {
    /// A sealer with empty buffers, which grow as needed.
    #[must_use]
    pub fn new() -> Sealer {
        Sealer::default()
    }

    /// Seals contents for their position, which must not have been used before with these keys.
    ///
    /// # Errors
    ///
    /// [`SealError`], which only this side can cause.
    pub fn seal(
        &mut self,
        keys: &SealingKeys,
        position: Position,
        raw: &[u8],
        compression: Compression,
    ) -> Result<Sealed<'_>, SealError> {
        let raw_length = checked_length(raw.len())?;
        let keys = keys.at(position);
        let method = self
            .write(&keys, raw, compression)
            .map_err(SealError::Archive)?;
        let envelope = Envelope::over(&keys, position, raw_length, method, &self.archive);
        Ok(Sealed {
            envelope,
            archive: &self.archive,
        })
    }

    /// Begins to seal `length` bytes of stored contents that arrive slice by slice, for their position, which
    /// must not have been used before with these keys.
    ///
    /// # Errors
    ///
    /// [`SealError`], which only this side can cause.
    pub fn begin_stored(
        &mut self,
        keys: &SealingKeys,
        position: Position,
        length: usize,
    ) -> Result<Sealing<'_>, SealError> {
        let raw_length = checked_length(length)?;
        let keys = keys.at(position);
        let room = SEALED_OVERHEAD as usize + length;
        let archive = SealedArchiveWriter::begin(&mut self.archive, room, stored_options(&keys))
            .map_err(SealError::Archive)?;
        Ok(Sealing {
            keys,
            position,
            raw_length,
            archive,
        })
    }

    /// Writes the archive, compressed if this is enabled and saves enough.
    fn write(
        &mut self,
        keys: &PositionKeys,
        raw: &[u8],
        compression: Compression,
    ) -> Result<PartMethod, ZipError> {
        let overhead = SEALED_OVERHEAD as usize;
        if let Compression::Zstd(level) = compression
            && self.seems_compressible(raw)?
        {
            let options = entry_options(CompressionMethod::Zstd, Some(level))
                .with_aes_encryption_bytes(AesMode::Aes256, &*keys.password);
            let room = overhead + worthwhile_length(raw.len());
            if write_archive(&mut self.archive, room, options, &[raw])? == Fit::Whole {
                return Ok(PartMethod::Zstd);
            }
        }
        let options = stored_options(keys);
        match write_archive(&mut self.archive, overhead + raw.len(), options, &[raw])? {
            Fit::Whole => Ok(PartMethod::Stored),
            Fit::TooLong => Err(ZipError::UnsupportedArchive(
                "it is laid out in another way",
            )),
        }
    }

    /// Whether compression is worth trying: for longer contents, three samples must shrink.
    fn seems_compressible(&mut self, raw: &[u8]) -> Result<bool, ZipError> {
        if raw.len() < MIN_SAMPLED_LENGTH {
            return Ok(raw.len() >= MIN_COMPRESSED_LENGTH);
        }
        let last = raw.len() - SAMPLE_LENGTH;
        let samples = [0, last / 2, last].map(|start| &raw[start..start + SAMPLE_LENGTH]);
        let room = SEALED_OVERHEAD as usize + worthwhile_length(samples.len() * SAMPLE_LENGTH);
        let options = entry_options(CompressionMethod::Zstd, Some(1));
        Ok(write_archive(&mut self.samples, room, options, &samples)? == Fit::Whole)
    }
}

/// Seals stored contents slice by slice as they arrive, while each slice is still in the processor's cache.
pub struct Sealing<'a> {
    keys: PositionKeys,
    position: Position,
    raw_length: u32,
    archive: SealedArchiveWriter<&'a mut Vec<u8>>,
}

impl<'a> Sealing<'a> {
    /// Seals the next slice.
    ///
    /// # Errors
    ///
    /// [`SealError`], for example if there are more contents than announced.
    pub fn add(&mut self, slice: &[u8]) -> Result<(), SealError> {
        match self.archive.write(slice).map_err(SealError::Archive)? {
            Fit::Whole => Ok(()),
            Fit::TooLong => Err(SealError::OtherLength),
        }
    }

    /// Ends the contents.
    ///
    /// # Errors
    ///
    /// [`SealError`], for example if there were fewer contents than announced.
    pub fn finish(self) -> Result<Sealed<'a>, SealError> {
        let (archive, fit) = self.archive.finish().map_err(SealError::Archive)?;
        if fit == Fit::TooLong
            || len64(archive.len()) != u64::from(self.raw_length + SEALED_OVERHEAD)
        {
            return Err(SealError::OtherLength);
        }
        let method = PartMethod::Stored;
        let envelope = Envelope::over(&self.keys, self.position, self.raw_length, method, archive);
        Ok(Sealed { envelope, archive })
    }
}

fn checked_length(length: usize) -> Result<u32, SealError> {
    match u32::try_from(length) {
        Ok(length) if length <= MAX_RAW_LENGTH => Ok(length),
        _ => Err(SealError::TooLong),
    }
}

fn stored_options(keys: &PositionKeys) -> FileOptions<'_, 'static, ()> {
    entry_options(CompressionMethod::Stored, None)
        .with_aes_encryption_bytes(AesMode::Aes256, &*keys.password)
}

/// Longest useful length of compressed contents: about 97 % of the raw length.
fn worthwhile_length(raw_length: usize) -> usize {
    raw_length - raw_length / 32
}

/// Why contents could not be sealed. The peer is never the cause.
#[derive(Debug)]
pub enum SealError {
    /// The contents are longer than [`MAX_RAW_LENGTH`].
    TooLong,
    /// There were more or fewer contents than announced.
    OtherLength,
    /// The archive could not be written: the compression level does not exist, or the operating system has no
    /// random bytes.
    Archive(ZipError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::TooLong => write!(f, "more than {MAX_RAW_LENGTH} bytes to seal at once"),
            SealError::OtherLength => f.write_str("other contents to seal than was said before"),
            SealError::Archive(error) => write!(f, "cannot write the sealed archive: {error}"),
        }
    }
}

impl std::error::Error for SealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SealError::TooLong | SealError::OtherLength => None,
            SealError::Archive(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
