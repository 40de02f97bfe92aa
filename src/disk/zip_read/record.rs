//! One entry as the archive's directory lists it.

use super::error::ArchiveFault;
use super::extra::Extra;
use super::names::{self, Host};
use crate::model::{Mode, Mtime, limits};
use std::io::{self, Read};

/// Bytes of a directory header before its name.
pub(super) const FIXED_BYTES: usize = 46;

const SIGNATURE: &[u8] = b"PK\x01\x02";
/// Stands for a number that is in the zip64 field instead.
pub(super) const ELSEWHERE: u32 = u32::MAX;
/// The method of an entry whose real one is in its encryption field.
pub(super) const METHOD_AES: u16 = 99;

/// Flags of an entry (APPNOTE 4.4.4).
pub(super) mod flag {
    pub(in crate::disk) const ENCRYPTED: u16 = 1 << 0;
    /// Sizes and CRC-32 follow the contents.
    pub(in crate::disk) const DESCRIPTOR: u16 = 1 << 3;
    pub(in crate::disk) const PATCH: u16 = 1 << 5;
    pub(in crate::disk) const STRONG: u16 = 1 << 6;
    pub(in crate::disk) const UTF8: u16 = 1 << 11;
    pub(in crate::disk) const MASKED: u16 = 1 << 13;
}

/// One entry, with numbers that are not yet believed. Its names lie in the directory's text.
#[derive(Clone, Debug)]
pub(super) struct CentralEntry {
    /// Where its local header is, in bytes from the start of the file; once the headers were compared,
    /// where its contents begin.
    pub(super) place: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) flags: u16,
    /// How its contents are compressed, below any encryption.
    pub(super) method: u16,
    pub(super) protection: Protection,
    pub(super) kind: CentralKind,
    pub(super) mode: Mode,
    pub(super) mtime: Mtime,
    /// The name as it stands in the archive.
    pub(super) raw_name: ExtraPiece,
    /// The path that it means.
    pub(super) path: ExtraPiece,
}

/// A piece of the directory's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExtraPiece {
    start: u32,
    length: u32,
}

impl ExtraPiece {
    fn append(text: &mut Vec<u8>, bytes: &[u8]) -> Result<ExtraPiece, ArchiveFault> {
        if text.len() + bytes.len() > limits::NAMES_BYTES {
            return Err(ArchiveFault::TooLarge("longer names"));
        }
        let start = text.len() as u32;
        text.extend_from_slice(bytes);
        Ok(ExtraPiece {
            start,
            length: bytes.len() as u32,
        })
    }

    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..(self.start + self.length) as usize]
    }
}

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Nothing,
    Aes(Aes),
    ZipCrypto,
    /// PKWARE's strong encryption, in one of its forms.
    Strong,
}

/// WinZip's encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aes {
    pub(super) version: AesVersion,
    pub(super) strength: AesStrength,
    pub(super) method: u16,
}

/// Whether the CRC-32 counts beside the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AesVersion {
    Ae1,
    Ae2,
}

/// The length of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AesStrength {
    /// 128 bits.
    Aes128,
    /// 192 bits.
    Aes192,
    /// 256 bits.
    Aes256,
}

impl Aes {
    /// Salt, verification value and tag: what an encrypted entry has beside its contents.
    pub(super) fn overhead(self) -> u64 {
        let salt = match self.strength {
            AesStrength::Aes128 => 8,
            AesStrength::Aes192 => 12,
            AesStrength::Aes256 => 16,
        };
        salt + 2 + 10
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CentralKind {
    File,
    Folder,
    Link,
    /// A pipe, a device, a socket.
    Special,
}

impl CentralEntry {
    /// Reads the next record of a directory; its names go to `text`. `base` is where the archive begins
    /// in its file.
    ///
    /// # Errors
    /// Damage, a passed limit, or what the system refused.
    pub(super) fn read(
        directory: &mut impl Read,
        base: u64,
        text: &mut Vec<u8>,
    ) -> Result<CentralEntry, ArchiveFault> {
        let mut fixed = [0; FIXED_BYTES];
        fill(directory, &mut fixed)?;
        if !fixed.starts_with(SIGNATURE) {
            return Err(ArchiveFault::Damaged(
                "its directory has something else in it",
            ));
        }
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| {
            u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        let mut raw_name = vec![0; short(28).into()];
        let mut extra = vec![0; short(30).into()];
        let mut comment = vec![0; short(32).into()];
        fill(directory, &mut raw_name)?;
        fill(directory, &mut extra)?;
        fill(directory, &mut comment)?;
        let extra = Extra::parse(&extra)?;
        let mut numbers = Zip64::new(extra.zip64);
        let size = numbers.resolve(long(24))?;
        let compressed = numbers.resolve(long(20))?;
        let offset = numbers.resolve(long(42))?;
        if !matches!(short(34), 0 | u16::MAX) {
            return Err(ArchiveFault::Unsupported("is one part of several"));
        }
        let (flags, host) = (short(8), Host::of(fixed[5]));
        let attributes = long(38);
        let protection = protection(flags, short(10), extra.aes)?;
        let path = names::path(&raw_name, flags & flag::UTF8 != 0, host, extra.unicode_path)?;
        let kind = kind(&path, host, attributes);
        Ok(CentralEntry {
            place: base
                .checked_add(offset)
                .ok_or(ArchiveFault::Damaged("an entry lies beyond its end"))?,
            compressed,
            size,
            crc: long(16),
            flags,
            method: match protection {
                Protection::Aes(aes) => aes.method,
                _ => short(10),
            },
            protection,
            kind,
            mode: mode(kind, host, attributes),
            mtime: extra
                .mtime
                .unwrap_or_else(|| dos_time(short(14), short(12))),
            raw_name: ExtraPiece::append(text, &raw_name)?,
            path: ExtraPiece::append(text, names::without_marks(&path))?,
        })
    }

    /// The CRC-32 that its contents must have; AE-2 has none.
    pub(super) fn expected_crc(&self) -> Option<u32> {
        match self.protection {
            Protection::Aes(aes) if aes.version == AesVersion::Ae2 => None,
            _ => Some(self.crc),
        }
    }
}

/// The numbers of a zip64 field, taken one by one as the header asks for them.
pub(super) struct Zip64<'a>(Option<&'a [u8]>);

impl<'a> Zip64<'a> {
    pub(super) fn new(field: Option<&'a [u8]>) -> Self {
        Zip64(field)
    }

    /// The number itself, or where it stands for that, the next one of the field.
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

const TYPE_BITS: u32 = 0o170_000;
const TYPE_FOLDER: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_LINK: u32 = 0o120_000;
const DOS_READ_ONLY: u32 = 1;
const DOS_FOLDER: u32 = 16;

/// A slash at the end makes a folder, whatever else is said; a type must agree with it.
fn kind(path: &[u8], host: Host, attributes: u32) -> CentralKind {
    let has_slash = path.ends_with(b"/");
    let bits = match host {
        Host::Unix => (attributes >> 16) & TYPE_BITS,
        Host::Dos | Host::Other => 0,
    };
    match bits {
        0 if has_slash || (host == Host::Dos && attributes & DOS_FOLDER != 0) => {
            CentralKind::Folder
        }
        TYPE_FOLDER => CentralKind::Folder,
        TYPE_FILE if has_slash => CentralKind::Folder,
        0 | TYPE_FILE => CentralKind::File,
        TYPE_LINK if !has_slash => CentralKind::Link,
        _ => CentralKind::Special,
    }
}

/// Where there are no permissions, the usual ones.
fn mode(kind: CentralKind, host: Host, attributes: u32) -> Mode {
    let bits = attributes >> 16;
    let is_told = match kind {
        CentralKind::Folder => bits & TYPE_BITS == TYPE_FOLDER,
        _ => bits != 0,
    };
    Mode::from_bits(match (host, kind) {
        (Host::Unix, _) if is_told => bits,
        (_, CentralKind::Folder) => 0o755,
        (Host::Dos, _) if attributes & DOS_READ_ONLY != 0 => 0o444,
        _ => 0o644,
    })
}

/// A DOS date and time, which say nothing of a time zone, as UTC. What is no date is the first one.
fn dos_time(date: u16, time: u16) -> Mtime {
    let (year, month, day) = (
        1980 + i64::from(date >> 9),
        i64::from(date >> 5 & 15),
        i64::from(date & 31),
    );
    let (hour, minute, second) = (
        i64::from(time >> 11),
        i64::from(time >> 5 & 63),
        i64::from(time & 31) * 2,
    );
    let is_date = (1..=12).contains(&month) && day >= 1 && hour < 24 && minute < 60 && second < 60;
    let seconds = match is_date {
        true => days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second,
        false => days_since_1970(1980, 1, 1) * 86_400,
    };
    Mtime {
        seconds,
        nanoseconds: 0,
    }
}

/// By the Gregorian calendar, counted in years that begin in March, so that a leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days_before_month = (month * 153 + 2) / 5;
    let march_first_of_year_0 = 719_468;
    year * 365 + leap_days + days_before_month + day - 1 - march_first_of_year_0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_are_utc() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        let time =
            |hour: u16, minute: u16, second: u16| (hour << 11) | (minute << 5) | (second / 2);
        for (date, time, expected) in [
            (date(1980, 1, 1), time(0, 0, 0), 315_532_800),
            (date(2000, 2, 29), time(23, 59, 58), 951_868_798),
            (date(2026, 11, 26), time(18, 0, 2), 1_795_716_002),
            (date(2107, 12, 31), time(0, 0, 0), 4_354_732_800),
            (0, 0, 315_532_800),
            (date(2026, 13, 1), 0, 315_532_800),
        ] {
            assert_eq!(dos_time(date, time).seconds, expected);
        }
    }

    #[test]
    fn what_an_entry_is() {
        let unix = |bits: u32| bits << 16;
        assert_eq!(kind(b"a/", Host::Dos, 0), CentralKind::Folder);
        assert_eq!(kind(b"a", Host::Dos, DOS_FOLDER), CentralKind::Folder);
        assert_eq!(kind(b"a", Host::Dos, 0), CentralKind::File);
        assert_eq!(kind(b"a", Host::Unix, unix(0o040_755)), CentralKind::Folder);
        assert_eq!(kind(b"a", Host::Unix, unix(0o120_777)), CentralKind::Link);
        assert_eq!(
            kind(b"a/", Host::Unix, unix(0o120_777)),
            CentralKind::Special
        );
        assert_eq!(
            kind(b"a", Host::Unix, unix(0o010_644)),
            CentralKind::Special
        );
        assert_eq!(kind(b"a", Host::Unix, unix(0o600)), CentralKind::File);
    }

    #[test]
    fn modes_are_those_told_or_the_usual_ones() {
        let mode = |kind, host, attributes| mode(kind, host, attributes).bits();
        assert_eq!(mode(CentralKind::File, Host::Unix, 0o104_755 << 16), 0o755);
        assert_eq!(mode(CentralKind::File, Host::Unix, 0o100_000 << 16), 0);
        assert_eq!(mode(CentralKind::File, Host::Unix, 0), 0o644);
        assert_eq!(mode(CentralKind::File, Host::Dos, DOS_READ_ONLY), 0o444);
        assert_eq!(mode(CentralKind::Folder, Host::Unix, 0o600 << 16), 0o755);
        assert_eq!(
            mode(CentralKind::Folder, Host::Unix, 0o040_700 << 16),
            0o700
        );
    }
}
