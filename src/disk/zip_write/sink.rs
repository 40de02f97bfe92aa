//! Where an archive is written.

use std::io::{self, Write};

/// Takes an archive's bytes, first to last. Some sinks can also forget the last bytes they took.
pub trait ArchiveSink: Write {
    /// Forgets all but the first `length` bytes and returns true; returns false and forgets nothing where it
    /// cannot.
    ///
    /// # Errors
    /// The system's. The sink's contents are of no use then.
    fn cut_back(&mut self, length: u64) -> io::Result<bool> {
        let _ = length;
        Ok(false)
    }
}

impl<S: ArchiveSink + ?Sized> ArchiveSink for &mut S {
    fn cut_back(&mut self, length: u64) -> io::Result<bool> {
        (**self).cut_back(length)
    }
}
