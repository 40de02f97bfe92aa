//! The streams of a session.

/// Number of a stream (a connection) of a session. A number is used once in a session, so that data recorded on
/// one stream never opens on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNumber(u16);

impl StreamNumber {
    /// The connection that the handshake opened.
    pub const FIRST: StreamNumber = StreamNumber(0);

    /// The number of a joined stream; `None` for 0.
    pub fn joined(number: u16) -> Option<Self> {
        (number > 0).then_some(StreamNumber(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}
