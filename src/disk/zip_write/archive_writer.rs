//! Writes headers, contents and the directory, one entry after the other.
//!
//! An entry in memory has its sizes in its own header. An entry that is written piece by piece has them after
//! its contents, in a data descriptor. The directory has all sizes.

use super::entry::{Encryption, EntryContents, Method, WrittenEntry};
use super::member::Member;
use super::records::{Descriptor, DirectoryEnd, MemberHeader};
use super::sink::ArchiveSink;
use std::io;

/// An entry whose contents are being written.
#[derive(Debug)]
#[must_use = "an entry is ended or given up"]
pub struct Begun {
    written: WrittenEntry,
    zip64: bool,
    contents_start: u64,
}

/// Writes an archive.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    sink: W,
    offset: u64,
    written: Vec<WrittenEntry>,
    zip64_from: u64,
}

/// From this length on, lengths take eight bytes (zip64). It is below 4 GiB by a margin for contents that grow
/// when packed.
const ZIP64_FROM: u64 = u32::MAX as u64 - (64 << 20);

impl<W: ArchiveSink> ArchiveWriter<W> {
    /// Begins an archive, without writing anything yet.
    pub fn new(sink: W) -> Self {
        ArchiveWriter {
            sink,
            offset: 0,
            written: Vec::new(),
            zip64_from: ZIP64_FROM,
        }
    }

    /// Begins an archive that uses zip64 from this size on.
    #[cfg(test)]
    fn zip64_from(sink: W, zip64_from: u64) -> Self {
        ArchiveWriter {
            zip64_from,
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

    /// Writes an entry whose contents are ready. [`ArchiveWriter::finish`] refers to it by `number`.
    ///
    /// # Errors
    /// The sink's error.
    pub fn add(
        &mut self,
        number: u32,
        member: &Member<'_>,
        method: Method,
        encryption: Encryption,
        contents: EntryContents,
        packed: &[u8],
    ) -> io::Result<()> {
        let written = WrittenEntry {
            number,
            method,
            encryption,
            has_descriptor: false,
            offset: self.offset,
            contents,
        };
        let zip64 = contents.raw.max(contents.packed) >= self.zip64_from;
        let header = MemberHeader::new(member, &written).local(zip64);
        self.write(&header)?;
        self.write(packed)?;
        self.written.push(written);
        Ok(())
    }

    /// Begins an entry whose contents arrive piece by piece; `raw` is their length, if known.
    ///
    /// # Errors
    /// The sink's error.
    pub fn begin(
        &mut self,
        number: u32,
        member: &Member<'_>,
        method: Method,
        encryption: Encryption,
        raw: Option<u64>,
    ) -> io::Result<Begun> {
        let written = WrittenEntry {
            number,
            method,
            encryption,
            has_descriptor: true,
            offset: self.offset,
            contents: EntryContents::default(),
        };
        let zip64 = raw.is_none_or(|raw| raw >= self.zip64_from);
        let header = MemberHeader::new(member, &written).local(zip64);
        self.write(&header)?;
        Ok(Begun {
            written,
            zip64,
            contents_start: self.offset,
        })
    }

    /// Writes packed contents of the last entry that was begun.
    ///
    /// # Errors
    /// The sink's error.
    pub fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        self.sink.write_all(packed)?;
        self.offset += packed.len() as u64;
        Ok(())
    }

    /// Ends an entry, which the directory will list.
    ///
    /// # Errors
    /// The sink's error, or the entry is longer than announced.
    pub fn end(&mut self, begun: Begun, raw: u64, crc32: u32) -> io::Result<()> {
        let written = self.close(begun, raw, crc32)?;
        self.written.push(written);
        Ok(())
    }

    /// Takes back an entry that was begun, if the sink can forget bytes. Returns whether it did.
    ///
    /// # Errors
    /// The sink's error.
    pub fn take_back(&mut self, begun: &Begun) -> io::Result<bool> {
        let start = begun.written.offset;
        let is_gone = self.sink.cut_back(start)?;
        if is_gone {
            self.offset = start;
        }
        Ok(is_gone)
    }

    /// Gives up an entry that cannot be taken back. The directory will not list it, but it gets an end, so that
    /// programs that read without the directory can continue after it. `false_crc32` must not be the checksum
    /// of the contents.
    ///
    /// # Errors
    /// Those of [`ArchiveWriter::end`].
    pub fn give_up(&mut self, begun: Begun, raw: u64, false_crc32: u32) -> io::Result<()> {
        self.close(begun, raw, false_crc32).map(drop)
    }

    fn close(&mut self, begun: Begun, raw: u64, crc32: u32) -> io::Result<WrittenEntry> {
        let Begun {
            mut written,
            zip64,
            contents_start,
        } = begun;
        written.contents = EntryContents {
            raw,
            packed: self.offset - contents_start,
            crc32,
        };
        let longest = raw.max(written.contents.packed);
        if !zip64 && longest > u64::from(u32::MAX) {
            return Err(io::Error::other("an entry is longer than announced"));
        }
        self.write(&Descriptor(written.contents).bytes(zip64))?;
        Ok(written)
    }

    /// Writes the directory; `member` returns the names and attributes for a number. Returns the sink and the
    /// archive's length.
    ///
    /// # Errors
    /// The sink's error.
    pub fn finish<'m>(mut self, member: impl Fn(u32) -> Member<'m>) -> io::Result<(W, u64)> {
        let start = self.offset;
        let written = std::mem::take(&mut self.written);
        let mut block = Vec::new();
        for one in &written {
            let described = member(one.number);
            block.extend_from_slice(&MemberHeader::new(&described, one).central(self.zip64_from));
            if block.len() >= 64 * 1024 {
                self.write(&block)?;
                block.clear();
            }
        }
        self.write(&block)?;
        let end = DirectoryEnd {
            members: written.len() as u64,
            start,
            length: self.offset - start,
        };
        self.write(&end.bytes(self.zip64_from))?;
        self.sink.flush()?;
        Ok((self.sink, self.offset))
    }
}

#[cfg(test)]
mod tests;
