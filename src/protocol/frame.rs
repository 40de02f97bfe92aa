//! Frames: everything on a connection travels in one.
//!
//! A frame is the length of its body (u32), its kind (u8) and its body. A body that is sealed begins
//! with a head of fixed length, so a large archive is never copied: the sender writes head and archive one
//! after the other (or as one vectored write), and the receiver splits the body in place.

use super::CodecError;
use super::codec::Reader;
use crate::crypto::{ENVELOPE_LENGTH, Envelope, OpenError};
use crate::model::{len32, limits};
use std::cmp::Ordering;
use std::fmt;

/// A frame's length and kind, in bytes.
pub const FRAME_HEADER_LENGTH: usize = 5;

/// Everything of a sealed message's frame before the archive, in bytes.
pub const MESSAGE_HEAD_LENGTH: usize = FRAME_HEADER_LENGTH + ENVELOPE_LENGTH;

/// Everything of a part's frame before the archive, in bytes.
pub const PART_HEAD_LENGTH: usize = FRAME_HEADER_LENGTH + PART_ID_LENGTH + ENVELOPE_LENGTH;

/// A part's round and index in its frame, in bytes.
const PART_ID_LENGTH: usize = 4 + 8;

/// Which part of the transfer under way a frame holds. Plain numbers, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartId {
    /// The round in which it is sent.
    pub round: u32,
    /// Its index in the layout.
    pub index: u64,
}

impl PartId {
    /// The only part of a transfer that travels with its offer.
    pub const FIRST: PartId = PartId { round: 0, index: 0 };
}

/// The kind of a frame's body. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Opens a session, or answers such a Hello.
    Hello = 1,
    /// Adds a stream to a session, or answers such a Join.
    Join = 2,
    /// Rejects a dialler; only a listener sends it.
    Refuse = 3,
    /// Proves that the secret is known.
    Confirm = 4,
    /// A sealed [`super::Message`].
    Message = 5,
    /// A sealed part.
    Part = 6,
}

/// Whether the peer of a connection has proven itself. The stage decides which frames the peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The peer may be anybody: only frames of the handshake are allowed, of at most
    /// [`limits::UNPROVEN_FRAME_BYTES`].
    Unproven,
    /// The peer knows the secret: only messages and parts are allowed, within these bounds.
    Proven(FrameBounds),
}

/// The most that a frame of a proven peer may hold, in bytes before it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameBounds {
    message: usize,
    part: u32,
}

impl FrameBounds {
    /// The bounds of a session's first stream between two transfers: messages, and a part that travels with its
    /// offer.
    pub const FIRST_STREAM: FrameBounds = FrameBounds {
        message: limits::MESSAGE_BYTES,
        part: limits::EARLY_PART_BYTES,
    };

    /// The bounds of a joined stream that carries no parts to this side.
    pub const JOINED_STREAM: FrameBounds = FrameBounds {
        message: limits::JOINED_MESSAGE_BYTES,
        part: 0,
    };

    /// The bounds of the same stream in a transfer with parts of this size, in bytes.
    pub fn with_parts_of(self, part_size: u32) -> FrameBounds {
        FrameBounds {
            part: part_size,
            ..self
        }
    }

    /// The most bytes, before sealing, that a frame of this kind may hold.
    fn raw(self, kind: FrameKind) -> u32 {
        match kind {
            FrameKind::Part => self.part,
            _ => len32(self.message),
        }
    }
}

/// The first five bytes of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The kind of the body.
    pub kind: FrameKind,
    /// Bytes of the body, within the bound of the stage.
    pub length: usize,
}

impl FrameHeader {
    /// Reads the header of a frame that arrives at this stage.
    ///
    /// # Errors
    /// [`FrameError::NotPeerbridge`] before the proof, if the other side does not speak this protocol. After
    /// the proof, another [`FrameError`] if the peer breaks the protocol.
    pub fn parse(bytes: [u8; FRAME_HEADER_LENGTH], stage: Stage) -> Result<Self, FrameError> {
        let [a, b, c, d, kind] = bytes;
        let length = u32::from_be_bytes([a, b, c, d]);
        let (unknown, too_long) = match stage {
            Stage::Unproven => (FrameError::NotPeerbridge, FrameError::NotPeerbridge),
            Stage::Proven(_) => (FrameError::UnknownKind(kind), FrameError::TooLong(length)),
        };
        let kind = FrameKind::from_number(kind).ok_or(unknown)?;
        let limit = match (stage, kind.is_sealed()) {
            (Stage::Unproven, false) => limits::UNPROVEN_FRAME_BYTES,
            (Stage::Proven(bounds), true) => {
                bounds.raw(kind) as usize + limits::SEAL_OVERHEAD_BYTES
            }
            _ => return Err(FrameError::Unexpected(kind)),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(too_long);
        }
        Ok(FrameHeader { kind, length })
    }

    /// Length of the head of the body, in bytes: everything before the archive, nothing in frames of the
    /// handshake.
    pub fn head_length(&self) -> usize {
        match self.kind {
            FrameKind::Message => ENVELOPE_LENGTH,
            FrameKind::Part => PART_ID_LENGTH + ENVELOPE_LENGTH,
            FrameKind::Hello | FrameKind::Join | FrameKind::Refuse | FrameKind::Confirm => 0,
        }
    }

    /// Checks the first [`FrameHeader::head_length`] bytes of the body before the rest is read: with a length
    /// that was damaged on the way, both sides would wait for bytes that never come.
    ///
    /// # Errors
    /// [`FrameError`] if the head announces another length than the frame has, or more than the stage allows.
    pub fn check_head(&self, head: &[u8], stage: Stage) -> Result<(), FrameError> {
        let Stage::Proven(bounds) = stage else {
            return Ok(());
        };
        let mut reader = Reader::new(head);
        if self.kind == FrameKind::Part {
            part_id(&mut reader)?;
        }
        let envelope = Envelope::from_bytes(&reader.array()?, bounds.raw(self.kind))?;
        let announced = head.len() + envelope.sealed_length() as usize;
        match self.length.cmp(&announced) {
            Ordering::Less => Err(CodecError::Short.into()),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(CodecError::Leftover.into()),
        }
    }

    /// The bytes that [`FrameHeader::parse`] reads.
    pub fn to_bytes(self) -> [u8; FRAME_HEADER_LENGTH] {
        let [a, b, c, d] = len32(self.length).to_be_bytes();
        [a, b, c, d, self.kind as u8]
    }
}

impl FrameKind {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => FrameKind::Hello,
            2 => FrameKind::Join,
            3 => FrameKind::Refuse,
            4 => FrameKind::Confirm,
            5 => FrameKind::Message,
            6 => FrameKind::Part,
            _ => return None,
        })
    }

    fn is_sealed(self) -> bool {
        matches!(self, FrameKind::Message | FrameKind::Part)
    }
}

/// A whole frame with a short body, as in the handshake.
pub fn frame(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    [&header(kind, body.len()), body].concat()
}

fn header(kind: FrameKind, length: usize) -> [u8; FRAME_HEADER_LENGTH] {
    FrameHeader { kind, length }.to_bytes()
}

/// The bytes before the archive of a sealed message.
pub fn message_head(envelope: &Envelope) -> [u8; MESSAGE_HEAD_LENGTH] {
    let length = ENVELOPE_LENGTH + envelope.sealed_length() as usize;
    joined(&[&header(FrameKind::Message, length), &envelope.to_bytes()])
}

/// The bytes before the archive of a sealed part.
pub fn part_head(part: PartId, envelope: &Envelope) -> [u8; PART_HEAD_LENGTH] {
    let length = PART_ID_LENGTH + ENVELOPE_LENGTH + envelope.sealed_length() as usize;
    joined(&[
        &header(FrameKind::Part, length),
        &part.round.to_be_bytes(),
        &part.index.to_be_bytes(),
        &envelope.to_bytes(),
    ])
}

/// Splits the body of a Message frame into the envelope and the archive.
///
/// # Errors
/// [`FrameError`] if the body is too short, or announces more than [`limits::MESSAGE_BYTES`] or another length
/// than it has.
pub fn split_message(body: &[u8]) -> Result<(Envelope, &[u8]), FrameError> {
    split_sealed(Reader::new(body), len32(limits::MESSAGE_BYTES))
}

/// Splits the body of a Part frame into the part's round and index, the envelope and the archive.
///
/// # Errors
/// [`FrameError`] if the body is too short, or announces more than [`limits::PART_BYTES_MAX`] or another length
/// than it has.
pub fn split_part(body: &[u8]) -> Result<(PartId, Envelope, &[u8]), FrameError> {
    let mut reader = Reader::new(body);
    let part = part_id(&mut reader)?;
    let (envelope, archive) = split_sealed(reader, limits::PART_BYTES_MAX)?;
    Ok((part, envelope, archive))
}

fn part_id(reader: &mut Reader<'_>) -> Result<PartId, CodecError> {
    Ok(PartId {
        round: reader.u32()?,
        index: reader.u64()?,
    })
}

fn split_sealed(mut reader: Reader<'_>, most: u32) -> Result<(Envelope, &[u8]), FrameError> {
    let envelope = Envelope::from_bytes(&reader.array()?, most)?;
    let archive = reader.bytes(envelope.sealed_length() as usize)?;
    reader.finish()?;
    Ok((envelope, archive))
}

fn joined<const N: usize>(pieces: &[&[u8]]) -> [u8; N] {
    let mut head = [0; N];
    let bytes = pieces.iter().copied().flatten();
    head.iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    head
}

/// Why bytes are not a valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The other side does not speak this protocol. Only before the proof.
    NotPeerbridge,
    /// A proven peer sent a kind that does not exist.
    UnknownKind(u8),
    /// The kind is not allowed at this stage.
    Unexpected(FrameKind),
    /// A proven peer announced a body of this many bytes, above the bound of the stage.
    TooLong(u32),
    /// The body is shorter or longer than its fields.
    Codec(CodecError),
    /// The envelope has an invalid field, or exceeds its limit.
    Envelope(OpenError),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::NotPeerbridge => f.write_str("the peer does not speak peerbridge"),
            FrameError::UnknownKind(kind) => {
                write!(f, "the peer sent a frame of the unknown kind {kind}")
            }
            FrameError::Unexpected(kind) => {
                write!(f, "the peer sent a frame at the wrong time: {kind:?}")
            }
            FrameError::TooLong(length) => {
                write!(f, "the peer sent a frame that is too long: {length} bytes")
            }
            FrameError::Codec(error) => write!(f, "the peer sent a malformed frame: {error}"),
            FrameError::Envelope(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<CodecError> for FrameError {
    fn from(error: CodecError) -> Self {
        FrameError::Codec(error)
    }
}

impl From<OpenError> for FrameError {
    fn from(error: OpenError) -> Self {
        FrameError::Envelope(error)
    }
}

#[cfg(test)]
mod tests;
