//! Writes a zip archive of one entry into a buffer that is reused.

use super::layout::ENTRY_NAME;
use std::io::{self, Write};
use zip::write::{FileOptions, SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System, ZipWriter, result::ZipResult};

/// Bytes given to the zip writer at once. Its cipher copies each slice into a buffer and wipes that, so a slice
/// should stay in the processor's cache.
const SLICE_LENGTH: usize = 32 * 1024;

/// Whether an archive fitted into its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The buffer holds the whole archive.
    Whole,
    /// It did not fit; the buffer's contents are useless.
    TooLong,
}

/// Options for the one entry that reveal nothing about this machine or this moment.
pub(super) fn entry_options<'k>(
    method: CompressionMethod,
    level: Option<i32>,
) -> FileOptions<'k, 'static, ()> {
    SimpleFileOptions::default()
        .compression_method(method)
        .compression_level(level.map(i64::from))
        .last_modified_time(DateTime::default())
        .system(System::Unix)
}

/// Writes an archive whose entry holds the joined pieces. The buffer grows at most to the room.
pub(super) fn write_archive(
    buffer: &mut Vec<u8>,
    room: usize,
    options: FileOptions<'_, 'static, ()>,
    pieces: &[&[u8]],
) -> ZipResult<Fit> {
    let mut archive = SealedArchiveWriter::begin(buffer, room, options)?;
    for piece in pieces {
        if archive.write(piece)? == Fit::TooLong {
            return Ok(Fit::TooLong);
        }
    }
    Ok(archive.finish()?.1)
}

/// An archive that is being written.
///
/// The zip writer writes AE-2, without a CRC-32 of the contents, only if it cannot seek.
pub(super) struct SealedArchiveWriter<B: AsMut<Vec<u8>>>(ZipWriter<StreamWriter<BoundedBuffer<B>>>);

impl<B: AsMut<Vec<u8>>> SealedArchiveWriter<B> {
    /// Begins an archive in the buffer, which grows at most to the room.
    pub(super) fn begin(
        mut buffer: B,
        room: usize,
        options: FileOptions<'_, 'static, ()>,
    ) -> ZipResult<Self> {
        buffer.as_mut().clear();
        buffer.as_mut().reserve_exact(room);
        let mut archive = ZipWriter::new_stream(BoundedBuffer {
            buffer,
            room,
            fit: Fit::Whole,
        });
        archive.start_file(ENTRY_NAME, options)?;
        Ok(SealedArchiveWriter(archive))
    }

    /// Appends to the entry's contents.
    pub(super) fn write(&mut self, piece: &[u8]) -> ZipResult<Fit> {
        for slice in piece.chunks(SLICE_LENGTH) {
            self.0.write_all(slice)?;
            let fit = self.0.get_ref().map(|stream| stream.get_ref().fit);
            if fit == Some(Fit::TooLong) {
                return Ok(Fit::TooLong);
            }
        }
        Ok(Fit::Whole)
    }

    /// Ends the entry and the archive.
    pub(super) fn finish(self) -> ZipResult<(B, Fit)> {
        let BoundedBuffer { buffer, fit, .. } = self.0.finish()?.into_inner();
        Ok((buffer, fit))
    }
}

/// A buffer that holds at most its room, and drops further bytes without an error: the zip writer finishes its
/// archive in any case, and would print a complaint to standard error if it could not.
struct BoundedBuffer<B> {
    buffer: B,
    room: usize,
    fit: Fit,
}

impl<B: AsMut<Vec<u8>>> Write for BoundedBuffer<B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let buffer = self.buffer.as_mut();
        if bytes.len() > self.room - buffer.len() {
            self.fit = Fit::TooLong;
        }
        if self.fit == Fit::Whole {
            buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
