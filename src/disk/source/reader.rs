//! Reads the parts of a source's stream.

use super::{Source, open_failure};
use crate::disk::platform;
use crate::model::{
    EntryFailure, EntryIndex, FailureReason, PartIndex, PartLayout, Segment, in_memory, len64,
};
use std::fs::File;
use std::io;
use std::ops::Range;

/// Reads parts. Each thread has a reader of its own, which keeps only its last file open.
///
/// It keeps reading an open file whose name vanishes or is given to another file, because the open file is
/// still the scanned one.
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

    /// Fills `buffer` with exactly the bytes of the part, which must be in a layout of this source's manifest.
    ///
    /// If a file is no longer the scanned one, before or after its bytes were read, the file is added to
    /// `failures`, once for each of its parts, and its bytes in this part are zeros. `buffer` may be reused;
    /// only new bytes are initialised.
    pub fn read_part(
        &mut self,
        layout: &PartLayout,
        part: PartIndex,
        buffer: &mut Vec<u8>,
        failures: &mut Vec<EntryFailure>,
    ) {
        buffer.resize(layout.length(part), 0);
        let mut filled = 0;
        self.read_slices(layout, part, buffer, failures, |all| filled = all.len());
        // In a layout of this manifest nothing is left over. In any other, bytes of an earlier part must not
        // show.
        buffer[filled..].fill(0);
    }

    /// Reads the part through `slice`, which must not be empty: it fills `slice` with the next bytes and gives
    /// them to `take`, until the part ends. The last piece may be shorter.
    ///
    /// Failures are recorded as by [`SourceReader::read_part`]. `take` gets the bytes of a file that were read
    /// before the change was noticed, and zeros for the rest.
    pub fn read_slices(
        &mut self,
        layout: &PartLayout,
        part: PartIndex,
        slice: &mut [u8],
        failures: &mut Vec<EntryFailure>,
        mut take: impl FnMut(&[u8]),
    ) {
        let mut filled = 0;
        for mut segment in layout.segments(self.source.manifest(), part) {
            let mut reason = None;
            while segment.length > 0 {
                let end = slice.len().min(filled + segment.length);
                let piece = &mut slice[filled..end];
                if reason.is_none() {
                    reason = self.read_piece(&segment, piece).err();
                }
                if reason.is_some() {
                    piece.fill(0);
                }
                segment.length -= piece.len();
                segment.file_offset += len64(piece.len());
                filled = end;
                if filled == slice.len() {
                    take(slice);
                    filled = 0;
                }
            }
            if let Some(reason) = reason {
                self.open = None;
                failures.push(EntryFailure {
                    entry: segment.entry,
                    reason,
                });
            }
        }
        if filled > 0 {
            take(&slice[..filled]);
        }
    }

    /// Fills `buffer` with `range` of a file of this source's manifest, and checks before and after that it is
    /// the scanned file.
    ///
    /// # Errors
    /// The file vanished, is unreadable or changed. The contents of the buffer are then useless.
    pub fn read_range(
        &mut self,
        entry: EntryIndex,
        range: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), FailureReason> {
        let length = in_memory(range.end.saturating_sub(range.start));
        buffer.resize(length, 0);
        let segment = Segment {
            entry,
            file_offset: range.start,
            part_offset: 0,
            length,
        };
        let read = self.read_piece(&segment, buffer);
        if read.is_err() {
            self.open = None;
        }
        read
    }

    /// Reads the first bytes of the segment, and checks the file again with the last ones.
    fn read_piece(&mut self, segment: &Segment, piece: &mut [u8]) -> Result<(), FailureReason> {
        let source = self.source;
        let file = self.file(segment.entry)?;
        read_all_at(file, piece, segment.file_offset)?;
        if piece.len() < segment.length {
            return Ok(());
        }
        let metadata = file
            .metadata()
            .map_err(|_| FailureReason::SourceUnreadable)?;
        source.compare(segment.entry, &metadata)
    }

    /// The file, checked when it is opened: only bytes of the scanned file are ever read.
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
                let extended = platform::extended_of(&file);
                self.source.extended.note(entry, extended);
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
                offset += len64(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(FailureReason::SourceUnreadable),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
