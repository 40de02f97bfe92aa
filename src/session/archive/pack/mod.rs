//! Making an archive of a source: workers read, compress and seal on every core, one thread writes what
//! they made, in order.
//!
//! Small entries are sealed by the workers, each with keys of its own, which is most of the work. An
//! entry of several pieces goes through one cipher, so the writing thread seals it while the workers
//! compress what follows.

mod reorder;
mod writer;

use crate::crypto::ArchivePassword;
use crate::disk::{
    ArchiveSink, ArchiveWriter, Begun, Cipher, DeflateEffort, Encryption, Member, Method, Packer,
    Piece, PieceIndex, Source,
};
use crate::session::cancel::Cancel;
use crate::session::error::SessionError;
use crate::session::events::Operator;
use crate::session::options::Level;
use reorder::ReorderBuffer;
use std::io::{self, Write};
use std::thread;
use writer::Writing;

/// The name of the archive within an archive that hides its names.
pub const INNER_NAME: &str = "contents.zip";

/// The most workers: each takes a few megabytes.
const WORKERS: usize = 16;

/// How an archive is made.
pub(crate) struct PackOptions<'a> {
    /// What it is encrypted with.
    pub(crate) password: &'a ArchivePassword,
    /// Whether names show.
    pub(crate) names: Names,
    /// Compression.
    pub(crate) level: Level,
}

/// Whether the names and sizes in an archive show to who does not know its password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// They do, as in every encrypted zip archive; any program opens it in one go.
    #[default]
    Shown,
    /// They do not: the archive holds one encrypted archive, [`INNER_NAME`].
    Hidden,
}

/// What became of a source that was packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackReport {
    /// Files that are in the archive.
    pub(crate) files: u64,
    /// Bytes of their contents.
    pub(crate) bytes: u64,
    /// Files, folders and links in the archive.
    pub(crate) members: u64,
    /// Files that vanished, changed or could not be read meanwhile; each was told as an event.
    pub(crate) lost: u64,
    /// Length of the archive in bytes.
    pub(crate) archive_bytes: u64,
}

/// Why there is no archive. What the sink got is of no use then.
#[derive(Debug)]
pub(crate) enum PackError {
    /// The sink takes no more.
    Sink(io::Error),
    /// It was called off.
    Cancelled,
    /// No random bytes, no threads: the system itself fails.
    System(io::Error),
}

impl From<PackError> for SessionError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Cancelled => SessionError::Cancelled,
            PackError::Sink(source) | PackError::System(source) => SessionError::System { source },
        }
    }
}

/// Writes an archive of `source` to `sink`.
///
/// A file that is no longer the one that was scanned is told to `operator` and left out. Memory is
/// bounded whatever the sizes: some 20 MiB, and 64 bytes an entry.
///
/// # Errors
/// [`PackError`].
pub(crate) fn pack_into(
    source: &Source,
    options: &PackOptions<'_>,
    sink: impl ArchiveSink,
    cancel: &Cancel,
    operator: &dyn Operator,
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
        cancel,
        operator,
    };
    packing.pack_into(options, sink)
}

/// Packs one piece after the other, on the thread where it was made.
type Pack<'a> = Box<dyn FnMut(PieceIndex) -> io::Result<Piece> + 'a>;

/// Makes one that seals with a password, or does not seal.
type Packers<'a> = dyn Fn(Option<&'a [u8]>) -> Pack<'a> + Sync + 'a;

/// What all of it is about.
struct Packing<'a> {
    source: &'a Source,
    packers: &'a Packers<'a>,
    cancel: &'a Cancel,
    operator: &'a dyn Operator,
}

impl<'a> Packing<'a> {
    fn pack_into(
        &self,
        options: &PackOptions<'a>,
        sink: impl ArchiveSink,
    ) -> Result<PackReport, PackError> {
        let password = options.password.as_bytes();
        let member = |number: u32| self.member(number);
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

    fn member(&self, number: u32) -> Member<'a> {
        let manifest = self.source.manifest();
        let entry = manifest.index(number as usize);
        entry.map_or(Member::nameless(b""), |entry| {
            Member::of_entry(&manifest.entry(entry))
        })
    }

    /// Writes all entries; those of one piece were sealed by the workers if there is a password.
    fn write<W: ArchiveSink>(
        &self,
        archive: &mut ArchiveWriter<W>,
        password: Option<&'a [u8]>,
    ) -> Result<PackReport, PackError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = cores.min(WORKERS);
        let belt = ReorderBuffer::new(self.source, workers);
        thread::scope(|scope| {
            // However this ends, the workers do.
            let _stop = belt.stop_when_dropped();
            for number in 0..workers {
                let work = || belt.work((self.packers)(password));
                let started = thread::Builder::new().spawn_scoped(scope, work);
                match started {
                    Ok(_) => {}
                    // Fewer do as well.
                    Err(_) if number > 0 => break,
                    Err(error) => {
                        let why = format!("it has no thread to give: {error}");
                        return Err(PackError::System(io::Error::new(error.kind(), why)));
                    }
                }
            }
            let mut writing = Writing::new(self, archive, password);
            while let Some((index, piece)) = belt.next() {
                if self.cancel.is_cancelled() {
                    return Err(PackError::Cancelled);
                }
                writing.take(index, piece.map_err(PackError::System)?)?;
            }
            match belt.is_finished() {
                true => Ok(writing.report()),
                false => Err(PackError::System(io::Error::other("a worker broke off"))),
            }
        })
    }
}

/// An archive of one stored and sealed member, and what is written becomes its contents.
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
        let begun = archive.begin(0, &member, Method::Stored, Encryption::Sealed, None);
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

/// What is sealed cannot be taken back: the cipher goes on from it.
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
