//! What a session tells while it runs, and what it asks.

use crate::model::Existing;
use crate::session::error::{Expansion, SessionError};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The person, script or program that runs this side of a session. Called from several threads. The transfer
/// waits while an event is taken.
pub trait Operator: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>) {
        let _ = event;
    }

    /// Whether to take what the peer offers. The peer waits meanwhile.
    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        let _ = offer;
        Acceptance::Accept
    }

    /// Names are taken and the policy is to fail: what to do instead, or `None` to decline.
    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        let _ = conflicts;
        None
    }

    /// Whether to open an archive that grows out of proportion.
    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        let _ = growth;
        Acceptance::Decline
    }

    /// Whether a person finds `phrase` the same on the other side. Both sides show it, and nothing is
    /// sent or taken before both agree. The peer waits meanwhile.
    fn compare(&self, phrase: &str) -> Comparison {
        let _ = phrase;
        Comparison::Different
    }

    /// A transfer to this side has ended, well or not, and its sender knows. Only this peer's next transfer
    /// waits meanwhile.
    fn received(&self, reception: &Reception<'_>) {
        let _ = reception;
    }
}

/// The result of comparing the verification phrase with the other side's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the same on both sides: nobody sits in between.
    Same,
    /// It differs, or nobody compared it.
    Different,
}

/// A transfer to this side that has ended.
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
    /// This side listens for connections.
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
    /// A peer with the same code is being looked for, and was not met for a while.
    StillLooking(&'a StillLooking),
    /// Both sides proved that they know the secret.
    Authenticated {
        /// The other end.
        peer: SocketAddr,
    },
    /// The contents of a transfer are known: on the sender when they were offered, on the receiver before
    /// they are accepted.
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
    /// A transfer did not come to its end, and what arrived of it is kept for the next try; told by the
    /// receiver, before the error itself.
    Kept {
        /// The folder that keeps it.
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

/// What is known while a peer with the same code is not met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillLooking {
    /// What was sent and heard.
    pub sights: Sights,
    /// Where this side listens.
    pub listening: Vec<SocketAddr>,
    /// Peers with the same channel that were found and could not be reached: the first few.
    pub unreachable: Vec<SocketAddr>,
    /// Peers with the same channel that want the same, send or receive: the first few.
    pub same_role: Vec<SocketAddr>,
}

/// What was sent and heard while a peer was looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights {
    /// The discovery port; none when all were taken, so that queries of others cannot be heard.
    pub port: Option<u16>,
    /// The addresses of this machine, without loopback and link-local IPv6.
    pub addresses: Vec<IpAddr>,
    /// Queries to networks that the system took.
    pub sent: u64,
    /// Queries to networks that it refused.
    pub refused: u64,
    /// Queries and answers of others, on any channel.
    pub heard: u64,
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
    /// Delivered bytes that an earlier run had brought before it broke off; files that were whole before don't
    /// count. The same on both sides.
    pub resumed_bytes: u64,
    /// How long it took, from the first acceptance on.
    pub elapsed: Duration,
    /// Connections side by side at the end.
    pub streams: u16,
    /// Entries that were left out, by either side.
    pub left_out: u64,
    /// Those of them that the sender could not read whole.
    pub lost_sources: u64,
    /// Entries that were skipped because others were there.
    pub skipped: u64,
    /// Absolute paths of the outermost entries as they were delivered; empty on the sender.
    pub delivered: Vec<PathBuf>,
}
