//! What a session tells while it runs, and what it asks.

use crate::model::Existing;
use crate::session::error::{Expansion, SessionError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whoever runs this side of a session: a person, a script, a program. Called from several threads;
/// events must be taken without waiting, since the transfer waits meanwhile.
pub trait Operator: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>) {
        let _ = event;
    }

    /// Whether to take what the peer offers. While it is decided the peer is kept waiting.
    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        let _ = offer;
        Acceptance::Accept
    }

    /// Names are taken and the policy is to fail: what to do instead, or `None` to decline.
    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        let _ = conflicts;
        None
    }

    /// Whether to open an archive that grows out of all proportion.
    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        let _ = growth;
        Acceptance::Decline
    }

    /// Whether a person finds `phrase` the same on the other side. Both sides show it, and nothing is
    /// sent or taken before both agree. While it is compared the peer is kept waiting.
    fn compare(&self, phrase: &str) -> Comparison {
        let _ = phrase;
        Comparison::Different
    }

    /// A transfer to here has ended, well or not, and its sender knows. May take its time: only this
    /// peer's next transfer waits.
    fn received(&self, reception: &Reception<'_>) {
        let _ = reception;
    }
}

/// What a person finds who compares the verification phrase with the other side's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the same on both sides: nobody sits in between.
    Same,
    /// It differs, or nobody compared it.
    Different,
}

/// A transfer to here that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// The other end.
    pub peer: SocketAddr,
    /// The name of the secret that it proved, where secrets have names.
    pub name: Option<&'a str>,
    /// How it went, or what stood in the way.
    pub outcome: Result<&'a Summary, &'a SessionError>,
}

/// An [`Operator`] that takes everything and says nothing.
pub struct Unattended;

impl Operator for Unattended {}

/// The answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Take it.
    Accept,
    /// Don't.
    Decline,
}

/// Something that happened in a session. Paths from a peer or the disk are raw bytes: escape them
/// before they are shown.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Connections are awaited.
    Listening {
        /// On these addresses, with the real port.
        addresses: &'a [SocketAddr],
    },
    /// A TCP connection stands; nothing is proven yet.
    Connected {
        /// The other end.
        peer: SocketAddr,
    },
    /// Somebody did not prove the secret.
    ProofFailed {
        /// The other end.
        peer: SocketAddr,
        /// How many so far.
        count: u32,
    },
    /// Both sides proved that they know the secret.
    Authenticated {
        /// The other end.
        peer: SocketAddr,
    },
    /// What is to be transferred is known: on the sender when it was offered, on the receiver before
    /// it is accepted.
    Offer(&'a OfferSummary),
    /// The offer was accepted.
    Accepted {
        /// Connections side by side.
        streams: u16,
        /// Bytes of contents that need not be sent: the receiver has them, or does not want them.
        present_bytes: u64,
    },
    /// Bytes moved. Told for every part: readers draw as often as they like.
    Progress(Progress),
    /// What became of one entry; told by the receiver for each file and link, by the sender only for
    /// failures.
    File {
        /// Its path in the transfer.
        path: &'a [u8],
        /// Its size.
        bytes: u64,
        /// What became of it.
        result: FileResult,
    },
    /// Something that the operator should know but that ends nothing.
    Warning {
        /// What, in a line.
        message: &'a str,
    },
    /// A transfer did not end here, and what arrived of it waits for the same transfer to be tried
    /// again; told by the receiver, before the error itself.
    Kept {
        /// The folder that it waits in.
        path: &'a Path,
    },
    /// The connection was lost and is tried again.
    Reconnecting {
        /// Which try this is, from 1.
        attempt: u32,
        /// How long the pause before it is.
        pause: Duration,
    },
    /// A transfer ended.
    Finished(&'a Summary),
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of contents that are there, resumed ones included.
    pub bytes: u64,
    /// Bytes of contents in all; `None` while unknown.
    pub total: Option<u64>,
    /// Bytes that went over the network so far, all streams together.
    pub wire_bytes: u64,
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileResult {
    /// It is there, new, complete and verified.
    Delivered,
    /// It was there already.
    Identical,
    /// Another one was there and was kept.
    Skipped,
    /// It was left out.
    Failed {
        /// Why.
        why: String,
    },
}

/// An offer in a few words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferSummary {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// Names of the outermost entries, the first few, raw bytes.
    pub names: Vec<Vec<u8>>,
    /// How many outermost entries there are.
    pub tops: usize,
    /// Files in all.
    pub files: u64,
    /// Folders in all.
    pub folders: u64,
    /// Links in all.
    pub links: u64,
    /// Bytes of contents; `None` while unknown.
    pub bytes: Option<u64>,
}

/// Names that are taken at the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// The first few, relative to the destination, raw bytes.
    pub names: Vec<Vec<u8>>,
    /// How many in all.
    pub count: usize,
}

/// How a transfer went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// Name of the first outermost entry, raw bytes.
    pub name: Vec<u8>,
    /// Files delivered; on the sender, as the receiver tells.
    pub files: u64,
    /// Bytes of contents delivered.
    pub bytes: u64,
    /// Bytes that went over the network in this run.
    pub wire_bytes: u64,
    /// How many of them an earlier run had brought that broke off; files that were whole before are none of
    /// them. The same on both sides.
    pub resumed_bytes: u64,
    /// How long it took, from the first acceptance on.
    pub elapsed: Duration,
    /// Connections side by side at the end.
    pub streams: u16,
    /// Entries that were left out, by either side.
    pub left_out: u64,
    /// How many of those the sender could not read whole.
    pub lost_sources: u64,
    /// Entries that were skipped because others were there.
    pub skipped: u64,
    /// Absolute paths of the outermost entries as they were delivered; empty on the sender.
    pub delivered: Vec<PathBuf>,
}
