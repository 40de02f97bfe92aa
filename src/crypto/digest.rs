//! Digests of pieces of files, with which a receiver checks that it has the same bytes as the sender.

use super::mac::hmac_sha256;
use hmac::Mac;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The length of a piece's digest, in bytes.
pub const DIGEST_LENGTH: usize = 16;

/// The digest of a piece of a file, bound to its place, its transfer and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceDigest(pub [u8; DIGEST_LENGTH]);

impl PieceDigest {
    /// Stands for the digest of a piece that the sender cannot read. Real contents have this digest only by
    /// chance, one in 2^128.
    pub const UNREADABLE: PieceDigest = PieceDigest([0; DIGEST_LENGTH]);
}

/// The place of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiecePosition {
    /// The number of the transfer in its session.
    pub transfer: u32,
    /// The file's index in the manifest.
    pub entry: u32,
    /// Offset of the piece in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// The key of a session's digests. A clone is a further handle on it; it is wiped with the last one.
#[derive(Clone)]
pub struct DigestKey(Arc<Zeroizing<[u8; 32]>>);

impl DigestKey {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> DigestKey {
        DigestKey(Arc::new(key))
    }

    /// The digest of the piece at `position` whose contents `hasher` has taken.
    #[must_use]
    pub fn digest(&self, position: PiecePosition, hasher: PieceHasher) -> PieceDigest {
        let mut mac = hmac_sha256(&**self.0);
        mac.update(&position.transfer.to_be_bytes());
        mac.update(&position.entry.to_be_bytes());
        mac.update(&position.offset.to_be_bytes());
        mac.update(&position.length.to_be_bytes());
        mac.update(&hasher.0.finalize());
        let mut digest = [0; DIGEST_LENGTH];
        digest.copy_from_slice(&mac.finalize().into_bytes()[..DIGEST_LENGTH]);
        PieceDigest(digest)
    }
}

#[cfg(test)]
impl DigestKey {
    /// The same each time.
    pub(crate) fn of_no_session() -> DigestKey {
        DigestKey::new(Zeroizing::new([7; 32]))
    }
}

/// Takes the contents of a piece, slice by slice.
#[derive(Clone, Default)]
pub struct PieceHasher(Sha256);

impl PieceHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: PiecePosition = PiecePosition {
        transfer: 1,
        entry: 2,
        offset: 3,
        length: 4,
    };

    fn digest(key: u8, position: PiecePosition, slices: &[&[u8]]) -> PieceDigest {
        let mut hasher = PieceHasher::default();
        slices.iter().for_each(|slice| hasher.update(slice));
        DigestKey::new(Zeroizing::new([key; 32])).digest(position, hasher)
    }

    #[test]
    fn it_depends_on_the_contents_and_not_on_how_they_were_read() {
        let whole = digest(7, HERE, &[b"abcd"]);
        assert_eq!(digest(7, HERE, &[b"a", b"bc", b"", b"d"]), whole);
        assert_ne!(digest(7, HERE, &[b"abce"]), whole);
    }

    #[test]
    fn it_is_bound_to_key_and_position() {
        let whole = digest(7, HERE, &[b"abcd"]);
        assert_ne!(digest(8, HERE, &[b"abcd"]), whole);
        for elsewhere in [
            PiecePosition {
                transfer: 0,
                ..HERE
            },
            PiecePosition { entry: 0, ..HERE },
            PiecePosition { offset: 0, ..HERE },
            PiecePosition { length: 0, ..HERE },
        ] {
            assert_ne!(digest(7, elsewhere, &[b"abcd"]), whole);
        }
    }
}
