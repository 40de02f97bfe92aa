//! The directory at an archive's end, read as strictly as it can be written.
//!
//! It is found from the end records, which must be the very end of the file; it must reach exactly up to
//! them and hold exactly as many entries as they say. Bytes before the archive, as of a program that
//! opens itself, are passed over.

use super::error::{ArchiveFault, EntryFault};
use super::record::{CentralEntry, FIXED_BYTES};
use super::span::Span;
use crate::model::limits;
use std::fs::File;
use std::io::BufReader;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: u64 = 22;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const LOCATOR_BYTES: u64 = 20;
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
const END64_BYTES: u64 = 56;
/// Bytes of the directory read at once.
const BUFFER: usize = 64 * 1024;

/// What an archive lists.
#[derive(Debug)]
pub(super) struct Directory {
    /// In the order of the archive.
    pub(super) records: Vec<CentralEntry>,
    /// The names of all records.
    pub(super) text: Vec<u8>,
    /// Where it begins, in bytes from the start of the file: where the last entry must have ended.
    pub(super) start: u64,
}

/// Reads the directory of the archive in `file`, which is `length` bytes long.
///
/// # Errors
/// No archive, damage, a passed limit, or what the system refused.
pub(super) fn read(file: &File, length: u64) -> Result<Directory, EntryFault> {
    let end = find_end(file, length)?;
    let start = end.directory_end.checked_sub(end.directory_bytes);
    let base = start.and_then(|start| start.checked_sub(end.directory_offset));
    let (Some(start), Some(base)) = (start, base) else {
        return Err(damaged("its directory is not where it says"));
    };
    if end.entries > limits::ENTRIES as u64 {
        return Err(ArchiveFault::TooLarge("more entries").into());
    }
    if end.entries > end.directory_bytes / FIXED_BYTES as u64 {
        return Err(damaged("its directory is shorter than it says"));
    }
    let mut directory = Directory {
        records: Vec::with_capacity(end.entries as usize),
        text: Vec::new(),
        start,
    };
    let span = Span::new(file, start..end.directory_end);
    let mut bytes = BufReader::with_capacity(BUFFER, span);
    for _ in 0..end.entries {
        let record = CentralEntry::read(&mut bytes, base, &mut directory.text)?;
        directory.records.push(record);
    }
    match bytes.buffer().is_empty() && bytes.get_ref().is_at_end() {
        true => Ok(directory),
        false => Err(damaged("its directory is longer than it says")),
    }
}

/// What the end records say, zip64 or not.
struct EndRecord {
    entries: u64,
    directory_bytes: u64,
    /// From the archive's own start.
    directory_offset: u64,
    /// Where the directory ends, in the file.
    directory_end: u64,
}

fn find_end(file: &File, length: u64) -> Result<EndRecord, EntryFault> {
    let tail_bytes = length.min(END_BYTES + u64::from(u16::MAX));
    let tail_start = length - tail_bytes;
    let mut tail = vec![0; tail_bytes as usize];
    Span::read_exact(file, &mut tail, tail_start)?;
    let mut ends = (0..tail.len()).filter(|&at| is_end(&tail[at..]));
    let Some(at) = ends.next() else {
        return Err(match contains(&tail, END_SIGNATURE) {
            true => damaged("something follows its end"),
            false => not_an_archive(file)?,
        });
    };
    if ends.next().is_some() {
        return Err(ArchiveFault::Trap("it has two ends").into());
    }
    let place = tail_start + at as u64;
    let record = &tail[at..];
    let end = EndRecord {
        entries: short(record, 10).into(),
        directory_bytes: long(record, 12).into(),
        directory_offset: long(record, 16).into(),
        directory_end: place,
    };
    let end64 = find_end64(file, place)?;
    let is_saturated = end.entries == u64::from(u16::MAX)
        || end.directory_bytes == u64::from(u32::MAX)
        || end.directory_offset == u64::from(u32::MAX);
    match end64 {
        Some(end64) if is_saturated || end64.agrees_with(&end) => Ok(end64),
        Some(_) => Err(ArchiveFault::Trap("its two ends disagree").into()),
        None if short(record, 4) != 0
            || short(record, 6) != 0
            || short(record, 8) != short(record, 10) =>
        {
            Err(ArchiveFault::Unsupported("is one part of several").into())
        }
        None => Ok(end),
    }
}

/// An end record whose comment reaches exactly to the end of the file.
fn is_end(bytes: &[u8]) -> bool {
    bytes.starts_with(END_SIGNATURE)
        && bytes.len() >= END_BYTES as usize
        && bytes.len() == END_BYTES as usize + usize::from(short(bytes, 20))
}

/// The zip64 end record, if the locator that belongs before the end record at `place` is there.
fn find_end64(file: &File, place: u64) -> Result<Option<EndRecord>, EntryFault> {
    let Some(locator_place) = place.checked_sub(LOCATOR_BYTES) else {
        return Ok(None);
    };
    let mut locator = [0; LOCATOR_BYTES as usize];
    Span::read_exact(file, &mut locator, locator_place)?;
    if !locator.starts_with(LOCATOR_SIGNATURE) {
        return Ok(None);
    }
    // Behind other bytes, it is not where the locator says, but directly before it.
    let places = [
        Some(very_long(&locator, 8)),
        locator_place.checked_sub(END64_BYTES),
    ];
    for place in places.into_iter().flatten() {
        let mut record = [0; END64_BYTES as usize];
        if place
            .checked_add(END64_BYTES)
            .is_none_or(|end| end > locator_place)
        {
            continue;
        }
        Span::read_exact(file, &mut record, place)?;
        let rest = very_long(&record, 4).checked_add(12);
        let reaches_locator = rest.and_then(|rest| place.checked_add(rest)) == Some(locator_place);
        if !record.starts_with(END64_SIGNATURE) || !reaches_locator {
            continue;
        }
        if long(&record, 16) != 0 || very_long(&record, 24) != very_long(&record, 32) {
            return Err(ArchiveFault::Unsupported("is one part of several").into());
        }
        return Ok(Some(EndRecord {
            entries: very_long(&record, 32),
            directory_bytes: very_long(&record, 40),
            directory_offset: very_long(&record, 48),
            directory_end: place,
        }));
    }
    Err(damaged("its zip64 end is not where it says"))
}

impl EndRecord {
    /// Some programs write both, also where the smaller one would do.
    fn agrees_with(&self, other: &EndRecord) -> bool {
        self.entries == other.entries
            && self.directory_bytes == other.directory_bytes
            && self.directory_offset == other.directory_offset
    }
}

/// Without an end it may have been an archive once.
fn not_an_archive(file: &File) -> Result<EntryFault, EntryFault> {
    let mut first = [0; 4];
    Ok(match Span::read_exact(file, &mut first, 0) {
        Ok(()) if first == *b"PK\x03\x04" => damaged("its end is missing"),
        _ => ArchiveFault::NotZip.into(),
    })
}

fn damaged(what: &'static str) -> EntryFault {
    ArchiveFault::Damaged(what).into()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
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
