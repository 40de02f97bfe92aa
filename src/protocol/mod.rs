//! Floor 2: the protocol, version 2, as bytes and states, without I/O.
//!
//! A connection carries frames. Those of the handshake ([`DiallerWaitsForHello`], [`ListenerStart`]) end in
//! the keys of a session, or add a stream to a session ([`DiallerJoins`], [`JoinRequest`]). From then on a
//! frame is a sealed [`Message`] or a sealed part. `docs/PROTOCOL.md` specifies all of it.

mod abort_code;
mod bounded;
mod codec;
mod discovery;
mod frame;
mod handshake;
mod manifest_chunk;
mod manifest_code;
mod message;
mod piece;
mod stream;
#[cfg(test)]
mod test_random;
mod text;

pub use abort_code::AbortCode;
pub use bounded::Bounded;
pub use codec::CodecError;
pub use discovery::{DATAGRAM_LENGTH, Datagram, DatagramKind, Instance, Nonce, Presence};
pub use frame::{
    FRAME_HEADER_LENGTH, FrameBounds, FrameError, FrameHeader, FrameKind, MESSAGE_HEAD_LENGTH,
    PartId, Stage, frame, message_head, part_head, split_message, split_part,
};
pub use handshake::{
    DiallerJoins, DiallerName, DiallerRole, DiallerUnproven, DiallerWaitsForHello, HandshakeError,
    JoinRequest, ListenerStart, ListenerUnproven, Role,
};
pub use manifest_chunk::ManifestChunk;
pub use manifest_code::{
    EntryCost, ManifestCodeError, ManifestDecoder, ManifestEncoder, transfer_id,
};
pub use message::{
    Accept, Decline, DeclineReason, Digests, Done, EarlyRound, Failures, Message, MessageError,
    Missing, NewName, NewNames, Offer, PADDING_BYTES, PartCheck, PartChecks, PartRanges,
    PeerFailure, Ping, RoundEnd, Skips, StreamList,
};
pub use piece::piece_digest;
pub use stream::StreamNumber;
pub use text::PeerText;
