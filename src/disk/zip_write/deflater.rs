//! Deflate: turns contents into packed pieces that can be joined.

use super::cipher::SharedBuffer;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// The last block of every deflated entry, which is empty. Pieces have no last block, so that several threads
/// can make them.
pub const DEFLATE_END: [u8; 2] = [0x03, 0x00];

/// How much time compression may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeflateEffort {
    /// Everything is stored.
    Store,
    /// A quick level. Contents are stored if a sample does not shrink.
    Auto,
    /// Deflate's levels, 1 to 9.
    Level(u8),
}

/// The level of [`DeflateEffort::Auto`]: the quickest whose archives are not larger than those of 7-Zip's
/// quickest.
const AUTO_LEVEL: u8 = 2;

/// For a piece longer than this, a sample is compressed first.
const SAMPLE_BYTES: usize = 32 * 1024;

/// The zip writer is replaced after this many entries, because it remembers every one.
const ENTRIES: u32 = 1024;

/// The longest stored block of deflate.
const STORED_BLOCK: usize = 0xffff;

/// Deflates pieces independently. Each thread has one, and reuses the compressor's memory.
///
/// The zip crate offers deflate only within an archive, so each piece begins an entry of an archive that is
/// discarded.
pub struct Deflater {
    effort: DeflateEffort,
    archive: ZipWriter<StreamWriter<SharedBuffer>>,
    buffer: Rc<RefCell<Vec<u8>>>,
    entries: u32,
}

impl Deflater {
    /// A compressor without history.
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

    /// The effort that this was made with.
    pub fn effort(&self) -> DeflateEffort {
        self.effort
    }

    /// Deflates `contents` to blocks that end at a byte boundary; none is marked as the last.
    ///
    /// # Errors
    /// None in practice: the sink is a buffer in memory.
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
        // Drops the end of the previous entry and the header of this one.
        self.buffer.borrow_mut().clear();
        self.archive.write_all(contents)?;
        // Ends the current block at a byte boundary.
        self.archive.flush()?;
        Ok(self.buffer.borrow().clone())
    }
}

fn stored_blocks(contents: &[u8]) -> Vec<u8> {
    let blocks = contents.len().div_ceil(STORED_BLOCK);
    let mut packed = Vec::with_capacity(contents.len() + 5 * blocks);
    for block in contents.chunks(STORED_BLOCK) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(0);
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(block);
    }
    packed
}
