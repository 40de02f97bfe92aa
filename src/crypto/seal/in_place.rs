//! Opens stored contents over their own ciphertext, so that large parts are not copied.

use super::entry::{end_of, next_of, with_entry};
use super::layout::Layout;
use super::open_error::OpenError;
use crate::crypto::keys::PositionKeys;
use crate::model::{in_memory, len64};
use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};

/// Replaces the archive's ciphertext with its contents. Do not use the archive after an error: it may hold
/// unverified contents.
///
/// The zip reader is always ahead of the overwritten bytes: stored contents are as long as their ciphertext,
/// and come out `slice` by `slice` after it was read.
pub(super) fn open_in_place(
    archive: &mut [u8],
    layout: &Layout,
    keys: &PositionKeys,
    slice: &mut [u8],
) -> Result<(), OpenError> {
    let shared = RefCell::new(archive);
    let reader = SharedReader {
        bytes: &shared,
        position: 0,
    };
    with_entry(reader, keys, |entry| {
        let mut place = layout.ciphertext.clone();
        while !place.is_empty() {
            let most = slice.len().min(place.len());
            let read = next_of(entry, &mut slice[..most])?;
            let end = place.start + read;
            shared.borrow_mut()[place.start..end].copy_from_slice(&slice[..read]);
            place.start = end;
        }
        end_of(entry)
    })
}

/// Reads bytes that the caller may change between two reads.
struct SharedReader<'s, 'a> {
    bytes: &'s RefCell<&'a mut [u8]>,
    position: u64,
}

impl Read for SharedReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.borrow();
        let start = bytes.len().min(in_memory(self.position));
        let rest = &bytes[start..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.position += len64(read);
        Ok(read)
    }
}

impl Seek for SharedReader<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = len64(self.bytes.borrow().len());
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
