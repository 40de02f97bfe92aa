//! The place of a sealed message or part in its session.

/// The position of a message or a part. Its keys are derived from its position and direction, so it opens
/// nowhere else. The same position must never be sealed twice with different contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// A message. Messages of each stream count from 0.
    Message {
        /// The number of the stream, 0 for the session's first connection.
        stream: u16,
        /// Number of earlier messages on that stream in its direction.
        sequence: u64,
    },
    /// A part of a transfer's stream.
    Part {
        /// The number of the transfer in its session, from 0.
        transfer: u32,
        /// The round in which it is sent, from 0.
        round: u32,
        /// The part's index, from 0.
        index: u64,
    },
}

impl Position {
    /// The numbers, big-endian: 10 bytes for a message, 16 for a part.
    pub(in crate::crypto) fn to_bytes(self) -> Vec<u8> {
        match self {
            Position::Message { stream, sequence } => {
                [&stream.to_be_bytes()[..], &sequence.to_be_bytes()].concat()
            }
            Position::Part {
                transfer,
                round,
                index,
            } => [
                &transfer.to_be_bytes()[..],
                &round.to_be_bytes(),
                &index.to_be_bytes(),
            ]
            .concat(),
        }
    }
}
