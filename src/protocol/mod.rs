//! Floor 2: the protocol, version 1, as bytes and states, without I/O.
//!
//! `docs/PROTOCOL.md` is the same in words.

mod bounded;
mod codec;
mod manifest_code;
mod message;
mod stream;
#[cfg(test)]
mod test_random;
mod text;

pub use bounded::Bounded;
pub use codec::CodecError;
pub use manifest_code::{
    ManifestChunk, ManifestCodeError, ManifestDecoder, ManifestEncoder, transfer_id,
};
pub use message::{
    Accept, Decline, DeclineReason, Done, Failures, Message, MessageError, Missing, Offer,
    PADDING_BYTES, PartCheck, PartChecks, PartRanges, PeerFailure, Ping, RoundEnd, StreamList,
};
pub use stream::StreamNumber;
pub use text::PeerText;
