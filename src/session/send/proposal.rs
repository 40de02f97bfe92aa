//! The sender's proposal: how many streams, and how large the parts are.

use crate::model::limits;
use crate::session::line::NO_ADDRESS;
use crate::session::tuning::stream_pool::StreamLimit;
use std::net::SocketAddr;

/// Up to this many bytes, the only part goes along with the offer. This saves a round trip, and costs little if
/// the receiver declines.
const EARLY_BYTES: u64 = limits::EARLY_PART_BYTES as u64;

/// Below this size, deriving a part's keys costs more than its contents.
const SMALLEST_PART: u32 = 1024 * 1024;

/// With more streams than this, parts are smaller, so that memory stays bounded: every stream holds one part in
/// memory, or two if it compresses.
const STREAMS_WITH_LARGE_PARTS: u16 = 4;

/// With more streams than this, parts do not have the largest size, for the same reason.
const STREAMS_WITH_LARGEST_PARTS: u16 = 2;

/// Streams within one machine. More would not help: there is no slow line, only cores to use.
const STREAMS_WITHIN: u16 = 4;

/// How many streams a sender proposes, and how large the parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) limit: StreamLimit,
    pub(crate) part_size: u32,
}

impl Proposal {
    /// For `total` bytes (`None`: unknown) to `peer`. Without `asked`, throughput decides how many streams are
    /// used. `room` is the most that this process may open.
    pub(crate) fn new(total: Option<u64>, asked: Option<u16>, peer: SocketAddr, room: u16) -> Self {
        let limit = match asked {
            _ if peer == NO_ADDRESS => StreamLimit::Fixed(1),
            Some(count) => StreamLimit::Fixed(count.clamp(1, limits::STREAMS)),
            None if peer.ip().is_loopback() => StreamLimit::Fixed(streams_within()),
            None => StreamLimit::UpTo(limits::STREAMS),
        };
        let limit = limit.at_most(room);
        let large = match limit.most() {
            most if most <= STREAMS_WITH_LARGEST_PARTS => limits::PART_BYTES_MAX,
            most if most <= STREAMS_WITH_LARGE_PARTS => limits::PART_BYTES_MAX / 2,
            _ => limits::PART_BYTES_MAX / 4,
        };
        let Some(total) = total else {
            // One stream is enough: the next part is filled while one is sent.
            return Proposal {
                limit: StreamLimit::Fixed(1),
                part_size: large.min(limits::PART_BYTES_MAX / 2),
            };
        };
        let part_size = part_size(total, limit, large);
        // Every stream needs a few parts, or several would be no faster than one.
        let parts = total.div_ceil(part_size.into());
        let useful = u16::try_from(parts / 2).unwrap_or(u16::MAX);
        Proposal {
            limit: limit.at_most(useful),
            part_size,
        }
    }

    /// The same in parts of at most `bytes`, unless that makes too many parts.
    pub(crate) fn in_parts_of(mut self, bytes: u64, total: Option<u64>) -> Self {
        let least = u64::from(limits::PART_BYTES_MIN);
        let least = least.max(total.unwrap_or(0).div_ceil(limits::PARTS));
        let size = u32::try_from(bytes.max(least)).unwrap_or(u32::MAX);
        self.part_size = self.part_size.min(size);
        self
    }

    /// Whether the only part goes along with the offer.
    pub(crate) fn is_early(&self, total: Option<u64>) -> bool {
        total.is_some_and(|total| (1..=EARLY_BYTES.min(self.part_size.into())).contains(&total))
    }
}

/// Large parts for large transfers, so that keys cost little. Smaller ones if there would be too few parts for all
/// streams.
fn part_size(total: u64, limit: StreamLimit, large: u32) -> u32 {
    const PARTS_FOR_EACH: u64 = 8;
    let streams = u64::from(limit.most().min(STREAMS_WITH_LARGE_PARTS));
    let share = (total / (streams * PARTS_FOR_EACH)).min(large.into());
    let share = u32::try_from(share).unwrap_or(large);
    let mut size = share.next_power_of_two().clamp(SMALLEST_PART, large);
    while total.div_ceil(size.into()) > limits::PARTS && size < limits::PART_BYTES_MAX {
        size *= 2;
    }
    size
}

fn streams_within() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    u16::try_from(cores)
        .unwrap_or(u16::MAX)
        .clamp(2, STREAMS_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> SocketAddr {
        "192.0.2.1:8080".parse().unwrap()
    }

    #[test]
    fn small_transfers_take_one_stream_and_go_early() {
        let proposal = Proposal::new(Some(1024), None, far(), limits::STREAMS);
        assert_eq!(proposal.limit, StreamLimit::Fixed(1));
        assert!(proposal.is_early(Some(1024)));
        assert!(!proposal.is_early(Some(0)));
        assert!(!proposal.is_early(None));
    }

    #[test]
    fn every_size_has_a_layout() {
        for shift in 0..47 {
            let total = 1u64 << shift;
            for streams in [None, Some(1), Some(4), Some(64)] {
                let proposal = Proposal::new(Some(total), streams, far(), limits::STREAMS);
                let layout = crate::model::PartLayout::known(total, proposal.part_size);
                assert!(layout.is_ok(), "{total} {proposal:?}");
                assert!((1..=64).contains(&proposal.limit.most()));
            }
        }
    }

    #[test]
    fn no_more_streams_are_proposed_than_can_be_opened() {
        for asked in [None, Some(32)] {
            let proposal = |room| Proposal::new(Some(1 << 40), asked, far(), room).limit;
            assert_eq!(proposal(8).most(), 8);
            assert_eq!(proposal(1), StreamLimit::Fixed(1));
            assert_eq!(proposal(64).most(), asked.unwrap_or(64));
        }
    }

    #[test]
    fn parts_get_smaller_for_a_slow_line_but_not_too_many() {
        let size = |total, bytes| {
            Proposal::new(total, None, far(), limits::STREAMS)
                .in_parts_of(bytes, total)
                .part_size
        };
        assert_eq!(size(Some(1 << 30), 1), limits::PART_BYTES_MIN);
        assert_eq!(size(Some(1 << 30), 1 << 20), 1 << 20);
        assert_eq!(size(Some(1 << 30), u64::MAX), limits::PART_BYTES_MAX / 4);
        let total = 1 << 46;
        let layout = crate::model::PartLayout::known(total, size(Some(total), 1));
        assert!(layout.is_ok());
    }
}
