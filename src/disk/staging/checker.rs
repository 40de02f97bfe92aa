//! Compares claimed parts with the sender's digests.

use super::claims::PieceSource;
use super::writer::WritingPart;
use super::{Mark, Staging, StagingWriter};
use crate::disk::error::DiskError;
use crate::disk::journal::JournalRecord;
use crate::disk::plan::{Decision, DeliveredName};
use crate::disk::platform;
use crate::model::{EntryIndex, PartIndex, Segment, WirePath};
use std::fs::File;
use std::io;

/// Compares claimed parts. Each thread has a checker of its own, which holds one part in memory.
#[derive(Debug)]
pub struct ClaimChecker<'a> {
    staging: &'a Staging,
    writer: StagingWriter<'a>,
    open: Option<(EntryIndex, PieceSource, File)>,
    buffer: Vec<u8>,
}

/// The result for a claimed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is present, and this many bytes of it need not be sent.
    Held(u64),
    /// A piece of it differs or cannot be read.
    Differs,
    /// It arrived meanwhile.
    Arrived,
}

impl<'a> ClaimChecker<'a> {
    pub(super) fn new(staging: &'a Staging) -> Self {
        ClaimChecker {
            staging,
            writer: staging.writer(),
            open: None,
            buffer: Vec::new(),
        }
    }

    /// Compares the pieces of a part by `is_same`, which gets each piece with its number in the part. If all
    /// needed pieces are the same, the part counts as present. Pieces of old files are first written to the
    /// staging folder, from the same bytes in memory that were compared.
    ///
    /// # Errors
    /// The staging folder cannot be written.
    pub fn check(
        &mut self,
        part: PartIndex,
        mut is_same: impl FnMut(usize, &Segment, &[u8]) -> bool,
    ) -> Result<Checked, DiskError> {
        let staging = self.staging;
        let layout = staging.layout();
        let Some(writing) = WritingPart::begin(staging, part, layout.length(part))? else {
            return Ok(Checked::Arrived);
        };
        let is_recorded = staging.progress().recorded.contains(part);
        self.buffer.resize(layout.length(part), 0);
        let mut to_write = Vec::new();
        let (mut held, mut differs) = (0, false);
        for (number, segment) in layout.segments(&staging.manifest, part).enumerate() {
            if staging.marks.has(segment.entry, Mark::Failed) {
                continue;
            }
            let bytes = segment.part_offset..segment.part_offset + segment.length;
            while let Some(source) = staging.source_of(&segment, is_recorded) {
                let is_read = self.read(&segment, source).is_ok();
                if is_read && is_same(number, &segment, &self.buffer[bytes.clone()]) {
                    if staging.is_needed(segment.entry) {
                        held += segment.length as u64;
                        to_write.extend((source != PieceSource::Staged).then_some(segment));
                    }
                    break;
                }
                if !staging.may_be_in_another(&segment, source) {
                    differs |= staging.is_needed(segment.entry);
                    break;
                }
            }
        }
        if differs {
            writing.leave();
            if is_recorded {
                staging.forget_part(part)?;
            }
            return Ok(Checked::Differs);
        }
        for segment in &to_write {
            let bytes = segment.part_offset..segment.part_offset + segment.length;
            self.writer
                .write_segment(segment, &self.buffer[bytes], &mut |_| {})?;
        }
        if !to_write.is_empty() && staging.is_true(part) {
            staging.journal.append(JournalRecord::Present(part))?;
            staging.progress().recorded.insert(part);
        }
        writing.fulfil();
        Ok(Checked::Held(held))
    }

    fn read(&mut self, segment: &Segment, source: PieceSource) -> io::Result<()> {
        let file = match self.open.take() {
            Some((entry, from, file)) if (entry, from) == (segment.entry, source) => file,
            _ => self.staging.open_piece_source(segment.entry, source)?,
        };
        let bytes = segment.part_offset..segment.part_offset + segment.length;
        read_exact_at(&file, &mut self.buffer[bytes], segment.file_offset)?;
        self.open = Some((segment.entry, source, file));
        Ok(())
    }
}

impl Staging {
    /// A checker of claims for one thread.
    pub fn checker(&self) -> ClaimChecker<'_> {
        ClaimChecker::new(self)
    }

    pub(super) fn open_piece_source(
        &self,
        entry: EntryIndex,
        source: PieceSource,
    ) -> io::Result<File> {
        let PieceSource::Old(number) = source else {
            let path = self.staged_path(entry).map_err(io::Error::other)?;
            return platform::open_source(&path);
        };
        let name = DeliveredName::Old(number);
        let delivered = self.plan.delivered_path(&self.manifest, entry, name);
        let path = WirePath::parse(&delivered).map_err(io::Error::other)?;
        let path = self.destination.disk_path(path).map_err(io::Error::other)?;
        let basis = self.plan.basis(entry, number);
        basis.ok_or(io::ErrorKind::NotFound)?.open(&path)
    }

    /// Whether another old file may have a piece that differs from the one in `source`.
    fn may_be_in_another(&self, segment: &Segment, source: PieceSource) -> bool {
        match source {
            PieceSource::Old(number) if self.plan.decision(segment.entry) == Decision::Compare => {
                self.note_different(segment.entry, number)
            }
            PieceSource::Staged | PieceSource::Old(_) => false,
        }
    }

    /// Whether no file in the part has failed.
    pub(super) fn is_true(&self, part: PartIndex) -> bool {
        let mut segments = self.layout().segments(&self.manifest, part);
        !segments.any(|segment| self.marks.has(segment.entry, Mark::Failed))
    }
}

/// Fills the buffer from `offset` on.
pub(super) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match platform::read_at(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
