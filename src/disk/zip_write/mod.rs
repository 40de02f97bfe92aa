//! Writing a zip archive, entry after entry, to anything that takes bytes.
//!
//! The zip crate compresses ([`Deflater`]) and encrypts ([`Cipher`]); headers and directory are written
//! here. Its own writer cannot take what several threads have prepared, nor leave out an entry that
//! turned out bad while it was written, without a seek.
//!
//! A member that is in memory has its sizes in its own header, one that is written piece by piece has them
//! behind it (a data descriptor). The directory has them all.

mod cipher;
mod deflater;
mod dos_time;
mod member;
pub(crate) mod new_file;
mod packer;
mod records;
mod sink;

pub use cipher::{Cipher, SEALING_BYTES};
pub use deflater::{DEFLATE_END, DeflateEffort, Deflater};
pub use member::Member;
pub use packer::{Packer, Piece, PieceIndex, Whole};
pub use sink::ArchiveSink;

use records::{Descriptor, Header};
use std::io;

/// How the contents of a member are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As they are.
    Stored,
    /// Raw deflate (RFC 1951).
    Deflated,
}

/// Whether the contents of a member are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// By AES-256, as AE-2: no CRC-32 of the contents shows.
    Sealed,
    /// Not at all.
    Plain,
}

/// Lengths and check of a member's contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryContents {
    /// Bytes of the contents.
    pub raw: u64,
    /// Bytes that they take in the archive.
    pub packed: u64,
    /// CRC-32 of the contents; 0 where they are sealed.
    pub crc32: u32,
}

/// What the directory says of a member, beside what [`Member`] does.
#[derive(Clone, Copy, Debug)]
struct WrittenEntry {
    number: u32,
    method: Method,
    sealing: Encryption,
    has_descriptor: bool,
    offset: u64,
    contents: EntryContents,
}

/// A member whose contents are being written.
#[derive(Debug)]
#[must_use = "a member is ended or given up"]
pub struct Begun {
    written: WrittenEntry,
    wide: bool,
    contents_start: u64,
}

/// Writes an archive.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    sink: W,
    offset: u64,
    written: Vec<WrittenEntry>,
    wide_from: u64,
}

/// From this size on lengths take eight bytes (zip64). Contents may grow a little when they are packed.
const WIDE_FROM: u64 = u32::MAX as u64 - (64 << 20);

impl<W: ArchiveSink> ArchiveWriter<W> {
    /// Nothing is written yet.
    pub fn new(sink: W) -> Self {
        ArchiveWriter {
            sink,
            offset: 0,
            written: Vec::new(),
            wide_from: WIDE_FROM,
        }
    }

    /// An archive that is zip64 from smaller sizes on.
    #[cfg(test)]
    fn wide_from(sink: W, wide_from: u64) -> Self {
        ArchiveWriter {
            wide_from,
            ..ArchiveWriter::new(sink)
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    /// Members so far.
    pub fn members(&self) -> usize {
        self.written.len()
    }

    /// Writes a member whose contents are ready. `number` is what [`ArchiveWriter::finish`] asks for it
    /// by.
    ///
    /// # Errors
    /// The sink's.
    pub fn add(
        &mut self,
        number: u32,
        member: &Member<'_>,
        method: Method,
        sealing: Encryption,
        contents: EntryContents,
        packed: &[u8],
    ) -> io::Result<()> {
        let written = WrittenEntry {
            number,
            method,
            sealing,
            has_descriptor: false,
            offset: self.offset,
            contents,
        };
        let wide = contents.raw.max(contents.packed) >= self.wide_from;
        let header = Header::new(member, &written).local(wide);
        self.write(&header)?;
        self.write(packed)?;
        self.written.push(written);
        Ok(())
    }

    /// Begins a member whose contents come piece by piece; `raw` is how long they will be, if that is
    /// known.
    ///
    /// # Errors
    /// The sink's.
    pub fn begin(
        &mut self,
        number: u32,
        member: &Member<'_>,
        method: Method,
        sealing: Encryption,
        raw: Option<u64>,
    ) -> io::Result<Begun> {
        let written = WrittenEntry {
            number,
            method,
            sealing,
            has_descriptor: true,
            offset: self.offset,
            contents: EntryContents::default(),
        };
        let wide = raw.is_none_or(|raw| raw >= self.wide_from);
        let header = Header::new(member, &written).local(wide);
        self.write(&header)?;
        Ok(Begun {
            written,
            wide,
            contents_start: self.offset,
        })
    }

    /// Writes some of the packed contents of the member that was begun last.
    ///
    /// # Errors
    /// The sink's.
    pub fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        self.sink.write_all(packed)?;
        self.offset += packed.len() as u64;
        Ok(())
    }

    /// Ends a member: from here on it counts.
    ///
    /// # Errors
    /// The sink's, or that the member is longer than was said when it was begun.
    pub fn end(&mut self, begun: Begun, raw: u64, crc32: u32) -> io::Result<()> {
        let written = self.close(begun, raw, crc32)?;
        self.written.push(written);
        Ok(())
    }

    /// Takes back all of a member that was begun, if the sink can; says whether it did.
    ///
    /// # Errors
    /// The sink's.
    pub fn take_back(&mut self, begun: &Begun) -> io::Result<bool> {
        let start = begun.written.offset;
        let is_gone = self.sink.cut_back(start)?;
        if is_gone {
            self.offset = start;
        }
        Ok(is_gone)
    }

    /// Gives up a member that cannot be taken back: it is not in the directory. It has an end like any
    /// other, so that readers who don't go by the directory get past it; what it says of the contents
    /// must be false.
    ///
    /// # Errors
    /// As [`ArchiveWriter::end`].
    pub fn give_up(&mut self, begun: Begun, raw: u64, false_crc32: u32) -> io::Result<()> {
        self.close(begun, raw, false_crc32).map(drop)
    }

    fn close(&mut self, begun: Begun, raw: u64, crc32: u32) -> io::Result<WrittenEntry> {
        let Begun {
            mut written,
            wide,
            contents_start,
        } = begun;
        written.contents = EntryContents {
            raw,
            packed: self.offset - contents_start,
            crc32,
        };
        let longest = raw.max(written.contents.packed);
        if !wide && longest > u64::from(u32::MAX) {
            return Err(io::Error::other("a member is longer than was said"));
        }
        self.write(&Descriptor(written.contents).bytes(wide))?;
        Ok(written)
    }

    /// Writes the directory; `member` says of each number what the member is. Gives the sink back, and
    /// the archive's length.
    ///
    /// # Errors
    /// The sink's.
    pub fn finish<'m>(mut self, member: impl Fn(u32) -> Member<'m>) -> io::Result<(W, u64)> {
        let start = self.offset;
        let written = std::mem::take(&mut self.written);
        let mut block = Vec::new();
        for one in &written {
            let described = member(one.number);
            block.extend_from_slice(&Header::new(&described, one).central(self.wide_from));
            if block.len() >= 64 * 1024 {
                self.write(&block)?;
                block.clear();
            }
        }
        self.write(&block)?;
        let end = records::DirectoryEnd {
            members: written.len() as u64,
            start,
            length: self.offset - start,
        };
        self.write(&end.bytes(self.wide_from))?;
        self.sink.flush()?;
        Ok((self.sink, self.offset))
    }
}

#[cfg(test)]
mod tests;
