//! The thread that writes what the workers have packed, in order.

use super::options::{PackError, PackOptions, PackReport};
use crate::disk::{
    ArchiveSink, ArchiveWriter, Begun, Cipher, DEFLATE_END, Encryption, Member, Method, Piece,
    PieceIndex, Source, TimeZone, Whole,
};
use crate::model::{EntryIndex, EntryKind, FailureReason, FileSize};
use crate::session::events::{Event, Progress};

/// An archive, and what is being written into it.
pub(super) struct EntryWriter<'w, 'a, W> {
    source: &'a Source,
    options: &'a PackOptions<'a>,
    archive: &'w mut ArchiveWriter<W>,
    password: Option<&'w [u8]>,
    open: Option<OpenEntry>,
    report: PackReport,
    /// Bytes of contents that were handled.
    done: u64,
}

/// The entry of several pieces that is being written.
struct OpenEntry {
    entry: EntryIndex,
    /// `None` once it has failed: the rest of it is dropped.
    member: Option<OpenMember>,
}

struct OpenMember {
    begun: Begun,
    method: Method,
    cipher: Option<Cipher>,
    raw: u64,
    crc32: crc32fast::Hasher,
}

/// What proves that contents are complete: the tag if they are encrypted, else the CRC-32.
struct Check {
    tag: Vec<u8>,
    crc32: u32,
}

impl Check {
    /// Makes it wrong on purpose, for contents that are not complete.
    fn falsify(&mut self) {
        match self.tag.last_mut() {
            Some(byte) => *byte ^= 1,
            None => self.crc32 ^= 1,
        }
    }
}

impl<'w, 'a, W: ArchiveSink> EntryWriter<'w, 'a, W> {
    /// A writer that has written nothing. With a password, entries are encrypted.
    pub(super) fn new(
        source: &'a Source,
        options: &'a PackOptions<'a>,
        archive: &'w mut ArchiveWriter<W>,
        password: Option<&'w [u8]>,
    ) -> Self {
        EntryWriter {
            source,
            options,
            archive,
            password,
            open: None,
            report: PackReport::default(),
            done: 0,
        }
    }

    /// The result of packing.
    pub(super) fn report(self) -> PackReport {
        PackReport {
            members: self.archive.members() as u64,
            ..self.report
        }
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// [`PackError`]. Losing an entry is no error.
    pub(super) fn take(&mut self, index: PieceIndex, piece: Piece) -> Result<(), PackError> {
        let entry = index.entry();
        let is_file = matches!(self.source.manifest().entry(entry).kind, EntryKind::File(_));
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
                    self.end()?;
                }
            }
            Piece::Failed(reason) => self.fail(entry, reason)?,
        }
        self.options.operator.event(&Event::Progress(Progress {
            bytes: self.done,
            total: self.source.manifest().total(),
            wire_bytes: self.archive.bytes(),
        }));
        Ok(())
    }

    fn add(&mut self, entry: EntryIndex, whole: &Whole) -> Result<(), PackError> {
        let number = number_of(entry);
        let member = member_of(self.source, self.options.zone, number);
        self.archive
            .add(
                number,
                &member,
                whole.method,
                whole.encryption,
                whole.contents,
                &whole.packed,
            )
            .map_err(PackError::Sink)
    }

    fn begin_unless_open(&mut self, entry: EntryIndex, method: Method) -> Result<(), PackError> {
        if self.open.as_ref().is_some_and(|open| open.entry == entry) {
            return Ok(());
        }
        let number = number_of(entry);
        let described = self.source.manifest().entry(entry);
        let raw = match described.kind {
            EntryKind::File(FileSize::Known(bytes)) => Some(bytes),
            _ => None,
        };
        let (encryption, cipher) = match self.password {
            None => (Encryption::None, None),
            Some(password) => {
                let cipher = Cipher::new(password).map_err(PackError::System)?;
                (Encryption::Aes256, Some(cipher))
            }
        };
        let member = Member::of_entry(&described, self.options.zone);
        let begun = self.archive.begin(number, &member, method, encryption, raw);
        let member = Some(OpenMember {
            begun: begun.map_err(PackError::Sink)?,
            method,
            cipher,
            raw: 0,
            crc32: crc32fast::Hasher::new(),
        });
        self.open = Some(OpenEntry { entry, member });
        Ok(())
    }

    /// Writes some of the open entry, unless it has failed.
    fn append(&mut self, raw: u64, crc32: u32, packed: Vec<u8>) -> Result<(), PackError> {
        let Some(member) = self.open.as_mut().and_then(|open| open.member.as_mut()) else {
            return Ok(());
        };
        member.raw += raw;
        let piece = crc32fast::Hasher::new_with_initial_len(crc32, raw);
        member.crc32.combine(&piece);
        write(self.archive, &mut member.cipher, packed)
    }

    fn end(&mut self) -> Result<(), PackError> {
        let Some(mut member) = self.open.as_mut().and_then(|open| open.member.take()) else {
            return Ok(());
        };
        let check = end_contents(self.archive, &mut member)?;
        self.archive.write(&check.tag).map_err(PackError::Sink)?;
        self.report.files += 1;
        self.report.bytes += member.raw;
        self.archive
            .end(member.begun, member.raw, check.crc32)
            .map_err(PackError::Sink)
    }

    /// Leaves an entry out. Takes back what was written of it. If that is impossible, ends it with a wrong check,
    /// so that it counts as damaged.
    fn fail(&mut self, entry: EntryIndex, reason: FailureReason) -> Result<(), PackError> {
        let open = self.open.take().filter(|open| open.entry == entry);
        let failed_before = open.as_ref().is_some_and(|open| open.member.is_none());
        self.open = Some(OpenEntry {
            entry,
            member: None,
        });
        if failed_before {
            return Ok(());
        }
        if let Some(member) = open.and_then(|open| open.member) {
            self.give_up(member)?;
        }
        self.report.lost += 1;
        let described = self.source.manifest().entry(entry);
        let path = described.path.as_bytes();
        self.options
            .operator
            .event(&Event::left_out(path, why(reason)));
        Ok(())
    }

    fn give_up(&mut self, mut member: OpenMember) -> Result<(), PackError> {
        let taken_back = self.archive.take_back(&member.begun);
        if taken_back.map_err(PackError::Sink)? {
            return Ok(());
        }
        let mut check = end_contents(self.archive, &mut member)?;
        check.falsify();
        self.archive.write(&check.tag).map_err(PackError::Sink)?;
        self.archive
            .give_up(member.begun, member.raw, check.crc32)
            .map_err(PackError::Sink)
    }
}

/// The archive's number for an entry. A manifest has less than 2³² entries.
fn number_of(entry: EntryIndex) -> u32 {
    u32::try_from(entry.get()).unwrap_or(u32::MAX)
}

/// The header fields for the entry of this number.
pub(super) fn member_of<'a>(source: &'a Source, zone: &TimeZone, number: u32) -> Member<'a> {
    let manifest = source.manifest();
    let entry = manifest.index(number as usize);
    entry.map_or(Member::nameless(b""), |entry| {
        Member::of_entry(&manifest.entry(entry), zone)
    })
}

/// Writes packed contents, encrypted if there is a cipher.
fn write<W: ArchiveSink>(
    archive: &mut ArchiveWriter<W>,
    cipher: &mut Option<Cipher>,
    packed: Vec<u8>,
) -> Result<(), PackError> {
    let bytes = match cipher {
        None => packed,
        Some(cipher) => {
            let mut sealed = Vec::with_capacity(packed.len() + 32);
            cipher
                .seal(&packed, &mut sealed)
                .map_err(PackError::System)?;
            sealed
        }
    };
    archive.write(&bytes).map_err(PackError::Sink)
}

/// Writes the rest of the contents, without their tag.
fn end_contents<W: ArchiveSink>(
    archive: &mut ArchiveWriter<W>,
    member: &mut OpenMember,
) -> Result<Check, PackError> {
    if member.method == Method::Deflated {
        write(archive, &mut member.cipher, DEFLATE_END.to_vec())?;
    }
    let mut tag = Vec::new();
    let crc32 = match member.cipher.take() {
        None => std::mem::take(&mut member.crc32).finalize(),
        Some(cipher) => {
            cipher.finish(&mut tag).map_err(PackError::System)?;
            0
        }
    };
    Ok(Check { tag, crc32 })
}

fn why(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::SourceVanished => "it vanished while it was packed",
        FailureReason::SourceChanged => "it changed while it was packed",
        _ => "it cannot be read",
    }
}
