//! The messages that proven peers exchange, sealed, on the streams of a session.
//!
//! Each is one byte of kind and then its fields, as `docs/PROTOCOL.md` lists them. Decoding checks
//! every count and number that stands on its own against [`limits`]; what needs to know the transfer
//! (whether a part exists, whether a message comes at its time) is for the floor above.

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

/// Padding of a [`Ping`] or a Pong, in bytes at most: the message, less its kind, token and lengths.
pub const PADDING_BYTES: usize = limits::MESSAGE_BYTES - 17;

/// An Offer's fields beside the entries, at most: kind, transfer, run, part size, streams, flags, count and
/// length in front of them, the early round's checksum and failures behind.
pub(super) const OFFER_FIELDS_BYTES: usize =
    1 + 4 + 16 + 4 + 2 + 1 + 4 + 4 + 4 + 4 + limits::FAILURES * FAILURE_BYTES;

/// A failure's entry and reason.
const FAILURE_BYTES: usize = 4 + 1;

/// One control message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A dialler that receives: nothing to say, but its first sealed message proves that it can.
    Ready,
    /// Sender: what it has to give.
    Offer(Offer),
    /// Sender: further entries of the offer, until all that it announced have come.
    Entries(ManifestChunk),
    /// Receiver: it takes the offer.
    Accept(Accept),
    /// Receiver: it does not take the offer.
    Decline(Decline),
    /// Sender, on a joined stream: nothing more comes here in this round.
    StreamEnd {
        /// The round that ends, below [`limits::ROUNDS`].
        round: u32,
    },
    /// Sender, on the first stream: the round ends.
    RoundEnd(RoundEnd),
    /// Sender: checks of parts that do not fit into the RoundEnd that follows.
    Checks(PartChecks),
    /// Sender: files it could not read after all; before the RoundEnd.
    SourceFailed(Failures),
    /// Receiver: what it still lacks after a round.
    Missing(Missing),
    /// Sender, in round 0: the digests of the next pieces of what the receiver claims to have.
    Digests(Digests),
    /// Receiver: claimed parts of which it has something else; each part once.
    Differs(PartRanges),
    /// Receiver: the transfer has ended and is delivered.
    Done(Done),
    /// Sender: a further Offer follows.
    Next,
    /// Sender: the session ends here.
    Bye,
    /// Either: a sign of life, or a question for one.
    Ping(Ping),
    /// Either: the answer to a [`Ping`] whose token is not 0.
    Pong {
        /// The Ping's.
        token: u64,
        /// As many bytes as the Ping asked for, at most [`PADDING_BYTES`]; they mean nothing.
        padding: Vec<u8>,
    },
    /// Either: it gives the session up.
    Abort {
        /// Why: one of the numbers in `AbortCode`.
        code: u8,
        /// Why, in words.
        text: PeerText,
    },
    /// Listener, along with its Confirm: a one-time code is wanted before anything else.
    CodeWanted,
    /// Dialler: its one-time code, in ASCII digits.
    Code {
        /// The digits.
        code: [u8; CODE_DIGITS],
    },
    /// Either: its person has compared the verification phrase and found it the same.
    Confirmed,
}

/// Checks of parts, as many as one message takes.
pub type PartChecks = Bounded<PartCheck, { limits::CHECKS }>;

/// Runs of parts, as many as one message takes; ascending, with at least one part between two.
pub type PartRanges = Bounded<PartRange, { limits::RANGES }>;

/// Digests of pieces, as many as one message takes.
pub type Digests = Bounded<PieceDigest, { limits::DIGESTS }>;

/// Entries that failed, as many as one message takes.
pub type Failures = Bounded<PeerFailure, { limits::FAILURES }>;

/// Entries that were skipped, as many as one message takes.
pub type Skips = Bounded<PeerEntry, { limits::SKIPS }>;

/// New names, as many as one message takes.
pub type NewNames = Bounded<NewName, { limits::NEW_NAMES }>;

/// Joined streams, ascending.
pub type StreamList = Bounded<StreamNumber, { limits::STREAMS as usize }>;

/// What a sender has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Number of the transfer in its session, from 0, below [`limits::TRANSFERS`].
    pub transfer: u32,
    /// The run of the sender that this belongs to.
    pub run: RunId,
    /// Bytes of a part, as the sender would have it; within [`limits`].
    pub part_size: u32,
    /// Streams, as the sender would have it: 1 to [`limits::STREAMS`].
    pub streams: u16,
    /// Whether both persons are to compare the verification phrase before anything is accepted.
    pub verify: bool,
    /// Whether to compare files of the same size and time as well.
    pub checksum: bool,
    /// Whether the sender only asks what is there, and goes after the answer.
    pub dry_run: bool,
    /// How many entries the manifest has, at most [`limits::ENTRIES`].
    pub entry_count: u32,
    /// The first of them; the others follow in Entries.
    pub entries: ManifestChunk,
    /// Where round 0 comes along, before the offer is answered: the only part follows at once.
    pub early: Option<EarlyRound>,
}

/// What a sender says of a round of one part that goes along with its offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyRound {
    /// CRC-32 (ISO-HDLC) of the part's raw bytes.
    pub crc32: u32,
    /// The files that the sender could not read, or that are not what it offers.
    pub failures: Failures,
}

/// A receiver takes an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// Bytes of a part: the offer's, or those of the journal from an earlier attempt. It holds.
    pub part_size: u32,
    /// Streams: at most what the offer proposed. It holds.
    pub streams: u16,
    /// The parts that need not be sent, nor compared. May be incomplete: the others are sent again.
    pub have: PartRanges,
    /// The parts that may be there and are to be compared by digests: none of those in `have`, and together
    /// with them at most [`limits::RANGES`] runs.
    pub claims: PartRanges,
}

/// A receiver does not take an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Why.
    pub reason: DeclineReason,
    /// Why, in words; may be empty.
    pub text: PeerText,
}

/// Why an offer is not taken. The numbers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DeclineReason {
    /// A person said no.
    Person = 1,
    /// Something is in the way at the destination and may not be touched.
    InTheWay = 2,
    /// A name of the offer is unsafe.
    UnsafeName = 3,
    /// The offer passes a limit that the receiver was given.
    Limit = 4,
    /// There is not enough room.
    NoSpace = 5,
    /// The destination cannot be written.
    CannotWrite = 6,
    /// Another receiver is at work on this transfer, or too many are at work.
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
            DeclineReason::Person => "the person there said no",
            DeclineReason::InTheWay => "something there is in the way",
            DeclineReason::UnsafeName => "a name is not acceptable there",
            DeclineReason::Limit => "it passes a limit set there",
            DeclineReason::NoSpace => "there is not enough room there",
            DeclineReason::CannotWrite => "the destination there cannot be written",
            DeclineReason::Busy => "another receiver is at work on it there",
        })
    }
}

/// The end of a round of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundEnd {
    /// The round, below [`limits::ROUNDS`].
    pub round: u32,
    /// Bytes of the stream where the offer did not tell them, at most [`limits::STREAM_BYTES`].
    pub total: Option<u64>,
    /// The joined streams whose StreamEnd of this round the receiver must wait for.
    pub streams: StreamList,
    /// Checks of parts, after those that went ahead in Checks.
    pub checks: PartChecks,
}

/// The CRC-32 of a part as its sender read it: what shows that the two disks hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartCheck {
    /// Index of the part; not yet checked against a layout.
    pub index: u64,
    /// CRC-32 (ISO-HDLC) of its raw bytes.
    pub crc32: u32,
}

/// What a receiver lacks after a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The round that follows: 1 to [`limits::ROUNDS`] - 1.
    pub round: u32,
    /// What to send in it; at least one run.
    pub ranges: PartRanges,
}

/// A transfer has ended at the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Files that were delivered.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that were there with the same size and time, or the same contents.
    pub same: u64,
    /// Entries that were skipped because others were there.
    pub skipped: u64,
    /// How many of the bytes had not to be sent in this run: what the receiver had proved to be the same.
    pub held: u64,
    /// Entries that were left out.
    pub failed: u64,
    /// The first of those, one by one.
    pub failures: Failures,
    /// The first of the entries that were skipped.
    pub skips: Skips,
    /// The first of the entries that got another name.
    pub new_names: NewNames,
}

/// An entry, as a peer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerEntry(pub u32);

impl PeerEntry {
    /// The entry, where `manifest` has it.
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

/// The last component of an entry's path at the destination, where it is another than the entry's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    /// The entry.
    pub entry: PeerEntry,
    name: Box<[u8]>,
}

impl NewName {
    /// `None` for what is no component of a path.
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

/// An entry that was left out, as a peer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerFailure {
    /// Index of the entry; not yet checked against a manifest.
    pub entry: u32,
    /// Why.
    pub reason: FailureReason,
}

impl PeerFailure {
    /// The failure of an entry that `manifest` has; `None` when it has no such entry.
    pub fn check(self, manifest: &Manifest) -> Option<EntryFailure> {
        Some(EntryFailure {
            entry: manifest.index(usize::try_from(self.entry).ok()?)?,
            reason: self.reason,
        })
    }
}

impl From<EntryFailure> for PeerFailure {
    fn from(failure: EntryFailure) -> Self {
        PeerFailure {
            // Exact: a manifest has at most `limits::ENTRIES` entries.
            entry: len32(failure.entry.get()),
            reason: failure.reason,
        }
    }
}

/// A sign of life, or a question for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// 0: a heartbeat, not to be answered. Otherwise a Pong answers it with this token.
    pub token: u64,
    /// Bytes of padding that the Pong should have, at most [`PADDING_BYTES`].
    pub answer_padding: u32,
    /// Bytes that mean nothing, at most [`PADDING_BYTES`]; what is beyond is not sent.
    pub padding: Vec<u8>,
}

/// Why bytes are no message. Either the peer breaks the protocol or it speaks another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// They end early or go on too long.
    Codec(CodecError),
    /// No message has this kind.
    UnknownKind(u8),
    /// A count or a length is over its bound in [`limits`]; says which.
    Limit(&'static str),
    /// A field has a value that it cannot have; says which.
    Value(&'static str),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::Codec(error) => write!(f, "a message is malformed: {error}"),
            MessageError::UnknownKind(kind) => write!(f, "a message is of the unknown kind {kind}"),
            MessageError::Limit(field) => write!(f, "a message passes a limit: {field}"),
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

/// Bit of an offer's flags: round 0 comes along.
const FLAG_EARLY: u8 = 2;

/// Bit of an offer's flags: compare files of the same size and time.
const FLAG_CHECKSUM: u8 = 4;

/// Bit of an offer's flags: only a question.
const FLAG_DRY_RUN: u8 = 8;
