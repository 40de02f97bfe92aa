//! The contents of one entry: decrypted, decompressed, and verified at their end.

use super::encryption::Protection;
use super::error::{ArchiveFault, NEEDS_STRONG_ENCRYPTION};
use super::packed::{PackedEntry, Signals, told_bytes};
use super::record::{CentralEntry, METHOD_STORED, flag};
use crate::model::limits;
use std::fs::File;
use std::io::{self, Read};
use zip::read::{ZipReadOptions, read_zipfile_from_stream_with_options};
use zip::result::ZipError;

/// Bytes of an archive read at once.
const READ: usize = 64 * 1024;
/// Bytes of contents passed on at once.
const CHUNK: usize = 128 * 1024;

const DEFLATED: u16 = 8;
const DEFLATE64: u16 = 9;
const ZSTD: u16 = 93;

/// Buffers for one thread that opens entries.
#[derive(Debug)]
pub struct OpeningBuffers {
    packed: Vec<u8>,
    chunk: Vec<u8>,
}

impl OpeningBuffers {
    /// About 200 KiB, used again for every entry.
    pub fn new() -> Self {
        OpeningBuffers {
            packed: vec![0; READ],
            chunk: vec![0; CHUNK],
        }
    }
}

impl Default for OpeningBuffers {
    fn default() -> Self {
        OpeningBuffers::new()
    }
}

/// Why reading stopped: a fault of the archive, or an error of the consumer.
pub(super) enum Stopped<E> {
    Fault(ArchiveFault),
    Taker(E),
}

impl<E> From<ArchiveFault> for Stopped<E> {
    fn from(fault: ArchiveFault) -> Self {
        Stopped::Fault(fault)
    }
}

/// Checks that the entry can be opened here, and that its stated size is possible.
///
/// # Errors
/// The missing feature, or contents that are too large for the packed bytes.
pub(super) fn check(record: &CentralEntry) -> Result<(), ArchiveFault> {
    if record.flags & flag::PATCH != 0 {
        return Err(ArchiveFault::Unsupported("is a patch to another file"));
    }
    if record.protection == Protection::Strong {
        return Err(ArchiveFault::Unsupported(NEEDS_STRONG_ENCRYPTION));
    }
    let overhead = record.protection.bytes_before() + record.protection.bytes_behind();
    let Some(bytes) = record.compressed.checked_sub(overhead) else {
        return Err(ArchiveFault::Damaged("it is shorter than its encryption"));
    };
    let fits = match record.packing() {
        METHOD_STORED if record.size < bytes => {
            return Err(ArchiveFault::Trap("more bytes are stored than it has"));
        }
        METHOD_STORED => record.size == bytes,
        DEFLATED => record.size <= bytes.saturating_mul(limits::DEFLATE_GROWTH),
        DEFLATE64 => record.size <= bytes.saturating_mul(limits::DEFLATE64_GROWTH),
        ZSTD => record.size <= bytes.saturating_mul(limits::ZSTD_GROWTH),
        other => return Err(ArchiveFault::Method(other)),
    };
    match fits {
        true => Ok(()),
        false => Err(ArchiveFault::Trap("so much cannot be in so few bytes")),
    }
}

/// Reads an entry whose record was checked, and gives its contents to `take`, piece by piece. Do not trust them
/// before this returns `Ok`.
///
/// # Errors
/// A wrong password, before `take` is called; contents that are damaged, have the wrong length or fail their
/// checksum or tag; the system's error; the error of `take`.
pub(super) fn read<E>(
    file: &File,
    record: &CentralEntry,
    password: Option<&[u8]>,
    buffers: &mut OpeningBuffers,
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let signals = Signals::default();
    let mut packed = PackedEntry::new(file, record, &mut buffers.packed, &signals);
    let result = read_from(
        &mut packed,
        record,
        password,
        &signals,
        &mut buffers.chunk,
        take,
    );
    match signals.refused.take() {
        Some(source) => Err(ArchiveFault::Unreadable(source).into()),
        None => result,
    }
}

fn read_from<E>(
    packed: &mut PackedEntry<'_>,
    record: &CentralEntry,
    password: Option<&[u8]>,
    signals: &Signals,
    chunk: &mut [u8],
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let options = ZipReadOptions::new()
        .password(password)
        // Compared below, including cases that the crate skips.
        .ignore_crc32(true)
        .override_compressed_size(told_bytes(record))
        .override_uncompressed_size(record.size);
    let mut entry = match read_zipfile_from_stream_with_options(packed, options) {
        Ok(Some(entry)) => entry,
        Ok(None) => return Err(ArchiveFault::Damaged("it is not an entry").into()),
        Err(error) => return Err(of_opening(error, password).into()),
    };
    let read = read_to_end(&mut entry, record, chunk, take);
    let was_read_to_end = was_read_to_end(&mut entry, record, signals);
    signals.stopped.set(true);
    drop(entry);
    let read = read?;
    if read.size != record.size {
        return Err(ArchiveFault::NotVerified("it is shorter than it says").into());
    }
    if !was_read_to_end {
        return Err(ArchiveFault::NotVerified("something follows its compressed contents").into());
    }
    match record.expected_crc() {
        Some(expected) if expected != read.crc => {
            Err(ArchiveFault::NotVerified(match record.protection {
                // Its check has eight bits.
                Protection::ZipCrypto => "it is damaged, or the password is another one",
                _ => "its checksum is another one",
            })
            .into())
        }
        _ => Ok(()),
    }
}

/// Size and checksum of an entry's contents.
struct ReadContents {
    size: u64,
    crc: u32,
}

/// Whether the decompressor took all packed bytes. It has returned all contents; another read makes it ask for
/// more bytes, unless it has bytes left over.
fn was_read_to_end(entry: &mut impl Read, record: &CentralEntry, signals: &Signals) -> bool {
    match (record.packing(), record.protection) {
        (METHOD_STORED, _) | (_, Protection::Aes(_)) => true,
        // The result does not matter: size and checksum are compared anyway.
        _ => {
            let _ = entry.read(&mut [0]);
            signals.was_read_to_end.get()
        }
    }
}

fn read_to_end<E>(
    entry: &mut impl Read,
    record: &CentralEntry,
    chunk: &mut [u8],
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<ReadContents, Stopped<E>> {
    let mut crc = crc32fast::Hasher::new();
    let mut contents = ReadContents { size: 0, crc: 0 };
    loop {
        match entry.read(chunk) {
            Ok(0) => {
                contents.crc = crc.finalize();
                return Ok(contents);
            }
            Ok(count) => {
                contents.size += count as u64;
                if contents.size > record.size {
                    return Err(ArchiveFault::NotVerified("it is longer than it says").into());
                }
                crc.update(&chunk[..count]);
                take(&chunk[..count]).map_err(Stopped::Taker)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                return Err(ArchiveFault::NotVerified(match record.protection {
                    Protection::ZipCrypto => "it is damaged, or the password is another one",
                    _ => "its contents are damaged",
                })
                .into());
            }
        }
    }
}

fn of_opening(error: ZipError, password: Option<&[u8]>) -> ArchiveFault {
    match error {
        ZipError::InvalidPassword => ArchiveFault::WrongPassword,
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) if password.is_none() => {
            ArchiveFault::PasswordNeeded
        }
        _ => ArchiveFault::Damaged("its encryption cannot be read"),
    }
}
