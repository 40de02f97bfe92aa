//! Compares the two headers of each entry, before its contents and in the directory. Programs differ in which
//! one they believe, so both must agree wherever it matters. No byte may belong to two entries.

use super::code_page::NameEncoding;
use super::directory::Directory;
use super::encryption::Protection;
use super::error::{ArchiveFault, EntryFault};
use super::extra::Extra;
use super::names::{self, RawName};
use super::oddity::Oddity;
use super::record::{CentralEntry, ELSEWHERE, METHOD_AES, Zip64, check_byte, flag};
use super::span::Span;
use crate::disk::zip_time::DosTime;
use std::fs::File;

const SIGNATURE: &[u8] = b"PK\x03\x04";
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const FIXED_BYTES: usize = 30;
/// Bytes of extra fields to read with a header and its name: most fields are shorter.
const USUAL_EXTRA: usize = 64;
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";
const DESCRIPTOR_BYTES: usize = 24;
/// The flags that change how an entry is encrypted or what it is.
const DECISIVE_FLAGS: u16 = flag::ENCRYPTED | flag::PATCH | flag::STRONG | flag::MASKED;
/// The flags that may differ without effect.
const OTHER_FLAGS: u16 = flag::DESCRIPTOR | flag::UTF8;

/// Compares each entry's header with its record, sets the record's place to that of the contents, and checks
/// that each byte is used once.
///
/// # Errors
/// Damage, a trap, or the system's error.
pub(super) fn check(
    file: &File,
    directory: &mut Directory,
    encoding: Option<NameEncoding>,
) -> Result<(), EntryFault> {
    let mut order: Vec<usize> = (0..directory.records.len()).collect();
    order.sort_unstable_by_key(|&number| directory.records[number].place);
    let mut comparison = HeaderComparison {
        file,
        text: &directory.text,
        limit: directory.start,
        encoding,
        buffer: Vec::new(),
        oddities: Vec::new(),
    };
    let mut free_from = 0;
    for number in order {
        let record = &mut directory.records[number];
        let name = record.raw_name.of(&directory.text);
        let compared = comparison
            .compare(record)
            .map_err(|fault| EntryFault::of_entry(name, fault))?;
        if record.place < free_from {
            let fault = ArchiveFault::Trap("it shares bytes with another entry");
            return Err(EntryFault::of_entry(name, fault));
        }
        for oddity in comparison.oddities.drain(..) {
            directory.oddities.pass(oddity, name)?;
        }
        record.place = compared.contents;
        record.check_byte = compared.check_byte;
        free_from = compared.end;
    }
    Ok(())
}

/// Facts about an entry after its header was compared.
struct Compared {
    /// Offset of its contents.
    contents: u64,
    /// Offset of the end of everything that belongs to it.
    end: u64,
    check_byte: u8,
}

/// Compares one entry after the other.
struct HeaderComparison<'a> {
    file: &'a File,
    /// The names of all records.
    text: &'a [u8],
    /// The latest end of the last entry.
    limit: u64,
    encoding: Option<NameEncoding>,
    buffer: Vec<u8>,
    /// Oddities of the current entry.
    oddities: Vec<Oddity>,
}

impl HeaderComparison<'_> {
    fn compare(&mut self, record: &CentralEntry) -> Result<Compared, ArchiveFault> {
        let header_bytes = self.read_header(record)?;
        let (fixed, rest) = self.buffer[..header_bytes].split_at(FIXED_BYTES);
        let header = LocalHeader(fixed);
        let (raw_name, extra) = rest.split_at(header.short(26).into());
        let extra = Extra::parse(extra)?;
        let mut oddities = Vec::new();
        if extra.is_cut && !record.is_extra_cut {
            oddities.push(Oddity::ExtraCut);
        }
        let name = RawName {
            bytes: raw_name,
            is_utf8: header.flags() & flag::UTF8 != 0,
            host: record.host,
            unicode_path: extra.unicode_path,
        };
        oddities.extend(self.compare_names(name, record)?);
        header.compare_numbers(&extra, record)?;
        if (header.flags() ^ record.flags) & OTHER_FLAGS != 0 {
            oddities.push(Oddity::FlagsDiffer);
        }
        let beyond = || ArchiveFault::Damaged("it reaches beyond the archive's end");
        let contents = record.place + header_bytes as u64;
        let end = contents.checked_add(record.compressed);
        let end = end.filter(|&end| end <= self.limit).ok_or_else(beyond)?;
        let descriptor = match (header.flags() | record.flags) & flag::DESCRIPTOR {
            0 => 0,
            _ => match self.descriptor_bytes(record, end)? {
                Some(bytes) => bytes,
                None => {
                    oddities.push(Oddity::NoDescriptor);
                    0
                }
            },
        };
        let compared = Compared {
            contents,
            end: end + descriptor,
            check_byte: check_byte(header.flags(), record.crc, header.dos_time()),
        };
        self.oddities = oddities;
        Ok(compared)
    }

    /// Reads the whole header into the buffer, and returns its length.
    fn read_header(&mut self, record: &CentralEntry) -> Result<usize, ArchiveFault> {
        let beyond = || ArchiveFault::Damaged("it reaches beyond the archive's end");
        let room = self.limit.checked_sub(record.place).ok_or_else(beyond)?;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if room < FIXED_BYTES {
            return Err(beyond());
        }
        let usual = FIXED_BYTES + record.raw_name.of(self.text).len() + USUAL_EXTRA;
        self.buffer.resize(usual.min(room), 0);
        self.read(record.place)?;
        if !self.buffer.starts_with(SIGNATURE) {
            return Err(ArchiveFault::Damaged(
                "its header is not where the directory says",
            ));
        }
        let header = LocalHeader(&self.buffer);
        let header_bytes =
            FIXED_BYTES + usize::from(header.short(26)) + usize::from(header.short(28));
        if header_bytes > room {
            return Err(beyond());
        }
        if header_bytes > self.buffer.len() {
            self.buffer.resize(header_bytes, 0);
            self.read(record.place)?;
        }
        Ok(header_bytes)
    }

    fn read(&mut self, place: u64) -> Result<(), ArchiveFault> {
        Span::read_exact(self.file, &mut self.buffer, place).map_err(ArchiveFault::Unreadable)
    }

    /// Both headers must mean the same path, whatever their bytes are.
    fn compare_names(
        &self,
        local: RawName<'_>,
        record: &CentralEntry,
    ) -> Result<Option<Oddity>, ArchiveFault> {
        let central = record.raw_name.of(self.text);
        let path = local.path(self.encoding)?;
        let (tidy_path, _) = names::tidy(&path);
        let central_path = record.path.of(self.text);
        let disagree = Err(ArchiveFault::Trap(
            "its two headers disagree about its name",
        ));
        let ends = [local.bytes, &path].map(names::ends_in_separator);
        if ends
            != [
                names::ends_in_separator(central),
                record.path_ends_in_separator,
            ]
        {
            return disagree;
        }
        match *tidy_path == *central_path {
            true if local.bytes == central => Ok(None),
            true => Ok(Some(Oddity::SpellingsDiffer)),
            false if names::differ_in_separators_only(&tidy_path, central_path) => {
                Ok(Some(Oddity::SpellingsDiffer))
            }
            false => disagree,
        }
    }

    /// The length of the data descriptor, with or without a signature, of 32 or 64 bits; `None` if the next
    /// entry or the directory follows at once.
    fn descriptor_bytes(
        &self,
        record: &CentralEntry,
        place: u64,
    ) -> Result<Option<u64>, ArchiveFault> {
        let mut bytes = [0; DESCRIPTOR_BYTES];
        let room = usize::try_from(self.limit - place).unwrap_or(usize::MAX);
        let bytes = &mut bytes[..room.min(DESCRIPTOR_BYTES)];
        Span::read_exact(self.file, bytes, place).map_err(ArchiveFault::Unreadable)?;
        let crc = record.crc.to_le_bytes();
        let (compressed, size) = (record.compressed.to_le_bytes(), record.size.to_le_bytes());
        let short = [&crc[..], &compressed[..4], &size[..4]].concat();
        let long = [&crc[..], &compressed[..], &size[..]].concat();
        let fits_short = (record.compressed | record.size) >> 32 == 0;
        let numbers = [Some(short).filter(|_| fits_short), Some(long)];
        for numbers in numbers.into_iter().flatten() {
            for signature in [DESCRIPTOR_SIGNATURE, &[]] {
                let wanted = [signature, &numbers].concat();
                if bytes.starts_with(&wanted) {
                    return Ok(Some(wanted.len() as u64));
                }
            }
        }
        match [SIGNATURE, CENTRAL_SIGNATURE]
            .iter()
            .any(|next| bytes.starts_with(next))
        {
            _ if bytes.is_empty() => Ok(None),
            true => Ok(None),
            false => Err(ArchiveFault::Damaged(
                "the sizes behind its contents disagree with the directory",
            )),
        }
    }
}

/// The header before an entry's contents, without its name and extra fields.
struct LocalHeader<'a>(&'a [u8]);

impl LocalHeader<'_> {
    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn long(&self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }

    fn flags(&self) -> u16 {
        self.short(6)
    }

    fn dos_time(&self) -> DosTime {
        DosTime {
            date: self.short(12),
            time: self.short(10),
        }
    }

    /// Compares the numbers that decide about the contents. Sizes and checksum may be missing here if they
    /// follow the contents.
    fn compare_numbers(
        &self,
        extra: &Extra<'_>,
        record: &CentralEntry,
    ) -> Result<(), ArchiveFault> {
        let (aes, method) = match record.protection {
            Protection::Aes(aes) => (Some(aes), METHOD_AES),
            _ => (None, record.method),
        };
        if (self.flags() ^ record.flags) & DECISIVE_FLAGS != 0 || extra.aes != aes {
            return Err(ArchiveFault::Trap(
                "its two headers disagree about its encryption",
            ));
        }
        if self.short(8) != method {
            return Err(ArchiveFault::Trap(
                "its two headers disagree about its compression",
            ));
        }
        let mut numbers = Zip64::new(extra.zip64);
        let size = numbers.resolve(self.long(22))?;
        let compressed = numbers.resolve(self.long(18))?;
        let crc = self.long(14);
        let follows = (self.flags() | record.flags) & flag::DESCRIPTOR != 0;
        let is_missing = |number: u64| follows && (number == 0 || number == u64::from(ELSEWHERE));
        let agrees = |number, central| number == central || is_missing(number);
        if !agrees(size, record.size) || !agrees(compressed, record.compressed) {
            return Err(ArchiveFault::Trap(
                "its two headers disagree about its size",
            ));
        }
        match crc == record.crc || (follows && crc == 0) {
            true => Ok(()),
            false => Err(ArchiveFault::Damaged(
                "its two headers disagree about its checksum",
            )),
        }
    }
}
