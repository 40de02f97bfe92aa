//! What a session tells while it runs, and what it asks.

use crate::disk::NotCarried;
use crate::model::Existing;
use crate::session::error::{Error, Expansion};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that runs this side: it hears what happens and answers questions. Every method has a
/// default. Several threads call it, and the transfer waits while [`Operator::event`] runs.
///
/// ```
/// use peerbridge::{Acceptance, Event, OfferSummary, Operator, escaped};
///
/// struct Careful;
///
/// impl Operator for Careful {
///     fn event(&self, event: &Event<'_>) {
///         if let Event::File { path, bytes, .. } = event {
///             println!("{} ({bytes} bytes)", escaped(path));
///         }
///     }
///
///     fn accept(&self, offer: &OfferSummary) -> Acceptance {
///         match offer.files {
///             0..=1000 => Acceptance::Accept,
///             _ => Acceptance::Decline,
///         }
///     }
/// }
/// ```
pub trait Operator: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>) {
        let _ = event;
    }

    /// Something happened with one of several peers that are served at the same time, by
    /// [`serve`](crate::serve) and [`send_to_many`](crate::send_to_many). `name` is that of its secret, if
    /// secrets have names. Without a method of its own it goes to [`Operator::event`].
    fn event_with(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        let _ = (peer, name);
        self.event(event);
    }

    /// Whether to accept the peer's offer. The peer waits for the answer.
    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        let _ = offer;
        Acceptance::Accept
    }

    /// Names exist at the destination and the policy is [`Existing::Fail`]: what to do instead, or `None`
    /// to decline.
    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        let _ = conflicts;
        None
    }

    /// Whether to open an archive whose contents are far larger than the archive itself.
    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        let _ = growth;
        Acceptance::Decline
    }

    /// Accept if a person finds `phrase` the same on the other side: then nobody is between them. Both sides
    /// show it, and no contents are sent before both accept. The peer waits for the answer.
    fn compare(&self, phrase: &str) -> Acceptance {
        let _ = phrase;
        Acceptance::Decline
    }

    /// The one-time code that the listener wants beside the secret: six digits, as an authenticator app shows
    /// them. It waits for two minutes. `None` gives up.
    fn one_time_code(&self) -> Option<String> {
        None
    }

    /// A transfer to this side has ended, and its sender knows. This may take long: only the same peer's
    /// next transfer waits for it.
    fn received(&self, reception: &Reception<'_>) {
        let _ = reception;
    }
}

impl dyn Operator + '_ {
    /// Tells something that does not end the transfer.
    pub(crate) fn warn(&self, message: &str) {
        self.event(&Event::Warning { message });
    }

    /// Tells that a peer is there and has proven itself.
    pub(crate) fn welcome(&self, peer: SocketAddr) {
        self.event(&Event::Connected { peer });
        self.event(&Event::Authenticated { peer });
    }
}

/// A transfer to this side that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// The other end.
    pub peer: SocketAddr,
    /// The name of its secret, if secrets have names.
    pub name: Option<&'a str>,
    /// How it went, or why it failed.
    pub outcome: Result<&'a Summary, &'a Error>,
}

/// The operator of one of several peers that came to a listener: what happens goes to [`Operator::event_with`].
pub(crate) struct PeerOperator<'a> {
    pub(crate) operator: &'a dyn Operator,
    pub(crate) peer: SocketAddr,
    /// That of the peer's secret.
    pub(crate) name: Option<&'a str>,
}

impl Operator for PeerOperator<'_> {
    fn event(&self, event: &Event<'_>) {
        self.operator.event_with(self.peer, self.name, event);
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        self.operator.accept(offer)
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        self.operator.resolve(conflicts)
    }

    fn compare(&self, phrase: &str) -> Acceptance {
        self.operator.compare(phrase)
    }

    fn received(&self, reception: &Reception<'_>) {
        self.operator.received(reception);
    }
}

/// An [`Operator`] that accepts every offer and ignores events.
pub struct Unattended;

impl Operator for Unattended {}

/// The answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Accept it.
    Accept,
    /// Decline it.
    Decline,
}

/// Something that happened. Paths are raw bytes from the peer or the disk: show them with
/// [`escaped`](crate::escaped).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// This side listens.
    Listening {
        /// The addresses, with the actual port.
        addresses: &'a [SocketAddr],
    },
    /// A TCP connection was made. The secret is not proven yet.
    Connected {
        /// The other end.
        peer: SocketAddr,
    },
    /// A peer proved the secret with a ping, and wanted nothing else.
    Pinged {
        /// The other end.
        peer: SocketAddr,
    },
    /// A peer did not prove the secret.
    ProofFailed {
        /// The other end.
        peer: SocketAddr,
        /// Failed proofs so far.
        count: u32,
    },
    /// This side has looked for a peer with the same code for a while and has not met it.
    StillLooking(&'a StillLooking),
    /// Both sides proved that they know the secret.
    Authenticated {
        /// The other end.
        peer: SocketAddr,
    },
    /// The offer is known: the sender made it, or the receiver is about to answer it.
    Offer(&'a OfferSummary),
    /// The offer was accepted.
    Accepted {
        /// Number of connections.
        streams: u16,
        /// Bytes of contents that need not be sent, because the receiver has them or does not want them, and of
        /// those that it may have.
        present_bytes: u64,
        /// How many of them it only may have: they are compared while others are sent.
        claimed_bytes: u64,
    },
    /// Contents of this file moved; told for every part, before its [`Event::Progress`].
    Moving {
        /// Its path in the transfer, raw bytes.
        path: &'a [u8],
    },
    /// Contents moved. Told for every part, which can be hundreds of times a second.
    Progress(Progress),
    /// The result for one entry. The receiver tells it for each, the sender only for those that were not
    /// delivered or got another name: the first of each kind.
    File {
        /// Its path in the transfer.
        path: &'a [u8],
        /// Its size.
        bytes: u64,
        /// The result.
        result: FileResult,
        /// Its path at the destination, where that is another one ([`Existing::Rename`]).
        saved_as: Option<&'a [u8]>,
    },
    /// Something that the operator should know, and that does not end the transfer.
    Warning {
        /// One line of text.
        message: &'a str,
    },
    /// A transfer was interrupted and its data is kept, so that the same transfer resumes. The receiver
    /// tells it, before the error.
    Kept {
        /// The folder with the data.
        path: &'a Path,
    },
    /// The connection was lost and is about to be dialled again.
    Reconnecting {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Pause before the attempt.
        pause: Duration,
    },
    /// One of several peers that are served at the same time has left, or was lost.
    PeerLeft {
        /// The other end.
        peer: SocketAddr,
    },
    /// A transfer ended.
    Finished(&'a Summary),
}

impl<'a> Event<'a> {
    /// An entry is left out.
    pub(crate) fn left_out(path: &'a [u8], why: impl fmt::Display) -> Event<'a> {
        Event::File {
            path,
            bytes: 0,
            result: FileResult::Failed {
                why: why.to_string(),
            },
            saved_as: None,
        }
    }
}

/// What is known while no peer with the same code was met yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillLooking {
    /// The discovery port; none when all were taken, so that queries of others cannot be heard.
    pub port: Option<u16>,
    /// The addresses of this machine, without loopback and link-local IPv6.
    pub addresses: Vec<IpAddr>,
    /// Queries to networks that the system took.
    pub sent: u64,
    /// Queries to networks that it refused.
    pub refused: u64,
    /// Queries and answers of others that want to meet, on any channel.
    pub heard: u64,
    /// Where this side listens.
    pub listening: Vec<SocketAddr>,
    /// Peers with the same channel that were found and could not be reached: the first few.
    pub unreachable: Vec<SocketAddr>,
    /// Peers with the same channel that want the same, send or receive: the first few.
    pub same_role: Vec<SocketAddr>,
}

/// How much of a transfer is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of contents that the receiver has, including those from earlier runs.
    pub bytes: u64,
    /// Bytes of contents in all; `None` while unknown.
    pub total: Option<u64>,
    /// Bytes that went over the network so far, on all streams together.
    pub wire_bytes: u64,
}

/// The result for one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileResult {
    /// It was delivered: complete and verified.
    Delivered,
    /// A file of the same size and time was there already, or one with the same contents where those were
    /// compared; a link with the same target; a folder.
    Identical,
    /// Another file was there and was kept.
    Skipped,
    /// It was left out or lost.
    Failed {
        /// Why.
        why: String,
    },
}

/// A short description of an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferSummary {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// Names of the first few top-level entries, as raw bytes.
    pub names: Vec<Vec<u8>>,
    /// Number of top-level entries.
    pub tops: usize,
    /// Number of files.
    pub files: u64,
    /// Number of folders.
    pub folders: u64,
    /// Number of symbolic links.
    pub links: u64,
    /// Bytes of contents; `None` while unknown.
    pub bytes: Option<u64>,
}

/// Names that exist at the destination already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// The first few, relative to the destination, as raw bytes.
    pub names: Vec<Vec<u8>>,
    /// How many there are.
    pub count: usize,
}

/// The result of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// Name of the first top-level entry, as raw bytes.
    pub name: Vec<u8>,
    /// Files delivered. The sender has this number from the receiver.
    pub files: u64,
    /// Bytes of contents delivered.
    pub bytes: u64,
    /// Bytes that went over the network in this run, in both directions.
    pub wire_bytes: u64,
    /// Bytes of contents that had not to be sent: an earlier run had brought them, or an older file had them, and
    /// the sender's digests proved them. Files that were whole before are none of them. The same on both sides.
    pub resumed_bytes: u64,
    /// Duration since the offer was first accepted.
    pub elapsed: Duration,
    /// Number of connections at the end.
    pub streams: u16,
    /// Entries that were left out, by either side.
    pub left_out: u64,
    /// How many of those the sender could not read.
    pub lost_sources: u64,
    /// Files that were there already, with the same size and time or, where they were compared, the same contents.
    pub same: u64,
    /// Whether those were compared: `checksum` was set on this side or, as a receiver knows, on the other one.
    pub compared: bool,
    /// Entries that were skipped because others were there.
    pub skipped: u64,
    /// Entries of another user or group than those of this process, whose owner is not carried. This number and the
    /// next three are known on the side that reads the files only.
    pub foreign_owners: u64,
    /// Files with further names: hard links are not carried, and each is a file of its own at the receiver.
    pub hard_links: u64,
    /// Folders, and files that were read, with extended attributes, which are not carried. Looked at on Linux, Android
    /// and macOS.
    pub attributes: u64,
    /// The same with access control lists. Looked at on Linux and Android.
    pub acls: u64,
    /// Absolute paths of the delivered top-level entries. Empty on the sender.
    pub delivered: Vec<PathBuf>,
}

impl Summary {
    /// An empty one, of a source that has what is not carried.
    pub(crate) fn without(not_carried: NotCarried) -> Summary {
        Summary {
            foreign_owners: not_carried.owners,
            hard_links: not_carried.hard_links,
            attributes: not_carried.attributes,
            acls: not_carried.acls,
            ..Summary::default()
        }
    }
}
