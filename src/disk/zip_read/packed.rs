//! Gives the packed bytes of one entry to the zip crate, behind a header that this module writes from checked
//! facts. The crate decrypts and decompresses, and never sees the archive's own headers.

use super::encryption::{Aes, AesStrength, AesVersion, Protection};
use super::record::{CentralEntry, METHOD_AES, flag};
use super::span::Span;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read};

/// Signals between the reader of contents and [`PackedEntry`], which the crate owns meanwhile.
#[derive(Default)]
pub(super) struct Signals {
    /// Set when no more bytes are wanted. Otherwise the crate would read an unfinished entry to its end on
    /// drop.
    pub(super) stopped: Cell<bool>,
    /// The system's error when the file could not be read.
    pub(super) refused: RefCell<Option<io::Error>>,
    /// Whether the decompressor asked for bytes beyond the end, so that it took every byte.
    pub(super) was_read_to_end: Cell<bool>,
}

/// A header for the crate, followed by the entry's bytes.
pub(super) struct PackedEntry<'a> {
    header: MadeHeader,
    span: Span<'a>,
    buffer: &'a mut [u8],
    filled: usize,
    taken: usize,
    signals: &'a Signals,
}

impl<'a> PackedEntry<'a> {
    /// The bytes of `record`, whose place is that of its contents.
    pub(super) fn new(
        file: &'a File,
        record: &CentralEntry,
        buffer: &'a mut [u8],
        signals: &'a Signals,
    ) -> Self {
        PackedEntry {
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
            // The file was cut while it was read.
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }
}

impl Read for PackedEntry<'_> {
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
        if count == 0 {
            self.signals.was_read_to_end.set(true);
        }
        bytes[..count].copy_from_slice(&self.buffer[self.taken..][..count]);
        self.taken += count;
        Ok(count)
    }
}

/// A local header with checked facts only.
struct MadeHeader {
    bytes: Vec<u8>,
    taken: usize,
}

impl MadeHeader {
    fn of(record: &CentralEntry) -> MadeHeader {
        const VERSION: u16 = 51;
        let (flags, method, extra) = match record.protection {
            Protection::Aes(aes) => (
                flag::DESCRIPTOR | flag::ENCRYPTED,
                METHOD_AES,
                aes_field(aes, record.packing()),
            ),
            // Without a descriptor the crate compares the check byte with the CRC-32.
            Protection::ZipCrypto => (flag::ENCRYPTED, record.packing(), zip64_field(record)),
            Protection::Nothing | Protection::Strong => {
                (flag::DESCRIPTOR, record.packing(), Vec::new())
            }
        };
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(b"PK\x03\x04");
        // No time, no date.
        for number in [VERSION, flags, method, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([0, 0, 0, record.check_byte]);
        // Both sizes.
        bytes.extend([0xff; 8]);
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend([extra.len().to_le_bytes()[0], 0]);
        bytes.push(b'x');
        bytes.extend(extra);
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

/// The number of packed bytes that the header states to the crate. It is one too many, so that a decompressor
/// that takes all bytes asks for one more, and one that leaves some does not. With AES it is exact, because the
/// length decides where the tag is, and the tag covers left-over bytes.
pub(super) fn told_bytes(record: &CentralEntry) -> u64 {
    match record.protection {
        Protection::Aes(_) => record.compressed,
        _ => record.compressed.saturating_add(1),
    }
}

fn zip64_field(record: &CentralEntry) -> Vec<u8> {
    let mut field = vec![1, 0, 16, 0];
    field.extend(record.size.to_le_bytes());
    field.extend(told_bytes(record).to_le_bytes());
    field
}

/// WinZip's extra field.
fn aes_field(aes: Aes, method: u16) -> Vec<u8> {
    let version = match aes.version {
        AesVersion::Ae1 => 1,
        AesVersion::Ae2 => 2,
    };
    let strength = match aes.strength {
        AesStrength::Aes128 => 1,
        AesStrength::Aes192 => 2,
        AesStrength::Aes256 => 3,
    };
    let [low, high] = method.to_le_bytes();
    vec![
        0x01, 0x99, 7, 0, version, 0, b'A', b'E', strength, low, high,
    ]
}
