//! Runs the workers and the writing thread.

use super::options::{INNER_NAME, Names, PackError, PackOptions, PackReport};
use super::reorder::ReorderBuffer;
use super::writer::{EntryWriter, member_of};
use crate::disk::{
    ArchiveSink, ArchiveWriter, Begun, Cipher, DeflateEffort, Encryption, Member, Method, Packer,
    Piece, PieceIndex, Source,
};
use crate::session::options::Level;
use crate::session::threads::threads_within;
use std::io::{self, Write};
use std::thread;

/// The most workers: each takes a few megabytes.
const WORKERS: usize = 16;

/// Writes an archive of `source` to `sink`.
///
/// A file that has changed since the scan is reported and left out. Memory is bounded for all sizes: about 20 MiB,
/// and 64 bytes an entry.
///
/// # Errors
/// [`PackError`].
pub(crate) fn pack_into(
    source: &Source,
    options: &PackOptions<'_>,
    sink: impl ArchiveSink,
) -> Result<PackReport, PackError> {
    let effort = match options.level {
        Level::Auto => DeflateEffort::Auto,
        Level::Fixed(0) => DeflateEffort::Store,
        Level::Fixed(level) => DeflateEffort::Level(level),
    };
    let packers: &Packers<'_> = &|password| {
        let mut packer = Packer::new(source, effort, password);
        Box::new(move |piece| packer.pack(piece))
    };
    let packing = Packing {
        source,
        packers,
        options,
    };
    packing.pack_into(sink)
}

/// Packs pieces one after the other, on the thread that created it.
type Pack<'a> = Box<dyn FnMut(PieceIndex) -> io::Result<Piece> + 'a>;

/// Makes a [`Pack`] that encrypts with a password, or does not encrypt.
type Packers<'a> = dyn Fn(Option<&'a [u8]>) -> Pack<'a> + Sync + 'a;

/// What to pack, and how.
struct Packing<'a> {
    source: &'a Source,
    packers: &'a Packers<'a>,
    options: &'a PackOptions<'a>,
}

impl<'a> Packing<'a> {
    fn pack_into(&self, sink: impl ArchiveSink) -> Result<PackReport, PackError> {
        let options = self.options;
        let password = options.password.as_bytes();
        let member = |number: u32| member_of(self.source, options.zone, number);
        match options.names {
            Names::Shown => {
                let mut archive = ArchiveWriter::new(sink);
                let mut report = self.write(&mut archive, Some(password))?;
                let (_, bytes) = archive.finish(member).map_err(PackError::Sink)?;
                report.archive_bytes = bytes;
                Ok(report)
            }
            Names::Hidden => {
                let mut inner = ArchiveWriter::new(SealedMember::begin(sink, password)?);
                let mut report = self.write(&mut inner, None)?;
                let (sealed, _) = inner.finish(member).map_err(PackError::Sink)?;
                report.archive_bytes = sealed.finish()?;
                Ok(report)
            }
        }
    }

    /// Writes all entries. With a password, the workers have already encrypted the entries of one piece.
    fn write<W: ArchiveSink>(
        &self,
        archive: &mut ArchiveWriter<W>,
        password: Option<&'a [u8]>,
    ) -> Result<PackReport, PackError> {
        let workers = threads_within(WORKERS);
        let pieces = ReorderBuffer::new(self.source, workers);
        thread::scope(|scope| {
            // However this function ends, the workers end, too.
            let _stop = pieces.stop_when_dropped();
            for number in 0..workers {
                let work = || pieces.work((self.packers)(password));
                let started = thread::Builder::new().spawn_scoped(scope, work);
                match started {
                    Ok(_) => {}
                    // Fewer workers are enough.
                    Err(_) if number > 0 => break,
                    Err(error) => {
                        let why = format!("it has no thread to give: {error}");
                        return Err(PackError::System(io::Error::new(error.kind(), why)));
                    }
                }
            }
            let mut writer = EntryWriter::new(self.source, self.options, archive, password);
            while let Some((index, piece)) = pieces.next() {
                if self.options.cancel.is_cancelled() {
                    return Err(PackError::Cancelled);
                }
                writer.take(index, piece.map_err(PackError::System)?)?;
            }
            match pieces.is_finished() {
                true => Ok(writer.report()),
                false => Err(PackError::System(io::Error::other("a worker broke off"))),
            }
        })
    }
}

/// An archive with one stored and encrypted member. What is written becomes the member's contents.
struct SealedMember<W> {
    archive: ArchiveWriter<W>,
    begun: Begun,
    cipher: Cipher,
    raw: u64,
    buffer: Vec<u8>,
}

impl<W: ArchiveSink> SealedMember<W> {
    fn begin(sink: W, password: &[u8]) -> Result<Self, PackError> {
        let mut archive = ArchiveWriter::new(sink);
        let member = Member::nameless(INNER_NAME.as_bytes());
        let begun = archive.begin(0, &member, Method::Stored, Encryption::Aes256, None);
        Ok(SealedMember {
            begun: begun.map_err(PackError::Sink)?,
            archive,
            cipher: Cipher::new(password).map_err(PackError::System)?,
            raw: 0,
            buffer: Vec::new(),
        })
    }

    fn finish(mut self) -> Result<u64, PackError> {
        let mut tag = Vec::new();
        self.cipher.finish(&mut tag).map_err(PackError::System)?;
        let archive = &mut self.archive;
        let ended = archive
            .write(&tag)
            .and_then(|()| archive.end(self.begun, self.raw, 0));
        ended.map_err(PackError::Sink)?;
        let only = |_| Member::nameless(INNER_NAME.as_bytes());
        let (_, bytes) = self.archive.finish(only).map_err(PackError::Sink)?;
        Ok(bytes)
    }
}

/// Encrypted bytes cannot be taken back, because the cipher continues from them.
impl<W: ArchiveSink> ArchiveSink for SealedMember<W> {}

impl<W: ArchiveSink> Write for SealedMember<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.clear();
        self.cipher.seal(bytes, &mut self.buffer)?;
        self.archive.write(&self.buffer)?;
        self.raw += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
