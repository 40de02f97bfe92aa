//! WinZip's AES-256 encryption: salt, verifier, ciphertext, tag.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{AesMode, CompressionMethod, ZipWriter};

/// Bytes that encryption adds to contents: 16 of salt, 2 to verify the password, 10 of tag.
pub const SEALING_BYTES: usize = 16 + 2 + 10;

/// Bytes given to the zip writer at once. Its cipher copies each slice into a buffer and wipes that, so a slice
/// should stay in the processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

/// Encrypts one entry's packed contents, under a fresh salt.
///
/// The zip crate offers its cipher only within an archive, so this makes an archive of one stored entry and
/// keeps only the entry's contents.
pub struct Cipher {
    archive: ZipWriter<StreamWriter<SharedBuffer>>,
    buffer: Rc<RefCell<Vec<u8>>>,
    /// Encrypted bytes taken out so far.
    taken: u64,
    /// Bytes put in so far.
    given: u64,
}

impl Cipher {
    /// Derives fresh keys, which takes about half a millisecond.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(password: &[u8]) -> io::Result<Cipher> {
        let shared = SharedBuffer::default();
        let buffer = Rc::clone(&shared.0);
        let mut archive = ZipWriter::new_stream(shared);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(true)
            .with_aes_encryption_bytes(AesMode::Aes256, password);
        archive.start_file("", options)?;
        // Drops the header. The salt comes with the first bytes.
        buffer.borrow_mut().clear();
        Ok(Cipher {
            archive,
            buffer,
            taken: 0,
            given: 0,
        })
    }

    /// Encrypts more bytes, and appends those that are ready to `sealed`.
    ///
    /// # Errors
    /// None in practice: the sink is a buffer in memory.
    pub fn seal(&mut self, packed: &[u8], sealed: &mut Vec<u8>) -> io::Result<()> {
        for slice in packed.chunks(SLICE_LENGTH) {
            self.archive.write_all(slice)?;
        }
        self.given += packed.len() as u64;
        let mut buffer = self.buffer.borrow_mut();
        self.taken += buffer.len() as u64;
        sealed.append(&mut buffer);
        Ok(())
    }

    /// Appends the rest, with the tag at its end.
    ///
    /// # Errors
    /// None in practice: the sink is a buffer in memory.
    pub fn finish(self, sealed: &mut Vec<u8>) -> io::Result<()> {
        let left = self.given + SEALING_BYTES as u64 - self.taken;
        self.archive.finish()?;
        let buffer = self.buffer.borrow();
        // Drops the directory that follows.
        let rest = usize::try_from(left)
            .ok()
            .and_then(|left| buffer.get(..left));
        let rest = rest.ok_or_else(|| io::Error::other("the cipher's tag is missing"))?;
        sealed.extend_from_slice(rest);
        Ok(())
    }
}

/// A buffer that the zip writer fills and its owner empties.
#[derive(Default)]
pub(super) struct SharedBuffer(pub(super) Rc<RefCell<Vec<u8>>>);

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
