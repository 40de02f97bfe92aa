//! Writes parts to staged files.

use super::checker::read_exact_at;
use super::claims::PieceSource;
use super::{Durability, Mark, Staging, StagingProgress, WRITE_LOCKS, tree};
use crate::disk::error::DiskError;
use crate::disk::journal::JournalRecord;
use crate::disk::plan::Decision;
use crate::disk::platform;
use crate::model::{EntryIndex, Mtime, PartIndex, Segment, in_memory, len64};
use std::fs::{File, FileTimes, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

/// Unit of holes, in bytes: runs of zeros that are this long and aligned are not written.
const HOLE: usize = 64 * 1024;

/// Slice of a large piece that is checksummed and then written, in bytes: small enough to stay in the
/// processor's cache. A multiple of [`HOLE`].
const SLICE: usize = 512 * 1024;

/// Writes parts. Each thread has a writer of its own, which keeps the last file open: one descriptor for each
/// thread.
#[derive(Debug)]
pub struct StagingWriter<'a> {
    staging: &'a Staging,
    open: Option<(EntryIndex, File)>,
}

impl<'a> StagingWriter<'a> {
    pub(super) fn new(staging: &'a Staging) -> Self {
        StagingWriter {
            staging,
            open: None,
        }
    }

    /// Writes the needed bytes of a part, and records the part unless it holds bytes of a failed file. Parts
    /// may come in any order. A part that is present, or that another thread is writing, is skipped. In an open
    /// stream a part that is not full is the last one.
    ///
    /// Returns the CRC-32 of `raw`, to compare with the sender's; `None` for a part that was not written.
    ///
    /// # Errors
    /// `raw` is not as long as the part, or the system's error. The part then counts as missing.
    pub fn write_part(&mut self, part: PartIndex, raw: &[u8]) -> Result<Option<u32>, DiskError> {
        let staging = self.staging;
        let Some(writing) = WritingPart::begin(staging, part, raw.len())? else {
            return Ok(None);
        };
        let mut checksum = crc32fast::Hasher::new();
        let mut is_true = true;
        let start = staging.layout().range(part).start;
        for segment in staging.manifest.segments(start..start + raw.len() as u64) {
            let bytes = &raw[segment.part_offset..segment.part_offset + segment.length];
            is_true &= !staging.marks.has(segment.entry, Mark::Failed);
            self.compare_with_old(&segment, bytes);
            match staging.is_needed(segment.entry) {
                true => self.write_segment(&segment, bytes, &mut |slice| checksum.update(slice))?,
                false => checksum.update(bytes),
            }
        }
        if is_true {
            staging.journal.append(JournalRecord::Present(part))?;
            staging.progress().recorded.insert(part);
        }
        writing.fulfil();
        Ok(Some(checksum.finalize()))
    }

    /// Parts of a compared file also show whether the old file differs.
    fn compare_with_old(&mut self, segment: &Segment, bytes: &[u8]) {
        let staging = self.staging;
        let is_compared = || {
            staging.plan.decision(segment.entry) == Decision::Compare
                && !staging.marks.has(segment.entry, Mark::Differs)
        };
        while is_compared() {
            let number = staging.old_file(segment.entry);
            if staging.is_in_old_file(segment, bytes, number) {
                break;
            }
            staging.note_different(segment.entry, number);
        }
    }

    /// Writes a piece of a file, slice by slice; `seen` gets each slice before it is written.
    pub(super) fn write_segment(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DiskError> {
        let range = self.staging.manifest.stream_range(segment.entry);
        if range.end - range.start == bytes.len() as u64 {
            seen(bytes);
            self.staging.write_whole(segment.entry, bytes)
        } else {
            self.write_piece(segment, bytes, seen)
        }
    }

    fn write_piece(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DiskError> {
        let staging = self.staging;
        let opened = match self.open.take() {
            Some((entry, file)) if entry == segment.entry => Some(file),
            _ => staging.open_piecewise(segment.entry)?,
        };
        let Some(file) = opened else {
            seen(bytes);
            return Ok(());
        };
        let locked = staging.write_lock(segment.entry);
        let mut offset = segment.file_offset;
        for slice in bytes.chunks(SLICE) {
            seen(slice);
            staging.write_at(segment.entry, &file, slice, offset)?;
            offset += slice.len() as u64;
        }
        drop(locked);
        self.open = Some((segment.entry, file));
        Ok(())
    }
}

/// A part that this thread is writing. It counts as missing if it is dropped before [`WritingPart::fulfil`].
pub(super) struct WritingPart<'a> {
    staging: &'a Staging,
    part: PartIndex,
    is_fulfilled: bool,
}

impl<'a> WritingPart<'a> {
    /// `None` if the part is present, or another thread is writing it.
    pub(super) fn begin(
        staging: &'a Staging,
        part: PartIndex,
        length: usize,
    ) -> Result<Option<Self>, DiskError> {
        let mut progress = staging.progress();
        let layout = progress.layout;
        let fits = match layout.total() {
            Some(_) => part.get() < layout.count() && layout.length(part) == length,
            None => progress.fits_open_stream(part, length),
        };
        if !fits {
            return Err(staging.misuse("write part", "it has the wrong length"));
        }
        if progress.present.contains(part) || progress.writing.contains(&part) {
            return Ok(None);
        }
        progress.note_end(part, length);
        progress.writing.push(part);
        Ok(Some(WritingPart {
            staging,
            part,
            is_fulfilled: false,
        }))
    }

    pub(super) fn fulfil(mut self) {
        self.staging.progress().arrived(self.part);
        self.is_fulfilled = true;
    }

    /// Gives up the part unwritten, so that it will be sent.
    pub(super) fn leave(mut self) {
        self.staging.progress().unsettled.remove(self.part);
        self.is_fulfilled = true;
    }
}

impl Drop for WritingPart<'_> {
    fn drop(&mut self) {
        if !self.is_fulfilled {
            self.staging.distrust_holes(self.part);
        }
        let writing = &mut self.staging.progress().writing;
        writing.retain(|&part| part != self.part);
    }
}

impl StagingProgress {
    /// Only the last part of an open stream may be short, so only one part may.
    fn fits_open_stream(&self, part: PartIndex, length: usize) -> bool {
        let full = self.layout.part_size() as usize;
        let is_only_short = self.short.is_none_or(|(short, _)| short == part);
        length == full || ((1..full).contains(&length) && is_only_short)
    }

    fn note_end(&mut self, part: PartIndex, length: usize) {
        let end = self.layout.range(part).start + length as u64;
        self.stream_end = self.stream_end.max(end);
        if self.layout.total().is_none() && length < self.layout.part_size() as usize {
            self.short = Some((part, end));
        }
    }
}

impl Staging {
    /// Whether the old file of this number has these bytes at the segment's offset; false if it cannot be read.
    fn is_in_old_file(&self, segment: &Segment, bytes: &[u8], number: usize) -> bool {
        let Ok(file) = self.open_piece_source(segment.entry, PieceSource::Old(number)) else {
            return false;
        };
        let mut buffer = vec![0; SLICE.min(bytes.len())];
        let mut offset = segment.file_offset;
        bytes.chunks(SLICE).all(|slice| {
            let old = &mut buffer[..slice.len()];
            let is_read = read_exact_at(&file, old, offset).is_ok();
            offset += slice.len() as u64;
            is_read && old == slice
        })
    }

    /// Creates a finished file: open, write, set time, close. A file that the disk refuses is left out.
    pub(crate) fn write_whole(&self, index: EntryIndex, bytes: &[u8]) -> Result<(), DiskError> {
        self.make_folders()?;
        if self.marks.has(index, Mark::Refused) {
            return Ok(());
        }
        let path = self.staged_path(index)?;
        if self.marks.has(index, Mark::There) {
            // A part that was rejected left the file, which may be read-only by now.
            self.marks.unset(index, Mark::Finished);
            tree::remove_if_there(&path)?;
        }
        let entry = self.manifest.entry(index);
        let is_final = platform::mode_fits_creation(entry.mode.bits());
        let mode = if is_final { entry.mode.bits() } else { 0o600 };
        let Some(file) = self.unless_refused(index, &path, create_new(&path, mode))? else {
            return Ok(());
        };
        self.marks.set(index, Mark::There);
        write_sparse(&file, bytes, 0)
            .and_then(|()| restore_length(&file, bytes))
            .map_err(DiskError::at("write", &path))?;
        self.set_time(&file, entry.mtime, &path)?;
        if self.durability == Durability::Fsync {
            platform::sync(&file).map_err(DiskError::at("sync", &path))?;
        }
        if is_final {
            self.marks.set(index, Mark::Finished);
        }
        Ok(())
    }

    /// Writes a piece of a file that [`Staging::open_piecewise`] opened.
    pub(super) fn write_at(
        &self,
        index: EntryIndex,
        file: &File,
        bytes: &[u8],
        offset: u64,
    ) -> Result<(), DiskError> {
        let written = if self.marks.has(index, Mark::Sparse) {
            write_sparse(file, bytes, offset)
        } else {
            platform::write_all_at(file, bytes, offset)
        };
        match written {
            Ok(()) => Ok(()),
            Err(error) => Err(DiskError::at("write", &self.staged_path(index)?)(error)),
        }
    }

    /// The lock to hold while a piece of the file is written. A system lets only one thread at a time write to
    /// a file, and on Linux the others spin. With this lock they sleep, and leave the core to other threads.
    fn write_lock(&self, index: EntryIndex) -> MutexGuard<'_, ()> {
        let striped = &self.write_locks[index.get() % WRITE_LOCKS];
        striped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file that is written piece by piece. The first piece creates it with its full length. `None` if the
    /// disk refuses it.
    pub(super) fn open_piecewise(&self, index: EntryIndex) -> Result<Option<File>, DiskError> {
        self.make_folders()?;
        let path = self.staged_path(index)?;
        let _guard = self.creation.lock().unwrap_or_else(PoisonError::into_inner);
        if self.marks.has(index, Mark::Refused) {
            return Ok(None);
        }
        if self.marks.has(index, Mark::There) {
            let opened = OpenOptions::new().write(true).open(&path);
            return opened.map(Some).map_err(DiskError::at("open", &path));
        }
        let Some(file) = self.unless_refused(index, &path, create_new(&path, 0o600))? else {
            return Ok(None);
        };
        self.marks.set(index, Mark::There);
        let sized = file.set_len(self.size_of(index));
        let sized = sized.map_err(DiskError::at("set length of", &path));
        if self.unless_refused(index, &path, sized)?.is_none() {
            self.marks.unset(index, Mark::There);
            tree::remove_if_there(&path)?;
            return Ok(None);
        }
        self.marks.set(index, Mark::Sparse);
        Ok(Some(file))
    }
}

/// Sets the manifest's time, unless this system cannot express it. Disks behind libfuse 2 ignore a time that
/// comes without the time of the last access.
pub(crate) fn set_mtime(file: &File, mtime: Mtime) -> io::Result<()> {
    match platform::system_time(mtime) {
        Some(time) => {
            let times = FileTimes::new().set_accessed(SystemTime::now());
            file.set_times(times.set_modified(time))
        }
        None => Ok(()),
    }
}

fn create_new(path: &Path, mode: u32) -> Result<File, DiskError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    platform::create_with_mode(&mut options, mode);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => tree::collision(path),
        _ => DiskError::at("create", path)(error),
    })
}

/// Writes bytes to a range that reads as zeros, and skips aligned runs of zeros. It also skips zeros at either
/// end, because they may continue a run of zeros beside them.
pub(crate) fn write_sparse(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut pending = 0;
    let mut at = 0;
    while at < bytes.len() {
        let into_block = in_memory((offset + len64(at)) % len64(HOLE));
        let end = bytes.len().min(at + HOLE - into_block);
        let is_edge = at == 0 || end == bytes.len();
        if (is_edge || end - at == HOLE) && is_zero(&bytes[at..end]) {
            write_run(file, &bytes[pending..at], offset + pending as u64)?;
            pending = end;
        }
        at = end;
    }
    write_run(file, &bytes[pending..], offset + pending as u64)
}

fn write_run(file: &File, run: &[u8], offset: u64) -> io::Result<()> {
    if run.is_empty() {
        return Ok(());
    }
    platform::write_all_at(file, run, offset)
}

/// Ends a file with a hole, if the file does not have its full length yet.
fn restore_length(file: &File, bytes: &[u8]) -> io::Result<()> {
    if bytes.last() == Some(&0) {
        file.set_len(bytes.len() as u64)
    } else {
        Ok(())
    }
}

/// Compares the bytes with themselves shifted by one, which is as fast as memory.
fn is_zero(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [first, rest @ ..] => *first == 0 && *rest == bytes[..rest.len()],
    }
}
