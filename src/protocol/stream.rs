//! The streams of a session.

use crate::model::limits;

/// Number of a stream (a connection) of a session, below [`limits::STREAMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNumber(u16);

impl StreamNumber {
    /// The connection that the handshake opened.
    pub const FIRST: StreamNumber = StreamNumber(0);

    /// Takes a number as that of a stream that is joined to the first; `None` when it is 0 or not
    /// below [`limits::STREAMS`].
    pub fn joined(number: u16) -> Option<Self> {
        (1..limits::STREAMS)
            .contains(&number)
            .then_some(StreamNumber(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// The numbers of a session that are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSet(u64);

impl StreamSet {
    /// Uses a number up; false when it was used before.
    pub fn insert(&mut self, stream: StreamNumber) -> bool {
        const { assert!(limits::STREAMS as u32 <= u64::BITS) };
        let bit = 1 << stream.0;
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_streams_have_numbers_from_1_to_63() {
        assert_eq!(StreamNumber::joined(0), None);
        assert_eq!(StreamNumber::joined(1).map(StreamNumber::get), Some(1));
        assert_eq!(StreamNumber::joined(63).map(StreamNumber::get), Some(63));
        assert_eq!(StreamNumber::joined(64), None);
        assert_eq!(StreamNumber::joined(u16::MAX), None);
    }

    #[test]
    fn a_number_is_used_once() {
        let mut used = StreamSet::default();
        for number in [StreamNumber::FIRST, StreamNumber(1), StreamNumber(63)] {
            assert!(used.insert(number));
            assert!(!used.insert(number));
        }
    }
}
