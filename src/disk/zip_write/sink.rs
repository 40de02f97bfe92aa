//! Where an archive is written.

use std::io::{self, Write};

/// Takes an archive's bytes in order. Some sinks can also forget the last bytes.
pub trait ArchiveSink: Write {
    /// Forgets all but the first `length` bytes and returns true; returns false and forgets nothing if the sink
    /// cannot.
    ///
    /// # Errors
    /// The system's error. The sink's contents are useless then.
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
