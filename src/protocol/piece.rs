//! The digest of a piece of a file, which is bound to its position.

use crate::crypto::{DigestKey, PieceDigest, PieceHasher, PiecePosition};
use crate::model::Segment;

/// The digest of the piece of a file that `segment` describes and whose contents are `bytes`.
pub fn piece_digest(
    key: &DigestKey,
    transfer: u32,
    segment: &Segment,
    bytes: &[u8],
) -> PieceDigest {
    let position = PiecePosition {
        transfer,
        // Both are exact: limits bound the entries of a manifest and the bytes of a part.
        entry: u32::try_from(segment.entry.get()).unwrap_or(u32::MAX),
        offset: segment.file_offset,
        length: u32::try_from(segment.length).unwrap_or(u32::MAX),
    };
    let mut hasher = PieceHasher::default();
    hasher.update(bytes);
    key.digest(position, hasher)
}
