//! An entry is described twice, before its contents and in the directory. Readers differ in which one
//! they believe, so both must say the same; and no byte of an archive may belong to two entries.

use super::directory::Directory;
use super::error::{ArchiveFault, EntryFault};
use super::extra::Extra;
use super::record::{CentralEntry, ELSEWHERE, METHOD_AES, Protection, Zip64, flag};
use super::span::Span;
use std::fs::File;
use std::ops::Range;

const SIGNATURE: &[u8] = b"PK\x03\x04";
const FIXED_BYTES: usize = 30;
/// Read along with a header and its name: most extra fields are shorter.
const USUAL_EXTRA: usize = 64;
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";
/// The flags that change what an entry is; the others are hints.
const FLAGS: u16 =
    flag::ENCRYPTED | flag::DESCRIPTOR | flag::PATCH | flag::STRONG | flag::UTF8 | flag::MASKED;

const DISAGREE: ArchiveFault = ArchiveFault::Trap("its two headers disagree");

/// Compares each entry's header with its record, which from here on says where the contents begin, and
/// finds that each byte is used once.
///
/// # Errors
/// Damage, a trap, or what the system refused.
pub(super) fn check(file: &File, directory: &mut Directory) -> Result<(), EntryFault> {
    let mut order: Vec<u32> = (0..directory.records.len() as u32).collect();
    order.sort_unstable_by_key(|&number| directory.records[number as usize].place);
    let mut free_from = 0;
    let mut buffer = Vec::new();
    for number in order {
        let record = &mut directory.records[number as usize];
        let name = record.raw_name.of(&directory.text);
        let range = compare(file, record, name, directory.start, &mut buffer)
            .map_err(|fault| EntryFault::of_entry(name, fault))?;
        if record.place < free_from {
            let fault = ArchiveFault::Trap("it shares bytes with another entry");
            return Err(EntryFault::of_entry(name, fault));
        }
        record.place = range.start;
        free_from = range.end;
    }
    Ok(())
}

/// Where the entry's contents begin, and where all that belongs to it ends.
fn compare(
    file: &File,
    record: &CentralEntry,
    name: &[u8],
    limit: u64,
    buffer: &mut Vec<u8>,
) -> Result<Range<u64>, ArchiveFault> {
    let beyond = || ArchiveFault::Damaged("it reaches beyond the archive's end");
    let head_bytes = (FIXED_BYTES + name.len()) as u64;
    let room = limit.checked_sub(record.place).ok_or_else(beyond)?;
    if room < head_bytes {
        return Err(beyond());
    }
    buffer.resize((head_bytes + USUAL_EXTRA as u64).min(room) as usize, 0);
    read(file, buffer, record.place)?;
    let short = |at: usize| u16::from_le_bytes([buffer[at], buffer[at + 1]]);
    let (name_bytes, extra_bytes) = (usize::from(short(26)), u64::from(short(28)));
    if !buffer.starts_with(SIGNATURE) {
        return Err(ArchiveFault::Damaged(
            "its header is not where the directory says",
        ));
    }
    if name_bytes != name.len() || buffer[FIXED_BYTES..][..name_bytes] != *name {
        return Err(DISAGREE);
    }
    let header_bytes = head_bytes + extra_bytes;
    let start = record.place + header_bytes;
    let end = start.checked_add(record.compressed);
    let end = end.filter(|&end| end <= limit).ok_or_else(beyond)?;
    if header_bytes > buffer.len() as u64 {
        buffer.resize(header_bytes as usize, 0);
        read(file, buffer, record.place)?;
    }
    let extra = Extra::parse(&buffer[head_bytes as usize..header_bytes as usize])?;
    compare_numbers(&buffer[..FIXED_BYTES], &extra, record)?;
    let descriptor = match record.flags & flag::DESCRIPTOR {
        0 => 0,
        _ => descriptor_bytes(file, record, end..limit)?,
    };
    Ok(start..end + descriptor)
}

fn compare_numbers(
    header: &[u8],
    extra: &Extra<'_>,
    record: &CentralEntry,
) -> Result<(), ArchiveFault> {
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let (aes, method) = match record.protection {
        Protection::Aes(aes) => (Some(aes), METHOD_AES),
        _ => (None, record.method),
    };
    let mut numbers = Zip64::new(extra.zip64);
    let size = numbers.resolve(long(22))?;
    let compressed = numbers.resolve(long(18))?;
    let sizes = (long(14), compressed, size);
    let told = (record.crc, record.compressed, record.size);
    let agrees = match record.flags & flag::DESCRIPTOR {
        0 => sizes == told,
        // They follow the contents; what stands here already must be right all the same.
        _ => {
            let later = |number: u64| number == 0 || number == u64::from(ELSEWHERE);
            (sizes.0 == 0 || sizes.0 == told.0)
                && (later(sizes.1) || sizes.1 == told.1)
                && (later(sizes.2) || sizes.2 == told.2)
        }
    };
    let agrees = agrees && short(8) == method && extra.aes == aes;
    match agrees && (short(6) ^ record.flags) & FLAGS == 0 {
        true => Ok(()),
        false => Err(DISAGREE),
    }
}

/// The length of the numbers behind an entry's contents: with or without a signature, of 32 or 64 bits.
fn descriptor_bytes(
    file: &File,
    record: &CentralEntry,
    room: Range<u64>,
) -> Result<u64, ArchiveFault> {
    let mut bytes = [0; 24];
    let length = (room.end - room.start).min(bytes.len() as u64) as usize;
    read(file, &mut bytes[..length], room.start)?;
    let crc = record.crc.to_le_bytes();
    let (compressed, size) = (record.compressed.to_le_bytes(), record.size.to_le_bytes());
    let short = [&crc[..], &compressed[..4], &size[..4]].concat();
    let long = [&crc[..], &compressed[..], &size[..]].concat();
    let fits_short = (record.compressed | record.size) >> 32 == 0;
    for numbers in [Some(short).filter(|_| fits_short), Some(long)]
        .into_iter()
        .flatten()
    {
        for signature in [DESCRIPTOR_SIGNATURE, &[]] {
            let wanted = [signature, &numbers].concat();
            if bytes[..length].starts_with(&wanted) {
                return Ok(wanted.len() as u64);
            }
        }
    }
    Err(DISAGREE)
}

fn read(file: &File, bytes: &mut [u8], place: u64) -> Result<(), ArchiveFault> {
    Span::read_exact(file, bytes, place).map_err(ArchiveFault::Unreadable)
}
