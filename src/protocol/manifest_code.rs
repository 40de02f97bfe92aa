//! Encodes and decodes manifests, and computes the identity of a transfer.
//!
//! An entry is: kind u8; how many leading bytes of the previous entry's path it shares, u16; the length
//! of the rest of its path, u16; that rest; and then by kind
//! - 1, file: size u64, mtime seconds i64, nanoseconds u32, mode u16;
//! - 2, file of unknown size: mtime, mode;
//! - 3, folder: mtime, mode;
//! - 4, link: length of the target u16, target, mtime.
//!
//! Entries travel in chunks. No entry is split, and the first of a chunk shares nothing, so that each
//! chunk can be read on its own.

use super::codec::{Reader, Writer};
use super::manifest_chunk::ManifestChunk;
use super::{CodecError, message};
use crate::model::{
    Entry, EntryKind, FileSize, Manifest, ManifestBuilder, ManifestError, Mode, Mtime, TransferId,
    len16, limits,
};
use sha2::{Digest, Sha256};
use std::fmt;

#[cfg(test)]
mod tests;

/// The longest chunk, in bytes: what fits into an Offer beside its other fields.
pub(super) const CHUNK_BYTES: usize = limits::MESSAGE_BYTES - message::OFFER_FIELDS_BYTES;

/// Encodes a manifest: an iterator over its chunks, each made when it is asked for.
#[derive(Debug)]
pub struct ManifestEncoder<'a> {
    manifest: &'a Manifest,
    next: usize,
}

impl<'a> ManifestEncoder<'a> {
    /// Starts at the first entry. An empty manifest has no chunks.
    pub fn new(manifest: &'a Manifest) -> Self {
        ManifestEncoder { manifest, next: 0 }
    }
}

impl Iterator for ManifestEncoder<'_> {
    type Item = ManifestChunk;

    fn next(&mut self) -> Option<ManifestChunk> {
        let manifest = self.manifest;
        let mut chunk = Vec::new();
        let mut previous: &[u8] = &[];
        while let Some(index) = manifest.index(self.next) {
            let entry = manifest.entry(index);
            let before = chunk.len();
            encode_entry(&mut chunk, previous, &entry);
            if chunk.len() > CHUNK_BYTES {
                chunk.truncate(before);
                break;
            }
            previous = entry.path.as_bytes();
            self.next += 1;
        }
        (!chunk.is_empty()).then(|| ManifestChunk::new(chunk))
    }
}

/// Builds a manifest from the chunks that a peer sends.
#[derive(Debug)]
pub struct ManifestDecoder {
    /// `None` once an entry was not allowed: further entries are only counted.
    builder: Option<ManifestBuilder>,
    taken: usize,
    announced: usize,
}

/// What an entry adds to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryCost {
    /// Bytes of its contents; 0 if unknown.
    pub contents: u64,
    /// Bytes of memory: its stored length, and [`limits::ENTRY_MEMORY_BYTES`].
    pub memory: u64,
}

impl ManifestDecoder {
    /// Starts a manifest of as many entries as the offer announces. Nothing is allocated for an entry before
    /// its bytes arrive.
    ///
    /// # Errors
    /// [`ManifestCodeError::Count`] for more than [`limits::ENTRIES`].
    pub fn new(announced: u32) -> Result<Self, ManifestCodeError> {
        let announced = announced as usize;
        if announced > limits::ENTRIES {
            return Err(ManifestCodeError::Count);
        }
        Ok(ManifestDecoder {
            builder: Some(ManifestBuilder::new()),
            taken: 0,
            announced,
        })
    }

    /// Takes the next chunk. `allow` is called for each entry before the entry is stored. Once it returns
    /// false, everything stored is freed and nothing more is stored, but `allow` is still called for the
    /// further entries.
    ///
    /// # Errors
    /// A [`ManifestCodeError`] if the chunk is malformed, if it has more entries than are still expected, if it
    /// is empty while entries are expected, or if an entry is not allowed in a manifest.
    pub fn push_chunk(
        &mut self,
        chunk: &ManifestChunk,
        allow: &mut dyn FnMut(EntryCost) -> bool,
    ) -> Result<(), ManifestCodeError> {
        if chunk.as_bytes().is_empty() && !self.is_complete() {
            return Err(ManifestCodeError::Count);
        }
        let mut reader = Reader::new(chunk.as_bytes());
        let mut path = Vec::new();
        while reader.remaining() > 0 {
            if self.is_complete() {
                return Err(ManifestCodeError::Count);
            }
            let entry = decode_entry(&mut reader, &mut path)?;
            self.taken += 1;
            if !allow(entry.cost()) {
                self.builder = None;
            }
            if let Some(builder) = &mut self.builder {
                entry.push_to(builder)?;
            }
        }
        Ok(())
    }

    /// Whether all announced entries have arrived.
    pub fn is_complete(&self) -> bool {
        self.taken >= self.announced
    }

    /// Checks the manifest as a whole.
    ///
    /// # Errors
    /// [`ManifestCodeError::Count`] if it is incomplete, or if an entry was not allowed;
    /// [`ManifestCodeError::Manifest`] if its entries are not a tree.
    pub fn finish(self) -> Result<Manifest, ManifestCodeError> {
        match self.is_complete() {
            true => Ok(self.builder.ok_or(ManifestCodeError::Count)?.finish()?),
            false => Err(ManifestCodeError::Count),
        }
    }
}

/// The identity of the transfer of `manifest`: the first 16 bytes of SHA-256 over `peerbridge/1 manifest` and
/// all its entries, each encoded with its whole path.
pub fn transfer_id(manifest: &Manifest) -> TransferId {
    let mut hash = Sha256::new();
    hash.update(b"peerbridge/1 manifest");
    let mut buffer = Vec::new();
    for (_, entry) in manifest.entries() {
        buffer.clear();
        encode_entry(&mut buffer, &[], &entry);
        hash.update(&buffer);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    TransferId(id)
}

/// Why chunks are not a valid manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestCodeError {
    /// A chunk ends within an entry.
    Codec(CodecError),
    /// More or fewer entries than were announced, or more than [`limits::ENTRIES`].
    Count,
    /// An entry of an unknown kind.
    UnknownKind(u8),
    /// A path shares more bytes with the previous path than that path has.
    SharedPath,
    /// Mode bits beyond the nine permissions.
    Mode,
    /// An entry, or the manifest as a whole, breaks a rule of the model: an unsafe name or a limit.
    Manifest(ManifestError),
}

impl fmt::Display for ManifestCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManifestCodeError::Codec(error) => write!(f, "the offer is malformed: {error}"),
            ManifestCodeError::Count => {
                f.write_str("the offer has another number of entries than announced")
            }
            ManifestCodeError::UnknownKind(kind) => {
                write!(f, "the offer has an entry of the unknown kind {kind}")
            }
            ManifestCodeError::SharedPath => {
                f.write_str("the offer is malformed: a path shares more than the previous path has")
            }
            ManifestCodeError::Mode => f.write_str("the offer has a mode beyond permissions"),
            ManifestCodeError::Manifest(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ManifestCodeError {}

impl From<CodecError> for ManifestCodeError {
    fn from(error: CodecError) -> Self {
        ManifestCodeError::Codec(error)
    }
}

impl From<ManifestError> for ManifestCodeError {
    fn from(error: ManifestError) -> Self {
        ManifestCodeError::Manifest(error)
    }
}

const FILE: u8 = 1;
const UNKNOWN_FILE: u8 = 2;
const FOLDER: u8 = 3;
const LINK: u8 = 4;

fn encode_entry(buffer: &mut Vec<u8>, previous: &[u8], entry: &Entry<'_>) {
    let mut writer = Writer::new(buffer);
    writer.u8(match entry.kind {
        EntryKind::File(FileSize::Known(_)) => FILE,
        EntryKind::File(FileSize::Unknown) => UNKNOWN_FILE,
        EntryKind::Folder => FOLDER,
        EntryKind::Link(_) => LINK,
    });
    let path = entry.path.as_bytes();
    let shared = path.iter().zip(previous).take_while(|(a, b)| a == b);
    let (shared, own) = path.split_at(shared.count());
    writer.u16(len16(shared.len()));
    writer.u16(len16(own.len()));
    writer.bytes(own);
    match entry.kind {
        EntryKind::File(FileSize::Known(size)) => writer.u64(size),
        EntryKind::Link(target) => {
            writer.u16(len16(target.as_bytes().len()));
            writer.bytes(target.as_bytes());
        }
        EntryKind::File(FileSize::Unknown) | EntryKind::Folder => {}
    }
    writer.i64(entry.mtime.seconds);
    writer.u32(entry.mtime.nanoseconds);
    if !matches!(entry.kind, EntryKind::Link(_)) {
        let [_, _, high, low] = entry.mode.bits().to_be_bytes();
        writer.bytes(&[high, low]);
    }
}

/// An entry as received, not yet checked.
struct DecodedEntry<'a> {
    path: &'a [u8],
    kind: DecodedKind<'a>,
    mtime: Mtime,
}

enum DecodedKind<'a> {
    File(FileSize, Mode),
    Folder(Mode),
    Link(&'a [u8]),
}

impl DecodedEntry<'_> {
    fn cost(&self) -> EntryCost {
        let (contents, target) = match self.kind {
            DecodedKind::File(FileSize::Known(size), _) => (size, 0),
            DecodedKind::Link(target) => (0, target.len()),
            DecodedKind::File(FileSize::Unknown, _) | DecodedKind::Folder(_) => (0, 0),
        };
        EntryCost {
            contents,
            memory: limits::ENTRY_MEMORY_BYTES + (self.path.len() + target) as u64,
        }
    }

    fn push_to(self, builder: &mut ManifestBuilder) -> Result<(), ManifestError> {
        match self.kind {
            DecodedKind::File(size, mode) => builder.push_file(self.path, size, self.mtime, mode),
            DecodedKind::Folder(mode) => builder.push_folder(self.path, self.mtime, mode),
            DecodedKind::Link(target) => builder.push_link(self.path, target, self.mtime),
        }
    }
}

/// Takes one entry off `reader`. `path` holds the previous entry's path and then this one's.
fn decode_entry<'e, 'a: 'e>(
    reader: &mut Reader<'a>,
    path: &'e mut Vec<u8>,
) -> Result<DecodedEntry<'e>, ManifestCodeError> {
    let kind = reader.u8()?;
    let shared = usize::from(reader.u16()?);
    let own = usize::from(reader.u16()?);
    if shared > path.len() {
        return Err(ManifestCodeError::SharedPath);
    }
    path.truncate(shared);
    path.extend_from_slice(reader.bytes(own)?);
    let (mtime, kind) = match kind {
        FILE => {
            let size = FileSize::Known(reader.u64()?);
            (mtime(reader)?, DecodedKind::File(size, mode(reader)?))
        }
        UNKNOWN_FILE => {
            let mtime = mtime(reader)?;
            (mtime, DecodedKind::File(FileSize::Unknown, mode(reader)?))
        }
        FOLDER => (mtime(reader)?, DecodedKind::Folder(mode(reader)?)),
        LINK => {
            let length = usize::from(reader.u16()?);
            let target = reader.bytes(length)?;
            (mtime(reader)?, DecodedKind::Link(target))
        }
        unknown => return Err(ManifestCodeError::UnknownKind(unknown)),
    };
    Ok(DecodedEntry { path, kind, mtime })
}

fn mtime(reader: &mut Reader<'_>) -> Result<Mtime, CodecError> {
    Ok(Mtime {
        seconds: reader.i64()?,
        nanoseconds: reader.u32()?,
    })
}

fn mode(reader: &mut Reader<'_>) -> Result<Mode, ManifestCodeError> {
    let bits = u32::from(reader.u16()?);
    let mode = Mode::from_bits(bits);
    if mode.bits() == bits {
        Ok(mode)
    } else {
        Err(ManifestCodeError::Mode)
    }
}
