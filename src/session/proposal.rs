//! What a sender proposes: how many streams, and how large the parts.

use super::Level;
use crate::crypto::Compression;
use crate::model::limits;

/// Up to this many bytes a part goes along with the offer, before the answer: it saves a round trip,
/// and costs little when the receiver says no.
const EARLY_BYTES: u64 = 1024 * 1024;

/// With more streams than this, parts are smaller, so that memory stays bounded.
const STREAMS_WITH_LARGE_PARTS: u16 = 4;

/// Streams beyond one for each core only help on long links.
const STREAMS_BY_DEFAULT: u16 = 4;

/// How a transfer is to be cut and carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) streams: u16,
    pub(super) part_size: u32,
}

impl Proposal {
    /// For `total` bytes (`None`: unknown), with the streams that the operator asks for or by the
    /// machine.
    pub(super) fn new(total: Option<u64>, asked: Option<u16>) -> Self {
        let most = asked
            .unwrap_or_else(default_streams)
            .clamp(1, limits::STREAMS);
        let mut part_size = if most <= STREAMS_WITH_LARGE_PARTS {
            limits::PART_BYTES_MAX
        } else {
            limits::PART_BYTES_MAX / 2
        };
        let Some(total) = total else {
            return Proposal {
                streams: 1,
                part_size,
            };
        };
        // Every stream should have a few parts to do, or none would be faster than one.
        let share = (total / (u64::from(most) * 4)).min(part_size.into());
        let share = u32::try_from(share).unwrap_or(part_size);
        part_size = share.next_power_of_two().clamp(SMALLEST_PART, part_size);
        while total.div_ceil(part_size.into()) > limits::PARTS && part_size < limits::PART_BYTES_MAX
        {
            part_size *= 2;
        }
        let parts = total.div_ceil(part_size.into());
        let streams = u16::try_from(parts / 2).unwrap_or(u16::MAX).clamp(1, most);
        Proposal { streams, part_size }
    }

    /// The same in parts of at most `bytes`, as far as that many parts are allowed.
    pub(super) fn in_parts_of(mut self, bytes: u64, total: Option<u64>) -> Self {
        let least = u64::from(limits::PART_BYTES_MIN);
        let least = least.max(total.unwrap_or(0).div_ceil(limits::PARTS));
        // Below the proposed size it fits: that is a u32.
        let size = bytes.max(least).min(self.part_size.into());
        self.part_size = size as u32;
        self
    }

    /// Whether the only part goes along with the offer.
    pub(super) fn is_early(&self, total: Option<u64>) -> bool {
        total.is_some_and(|total| (1..=EARLY_BYTES.min(self.part_size.into())).contains(&total))
    }
}

/// Below this, deriving a part's keys costs more than its contents.
const SMALLEST_PART: u32 = 1024 * 1024;

fn default_streams() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    u16::try_from(cores)
        .unwrap_or(u16::MAX)
        .clamp(2, STREAMS_BY_DEFAULT)
}

/// The zstd level for the operator's level. Beyond 9 a single stream's compressor would need more memory
/// than a whole transfer may.
pub(super) fn compression(level: Level) -> Compression {
    match level {
        Level::Fixed(0) => Compression::Stored,
        Level::Fixed(level) => Compression::Zstd(level.min(9).into()),
        Level::Auto => Compression::Zstd(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_transfers_take_one_stream_and_go_early() {
        let proposal = Proposal::new(Some(1024), None);
        assert_eq!(proposal.streams, 1);
        assert!(proposal.is_early(Some(1024)));
        assert!(!proposal.is_early(Some(0)));
        assert!(!proposal.is_early(None));
    }

    #[test]
    fn every_size_has_a_layout() {
        for shift in 0..47 {
            let total = 1u64 << shift;
            for streams in [None, Some(1), Some(4), Some(64)] {
                let proposal = Proposal::new(Some(total), streams);
                let layout = crate::model::PartLayout::known(total, proposal.part_size);
                assert!(layout.is_ok(), "{total} {proposal:?}");
                assert!((1..=64).contains(&proposal.streams));
            }
        }
    }

    #[test]
    fn parts_get_smaller_for_a_slow_line_but_not_too_many() {
        let size = |total, bytes| {
            Proposal::new(total, None)
                .in_parts_of(bytes, total)
                .part_size
        };
        assert_eq!(size(Some(1 << 30), 1), limits::PART_BYTES_MIN);
        assert_eq!(size(Some(1 << 30), 1 << 20), 1 << 20);
        assert_eq!(size(Some(1 << 30), u64::MAX), limits::PART_BYTES_MAX);
        let total = 1 << 46;
        let layout = crate::model::PartLayout::known(total, size(Some(total), 1));
        assert!(layout.is_ok());
    }

    #[test]
    fn every_level_is_one() {
        assert_eq!(compression(Level::Fixed(0)), Compression::Stored);
        assert_eq!(compression(Level::Fixed(9)), Compression::Zstd(9));
        assert_eq!(compression(Level::Fixed(200)), Compression::Zstd(9));
    }
}
