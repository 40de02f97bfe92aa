//! The messages that proven peers exchange, sealed, on the streams of a session.
//!
//! Each is one byte of kind followed by its fields, as in `docs/PROTOCOL.md`. Decoding checks every count and
//! number against [`limits`]. Checks that depend on the transfer (whether a part exists, whether a message
//! comes at the right time) belong to the floor above.

use super::manifest_chunk::ManifestChunk;
use super::{Bounded, CodecError, PeerText, StreamNumber};
use crate::crypto::{CODE_DIGITS, PieceDigest};
use crate::model::{
    EntryFailure, EntryIndex, FailureReason, Manifest, PartRange, RunId, WirePath, len32, limits,
};
use std::fmt;

mod decode;
mod encode;
#[cfg(test)]
mod tests;

/// Most padding of a [`Ping`] or a Pong, in bytes: a message less its kind, token and lengths.
pub const PADDING_BYTES: usize = limits::MESSAGE_BYTES - 17;

/// Most bytes of an Offer's fields without its entries: kind, transfer, run, part size, streams, flags, count
/// and length before the entries, the early round's checksum and failures after them.
pub(super) const OFFER_FIELDS_BYTES: usize =
    1 + 4 + 16 + 4 + 2 + 1 + 4 + 4 + 4 + 4 + limits::FAILURES * FAILURE_BYTES;

/// Bytes of a failure: its entry and reason.
const FAILURE_BYTES: usize = 4 + 1;

/// One control message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Dialler that receives: an empty message, whose seal proves the secret.
    Ready,
    /// Sender: its offer.
    Offer(Offer),
    /// Sender: further entries of the offer, until the announced number is reached.
    Entries(ManifestChunk),
    /// Receiver: it accepts the offer.
    Accept(Accept),
    /// Receiver: it declines the offer.
    Decline(Decline),
    /// Sender, on a joined stream: no more parts follow on this stream in this round.
    StreamEnd {
        /// The round that ends, below [`limits::ROUNDS`].
        round: u32,
    },
    /// Sender, on the first stream: the round ends.
    RoundEnd(RoundEnd),
    /// Sender: checks of parts that do not fit into the RoundEnd that follows.
    Checks(PartChecks),
    /// Sender: offered files that it cannot read. Comes before the RoundEnd.
    SourceFailed(Failures),
    /// Receiver: the parts that it still lacks after a round.
    Missing(Missing),
    /// Sender, in round 0: the digests of the next claimed pieces.
    Digests(Digests),
    /// Receiver: claimed parts that differ, each once. An empty list says that all claims have been compared.
    Differs(PartRanges),
    /// Receiver: the transfer was delivered.
    Done(Done),
    /// Sender: a further Offer follows.
    Next,
    /// Sender: the session ends here.
    Bye,
    /// Either: a heartbeat, or a request for a Pong.
    Ping(Ping),
    /// Either: the answer to a [`Ping`] whose token is not 0.
    Pong {
        /// The token of the Ping.
        token: u64,
        /// As many meaningless bytes as the Ping asked for, at most [`PADDING_BYTES`].
        padding: Vec<u8>,
    },
    /// Either: ends the session because of an error.
    Abort {
        /// Why: one of the numbers in `AbortCode`.
        code: u8,
        /// Why, in words.
        text: PeerText,
    },
    /// Listener, together with its Confirm: it needs a one-time code before anything else.
    CodeWanted,
    /// Dialler: its one-time code, in ASCII digits.
    Code {
        /// The digits.
        code: [u8; CODE_DIGITS],
    },
    /// Either: its user has compared the verification phrase and found it the same.
    Confirmed,
}

/// Checks of parts, at most as many as fit into one message.
pub type PartChecks = Bounded<PartCheck, { limits::CHECKS }>;

/// Runs of parts, at most as many as fit into one message; ascending, with at least one other part between two
/// runs.
pub type PartRanges = Bounded<PartRange, { limits::RANGES }>;

/// Digests of pieces, at most as many as fit into one message.
pub type Digests = Bounded<PieceDigest, { limits::DIGESTS }>;

/// Entries that failed, at most as many as fit into one message.
pub type Failures = Bounded<PeerFailure, { limits::FAILURES }>;

/// Entries that were skipped, at most as many as fit into one message.
pub type Skips = Bounded<PeerEntry, { limits::SKIPS }>;

/// New names, at most as many as fit into one message.
pub type NewNames = Bounded<NewName, { limits::NEW_NAMES }>;

/// Joined streams, ascending.
pub type StreamList = Bounded<StreamNumber, { limits::STREAMS as usize }>;

/// The offer of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Number of the transfer in its session, from 0, below [`limits::TRANSFERS`].
    pub transfer: u32,
    /// The sender's run.
    pub run: RunId,
    /// The sender's proposal for the bytes of a part, within [`limits`].
    pub part_size: u32,
    /// The sender's proposal for the number of streams: 1 to [`limits::STREAMS`].
    pub streams: u16,
    /// Whether both users must compare the verification phrase before anything is accepted.
    pub verify: bool,
    /// Whether to compare files of the same size and time as well.
    pub checksum: bool,
    /// Whether the sender only asks what the receiver has, and ends the session after the answer.
    pub dry_run: bool,
    /// How many entries the manifest has, at most [`limits::ENTRIES`].
    pub entry_count: u32,
    /// The first entries; the others follow in Entries.
    pub entries: ManifestChunk,
    /// Round 0, if it travels with the offer: its only part follows at once.
    pub early: Option<EarlyRound>,
}

/// A round of one part that travels with the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyRound {
    /// CRC-32 (ISO-HDLC) of the part's raw bytes.
    pub crc32: u32,
    /// The files that the sender could not read, or that have changed since the offer.
    pub failures: Failures,
}

/// A receiver accepts an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// Bytes of a part from now on: as proposed in the offer, or as in the journal of an earlier attempt.
    pub part_size: u32,
    /// Largest number of streams from now on: at most as many as the offer proposed.
    pub streams: u16,
    /// The parts that need neither sending nor comparing. May be incomplete: parts left out are sent again.
    pub have: PartRanges,
    /// The parts that may be present and are to be compared by digests: none that is in `have`, and together
    /// with `have` at most [`limits::RANGES`] runs.
    pub claims: PartRanges,
}

/// A receiver declines an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Why.
    pub reason: DeclineReason,
    /// Why, in words; may be empty.
    pub text: PeerText,
}

/// Why an offer is declined. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DeclineReason {
    /// A person said no.
    Person = 1,
    /// An existing entry at the destination is in the way.
    InTheWay = 2,
    /// A name of the offer is unsafe.
    UnsafeName = 3,
    /// The offer exceeds a limit of the receiver.
    Limit = 4,
    /// There is not enough room.
    NoSpace = 5,
    /// The destination cannot be written.
    CannotWrite = 6,
    /// Another receiver is busy with this transfer, or too many are busy.
    Busy = 7,
}

impl DeclineReason {
    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => DeclineReason::Person,
            2 => DeclineReason::InTheWay,
            3 => DeclineReason::UnsafeName,
            4 => DeclineReason::Limit,
            5 => DeclineReason::NoSpace,
            6 => DeclineReason::CannotWrite,
            7 => DeclineReason::Busy,
            _ => return None,
        })
    }
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeclineReason::Person => "the person on the other side declined",
            DeclineReason::InTheWay => "something there is in the way",
            DeclineReason::UnsafeName => "a name is not acceptable there",
            DeclineReason::Limit => "it exceeds a limit set there",
            DeclineReason::NoSpace => "there is not enough room there",
            DeclineReason::CannotWrite => "the destination there cannot be written",
            DeclineReason::Busy => "another receiver is receiving this transfer there already",
        })
    }
}

/// The end of a round of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundEnd {
    /// The round, below [`limits::ROUNDS`].
    pub round: u32,
    /// Length of the stream if the offer did not state it, in bytes, at most [`limits::STREAM_BYTES`].
    pub total: Option<u64>,
    /// The joined streams whose StreamEnd of this round the receiver must wait for.
    pub streams: StreamList,
    /// The checks of parts that were not in earlier Checks messages.
    pub checks: PartChecks,
}

/// The CRC-32 of a part as its sender read it, which shows that both sides have the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartCheck {
    /// Index of the part; not yet checked against a layout.
    pub index: u64,
    /// CRC-32 (ISO-HDLC) of its raw bytes.
    pub crc32: u32,
}

/// The parts that a receiver lacks after a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The round that follows: 1 to [`limits::ROUNDS`] - 1.
    pub round: u32,
    /// The parts to send in that round; at least one run.
    pub ranges: PartRanges,
}

/// The result of a transfer at the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Files that were delivered.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Files that already existed with the same size and time, or the same contents.
    pub same: u64,
    /// Entries that were skipped because other entries with their names existed.
    pub skipped: u64,
    /// Bytes that were not sent in this run, because the receiver had them and proved them.
    pub held: u64,
    /// Entries that were left out.
    pub failed: u64,
    /// The first entries that were left out.
    pub failures: Failures,
    /// The first entries that were skipped.
    pub skips: Skips,
    /// The first entries that got another name.
    pub new_names: NewNames,
}

/// An entry, as a peer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerEntry(pub u32);

impl PeerEntry {
    /// The entry in `manifest`; `None` if there is no such entry.
    pub fn check(self, manifest: &Manifest) -> Option<EntryIndex> {
        manifest.index(usize::try_from(self.0).ok()?)
    }
}

impl From<EntryIndex> for PeerEntry {
    fn from(entry: EntryIndex) -> Self {
        // Exact: a manifest has at most `limits::ENTRIES` entries.
        PeerEntry(len32(entry.get()))
    }
}

/// The last component of an entry's path at the destination, if it differs from the one in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    /// The entry.
    pub entry: PeerEntry,
    name: Box<[u8]>,
}

impl NewName {
    /// `None` if `name` is not a valid component of a path.
    pub fn new(entry: PeerEntry, name: &[u8]) -> Option<NewName> {
        let path = WirePath::parse(name).ok()?;
        (path.depth() == 0).then(|| NewName {
            entry,
            name: name.into(),
        })
    }

    /// The name, as bytes of the receiver's file system.
    pub fn as_bytes(&self) -> &[u8] {
        &self.name
    }
}

/// An entry that was left out, as named by a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerFailure {
    /// Index of the entry; not yet checked against a manifest.
    pub entry: u32,
    /// Why.
    pub reason: FailureReason,
}

impl PeerFailure {
    /// The failure with its entry in `manifest`; `None` if there is no such entry.
    pub fn check(self, manifest: &Manifest) -> Option<EntryFailure> {
        Some(EntryFailure {
            entry: PeerEntry(self.entry).check(manifest)?,
            reason: self.reason,
        })
    }
}

impl From<EntryFailure> for PeerFailure {
    fn from(failure: EntryFailure) -> Self {
        PeerFailure {
            entry: PeerEntry::from(failure.entry).0,
            reason: failure.reason,
        }
    }
}

/// A heartbeat, or a request for a Pong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// 0 for a heartbeat, which has no answer. Any other token is repeated in the Pong.
    pub token: u64,
    /// Padding of the Pong, in bytes, at most [`PADDING_BYTES`].
    pub answer_padding: u32,
    /// Meaningless bytes, at most [`PADDING_BYTES`]; further ones are not sent.
    pub padding: Vec<u8>,
}

/// Why bytes are not a message: the peer breaks the protocol, or speaks another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes end too early or too late.
    Codec(CodecError),
    /// No message has this kind.
    UnknownKind(u8),
    /// The named count or length exceeds its bound in [`limits`].
    Limit(&'static str),
    /// The named field has an impossible value.
    Value(&'static str),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::Codec(error) => write!(f, "a message is malformed: {error}"),
            MessageError::UnknownKind(kind) => write!(f, "a message is of the unknown kind {kind}"),
            MessageError::Limit(field) => write!(f, "a message exceeds a limit: {field}"),
            MessageError::Value(field) => write!(f, "a message is malformed: {field}"),
        }
    }
}

impl std::error::Error for MessageError {}

impl From<CodecError> for MessageError {
    fn from(error: CodecError) -> Self {
        MessageError::Codec(error)
    }
}

/// The first byte of each message.
mod kind {
    pub(super) const READY: u8 = 1;
    pub(super) const OFFER: u8 = 2;
    pub(super) const ENTRIES: u8 = 3;
    pub(super) const ACCEPT: u8 = 4;
    pub(super) const DECLINE: u8 = 5;
    pub(super) const STREAM_END: u8 = 6;
    pub(super) const ROUND_END: u8 = 7;
    pub(super) const CHECKS: u8 = 8;
    pub(super) const SOURCE_FAILED: u8 = 9;
    pub(super) const MISSING: u8 = 10;
    pub(super) const DONE: u8 = 11;
    pub(super) const NEXT: u8 = 12;
    pub(super) const BYE: u8 = 13;
    pub(super) const PING: u8 = 14;
    pub(super) const PONG: u8 = 15;
    pub(super) const ABORT: u8 = 16;
    pub(super) const CONFIRMED: u8 = 17;
    pub(super) const DIGESTS: u8 = 18;
    pub(super) const DIFFERS: u8 = 19;
    pub(super) const CODE_WANTED: u8 = 20;
    pub(super) const CODE: u8 = 21;
}

/// Bit of an offer's flags: compare the verification phrase.
const FLAG_VERIFY: u8 = 1;

/// Bit of an offer's flags: round 0 travels with it.
const FLAG_EARLY: u8 = 2;

/// Bit of an offer's flags: compare files of the same size and time.
const FLAG_CHECKSUM: u8 = 4;

/// Bit of an offer's flags: dry run.
const FLAG_DRY_RUN: u8 = 8;
