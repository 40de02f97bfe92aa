//! Making an archive of a source: workers read, compress and seal on every core, one thread writes what
//! they made, in order.
//!
//! Small entries are sealed by the workers, each with keys of its own, which is most of the work. An
//! entry of several pieces goes through one cipher, so the writing thread seals it while the workers
//! compress what follows.

mod belt;

use super::cancel::Cancel;
use super::events::{Event, FileResult, Operator, Progress};
use super::options::Level;
use crate::crypto::ArchivePassword;
use crate::disk::{
    ArchiveWriter, Begun, Cipher, DEFLATE_END, Effort, Member, Method, Packer, Piece, PieceIndex,
    Sealing, Source, Whole,
};
use crate::model::{EntryIndex, EntryKind, FailureReason, FileSize};
use belt::Belt;
use std::io::{self, Write};
use std::thread;

/// The name of the archive within an archive that hides its names.
pub const INNER_NAME: &str = "contents.zip";

/// The most workers: each takes a few megabytes.
const WORKERS: usize = 16;

/// How an archive is made.
pub(super) struct PackOptions<'a> {
    /// What it is encrypted with.
    pub(super) password: &'a ArchivePassword,
    /// Whether names show.
    pub(super) names: Names,
    /// Compression.
    pub(super) level: Level,
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
pub(super) struct PackReport {
    /// Files that are in the archive.
    pub(super) files: u64,
    /// Bytes of their contents.
    pub(super) bytes: u64,
    /// Files, folders and links in the archive.
    pub(super) members: u64,
    /// Files that vanished, changed or could not be read meanwhile; each was told as an event.
    pub(super) lost: u64,
    /// Length of the archive in bytes.
    pub(super) archive_bytes: u64,
}

/// Why there is no archive. What the sink got is of no use then.
#[derive(Debug)]
pub(super) enum PackError {
    /// The sink takes no more.
    Sink(io::Error),
    /// It was called off.
    Cancelled,
    /// No random bytes, no threads: the system itself fails.
    System(io::Error),
}

/// Writes an archive of `source` to `sink`, which is only appended to.
///
/// A file that is no longer the one that was scanned is told to `operator` and left out. Memory is
/// bounded whatever the sizes: some 20 MiB, and 64 bytes an entry.
///
/// # Errors
/// [`PackError`].
pub(super) fn pack_into(
    source: &Source,
    options: &PackOptions<'_>,
    sink: impl Write,
    cancel: &Cancel,
    operator: &dyn Operator,
) -> Result<PackReport, PackError> {
    let password = options.password.as_bytes();
    let effort = match options.level {
        Level::Auto => Effort::Auto,
        Level::Fixed(0) => Effort::Store,
        Level::Fixed(level) => Effort::Level(level),
    };
    let packing = Packing {
        source,
        effort,
        cancel,
        operator,
    };
    let member = |number: u32| packing.member(number);
    match options.names {
        Names::Shown => {
            let mut archive = ArchiveWriter::new(sink);
            let mut report = packing.write(&mut archive, Some(password))?;
            let (_, bytes) = archive.finish(member).map_err(PackError::Sink)?;
            report.archive_bytes = bytes;
            Ok(report)
        }
        Names::Hidden => {
            let mut inner = ArchiveWriter::new(SealedMember::begin(sink, password)?);
            let mut report = packing.write(&mut inner, None)?;
            let (sealed, _) = inner.finish(member).map_err(PackError::Sink)?;
            report.archive_bytes = sealed.finish()?;
            Ok(report)
        }
    }
}

/// What all of it is about.
struct Packing<'a> {
    source: &'a Source,
    effort: Effort,
    cancel: &'a Cancel,
    operator: &'a dyn Operator,
}

impl<'a> Packing<'a> {
    fn member(&self, number: u32) -> Member<'a> {
        let manifest = self.source.manifest();
        let entry = manifest.index(number as usize);
        entry.map_or(Member::nameless(b""), |entry| {
            Member::of_entry(&manifest.entry(entry))
        })
    }

    /// Writes all entries; those of one piece were sealed by the workers if there is a password.
    fn write<W: Write>(
        &self,
        archive: &mut ArchiveWriter<W>,
        password: Option<&[u8]>,
    ) -> Result<PackReport, PackError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = cores.min(WORKERS);
        let belt = Belt::new(self.source, workers);
        thread::scope(|scope| {
            // However this ends, the workers do.
            let _stop = belt.stop_when_dropped();
            for number in 0..workers {
                let work = || belt.work(Packer::new(self.source, self.effort, password));
                let started = thread::Builder::new().spawn_scoped(scope, work);
                match started {
                    Ok(_) => {}
                    // Fewer do as well.
                    Err(_) if number > 0 => break,
                    Err(error) => return Err(PackError::System(error)),
                }
            }
            let mut writing = Writing {
                packing: self,
                archive,
                password,
                open: None,
                report: PackReport::default(),
                done: 0,
            };
            while let Some((index, piece)) = belt.next() {
                if self.cancel.is_cancelled() {
                    return Err(PackError::Cancelled);
                }
                writing.take(index, piece.map_err(PackError::System)?)?;
            }
            writing.report.members = writing.archive.members() as u64;
            match belt.is_finished() {
                true => Ok(writing.report),
                false => Err(PackError::System(io::Error::other("a worker broke off"))),
            }
        })
    }
}

/// The thread that writes.
struct Writing<'w, 'a, W> {
    packing: &'w Packing<'a>,
    archive: &'w mut ArchiveWriter<W>,
    password: Option<&'w [u8]>,
    open: Option<Open>,
    report: PackReport,
    /// Bytes of contents that were dealt with.
    done: u64,
}

/// The entry of several pieces that is being written.
struct Open {
    entry: EntryIndex,
    /// `None` once it has failed: what is still to come of it is dropped.
    member: Option<OpenMember>,
}

struct OpenMember {
    begun: Begun,
    cipher: Option<Cipher>,
    raw: u64,
    crc32: crc32fast::Hasher,
}

impl<W: Write> Writing<'_, '_, W> {
    fn take(&mut self, index: PieceIndex, piece: Piece) -> Result<(), PackError> {
        let entry = index.entry();
        let is_file = matches!(
            self.packing.source.manifest().entry(entry).kind,
            EntryKind::File(_)
        );
        match piece {
            Piece::Whole(whole) => {
                self.add(entry, &whole)?;
                self.done += whole.contents.raw;
                if is_file {
                    self.report.files += 1;
                    self.report.bytes += whole.contents.raw;
                }
            }
            Piece::Part {
                method,
                raw,
                crc32,
                packed,
                is_last,
            } => {
                self.done += raw;
                self.begin_unless_open(entry, method)?;
                self.append(raw, crc32, packed)?;
                if is_last {
                    self.end(method)?;
                }
            }
            Piece::Failed(reason) => self.fail(entry, reason),
        }
        self.packing.operator.event(&Event::Progress(Progress {
            bytes: self.done,
            total: self.packing.source.manifest().total(),
            wire_bytes: self.archive.bytes(),
        }));
        Ok(())
    }

    fn add(&mut self, entry: EntryIndex, whole: &Whole) -> Result<(), PackError> {
        let number = entry.get() as u32;
        let member = self.packing.member(number);
        self.archive
            .add(
                number,
                &member,
                whole.method,
                whole.sealing,
                whole.contents,
                &whole.packed,
            )
            .map_err(PackError::Sink)
    }

    fn begin_unless_open(&mut self, entry: EntryIndex, method: Method) -> Result<(), PackError> {
        if self.open.as_ref().is_some_and(|open| open.entry == entry) {
            return Ok(());
        }
        let number = entry.get() as u32;
        let described = self.packing.source.manifest().entry(entry);
        let raw = match described.kind {
            EntryKind::File(FileSize::Known(bytes)) => Some(bytes),
            _ => None,
        };
        let (sealing, cipher) = match self.password {
            None => (Sealing::Plain, None),
            Some(password) => {
                let cipher = Cipher::new(password).map_err(PackError::System)?;
                (Sealing::Sealed, Some(cipher))
            }
        };
        let member = Member::of_entry(&described);
        let begun = self.archive.begin(number, &member, method, sealing, raw);
        let member = Some(OpenMember {
            begun: begun.map_err(PackError::Sink)?,
            cipher,
            raw: 0,
            crc32: crc32fast::Hasher::new(),
        });
        self.open = Some(Open { entry, member });
        Ok(())
    }

    /// Writes some of the open entry, unless it has failed.
    fn append(&mut self, raw: u64, crc32: u32, packed: Vec<u8>) -> Result<(), PackError> {
        let Some(Open {
            member: Some(member),
            ..
        }) = &mut self.open
        else {
            return Ok(());
        };
        member.raw += raw;
        let piece = crc32fast::Hasher::new_with_initial_len(crc32, raw);
        member.crc32.combine(&piece);
        let bytes = match &mut member.cipher {
            None => packed,
            Some(cipher) => {
                let mut sealed = Vec::with_capacity(packed.len() + 32);
                cipher
                    .seal(&packed, &mut sealed)
                    .map_err(PackError::System)?;
                sealed
            }
        };
        self.archive.write(&bytes).map_err(PackError::Sink)
    }

    fn end(&mut self, method: Method) -> Result<(), PackError> {
        if method == Method::Deflated {
            self.append(0, 0, DEFLATE_END.to_vec())?;
        }
        let Some(member) = self.open.as_mut().and_then(|open| open.member.take()) else {
            return Ok(());
        };
        let mut tag = Vec::new();
        let crc32 = match member.cipher {
            None => member.crc32.finalize(),
            Some(cipher) => {
                cipher.finish(&mut tag).map_err(PackError::System)?;
                0
            }
        };
        self.archive.write(&tag).map_err(PackError::Sink)?;
        self.report.files += 1;
        self.report.bytes += member.raw;
        self.archive
            .end(member.begun, member.raw, crc32)
            .map_err(PackError::Sink)
    }

    /// An entry that is begun and not ended is none of the archive's.
    fn fail(&mut self, entry: EntryIndex, reason: FailureReason) {
        let has_failed = |open: &Open| open.entry == entry && open.member.is_none();
        if self.open.as_ref().is_some_and(has_failed) {
            return;
        }
        self.open = Some(Open {
            entry,
            member: None,
        });
        self.report.lost += 1;
        let described = self.packing.source.manifest().entry(entry);
        self.packing.operator.event(&Event::File {
            path: described.path.as_bytes(),
            bytes: 0,
            result: FileResult::Failed {
                why: why(reason).to_owned(),
            },
        });
    }
}

fn why(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::SourceVanished => "it vanished while it was packed",
        FailureReason::SourceChanged => "it changed while it was packed",
        _ => "it cannot be read",
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

impl<W: Write> SealedMember<W> {
    fn begin(sink: W, password: &[u8]) -> Result<Self, PackError> {
        let mut archive = ArchiveWriter::new(sink);
        let member = Member::nameless(INNER_NAME.as_bytes());
        let begun = archive.begin(0, &member, Method::Stored, Sealing::Sealed, None);
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

impl<W: Write> Write for SealedMember<W> {
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
