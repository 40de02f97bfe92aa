//! Packs entries of a source piece by piece, ready to be written. One packer for each thread.

use super::cipher::{Cipher, SEALING_BYTES};
use super::deflater::{DEFLATE_END, DeflateEffort, Deflater};
use super::entry::{Encryption, EntryContents, Method};
use crate::disk::source::{Source, SourceReader};
use crate::model::{EntryIndex, EntryKind, FailureReason, FileSize};
use std::io;

/// Most contents of one piece, in bytes: small enough that several cores share a large file, and that the
/// pieces in memory take only a few megabytes.
const PIECE_BYTES: u64 = 1 << 20;

/// Identifies a piece of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceIndex {
    entry: EntryIndex,
    piece: u64,
}

impl PieceIndex {
    /// The first piece of an entry.
    pub fn first(entry: EntryIndex) -> PieceIndex {
        PieceIndex { entry, piece: 0 }
    }

    /// The next piece of the same entry; `None` after its last.
    pub fn next(self, source: &Source) -> Option<PieceIndex> {
        let piece = self.piece + 1;
        (piece < pieces_of(source, self.entry)).then_some(PieceIndex { piece, ..self })
    }

    /// The entry.
    pub fn entry(self) -> EntryIndex {
        self.entry
    }
}

fn pieces_of(source: &Source, entry: EntryIndex) -> u64 {
    size_of(source, entry).div_ceil(PIECE_BYTES).max(1)
}

fn size_of(source: &Source, entry: EntryIndex) -> u64 {
    match source.manifest().entry(entry).kind {
        EntryKind::File(FileSize::Known(bytes)) => bytes,
        // A scan knows every size.
        EntryKind::File(FileSize::Unknown) | EntryKind::Folder | EntryKind::Link(_) => 0,
    }
}

/// A piece after packing.
#[derive(Debug)]
pub enum Piece {
    /// An entry that fits into one piece.
    Whole(Whole),
    /// One of several pieces of an entry, in order.
    Part {
        /// The method of all its pieces.
        method: Method,
        /// Bytes of contents.
        raw: u64,
        /// Their CRC-32.
        crc32: u32,
        /// The contents, packed but not encrypted. Deflated ones need [`DEFLATE_END`] after the last.
        packed: Vec<u8>,
        /// Whether it is the last piece.
        is_last: bool,
    },
    /// The entry changed after the scan, or cannot be read.
    Failed(FailureReason),
}

/// An entry, ready to be written.
#[derive(Debug)]
pub struct Whole {
    /// How it is compressed.
    pub method: Method,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// Its lengths, and its checksum if it is not encrypted.
    pub contents: EntryContents,
    /// Its contents, packed and, with a password, encrypted.
    pub packed: Vec<u8>,
}

/// Packs pieces of a source.
pub struct Packer<'a> {
    source: &'a Source,
    reader: SourceReader<'a>,
    deflater: Deflater,
    password: Option<&'a [u8]>,
    buffer: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// A packer that encrypts with `password`, if there is one.
    pub fn new(source: &'a Source, effort: DeflateEffort, password: Option<&'a [u8]>) -> Self {
        Packer {
            source,
            reader: SourceReader::new(source),
            deflater: Deflater::new(effort),
            password,
            buffer: Vec::new(),
        }
    }

    /// Packs a piece. Pieces of a longer entry stay unencrypted, because they go through one cipher in order.
    ///
    /// # Errors
    /// The system has no random bytes. A fault of the source is a [`Piece::Failed`].
    pub fn pack(&mut self, piece: PieceIndex) -> io::Result<Piece> {
        let pieces = pieces_of(self.source, piece.entry);
        match self.source.manifest().entry(piece.entry).kind {
            EntryKind::Folder => return Ok(Piece::Whole(Whole::plain(b""))),
            EntryKind::Link(target) => return Ok(Piece::Whole(Whole::plain(target.as_bytes()))),
            EntryKind::File(_) => {
                let start = piece.piece * PIECE_BYTES;
                let end = (start + PIECE_BYTES).min(size_of(self.source, piece.entry));
                let read = self
                    .reader
                    .read_range(piece.entry, start..end, &mut self.buffer);
                if let Err(reason) = read {
                    return Ok(Piece::Failed(reason));
                }
            }
        }
        match pieces {
            1 => self.whole().map(Piece::Whole),
            _ => self.part(piece.piece + 1 == pieces),
        }
    }

    fn whole(&mut self) -> io::Result<Whole> {
        let raw = self.buffer.len() as u64;
        let mut method = Method::Stored;
        let mut packed = Vec::new();
        if self.deflater.effort() != DeflateEffort::Store && !self.buffer.is_empty() {
            packed = self.deflater.blocks(&self.buffer)?;
            packed.extend_from_slice(&DEFLATE_END);
            if packed.len() < self.buffer.len() {
                method = Method::Deflated;
            }
        }
        let packed = match method {
            Method::Stored => &self.buffer,
            Method::Deflated => &packed,
        };
        let (encryption, crc32, packed) = match self.password {
            None => (
                Encryption::None,
                crc32fast::hash(&self.buffer),
                packed.clone(),
            ),
            Some(password) => {
                let mut sealed = Vec::with_capacity(packed.len() + SEALING_BYTES);
                let mut cipher = Cipher::new(password)?;
                cipher.seal(packed, &mut sealed)?;
                cipher.finish(&mut sealed)?;
                (Encryption::Aes256, 0, sealed)
            }
        };
        Ok(Whole {
            method,
            encryption,
            contents: EntryContents {
                raw,
                packed: packed.len() as u64,
                crc32,
            },
            packed,
        })
    }

    fn part(&mut self, is_last: bool) -> io::Result<Piece> {
        let (method, packed) = match self.deflater.effort() {
            DeflateEffort::Store => (Method::Stored, self.buffer.clone()),
            _ => (Method::Deflated, self.deflater.blocks(&self.buffer)?),
        };
        Ok(Piece::Part {
            method,
            raw: self.buffer.len() as u64,
            crc32: crc32fast::hash(&self.buffer),
            packed,
            is_last,
        })
    }
}

impl Whole {
    /// A folder, which has no contents, or a link, whose target stays readable like the names, because
    /// libarchive opens no encrypted links.
    fn plain(contents: &[u8]) -> Whole {
        let length = contents.len() as u64;
        Whole {
            method: Method::Stored,
            encryption: Encryption::None,
            contents: EntryContents {
                raw: length,
                packed: length,
                crc32: crc32fast::hash(contents),
            },
            packed: contents.to_vec(),
        }
    }
}
