//! One entry of the directory.

use super::encryption::{Aes, AesVersion, Protection};
use super::error::{ArchiveFault, EntryFault};
use super::extra::Extra;
use super::kind::{self, CentralKind};
use super::names::{self, Host, RawName};
use super::oddity::{Oddities, Oddity};
use super::options::ReadingOptions;
use crate::disk::zip_time::DosTime;
use crate::model::{Mode, Mtime, limits};
use std::io::{self, Read};

/// Bytes of a directory header before its name.
pub(super) const FIXED_BYTES: usize = 46;

const SIGNATURE: &[u8] = b"PK\x01\x02";
/// Stands for a number that is in the zip64 field.
pub(super) const ELSEWHERE: u32 = u32::MAX;
/// The method number of contents that are not compressed.
pub(super) const METHOD_STORED: u16 = 0;
/// The method number of an AES entry; the real one is in its encryption field.
pub(super) const METHOD_AES: u16 = 99;

/// Flags of an entry (APPNOTE 4.4.4).
pub(super) mod flag {
    pub(crate) const ENCRYPTED: u16 = 1 << 0;
    /// Sizes and CRC-32 follow the contents.
    pub(crate) const DESCRIPTOR: u16 = 1 << 3;
    pub(crate) const PATCH: u16 = 1 << 5;
    pub(crate) const STRONG: u16 = 1 << 6;
    pub(crate) const UTF8: u16 = 1 << 11;
    pub(crate) const MASKED: u16 = 1 << 13;
}

/// One entry, with unchecked numbers. Its names are in the directory's text.
#[derive(Clone, Debug)]
pub(super) struct CentralEntry {
    /// Offset of its local header in the file; after the headers were compared, offset of its contents.
    pub(super) place: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) flags: u16,
    pub(super) host: Host,
    /// The byte by which ZipCrypto reveals a wrong password.
    pub(super) check_byte: u8,
    /// Whether it is selected.
    pub(super) is_selected: bool,
    /// Whether an extra field here is cut short, so that the other header's is not counted again.
    pub(super) is_extra_cut: bool,
    /// How the headers say that its contents are compressed, below any encryption.
    pub(super) method: u16,
    pub(super) protection: Protection,
    pub(super) kind: CentralKind,
    pub(super) mode: Mode,
    pub(super) mtime: Mtime,
    /// The raw name in the archive.
    pub(super) raw_name: TextRange,
    /// The path that it means.
    pub(super) path: TextRange,
    /// Whether that path had a separator at its end.
    pub(super) path_ends_in_separator: bool,
}

/// The place of a name in the directory's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextRange {
    start: u32,
    length: u32,
}

impl TextRange {
    fn append(text: &mut Vec<u8>, bytes: &[u8]) -> Result<TextRange, ArchiveFault> {
        let start = u32::try_from(text.len()).ok();
        let length = u32::try_from(bytes.len()).ok();
        match (start, length) {
            (Some(start), Some(length)) if text.len() + bytes.len() <= limits::NAMES_BYTES => {
                text.extend_from_slice(bytes);
                Ok(TextRange { start, length })
            }
            _ => Err(ArchiveFault::TooLarge("longer names")),
        }
    }

    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..(self.start + self.length) as usize]
    }
}

impl CentralEntry {
    /// Reads the next record of a directory, and appends its names to `text`. `base` is the archive's offset in
    /// the file.
    ///
    /// # Errors
    /// Damage, an exceeded limit, or the system's error.
    pub(super) fn read(
        directory: &mut impl Read,
        base: u64,
        text: &mut Vec<u8>,
        options: &ReadingOptions,
        oddities: &mut Oddities,
    ) -> Result<CentralEntry, EntryFault> {
        let mut header = [0; FIXED_BYTES];
        fill(directory, &mut header)?;
        if !header.starts_with(SIGNATURE) {
            return Err(ArchiveFault::Damaged("its directory has something else in it").into());
        }
        let header = Header(&header);
        let mut raw_name = vec![0; header.short(28).into()];
        let mut extra = vec![0; header.short(30).into()];
        let mut comment = vec![0; header.short(32).into()];
        fill(directory, &mut raw_name)?;
        fill(directory, &mut extra)?;
        fill(directory, &mut comment)?;
        let entry = header.entry(&raw_name, &extra, base, text, options);
        let entry = entry.map_err(|fault| EntryFault::of_entry(&raw_name, fault))?;
        for oddity in entry.oddities {
            oddities.pass(oddity, &raw_name)?;
        }
        Ok(entry.entry)
    }

    /// How its contents are compressed. If nothing is packed, they are empty, whatever the headers say.
    pub(super) fn packing(&self) -> u16 {
        let overhead = self.protection.bytes_before() + self.protection.bytes_behind();
        match (self.size, self.compressed == overhead) {
            (0, true) => METHOD_STORED,
            _ => self.method,
        }
    }

    /// The required CRC-32 of the contents; AE-2 has none.
    pub(super) fn expected_crc(&self) -> Option<u32> {
        match self.protection {
            Protection::Aes(aes) if aes.version == AesVersion::Ae2 => None,
            _ => Some(self.crc),
        }
    }
}

/// An entry, and the oddities of its record.
struct ReadEntry {
    entry: CentralEntry,
    oddities: Vec<Oddity>,
}

/// The fixed part of a directory header.
struct Header<'a>(&'a [u8; FIXED_BYTES]);

impl Header<'_> {
    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn long(&self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }

    fn entry(
        &self,
        raw_name: &[u8],
        extra: &[u8],
        base: u64,
        text: &mut Vec<u8>,
        options: &ReadingOptions,
    ) -> Result<ReadEntry, ArchiveFault> {
        let extra = Extra::parse(extra)?;
        let mut numbers = Zip64::new(extra.zip64);
        let size = numbers.resolve(self.long(24))?;
        let compressed = numbers.resolve(self.long(20))?;
        let offset = numbers.resolve(self.long(42))?;
        if !matches!(self.short(34), 0 | u16::MAX) {
            return Err(ArchiveFault::Unsupported("is one part of several"));
        }
        let (flags, host) = (self.short(8), Host::of(self.0[5]));
        let protection = protection(flags, self.short(10), extra.aes)?;
        let name = RawName {
            bytes: raw_name,
            is_utf8: flags & flag::UTF8 != 0,
            host,
            unicode_path: extra.unicode_path,
        };
        let path = name.path(options.name_encoding)?;
        let (tidy_path, is_untidy) = names::tidy(&path);
        let attributes = self.long(38);
        let kind = kind::kind(&path, host, attributes, size);
        let dos = DosTime {
            date: self.short(14),
            time: self.short(12),
        };
        let crc = self.long(16);
        let entry = CentralEntry {
            place: base
                .checked_add(offset)
                .ok_or(ArchiveFault::Damaged("an entry lies beyond its end"))?,
            compressed,
            size,
            crc,
            flags,
            host,
            check_byte: check_byte(flags, crc, dos),
            is_selected: true,
            is_extra_cut: extra.is_cut,
            method: match protection {
                Protection::Aes(aes) => aes.method,
                _ => self.short(10),
            },
            protection,
            kind,
            mode: kind::mode(kind, host, attributes),
            mtime: extra.mtime(options.zone.seconds_of(dos)),
            raw_name: TextRange::append(text, raw_name)?,
            path: TextRange::append(text, &tidy_path)?,
            path_ends_in_separator: names::ends_in_separator(&path),
        };
        let is_full_folder = kind == CentralKind::Folder && size > 0;
        let oddities = [
            (extra.is_cut, Oddity::ExtraCut),
            (is_untidy, Oddity::NameUntidy),
            (is_full_folder, Oddity::FolderWithContents),
            (
                kind != CentralKind::Folder && protection == Protection::ZipCrypto,
                Oddity::ZipCrypto,
            ),
        ];
        let oddities = oddities.into_iter().filter(|(is_so, _)| *is_so);
        Ok(ReadEntry {
            entry,
            oddities: oddities.map(|(_, oddity)| oddity).collect(),
        })
    }
}

/// The byte by which ZipCrypto reveals a wrong password: the highest byte of the CRC-32, or of the time if the
/// CRC-32 was unknown when the entry was begun.
pub(super) fn check_byte(flags: u16, crc: u32, dos: DosTime) -> u8 {
    match flags & flag::DESCRIPTOR {
        0 => crc.to_be_bytes()[0],
        _ => dos.time.to_be_bytes()[0],
    }
}

/// The numbers of a zip64 field, which the header takes one by one.
pub(super) struct Zip64<'a>(Option<&'a [u8]>);

impl<'a> Zip64<'a> {
    pub(super) fn new(field: Option<&'a [u8]>) -> Self {
        Zip64(field)
    }

    /// The number itself, or the next one of the field if the header refers to it.
    pub(super) fn resolve(&mut self, number: u32) -> Result<u64, ArchiveFault> {
        match (&mut self.0, number) {
            (Some(field), ELSEWHERE) => {
                let Some((bytes, rest)) = field.split_first_chunk::<8>() else {
                    return Err(ArchiveFault::Damaged("a zip64 field is cut short"));
                };
                *field = rest;
                Ok(u64::from_le_bytes(*bytes))
            }
            _ => Ok(number.into()),
        }
    }
}

fn fill(directory: &mut impl Read, bytes: &mut [u8]) -> Result<(), ArchiveFault> {
    directory
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveFault::Damaged("its directory is cut short"),
            _ => ArchiveFault::Unreadable(error),
        })
}

fn protection(flags: u16, method: u16, aes: Option<Aes>) -> Result<Protection, ArchiveFault> {
    let is_encrypted = flags & flag::ENCRYPTED != 0;
    Ok(match (is_encrypted, method, aes) {
        _ if flags & (flag::STRONG | flag::MASKED) != 0 => Protection::Strong,
        (true, METHOD_AES, Some(aes)) => Protection::Aes(aes),
        (false, METHOD_AES, _) | (true, METHOD_AES, None) => {
            return Err(ArchiveFault::Damaged("an entry is encrypted and is not"));
        }
        (true, ..) => Protection::ZipCrypto,
        (false, ..) => Protection::Nothing,
    })
}
