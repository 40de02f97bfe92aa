//! The hash of everything that both sides sent in the clear.

use crate::model::{len8, len32};
use sha2::{Digest, Sha256};

/// Keeps this hash apart from every other use of SHA-256.
const LABEL: &str = "peerbridge/1 transcript";

/// SHA-256 over both Hello bodies. The key schedule is salted with it and the confirmations cover
/// it, so two sides that saw different Hellos never prove themselves to each other. Not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranscriptHash([u8; 32]);

impl TranscriptHash {
    /// Hashes the label after its length (u8), and each body after its length (u32, big-endian), the dialler's
    /// first. A Hello body fits in a frame, so its length fits in a u32.
    #[must_use]
    pub fn of(dialler_hello: &[u8], listener_hello: &[u8]) -> TranscriptHash {
        let mut hasher = Sha256::new();
        hasher.update([len8(LABEL.len())]);
        hasher.update(LABEL);
        for hello in [dialler_hello, listener_hello] {
            hasher.update(len32(hello.len()).to_be_bytes());
            hasher.update(hello);
        }
        TranscriptHash(hasher.finalize().into())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_as_documented() {
        let text = b"\x17peerbridge/1 transcript\0\0\0\x02di\0\0\0\x03lis";
        let expected: [u8; 32] = Sha256::digest(text).into();
        assert_eq!(TranscriptHash::of(b"di", b"lis").as_bytes(), &expected);
    }

    #[test]
    fn the_bodies_are_kept_apart_and_in_order() {
        let hash = TranscriptHash::of(b"ab", b"c");
        assert_ne!(hash, TranscriptHash::of(b"a", b"bc"));
        assert_ne!(hash, TranscriptHash::of(b"c", b"ab"));
        assert_eq!(hash, TranscriptHash::of(b"ab", b"c"));
    }
}
