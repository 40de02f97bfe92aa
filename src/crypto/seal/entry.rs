//! Reading the one entry of a sealed archive.

use super::open_error::OpenError;
use crate::crypto::keys::PositionKeys;
use std::io::{Read, Seek};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// Passes the archive's entry to `read`.
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

/// Reads the next contents of an entry that must have more.
pub(super) fn next_of(entry: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, OpenError> {
    match entry.read(buffer) {
        Ok(0) => Err(OpenError::NotAsAgreed),
        Ok(read) => Ok(read),
        Err(_) => Err(OpenError::NotAuthentic),
    }
}

/// Reads the end of an entry. The zip reader checks the tag after the last byte of the ciphertext, so it must
/// be read until it returns nothing. A single byte beyond the announced length is an error.
pub(super) fn end_of(entry: &mut dyn Read) -> Result<(), OpenError> {
    match entry.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(OpenError::NotAsAgreed),
        Err(_) => Err(OpenError::NotAuthentic),
    }
}
