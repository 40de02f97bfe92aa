//! The directory at an archive's end.
//!
//! The end records give its place. It must reach exactly up to them, and have exactly the stated number of
//! entries. Bytes before the archive, such as a self-extractor, are skipped.

use super::error::{ArchiveFault, EntryFault, NEEDS_STRONG_ENCRYPTION};
use super::oddity::{Oddities, Oddity};
use super::options::ReadingOptions;
use super::record::{CentralEntry, FIXED_BYTES};
use super::span::Span;
use crate::model::limits;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
const END64_BYTES: usize = 56;
/// What a zip64 end record without more fields gives as its size.
const END64_SIZE: u64 = END64_BYTES as u64 - 12;
/// From this version on, a zip64 end record with more fields describes an encrypted directory (APPNOTE 7.3.4).
const ENCRYPTED_DIRECTORY: u16 = 62;
/// Bytes at the end of the file in which the end record must begin. Its comment has up to 64 KiB; the rest
/// allows for bytes behind the archive.
const TAIL_BYTES: usize = 1024 * 1024;
/// Bytes of the directory read at once.
const BUFFER: usize = 64 * 1024;

/// The directory of an archive.
#[derive(Debug)]
pub(super) struct Directory {
    /// In the order of the archive.
    pub(super) records: Vec<CentralEntry>,
    /// The names of all records.
    pub(super) text: Vec<u8>,
    /// Its offset in the file, which is the latest end of the last entry.
    pub(super) start: u64,
    /// Its oddities.
    pub(super) oddities: Oddities,
}

/// Reads the directory of the archive in `file`, which is `length` bytes long.
///
/// # Errors
/// Not an archive, damage, an exceeded limit, or the system's error.
pub(super) fn read(
    file: &File,
    length: u64,
    options: &ReadingOptions,
) -> Result<Directory, EntryFault> {
    let mut oddities = Oddities::new(options.strictness);
    let end = find_end(file, length, &mut oddities)?;
    let (start, base) = end.place().ok_or_else(misplaced)?;
    let entries = match usize::try_from(end.entries) {
        Ok(entries) if entries <= limits::ENTRIES => entries,
        _ => return Err(ArchiveFault::TooLarge("more entries").into()),
    };
    if end.entries > end.directory_bytes / FIXED_BYTES as u64 {
        return Err(damaged("its directory is shorter than it says"));
    }
    let mut directory = Directory {
        records: Vec::with_capacity(entries),
        text: Vec::new(),
        start,
        oddities,
    };
    let span = Span::new(file, start..end.directory_end);
    let mut bytes = BufReader::with_capacity(BUFFER, span);
    for _ in 0..end.entries {
        let record = CentralEntry::read(
            &mut bytes,
            base,
            &mut directory.text,
            options,
            &mut directory.oddities,
        )?;
        directory.records.push(record);
    }
    match bytes.buffer().is_empty() && bytes.get_ref().is_at_end() {
        true => Ok(directory),
        false => Err(damaged("its directory is longer than it says")),
    }
}

/// The contents of the end records, zip64 or not.
struct EndRecord {
    entries: u64,
    directory_bytes: u64,
    /// Relative to the start of the archive.
    directory_offset: u64,
    /// The end of the directory, as an offset in the file.
    directory_end: u64,
}

/// Finds the end of the archive: the last end record in the file. Usually its comment ends with the file.
/// Otherwise, zeros and blanks behind it are padding, and other bytes are an oddity.
fn find_end(file: &File, length: u64, oddities: &mut Oddities) -> Result<EndRecord, EntryFault> {
    let (tail, tail_start) = read_tail(file, length)?;
    let mut places = (0..tail.len()).filter(|&at| tail[at..].starts_with(END_SIGNATURE));
    let Some(at) = places.next_back() else {
        return Err(not_an_archive(file)?);
    };
    let Some(behind) = behind_end(&tail[at..]) else {
        return Err(damaged("its end is cut short"));
    };
    let end = read_end(file, &tail[at..], tail_start + at as u64)?;
    let (_, base) = end.place().ok_or_else(misplaced)?;
    // Entries that are archives have ends as well, but after the start of this archive.
    let ends = places.filter(|&place| behind_end(&tail[place..]).is_some());
    let is_other_end = |place: usize| {
        let at = tail_start + place as u64;
        let is_exact = behind_end(&tail[place..]).is_some_and(<[u8]>::is_empty);
        is_exact || (at < base && could_be_end(&tail[place..], at))
    };
    if ends.into_iter().any(is_other_end) {
        return Err(ArchiveFault::Trap("it has two ends").into());
    }
    if behind.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        oddities.pass(Oddity::BytesBehindEnd, b"")?;
    }
    Ok(end)
}

/// The last bytes of the file, which hold its end record, and their offset.
fn read_tail(file: &File, length: u64) -> Result<(Vec<u8>, u64), EntryFault> {
    let tail_bytes = usize::try_from(length).map_or(TAIL_BYTES, |bytes| bytes.min(TAIL_BYTES));
    let tail_start = length - tail_bytes as u64;
    let mut tail = vec![0; tail_bytes];
    Span::read_exact(file, &mut tail, tail_start)?;
    Ok((tail, tail_start))
}

/// The bytes after the end record at the start of `bytes` and its comment; `None` if the record is cut short.
fn behind_end(bytes: &[u8]) -> Option<&[u8]> {
    let record = bytes.get(..END_BYTES)?;
    bytes.get(END_BYTES + usize::from(short(record, 20))..)
}

/// Whether the end record at `place` describes a possible directory.
fn could_be_end(record: &[u8], place: u64) -> bool {
    let (entries, bytes) = (u64::from(short(record, 10)), u64::from(long(record, 12)));
    let fits =
        bytes >= entries * FIXED_BYTES as u64 && bytes + u64::from(long(record, 16)) <= place;
    // The numbers of a zip64 archive are elsewhere.
    is_saturated(record) || (entries > 0 && fits)
}

/// Whether an end record refers to a zip64 record.
fn is_saturated(record: &[u8]) -> bool {
    short(record, 10) == u16::MAX || long(record, 12) == u32::MAX || long(record, 16) == u32::MAX
}

/// Reads the end record at `place`, and the zip64 record that belongs to it.
fn read_end(file: &File, record: &[u8], place: u64) -> Result<EndRecord, EntryFault> {
    let end = EndRecord {
        entries: short(record, 10).into(),
        directory_bytes: long(record, 12).into(),
        directory_offset: long(record, 16).into(),
        directory_end: place,
    };
    let is_saturated = is_saturated(record);
    match find_end64(file, &end)? {
        FoundEnd64::At(end64) if is_saturated || end64.agrees_with(&end) => Ok(end64),
        FoundEnd64::At(_) => Err(ArchiveFault::Trap("its two ends disagree").into()),
        FoundEnd64::LocatorOnly if is_saturated => Err(misplaced_end64()),
        FoundEnd64::LocatorOnly | FoundEnd64::Nothing => {
            let [disk, first_disk] = [4, 6].map(|at| u32::from(short(record, at)));
            check_parts(disk, first_disk, short(record, 8).into(), end.entries)?;
            Ok(end)
        }
    }
}

/// An archive in one part is on disk 0, with all its entries.
fn check_parts(disk: u32, first_disk: u32, here: u64, entries: u64) -> Result<(), EntryFault> {
    match (disk | first_disk, here == entries) {
        (0, true) => Ok(()),
        (0, false) => Err(damaged("its two counts of entries differ")),
        _ => Err(ArchiveFault::Unsupported("is one part of several").into()),
    }
}

enum FoundEnd64 {
    At(EndRecord),
    /// A locator that leads nowhere. Without need for it, it is part of the last entry's name, fields or comment.
    LocatorOnly,
    Nothing,
}

/// The zip64 end record, if its locator precedes the end record `end`.
fn find_end64(file: &File, end: &EndRecord) -> Result<FoundEnd64, EntryFault> {
    let Some(locator_place) = end.directory_end.checked_sub(LOCATOR_BYTES as u64) else {
        return Ok(FoundEnd64::Nothing);
    };
    let mut locator = [0; LOCATOR_BYTES];
    Span::read_exact(file, &mut locator, locator_place)?;
    if !locator.starts_with(LOCATOR_SIGNATURE) {
        return Ok(FoundEnd64::Nothing);
    }
    // Programs look at the stated offset, in the file or in the archive, or directly before the locator.
    let stated = very_long(&locator, 8);
    let base = end.place().map_or(0, |(_, base)| base);
    let places = BTreeSet::from([
        Some(stated),
        stated.checked_add(base),
        locator_place.checked_sub(END64_BYTES as u64),
    ]);
    let mut found = FoundEnd64::LocatorOnly;
    for place in places.into_iter().flatten() {
        let Some(end64) = read_end64(file, place, locator_place)? else {
            continue;
        };
        if matches!(found, FoundEnd64::At(_)) {
            return Err(ArchiveFault::Trap("it has two ends").into());
        }
        found = FoundEnd64::At(end64);
    }
    Ok(found)
}

/// The zip64 end record at `place`, if there is one. It must reach up to its locator.
fn read_end64(
    file: &File,
    place: u64,
    locator_place: u64,
) -> Result<Option<EndRecord>, EntryFault> {
    let end = place.checked_add(END64_BYTES as u64);
    if end.is_none_or(|end| end > locator_place) {
        return Ok(None);
    }
    let mut record = [0; END64_BYTES];
    Span::read_exact(file, &mut record, place)?;
    if !record.starts_with(END64_SIGNATURE) {
        return Ok(None);
    }
    let size = very_long(&record, 4);
    if size
        .checked_add(12)
        .and_then(|size| place.checked_add(size))
        != Some(locator_place)
    {
        return Err(misplaced_end64());
    }
    if size > END64_SIZE && short(&record, 14) >= ENCRYPTED_DIRECTORY {
        return Err(ArchiveFault::Unsupported(NEEDS_STRONG_ENCRYPTION).into());
    }
    let entries = very_long(&record, 32);
    let [disk, first_disk] = [16, 20].map(|at| long(&record, at));
    check_parts(disk, first_disk, very_long(&record, 24), entries)?;
    Ok(Some(EndRecord {
        entries,
        directory_bytes: very_long(&record, 40),
        directory_offset: very_long(&record, 48),
        directory_end: place,
    }))
}

impl EndRecord {
    /// Offsets of the directory and of the archive in the file; `None` if they would be negative.
    fn place(&self) -> Option<(u64, u64)> {
        let start = self.directory_end.checked_sub(self.directory_bytes)?;
        Some((start, start.checked_sub(self.directory_offset)?))
    }

    /// Some programs write both, even if the smaller one is enough.
    fn agrees_with(&self, other: &EndRecord) -> bool {
        self.entries == other.entries
            && self.directory_bytes == other.directory_bytes
            && self.directory_offset == other.directory_offset
    }
}

/// A file without an end record may be the beginning of an archive.
fn not_an_archive(file: &File) -> Result<EntryFault, EntryFault> {
    let mut first = [0; 4];
    Ok(match Span::read_exact(file, &mut first, 0) {
        Ok(()) if first == *b"PK\x03\x04" => damaged("its end is missing"),
        _ => ArchiveFault::NotZip.into(),
    })
}

fn misplaced_end64() -> EntryFault {
    damaged("its zip64 end is not where it says")
}

fn misplaced() -> EntryFault {
    damaged("its directory is not where it says")
}

fn damaged(what: &'static str) -> EntryFault {
    ArchiveFault::Damaged(what).into()
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn very_long(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
