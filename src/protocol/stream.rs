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
}
