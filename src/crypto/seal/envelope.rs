//! The authenticated head of a sealed archive. Its MAC covers everything that the archive's own tag does not.

use super::layout::{Layout, SEALED_OVERHEAD};
use super::open_error::OpenError;
use super::position::Position;
use crate::crypto::keys::{PositionKeys, SealingKeys};
use crate::crypto::mac::{HmacSha256, hmac_sha256};
use crate::model::len32;
use hmac::Mac;

/// The length of an envelope, in bytes.
pub const ENVELOPE_LENGTH: usize = FIELDS_LENGTH + MAC_LENGTH;

const FIELDS_LENGTH: usize = 4 + 1 + 4;
const MAC_LENGTH: usize = 32;

/// The compression of the contents in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartMethod {
    Stored,
    Zstd,
}

impl PartMethod {
    /// The number of the method in a zip archive (APPNOTE 4.4.5) and in an envelope.
    pub(super) fn number(self) -> u8 {
        match self {
            PartMethod::Stored => 0,
            PartMethod::Zstd => 93,
        }
    }
}

/// The head of a sealed archive: raw length (u32), method (u8), sealed length (u32), all big-endian,
/// and an HMAC-SHA256 of 32 bytes.
///
/// The HMAC covers the position, these three fields, and the archive. For stored contents it leaves out
/// the ciphertext, which the archive's own tag covers. For compressed contents it covers every byte: the
/// decompressor reads before that tag is checked, and must not read bytes from a stranger.
#[derive(Debug, Clone)]
pub struct Envelope {
    raw_length: u32,
    method: PartMethod,
    sealed_length: u32,
    mac: [u8; MAC_LENGTH],
}

impl Envelope {
    /// Reads a peer's envelope. Its raw length is at most the given limit, and its sealed length fits the
    /// raw length.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooLong`] for a raw length above the limit, [`OpenError::NotAsAgreed`] for an
    /// unknown method or a sealed length that does not fit.
    pub fn from_bytes(
        bytes: &[u8; ENVELOPE_LENGTH],
        max_raw_length: u32,
    ) -> Result<Envelope, OpenError> {
        let [a, b, c, d, method, e, f, g, h, mac @ ..] = *bytes;
        let raw_length = u32::from_be_bytes([a, b, c, d]);
        let sealed_length = u32::from_be_bytes([e, f, g, h]);
        if raw_length > max_raw_length {
            return Err(OpenError::TooLong);
        }
        let stored_length = raw_length
            .checked_add(SEALED_OVERHEAD)
            .ok_or(OpenError::TooLong)?;
        let (method, fits) = match method {
            0 => (PartMethod::Stored, sealed_length == stored_length),
            93 => (
                PartMethod::Zstd,
                (SEALED_OVERHEAD..stored_length).contains(&sealed_length),
            ),
            _ => return Err(OpenError::NotAsAgreed),
        };
        if !fits {
            return Err(OpenError::NotAsAgreed);
        }
        Ok(Envelope {
            raw_length,
            method,
            sealed_length,
            mac,
        })
    }

    /// The envelope as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENVELOPE_LENGTH] {
        let mut bytes = [0; ENVELOPE_LENGTH];
        let (fields, mac) = bytes.split_at_mut(FIELDS_LENGTH);
        fields.copy_from_slice(&self.fields());
        mac.copy_from_slice(&self.mac);
        bytes
    }

    /// Bytes of the opened contents.
    #[must_use]
    pub fn raw_length(&self) -> u32 {
        self.raw_length
    }

    /// Bytes of the archive that follows: at most [`SEALED_OVERHEAD`] more than the contents.
    #[must_use]
    pub fn sealed_length(&self) -> u32 {
        self.sealed_length
    }

    pub(super) fn method(&self) -> PartMethod {
        self.method
    }

    /// A valid envelope around any bytes, as a malicious peer with the keys can make it, and the password of
    /// its archive. For tests.
    pub fn forged(
        keys: &SealingKeys,
        position: Position,
        raw_length: u32,
        is_compressed: bool,
        archive: &[u8],
    ) -> (Envelope, [u8; 64]) {
        let keys = keys.at(position);
        let method = match is_compressed {
            false => PartMethod::Stored,
            true => PartMethod::Zstd,
        };
        let envelope = Envelope::over(&keys, position, raw_length, method, archive);
        (envelope, *keys.password)
    }

    /// Makes the envelope for an archive with the keys of its position.
    pub(super) fn over(
        keys: &PositionKeys,
        position: Position,
        raw_length: u32,
        method: PartMethod,
        archive: &[u8],
    ) -> Envelope {
        let mut envelope = Envelope {
            raw_length,
            method,
            sealed_length: len32(archive.len()),
            mac: [0; MAC_LENGTH],
        };
        envelope.mac = envelope
            .expected_mac(keys, position, archive)
            .finalize()
            .into_bytes()
            .into();
        envelope
    }

    /// Whether this envelope was made for the archive at that position. In constant time.
    pub(super) fn verify(
        &self,
        keys: &PositionKeys,
        position: Position,
        archive: &[u8],
    ) -> Result<(), OpenError> {
        self.expected_mac(keys, position, archive)
            .verify_slice(&self.mac)
            .map_err(|_| OpenError::NotAuthentic)
    }

    fn expected_mac(&self, keys: &PositionKeys, position: Position, archive: &[u8]) -> HmacSha256 {
        let mut mac = hmac_sha256(&*keys.mac);
        mac.update(&position.to_bytes());
        mac.update(&self.fields());
        match (self.method, Layout::of(archive.len())) {
            (PartMethod::Stored, Some(layout)) => {
                mac.update(&archive[..layout.ciphertext.start]);
                mac.update(&archive[layout.ciphertext.end..]);
            }
            _ => mac.update(archive),
        }
        mac
    }

    fn fields(&self) -> [u8; FIELDS_LENGTH] {
        let [a, b, c, d] = self.raw_length.to_be_bytes();
        let [e, f, g, h] = self.sealed_length.to_be_bytes();
        [a, b, c, d, self.method.number(), e, f, g, h]
    }
}
