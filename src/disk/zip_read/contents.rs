//! The contents of one entry: decrypted, decompressed, and verified at their end.
//!
//! The zip crate never sees the archive's own headers. Each entry's bytes are given to it behind a header
//! made here, from what was checked before: it decrypts and decompresses, and finds nothing to believe.

use super::error::ArchiveFault;
use super::record::{Aes, AesStrength, AesVersion, CentralEntry, METHOD_AES, Protection, flag};
use super::span::Span;
use crate::model::limits;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read};
use zip::read::{ZipReadOptions, read_zipfile_from_stream_with_options};
use zip::result::ZipError;

/// Bytes of an archive read at once.
const READ: usize = 64 * 1024;
/// Bytes of contents handed on at once.
const CHUNK: usize = 128 * 1024;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ZSTD: u16 = 93;

/// The memory that one thread opens entries with.
#[derive(Debug)]
pub struct OpeningBuffers {
    sealed: Vec<u8>,
    chunk: Vec<u8>,
}

impl OpeningBuffers {
    /// About 200 KiB, used again for every entry.
    pub fn new() -> Self {
        OpeningBuffers {
            sealed: vec![0; READ],
            chunk: vec![0; CHUNK],
        }
    }
}

impl Default for OpeningBuffers {
    fn default() -> Self {
        OpeningBuffers::new()
    }
}

/// Why reading stopped: a fault of the archive, or whoever took the contents.
pub(super) enum Stopped<E> {
    Fault(ArchiveFault),
    Taker(E),
}

impl<E> From<ArchiveFault> for Stopped<E> {
    fn from(fault: ArchiveFault) -> Self {
        Stopped::Fault(fault)
    }
}

/// Whether the entry is of a kind that can be opened here, and can hold what it says to hold.
///
/// # Errors
/// What it would need, or that no contents so large can be in so few bytes.
pub(super) fn check(record: &CentralEntry) -> Result<(), ArchiveFault> {
    if record.flags & flag::PATCH != 0 {
        return Err(ArchiveFault::Unsupported("is a patch to another file"));
    }
    let overhead = match record.protection {
        Protection::Nothing => 0,
        Protection::Aes(aes) => aes.overhead(),
        Protection::ZipCrypto => return Err(ArchiveFault::ZipCrypto),
        Protection::Strong => {
            return Err(ArchiveFault::Unsupported(
                "needs the encryption of one maker",
            ));
        }
    };
    let Some(bytes) = record.compressed.checked_sub(overhead) else {
        return Err(ArchiveFault::Damaged("it is shorter than its encryption"));
    };
    let fits = match record.method {
        STORED => record.size == bytes,
        DEFLATED => record.size <= bytes.saturating_mul(limits::DEFLATE_GROWTH),
        ZSTD => record.size <= bytes.saturating_mul(limits::ZSTD_GROWTH),
        other => return Err(ArchiveFault::Method(other)),
    };
    match fits {
        true => Ok(()),
        false => Err(ArchiveFault::Trap("so much cannot be in so few bytes")),
    }
}

/// Reads an entry whose record was checked, and gives its contents to `take`, piece by piece. They are
/// not to be believed before this returns well.
///
/// # Errors
/// A wrong password, before anything is taken; contents that are damaged, longer or shorter than they
/// say or fail their checksum or tag; what the system refused; what `take` returned.
pub(super) fn read<E>(
    file: &File,
    record: &CentralEntry,
    password: Option<&[u8]>,
    buffers: &mut OpeningBuffers,
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let signals = Signals::default();
    let mut sealed = SealedEntry::new(file, record, &mut buffers.sealed, &signals);
    let result = read_from(
        &mut sealed,
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
    sealed: &mut SealedEntry<'_>,
    record: &CentralEntry,
    password: Option<&[u8]>,
    signals: &Signals,
    chunk: &mut [u8],
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let options = ZipReadOptions::new()
        .password(password)
        // Compared below, also where the crate would not.
        .ignore_crc32(true)
        .override_compressed_size(record.compressed)
        .override_uncompressed_size(record.size);
    let mut entry = match read_zipfile_from_stream_with_options(sealed, options) {
        Ok(Some(entry)) => entry,
        Ok(None) => return Err(ArchiveFault::Damaged("it is no entry").into()),
        Err(error) => return Err(of_opening(error, password).into()),
    };
    let mut crc = crc32fast::Hasher::new();
    let mut size = 0;
    let result = loop {
        match entry.read(chunk) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                size += count as u64;
                if size > record.size {
                    break Err(ArchiveFault::NotVerified("it is longer than it says").into());
                }
                crc.update(&chunk[..count]);
                if let Err(error) = take(&chunk[..count]) {
                    break Err(Stopped::Taker(error));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break Err(ArchiveFault::NotVerified("its contents are damaged").into()),
        }
    };
    // When dropped, the crate would read an unfinished entry to its end.
    signals.stopped.set(true);
    drop(entry);
    result?;
    if size != record.size {
        return Err(ArchiveFault::NotVerified("it is shorter than it says").into());
    }
    match record.expected_crc() {
        Some(expected) if expected != crc.finalize() => {
            Err(ArchiveFault::NotVerified("its checksum is another one").into())
        }
        _ => Ok(()),
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

/// What is said across the crate, which holds the reader meanwhile.
#[derive(Default)]
struct Signals {
    stopped: Cell<bool>,
    refused: RefCell<Option<io::Error>>,
}

/// A header for the crate, and the entry's bytes behind it.
struct SealedEntry<'a> {
    header: MadeHeader,
    span: Span<'a>,
    buffer: &'a mut [u8],
    filled: usize,
    taken: usize,
    signals: &'a Signals,
}

impl<'a> SealedEntry<'a> {
    fn new(
        file: &'a File,
        record: &CentralEntry,
        buffer: &'a mut [u8],
        signals: &'a Signals,
    ) -> Self {
        SealedEntry {
            header: MadeHeader::of(record),
            span: Span::new(file, record.place..record.place + record.compressed),
            buffer,
            filled: 0,
            taken: 0,
            signals,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.filled = self.span.read(self.buffer)?;
        match self.filled == 0 && !self.span.is_at_end() {
            // It was cut while it was read.
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }
}

impl Read for SealedEntry<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.signals.stopped.get() {
            return Ok(0);
        }
        let from_header = self.header.read(bytes);
        if from_header > 0 || bytes.is_empty() {
            return Ok(from_header);
        }
        if self.taken == self.filled
            && let Err(error) = self.refill()
        {
            if error.kind() != io::ErrorKind::Interrupted {
                let kind = error.kind();
                self.signals.refused.replace(Some(error));
                return Err(kind.into());
            }
            return Err(error);
        }
        let count = bytes.len().min(self.filled - self.taken);
        bytes[..count].copy_from_slice(&self.buffer[self.taken..][..count]);
        self.taken += count;
        Ok(count)
    }
}

/// A local header that says what was checked and no more: the sizes are told beside it.
struct MadeHeader {
    bytes: Vec<u8>,
    taken: usize,
}

impl MadeHeader {
    fn of(record: &CentralEntry) -> MadeHeader {
        const VERSION: u16 = 51;
        let (aes, flags, method) = match record.protection {
            Protection::Aes(aes) => (
                aes_field(aes),
                flag::DESCRIPTOR | flag::ENCRYPTED,
                METHOD_AES,
            ),
            _ => (Vec::new(), flag::DESCRIPTOR, record.method),
        };
        let mut bytes = Vec::with_capacity(48);
        bytes.extend(b"PK\x03\x04");
        for number in [VERSION, flags, method, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        // CRC-32 and both sizes.
        bytes.extend([0; 12]);
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend((aes.len() as u16).to_le_bytes());
        bytes.push(b'x');
        bytes.extend(aes);
        MadeHeader { bytes, taken: 0 }
    }

    fn read(&mut self, bytes: &mut [u8]) -> usize {
        let left = &self.bytes[self.taken..];
        let count = bytes.len().min(left.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        count
    }
}

fn aes_field(aes: Aes) -> Vec<u8> {
    let version = match aes.version {
        AesVersion::Ae1 => 1,
        AesVersion::Ae2 => 2,
    };
    let strength = match aes.strength {
        AesStrength::Aes128 => 1,
        AesStrength::Aes192 => 2,
        AesStrength::Aes256 => 3,
    };
    let [low, high] = aes.method.to_le_bytes();
    vec![
        0x01, 0x99, 7, 0, version, 0, b'A', b'E', strength, low, high,
    ]
}
