//! The key schedule: every key of a session and what it is for.
//!
//! One pseudorandom key is extracted from the CPace key, salted with the transcript hash. Each key of the
//! table is expanded from it under its label. The keys of a position are expanded from a direction's key.

use super::cpace::SharedKey;
use super::hkdf::{PseudorandomKey, expand, extract};
use super::seal::Position;
use super::side::Side;
use super::transcript::TranscriptHash;
use crate::model::len8;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The purpose of a key. A side's keys are for what that side sends.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Confirm(Side),
    Join,
    SessionId,
    Messages(Side),
    Parts(Side),
    Phrase,
    Return,
    ReturnName,
    Digests,
}

impl Purpose {
    fn label(self) -> &'static str {
        use Side::{Dialler, Listener};
        match self {
            Purpose::Confirm(Dialler) => "peerbridge/1 confirm dialler",
            Purpose::Confirm(Listener) => "peerbridge/1 confirm listener",
            Purpose::Join => "peerbridge/1 join",
            Purpose::SessionId => "peerbridge/1 session id",
            Purpose::Messages(Dialler) => "peerbridge/1 messages dialler",
            Purpose::Messages(Listener) => "peerbridge/1 messages listener",
            Purpose::Parts(Dialler) => "peerbridge/1 parts dialler",
            Purpose::Parts(Listener) => "peerbridge/1 parts listener",
            Purpose::Phrase => "peerbridge/1 phrase",
            Purpose::Return => "peerbridge/1 return",
            Purpose::ReturnName => "peerbridge/1 return name",
            Purpose::Digests => "peerbridge/1 digests",
        }
    }
}

/// The label under which a direction's key expands to the keys of one position.
const SEAL_LABEL: &str = "seal";

/// The origin of all keys of a session. Wiped when dropped.
pub(super) struct KeySchedule(PseudorandomKey);

impl KeySchedule {
    pub(super) fn new(shared: &SharedKey, transcript: &TranscriptHash) -> KeySchedule {
        KeySchedule(extract(transcript.as_bytes(), shared.as_bytes()))
    }

    /// The key for that purpose: 32 bytes, or the first `N` of them.
    pub(super) fn key<const N: usize>(&self, purpose: Purpose) -> Zeroizing<[u8; N]> {
        expand_label(&self.0, purpose.label(), &[])
    }

    /// The keys with which side `own`, this one, seals what it sends.
    pub(super) fn sealing_keys(&self, own: Side) -> SealingKeys {
        SealingKeys(Arc::new(self.direction_keys(own)))
    }

    /// The keys with which this side opens what side `peer` sends.
    pub(super) fn opening_keys(&self, peer: Side) -> OpeningKeys {
        OpeningKeys(Arc::new(self.direction_keys(peer)))
    }

    fn direction_keys(&self, sender: Side) -> DirectionKeys {
        DirectionKeys {
            messages: self.key(Purpose::Messages(sender)).into(),
            parts: self.key(Purpose::Parts(sender)).into(),
        }
    }
}

/// The keys of what one side sends.
struct DirectionKeys {
    messages: PseudorandomKey,
    parts: PseudorandomKey,
}

impl DirectionKeys {
    fn at(&self, position: Position) -> PositionKeys {
        let key = match position {
            Position::Message { .. } => &self.messages,
            Position::Part { .. } => &self.parts,
        };
        let derived: Zeroizing<[u8; 64]> = expand_label(key, SEAL_LABEL, &position.to_bytes());
        let (password, mac) = derived.split_at(32);
        let mut keys = PositionKeys {
            password: lower_hex(password),
            mac: Zeroizing::new([0; 32]),
        };
        keys.mac.copy_from_slice(mac);
        keys
    }
}

/// The keys of one message or part: nothing else is ever sealed with them. Wiped when dropped.
pub(super) struct PositionKeys {
    /// The archive's password: 64 hexadecimal digits, which every zip program accepts unchanged.
    pub(super) password: Zeroizing<[u8; 64]>,
    /// The key of the envelope's HMAC-SHA256.
    pub(super) mac: Zeroizing<[u8; 32]>,
}

/// Keys that only seal what this side sends. A clone is another handle on the same keys, for another thread;
/// they are wiped when the last handle is dropped.
#[derive(Clone)]
pub struct SealingKeys(Arc<DirectionKeys>);

impl SealingKeys {
    pub(super) fn at(&self, position: Position) -> PositionKeys {
        self.0.at(position)
    }
}

#[cfg(test)]
impl SealingKeys {
    /// Random keys.
    pub(crate) fn of_no_session() -> SealingKeys {
        let shared = SharedKey::from_bytes([0; 64]);
        KeySchedule::new(&shared, &TranscriptHash::of(b"", b"")).sealing_keys(Side::Dialler)
    }
}

/// Keys that only open what the peer sends. A clone is another handle on the same keys, for another thread;
/// they are wiped when the last handle is dropped.
#[derive(Clone)]
pub struct OpeningKeys(Arc<DirectionKeys>);

impl OpeningKeys {
    pub(super) fn at(&self, position: Position) -> PositionKeys {
        self.0.at(position)
    }
}

/// HKDF-Expand, whose info is the length of the label (u8), the label and the context.
fn expand_label<const N: usize>(
    key: &PseudorandomKey,
    label: &str,
    context: &[u8],
) -> Zeroizing<[u8; N]> {
    expand(key, &[&[len8(label.len())], label.as_bytes(), context])
}

/// Two digits for each of 32 bytes.
pub(super) fn lower_hex(bytes: &[u8]) -> Zeroizing<[u8; 64]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = Zeroizing::new([0; 64]);
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
    }
    hex
}

#[cfg(test)]
mod tests;
