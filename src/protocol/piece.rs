//! The position of a piece of a file, to which its digest is bound.

use crate::crypto::PiecePosition;
use crate::model::Segment;

/// The position of the piece of a file that `segment` describes.
pub fn piece_position(transfer: u32, segment: &Segment) -> PiecePosition {
    PiecePosition {
        transfer,
        // Both are exact: limits bound the entries of a manifest and the bytes of a part.
        entry: u32::try_from(segment.entry.get()).unwrap_or(u32::MAX),
        offset: segment.file_offset,
        length: u32::try_from(segment.length).unwrap_or(u32::MAX),
    }
}
