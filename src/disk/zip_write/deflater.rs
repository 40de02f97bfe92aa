//! Deflate: contents to packed pieces that may stand one behind the other.

use super::cipher::SharedBuffer;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// The last block of every deflated member: an empty one. Pieces end without one, so that they can be
/// made on several threads.
pub const DEFLATE_END: [u8; 2] = [0x03, 0x00];

/// How hard to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeflateEffort {
    /// Everything is stored.
    Store,
    /// Like a level that is quick, but what does not shrink is not tried for long.
    Auto,
    /// Deflate's levels, 1 to 9.
    Level(u8),
}

/// The level behind [`DeflateEffort::Auto`]: the quickest that makes no larger archives than 7-Zip's quickest.
const AUTO_LEVEL: u8 = 2;

/// A piece longer than this is tried with a sample of it first.
const SAMPLE_BYTES: usize = 32 * 1024;

/// Entries after which the zip writer is begun anew: it remembers them all.
const ENTRIES: u32 = 1024;

/// The longest stored block of deflate.
const STORED_BLOCK: usize = 0xffff;

/// Deflates one piece after the other, each by itself. One for each thread: the compressor's memory is
/// used again and again.
///
/// The zip crate has its deflate only behind a whole archive, so each piece is the beginning of an entry
/// in one that nobody gets.
pub struct Deflater {
    effort: DeflateEffort,
    archive: ZipWriter<StreamWriter<SharedBuffer>>,
    buffer: Rc<RefCell<Vec<u8>>>,
    entries: u32,
}

impl Deflater {
    /// Nothing pressed yet.
    pub fn new(effort: DeflateEffort) -> Deflater {
        let shared = SharedBuffer::default();
        let buffer = Rc::clone(&shared.0);
        Deflater {
            effort,
            archive: ZipWriter::new_stream(shared),
            buffer,
            entries: 0,
        }
    }

    /// Whether anything is compressed at all.
    pub fn effort(&self) -> DeflateEffort {
        self.effort
    }

    /// `contents` as deflate blocks that end at a byte and none of which is the last.
    ///
    /// # Errors
    /// None that anything here can cause.
    pub fn blocks(&mut self, contents: &[u8]) -> io::Result<Vec<u8>> {
        let level = match self.effort {
            DeflateEffort::Store => return Ok(stored_blocks(contents)),
            DeflateEffort::Level(level) => level,
            DeflateEffort::Auto => match self.is_worth_it(contents)? {
                true => AUTO_LEVEL,
                false => return Ok(stored_blocks(contents)),
            },
        };
        let packed = self.deflate(contents, level)?;
        match packed.len() < contents.len() {
            true => Ok(packed),
            false => Ok(stored_blocks(contents)),
        }
    }

    /// Whether a sample from the middle shrinks by an eighth.
    fn is_worth_it(&mut self, contents: &[u8]) -> io::Result<bool> {
        if contents.len() <= SAMPLE_BYTES {
            return Ok(true);
        }
        let start = (contents.len() - SAMPLE_BYTES) / 2;
        let sample = &contents[start..start + SAMPLE_BYTES];
        let packed = self.deflate(sample, AUTO_LEVEL)?;
        Ok(packed.len() < SAMPLE_BYTES / 8 * 7)
    }

    fn deflate(&mut self, contents: &[u8], level: u8) -> io::Result<Vec<u8>> {
        if self.entries == ENTRIES {
            *self = Deflater::new(self.effort);
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(level.into()));
        self.archive.start_file(self.entries.to_string(), options)?;
        self.entries += 1;
        // The end of the entry before, and this one's header.
        self.buffer.borrow_mut().clear();
        self.archive.write_all(contents)?;
        // All that was written ends up in blocks that are whole.
        self.archive.flush()?;
        Ok(self.buffer.borrow().clone())
    }
}

fn stored_blocks(contents: &[u8]) -> Vec<u8> {
    let blocks = contents.len().div_ceil(STORED_BLOCK);
    let mut packed = Vec::with_capacity(contents.len() + 5 * blocks);
    for block in contents.chunks(STORED_BLOCK) {
        let length = block.len() as u16;
        packed.push(0);
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(block);
    }
    packed
}
