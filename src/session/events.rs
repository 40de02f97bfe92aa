//! What a session reports while it runs, and the questions that it asks.

use crate::disk::NotCarried;
use crate::model::Existing;
use crate::session::error::{Error, Expansion};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that runs this side: it receives events and answers questions. Every method has a default. Several
/// threads call it, and the transfer waits while [`Operator::event`] runs.
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

    /// Something happened with one of several peers that are served at the same time by [`serve`](crate::serve)
    /// and [`send_to_many`](crate::send_to_many). `name` is the name of the peer's secret, if secrets have names.
    /// By default it calls [`Operator::event`].
    fn event_with(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        let _ = (peer, name);
        self.event(event);
    }

    /// Whether to accept the peer's offer. The peer waits for the answer.
    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        let _ = offer;
        Acceptance::Accept
    }

    /// Names exist at the destination, and the policy is [`Existing::Fail`]. Returns the policy to use instead, or
    /// `None` to decline.
    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        let _ = conflicts;
        None
    }

    /// Whether to open an archive whose contents are far larger than the archive itself.
    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        let _ = growth;
        Acceptance::Decline
    }

    /// Asks a person to compare `phrase` with the one that the other side shows. If both are the same, nobody is
    /// in between. No contents are sent before both sides accept. The peer waits for the answer.
    fn compare(&self, phrase: &str) -> Acceptance {
        let _ = phrase;
        Acceptance::Decline
    }

    /// Returns the one-time code that the listener wants in addition to the secret: six digits, as an
    /// authenticator app shows them. The listener waits for two minutes. `None` gives up.
    fn one_time_code(&self) -> Option<String> {
        None
    }

    /// A transfer to this side has ended, and the sender knows it. This method may take long: only the next
    /// transfer of the same peer waits for it.
    fn received(&self, reception: &Reception<'_>) {
        let _ = reception;
    }
}

impl dyn Operator + '_ {
    /// Reports a problem that does not end the transfer.
    pub(crate) fn warn(&self, message: &str) {
        self.event(&Event::Warning { message });
    }

    /// Reports a peer that has connected and proved the secret.
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
    /// Its result, or why it failed.
    pub outcome: Result<&'a Summary, &'a Error>,
}

/// The operator of one of several peers that came to a listener: its events go to [`Operator::event_with`].
pub(crate) struct PeerOperator<'a> {
    pub(crate) operator: &'a dyn Operator,
    pub(crate) peer: SocketAddr,
    /// The name of the peer's secret.
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
    /// An offer was made: the sender has just sent it, or the receiver is about to answer it.
    Offer(&'a OfferSummary),
    /// The offer was accepted.
    Accepted {
        /// Number of connections.
        streams: u16,
        /// Bytes of contents that the receiver has, may have, or does not want.
        present_bytes: u64,
        /// How many of these the receiver only may have. They are compared while other parts are sent.
        claimed_bytes: u64,
    },
    /// Contents of this file were sent or received. Reported for every part, before its [`Event::Progress`].
    Moving {
        /// Its path in the transfer, raw bytes.
        path: &'a [u8],
    },
    /// Contents were sent or received. Reported for every part, which can be hundreds of times a second.
    Progress(Progress),
    /// The result for one entry. The receiver reports every entry, the sender only the first few that were not
    /// delivered and the first few that got another name.
    File {
        /// Its path in the transfer.
        path: &'a [u8],
        /// Its size.
        bytes: u64,
        /// The result.
        result: FileResult,
        /// Its path at the destination, if it got another name ([`Existing::Rename`]).
        saved_as: Option<&'a [u8]>,
    },
    /// Something that the operator should know, and that does not end the transfer.
    Warning {
        /// One line of text.
        message: &'a str,
    },
    /// A transfer was interrupted, and its data is kept so that the same transfer can resume. The receiver reports
    /// this before the error.
    Kept {
        /// The folder with the data.
        path: &'a Path,
    },
    /// The connection was lost, and this side is about to connect again.
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

/// What a search has found out while it has not met a peer with the same code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillLooking {
    /// The discovery port; `None` if all were taken, so this side cannot receive the queries of others.
    pub port: Option<u16>,
    /// The addresses of this machine, without loopback and link-local IPv6.
    pub addresses: Vec<IpAddr>,
    /// Queries that the system accepted for sending.
    pub sent: u64,
    /// Queries that the system refused to send.
    pub refused: u64,
    /// Queries and answers received from peers that look for each other, on any channel.
    pub heard: u64,
    /// Where this side listens.
    pub listening: Vec<SocketAddr>,
    /// The first few peers on the same channel that were found but could not be reached.
    pub unreachable: Vec<SocketAddr>,
    /// The first few peers on the same channel that want the same as this side, to send or to receive.
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
    /// The same entry was there already: a file of the same size and time (or the same contents, if contents were
    /// compared), a link with the same target, or a folder.
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
    /// Bytes of contents that were not sent because an earlier run or an older file had them and the sender's
    /// digests proved it. Files that were complete before do not count. Both sides report the same number.
    pub resumed_bytes: u64,
    /// Duration since the offer was first accepted.
    pub elapsed: Duration,
    /// Number of connections at the end.
    pub streams: u16,
    /// Entries that were left out, by either side.
    pub left_out: u64,
    /// How many of those the sender could not read.
    pub lost_sources: u64,
    /// Files that were there already, with the same size and time, or with the same contents if contents were
    /// compared.
    pub same: u64,
    /// Whether contents were compared: `checksum` was set on this side or, which only the receiver knows, on the
    /// other.
    pub compared: bool,
    /// Entries that were skipped because their names were taken.
    pub skipped: u64,
    /// Entries that belong to another user or group than this process; owners are not carried. Only the side that
    /// reads the files knows this number and the next three.
    pub foreign_owners: u64,
    /// Files with more than one name. Hard links are not carried: each name becomes a file of its own at the
    /// receiver.
    pub hard_links: u64,
    /// Folders, and files that were read, with extended attributes, which are not carried. Counted on Linux,
    /// Android and macOS.
    pub attributes: u64,
    /// The same for access control lists. Counted on Linux and Android.
    pub acls: u64,
    /// Absolute paths of the delivered top-level entries. Empty on the sender.
    pub delivered: Vec<PathBuf>,
}

impl Summary {
    /// An empty summary, with the counts of what the source has and no transfer carries.
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
