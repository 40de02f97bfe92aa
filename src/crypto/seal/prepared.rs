//! Begins to seal before the contents are known.

use super::archive::{Fit, SealedArchiveWriter};
use super::envelope::PartMethod;
use super::{Envelope, Position, SEALED_OVERHEAD, SealError, Sealed, stored_options};
use crate::crypto::keys::{PositionKeys, SealingKeys};
use crate::model::len32;
use std::fmt;

/// Longest contents of a prepared seal, in bytes.
pub const PREPARED_LENGTH: usize = 256;

/// A sealed archive whose short contents are not known yet. Deriving its keys, nearly all the work, is done.
pub struct Prepared {
    keys: PositionKeys,
    position: Position,
    archive: SealedArchiveWriter<Vec<u8>>,
}

impl Prepared {
    /// Derives the keys for a position, which must not have been used before with these keys. Dropping
    /// this without sealing leaves the position unused.
    ///
    /// # Errors
    ///
    /// [`SealError`], which only this side can cause.
    pub fn new(keys: &SealingKeys, position: Position) -> Result<Prepared, SealError> {
        let keys = keys.at(position);
        let room = SEALED_OVERHEAD as usize + PREPARED_LENGTH;
        let archive = SealedArchiveWriter::begin(Vec::new(), room, stored_options(&keys))
            .map_err(SealError::Archive)?;
        Ok(Prepared {
            keys,
            position,
            archive,
        })
    }

    /// Seals the contents, at most [`PREPARED_LENGTH`]; `buffer` holds the archive.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLong`], and other errors that only this side can cause.
    pub fn seal<'a>(
        mut self,
        raw: &[u8],
        buffer: &'a mut Vec<u8>,
    ) -> Result<Sealed<'a>, SealError> {
        if raw.len() > PREPARED_LENGTH {
            return Err(SealError::TooLong);
        }
        self.archive.write(raw).map_err(SealError::Archive)?;
        let (archive, fit) = self.archive.finish().map_err(SealError::Archive)?;
        if fit == Fit::TooLong {
            return Err(SealError::OtherLength);
        }
        *buffer = archive;
        let raw_length = len32(raw.len());
        let method = PartMethod::Stored;
        let envelope = Envelope::over(&self.keys, self.position, raw_length, method, buffer);
        Ok(Sealed {
            envelope,
            archive: buffer,
        })
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Opener;
    use crate::crypto::seal::tests::keys_of;

    const POSITION: Position = Position::Message {
        stream: 0,
        sequence: 7,
    };

    #[test]
    fn a_prepared_message_opens_like_one_sealed_at_once() {
        let (sealing, opening) = keys_of(1);
        for length in [0, 1, 63, PREPARED_LENGTH] {
            let raw = vec![9; length];
            let mut buffer = Vec::new();
            let prepared = Prepared::new(&sealing, POSITION).unwrap();
            let sealed = prepared.seal(&raw, &mut buffer).unwrap();
            let mut opener = Opener::new();
            let opened = opener.open(&opening, POSITION, &sealed.envelope, sealed.archive);
            assert_eq!(opened.unwrap(), raw);
        }
    }

    #[test]
    fn contents_too_long_to_be_prepared_are_refused() {
        let (sealing, _) = keys_of(1);
        let prepared = Prepared::new(&sealing, POSITION).unwrap();
        let mut buffer = Vec::new();
        let result = prepared.seal(&[0; PREPARED_LENGTH + 1], &mut buffer);
        assert!(matches!(result, Err(SealError::TooLong)));
    }
}
