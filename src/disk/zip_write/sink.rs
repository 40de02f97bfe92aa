//! Where an archive is written.

use std::io::{self, Write};

/// Takes an archive from its first byte to its last. Some can give back what they have taken last.
pub trait ArchiveSink: Write {
    /// Forgets all that was written but the first `length` bytes, and says so; or says that it cannot, and
    /// everything stays.
    ///
    /// # Errors
    /// The system's. What the sink holds is of no use then.
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
