//! Reads the parts of a source's stream.

use super::{Source, open_failure};
use crate::disk::platform;
use crate::model::{EntryFailure, EntryIndex, FailureReason, PartIndex, PartLayout, Segment};
use std::fs::File;
use std::io;
use std::ops::Range;

/// Reads parts; one for each thread. It keeps the last file open, and no more.
///
/// A file that is open goes on being read when its name vanishes or is given to another file: what is
/// sent is still the file that was scanned.
#[derive(Debug)]
pub struct SourceReader<'a> {
    source: &'a Source,
    open: Option<(EntryIndex, File)>,
}

impl<'a> SourceReader<'a> {
    /// A reader with nothing open.
    pub fn new(source: &'a Source) -> Self {
        SourceReader { source, open: None }
    }

    /// Fills `buffer` with exactly the bytes of the part, in a layout of this source's manifest.
    ///
    /// A file that is no longer the one that was scanned, whether found so before or after its bytes
    /// were read, is added to `failures`, once for each part that it is in; zeros stand for its bytes
    /// in this part. `buffer` may be reused: only where it grows it is filled first.
    pub fn read_part(
        &mut self,
        layout: &PartLayout,
        part: PartIndex,
        buffer: &mut Vec<u8>,
        failures: &mut Vec<EntryFailure>,
    ) {
        buffer.resize(layout.length(part), 0);
        let mut filled = 0;
        for segment in layout.segments(self.source.manifest(), part) {
            let end = segment.part_offset + segment.length;
            let Some(piece) = buffer.get_mut(segment.part_offset..end) else {
                break;
            };
            if let Err(reason) = self.read_segment(&segment, piece) {
                self.open = None;
                piece.fill(0);
                failures.push(EntryFailure {
                    entry: segment.entry,
                    reason,
                });
            }
            filled = end;
        }
        // Nothing is left in a layout of this manifest; else, bytes of an earlier part must not show.
        buffer[filled..].fill(0);
    }

    /// Fills `buffer` with `range` of a file of this source's manifest: exactly the bytes of the file
    /// that was scanned, which it still was before and after they were read.
    ///
    /// # Errors
    /// Why it is not: vanished, unreadable or changed. What the buffer then holds is of no use.
    pub fn read_range(
        &mut self,
        entry: EntryIndex,
        range: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), FailureReason> {
        let length = range.end.saturating_sub(range.start) as usize;
        buffer.resize(length, 0);
        let segment = Segment {
            entry,
            file_offset: range.start,
            part_offset: 0,
            length,
        };
        let read = self.read_segment(&segment, buffer);
        if read.is_err() {
            self.open = None;
        }
        read
    }

    fn read_segment(&mut self, segment: &Segment, piece: &mut [u8]) -> Result<(), FailureReason> {
        let source = self.source;
        let file = self.file(segment.entry)?;
        read_all_at(file, piece, segment.file_offset)?;
        let metadata = file
            .metadata()
            .map_err(|_| FailureReason::SourceUnreadable)?;
        source.compare(segment.entry, &metadata)
    }

    /// The file, checked when it is opened: never a byte is read from anything but the file scanned.
    fn file(&mut self, entry: EntryIndex) -> Result<&File, FailureReason> {
        let open = match self.open.take() {
            Some((kept, file)) if kept == entry => file,
            _ => {
                let path = self.source.disk_path(entry);
                let file = platform::open_source(&path).map_err(|e| open_failure(&e))?;
                let metadata = file
                    .metadata()
                    .map_err(|_| FailureReason::SourceUnreadable)?;
                self.source.compare(entry, &metadata)?;
                file
            }
        };
        Ok(&self.open.insert((entry, open)).1)
    }
}

fn read_all_at(file: &File, mut piece: &mut [u8], mut offset: u64) -> Result<(), FailureReason> {
    while !piece.is_empty() {
        match platform::read_at(file, piece, offset) {
            Ok(0) => return Err(FailureReason::SourceChanged),
            Ok(read) => {
                piece = &mut piece[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(FailureReason::SourceUnreadable),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
