//! A range of a file, read without moving the file's position, because threads share the file.

use crate::disk::platform;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// The bytes of a file in a range.
#[derive(Debug)]
pub(super) struct Span<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Span<'a> {
    pub(super) fn new(file: &'a File, range: Range<u64>) -> Self {
        Span {
            file,
            at: range.start,
            end: range.end,
        }
    }

    /// Whether all of it was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    /// Fills `bytes` from `place` on.
    ///
    /// # Errors
    /// The file ends earlier, or the system's error.
    pub(super) fn read_exact(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
        let end = place.saturating_add(bytes.len() as u64);
        Span::new(file, place..end).read_exact(bytes)
    }
}

impl Read for Span<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let wanted = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let count = platform::read_at(self.file, &mut bytes[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
