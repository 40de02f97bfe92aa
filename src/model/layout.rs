//! How a stream is cut into parts, and which bytes of which files a part holds.

use super::{Manifest, Segment, in_memory, limits};
use std::fmt;
use std::ops::{Range, RangeInclusive};

/// Index of a part that exists in its layout. Only [`PartLayout::part`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartIndex(u64);

impl PartIndex {
    /// The index as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A run of parts: `length` parts from `start` on. Plain numbers, not yet checked against a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRange {
    /// Index of the first part.
    pub start: u64,
    /// Number of parts, at least 1.
    pub length: u64,
}

impl PartRange {
    /// Every part that any transfer may have. A receiver that names these as present wants nothing of a stream
    /// of unknown length.
    pub const ALL: PartRange = PartRange {
        start: 0,
        length: limits::PARTS,
    };
}

/// The cut of a stream into parts of equal size, the last one shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLayout {
    total: Option<u64>,
    part_size: u32,
}

impl PartLayout {
    /// The layout of a stream of `total` bytes in parts of `part_size` bytes.
    ///
    /// # Errors
    /// [`LayoutError`] if a number is outside [`limits`].
    pub fn known(total: u64, part_size: u32) -> Result<Self, LayoutError> {
        check_part_size(part_size)?;
        if total > limits::STREAM_BYTES || total.div_ceil(part_size.into()) > limits::PARTS {
            return Err(LayoutError::TooLarge);
        }
        Ok(PartLayout {
            total: Some(total),
            part_size,
        })
    }

    /// The layout of a stream of unknown length: every part up to the limit exists, and each except the last is
    /// full.
    ///
    /// # Errors
    /// [`LayoutError`] if the part size is outside [`limits`].
    pub fn open(part_size: u32) -> Result<Self, LayoutError> {
        check_part_size(part_size)?;
        Ok(PartLayout {
            total: None,
            part_size,
        })
    }

    /// Bytes of the whole stream; `None` while unknown.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Bytes of a full part.
    pub fn part_size(&self) -> u32 {
        self.part_size
    }

    /// Number of parts; for an open stream, the largest possible number.
    pub fn count(&self) -> u64 {
        match self.total {
            Some(total) => total.div_ceil(self.part_size.into()),
            None => limits::PARTS,
        }
    }

    /// Takes a number as the index of a part.
    ///
    /// # Errors
    /// [`LayoutError::NoSuchPart`] if the layout has no such part.
    pub fn part(&self, index: u64) -> Result<PartIndex, LayoutError> {
        if index < self.count() {
            Ok(PartIndex(index))
        } else {
            Err(LayoutError::NoSuchPart)
        }
    }

    /// Takes a run of numbers as the first and the last of these parts.
    ///
    /// # Errors
    /// [`LayoutError::NoSuchPart`] if the run is empty, or the layout lacks one of its parts.
    pub fn run(&self, range: PartRange) -> Result<RangeInclusive<PartIndex>, LayoutError> {
        let end = range.start.checked_add(range.length);
        let last = end.and_then(|end| end.checked_sub(1));
        let (first, last) = (range.start, last.ok_or(LayoutError::NoSuchPart)?);
        match first <= last {
            true => Ok(self.part(first)?..=self.part(last)?),
            false => Err(LayoutError::NoSuchPart),
        }
    }

    /// Each part of a run, ascending.
    pub fn each(run: RangeInclusive<PartIndex>) -> impl Iterator<Item = PartIndex> {
        (run.start().0..=run.end().0).map(PartIndex)
    }

    /// The parts that hold a byte of this range of the stream; `None` if it is empty or beyond the end.
    pub fn holding(&self, bytes: Range<u64>) -> Option<RangeInclusive<PartIndex>> {
        if bytes.is_empty() {
            return None;
        }
        let size = u64::from(self.part_size);
        let start = bytes.start / size;
        let length = bytes.end.div_ceil(size) - start;
        self.run(PartRange { start, length }).ok()
    }

    /// All parts, ascending.
    pub fn parts(&self) -> impl Iterator<Item = PartIndex> + use<> {
        (0..self.count()).map(PartIndex)
    }

    /// The part's range in the stream, in bytes. In an open stream every part is taken to be full.
    pub fn range(&self, part: PartIndex) -> Range<u64> {
        let size = u64::from(self.part_size);
        let start = part.0 * size;
        let end = (start + size).min(self.total.unwrap_or(limits::STREAM_BYTES));
        start..end
    }

    /// Length of the part, in bytes; in an open stream, of a full part.
    pub fn length(&self, part: PartIndex) -> usize {
        let range = self.range(part);
        in_memory(range.end - range.start)
    }

    /// Bytes of all parts in `parts` together.
    pub fn bytes_of(&self, parts: impl IntoIterator<Item = PartRange>) -> u64 {
        let size = u64::from(self.part_size);
        let limit = self.total.unwrap_or(limits::STREAM_BYTES);
        let bytes = |range: PartRange| {
            let end = (range.start + range.length).saturating_mul(size).min(limit);
            end.saturating_sub(range.start.saturating_mul(size))
        };
        parts.into_iter().map(bytes).sum()
    }

    /// The pieces of files that make up the part, in order. Empty files have no piece.
    pub fn segments<'a>(
        &self,
        manifest: &'a Manifest,
        part: PartIndex,
    ) -> impl Iterator<Item = Segment> + use<'a> {
        manifest.segments(self.range(part))
    }
}

/// Why a number is not a valid part, size or layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The part size is outside [`limits::PART_BYTES_MIN`] to [`limits::PART_BYTES_MAX`].
    PartSize,
    /// The stream has more than [`limits::STREAM_BYTES`] or [`limits::PARTS`].
    TooLarge,
    /// No part has this index.
    NoSuchPart,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayoutError::PartSize => "the part size is outside the limits",
            LayoutError::TooLarge => "the transfer is too large",
            LayoutError::NoSuchPart => "there is no such part",
        })
    }
}

impl std::error::Error for LayoutError {}

fn check_part_size(part_size: u32) -> Result<(), LayoutError> {
    if (limits::PART_BYTES_MIN..=limits::PART_BYTES_MAX).contains(&part_size) {
        Ok(())
    } else {
        Err(LayoutError::PartSize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PartSet;
    use super::*;

    const SIZE: u32 = limits::PART_BYTES_MIN;

    #[test]
    fn last_part_is_shorter() {
        let layout = PartLayout::known(u64::from(SIZE) * 2 + 1, SIZE).unwrap();
        assert_eq!(layout.count(), 3);
        assert_eq!(layout.length(layout.part(1).unwrap()), SIZE as usize);
        assert_eq!(layout.length(layout.part(2).unwrap()), 1);
        assert_eq!(layout.part(3), Err(LayoutError::NoSuchPart));
        assert_eq!(layout.part(u64::MAX), Err(LayoutError::NoSuchPart));
    }

    #[test]
    fn bytes_of_parts_know_the_short_last_one() {
        let layout = PartLayout::known(u64::from(SIZE) * 2 + 1, SIZE).unwrap();
        let mut parts = PartSet::new();
        assert_eq!(layout.bytes_of(parts.ranges()), 0);
        parts.insert(layout.part(0).unwrap());
        parts.insert(layout.part(2).unwrap());
        assert_eq!(layout.bytes_of(parts.ranges()), u64::from(SIZE) + 1);
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(PartLayout::known(1, 0), Err(LayoutError::PartSize));
        assert_eq!(PartLayout::known(1, SIZE - 1), Err(LayoutError::PartSize));
        assert_eq!(
            PartLayout::known(1, limits::PART_BYTES_MAX + 1),
            Err(LayoutError::PartSize)
        );
        assert_eq!(
            PartLayout::known(u64::MAX, SIZE),
            Err(LayoutError::TooLarge)
        );
        assert_eq!(
            PartLayout::known(limits::PARTS * u64::from(SIZE) + 1, SIZE),
            Err(LayoutError::TooLarge)
        );
        assert_eq!(PartLayout::known(0, SIZE).unwrap().count(), 0);
    }

    #[test]
    fn a_run_has_parts_and_all_of_them_exist() {
        let layout = PartLayout::known(u64::from(SIZE) * 3, SIZE).unwrap();
        let run = |start, length| {
            let run = layout.run(PartRange { start, length }).ok();
            run.map(|run| (run.start().get(), run.end().get()))
        };
        assert_eq!(run(0, 3), Some((0, 2)));
        assert_eq!(run(2, 1), Some((2, 2)));
        for (start, length) in [(0, 0), (1, 0), (2, 2), (3, 1), (1, u64::MAX)] {
            assert_eq!(run(start, length), None, "{start} {length}");
        }
    }

    #[test]
    fn parts_that_hold_bytes_are_those_with_the_first_and_the_last_and_between() {
        let layout = PartLayout::known(u64::from(SIZE) * 3, SIZE).unwrap();
        let size = u64::from(SIZE);
        let holding = |bytes: Range<u64>| {
            let parts = layout.holding(bytes);
            parts.map(|parts| (parts.start().get(), parts.end().get()))
        };
        assert_eq!(holding(0..size), Some((0, 0)));
        assert_eq!(holding(size - 1..size + 1), Some((0, 1)));
        assert_eq!(holding(1..size * 3), Some((0, 2)));
        assert_eq!(holding(5..5), None);
        assert_eq!(holding(size * 3..size * 3 + 1), None);
    }

    #[test]
    fn open_streams_have_parts_up_to_the_limit() {
        let layout = PartLayout::open(SIZE).unwrap();
        assert!(layout.part(limits::PARTS - 1).is_ok());
        assert!(layout.part(limits::PARTS).is_err());
    }
}
