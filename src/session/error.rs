//! What can end a session.

mod display;
mod from;

use crate::disk::{ArchiveError, DiskError, SourceError};
use crate::protocol::{AbortCode, DeclineReason};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why a call failed, and on which side. `Display` gives one line in lower case without a full stop. It is
/// safe to show on a terminal: text from the peer is escaped.
///
/// ```no_run
/// # fn example(connect: &peerbridge::Connect, options: &peerbridge::SendOptions) {
/// use peerbridge::{Error, Unattended};
///
/// match peerbridge::send(connect, options, &Unattended) {
///     Ok(summary) => println!("{} files", summary.files),
///     Err(Error::WrongSecret { .. }) => println!("check the secret on both sides"),
///     Err(error) if error.is_connection_gone() => println!("{error}: send again to resume"),
///     Err(error) => std::process::exit(error.exit_code().into()),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The host name has no address.
    NameNotFound {
        /// The name.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// No connection to any of the peer's addresses.
    NoConnection {
        /// The address as it was given.
        address: String,
        /// The system's error for the last attempt.
        source: io::Error,
    },
    /// This side cannot listen on the port or address.
    CannotListen {
        /// The address and port.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// No peer came within the time that was set.
    NobodyCame {
        /// That time, in seconds.
        seconds: u64,
    },
    /// The peer fell silent.
    Silent {
        /// For how many seconds.
        seconds: u64,
    },
    /// The peer sent heartbeats but no data, and other peers are waiting for its slot.
    Stalled {
        /// For how many seconds.
        seconds: u64,
    },
    /// The secrets differ.
    WrongSecret {
        /// How many attempts there were.
        attempts: u32,
    },
    /// The listener received this side's proof but gave none of its own: someone in between may have tried to
    /// guess the secret.
    Unconfirmed {
        /// What came instead of the proof.
        cause: Box<Error>,
    },
    /// The peer does not speak this protocol.
    NotPeerbridge {
        /// Where it was dialled.
        address: Option<SocketAddr>,
        /// The error, if the peer sent no answer at all; `None` if its answer was not of this protocol.
        cause: Option<Box<Error>>,
    },
    /// The listener wants a one-time code, and this side has none.
    CodeNeeded,
    /// The one-time code is wrong, or was used before.
    WrongCode,
    /// The peer speaks only other versions of the protocol.
    Version {
        /// The versions that it speaks.
        theirs: Vec<u8>,
    },
    /// Both sides want to send, or both to receive.
    SameRole {
        /// What both sides want: "send" or "receive".
        role: &'static str,
    },
    /// The peer has as many sessions as it allows.
    Busy,
    /// The peer declined the offer.
    PeerDeclined {
        /// The reason.
        because: DeclineReason,
        /// The peer's text. Escape it before showing it.
        reason: String,
    },
    /// A pattern in [`SendOptions::exclude`](crate::SendOptions::exclude) is malformed.
    BadPattern {
        /// What is wrong with it.
        fault: String,
    },
    /// There is nothing to send, or the source cannot be sent.
    Source(SourceError),
    /// A [`Stream`](crate::Stream) failed while it was read.
    CannotRead {
        /// The name of the stream.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// A [`Stream`](crate::Stream) was read by an earlier transfer already.
    ReadBefore {
        /// The name of the stream.
        name: String,
    },
    /// The sender could not read the only file, so nothing was delivered.
    SourceFailed {
        /// The sender's reason.
        reason: String,
    },
    /// The destination cannot be written.
    Disk(DiskError),
    /// An archive cannot be created at its destination.
    CannotMake(DiskError),
    /// The contents of an archive cannot be written to the destination.
    CannotUnpack(DiskError),
    /// Something with the archive's name exists already.
    Taken {
        /// The path as it was given.
        path: PathBuf,
        /// Whether a folder is there, which is never replaced.
        is_folder: bool,
    },
    /// An [`Output`](crate::Output) cannot be written.
    Output {
        /// The name of the output, such as "standard output".
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// The destination has too little free space for the offer.
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// This side declined: its operator, or a limit that was set.
    DeclinedHere {
        /// Why.
        reason: String,
    },
    /// The offer is unsafe, for example a path that leads outside the destination.
    UnsafeOffer {
        /// What is unsafe. Escape it before showing it.
        reason: String,
    },
    /// Names exist at the destination and the policy is [`Existing::Fail`](crate::Existing::Fail).
    InTheWay {
        /// The first few, relative to the destination, as raw bytes.
        names: Vec<Vec<u8>>,
        /// How many there are.
        count: usize,
        /// Whether the policy replaces files, but a folder is where a file must go, or the other way round.
        never_replaced: bool,
    },
    /// Data from the peer does not verify, or breaks the protocol.
    NotVerified {
        /// What was wrong.
        what: String,
    },
    /// The connection was lost. Data that arrived is kept, so the transfer can be resumed.
    Lost {
        /// The system's error.
        source: io::Error,
    },
    /// The peer gave up because of an error on its side.
    PeerAborted {
        /// Its exit code.
        code: u8,
        /// The peer's text. Escape it before showing it.
        text: String,
    },
    /// A transfer that cannot be resumed was interrupted: its contents are read once, or went to an
    /// output as they arrived. Nothing is kept.
    CutShort {
        /// The error that interrupted it.
        cause: Box<Error>,
    },
    /// The operator of this side did not confirm the verification phrase.
    PhraseDiffers,
    /// [`Cancel::cancel`](crate::Cancel::cancel) was called.
    Cancelled,
    /// An archive is damaged, unsafe or of an unsupported kind, or the password is wrong.
    Archive(ArchiveError),
    /// An archive's contents are far larger than the archive, and nobody agreed to open it.
    Expansion(Expansion),
    /// The operating system fails: it has no random bytes or no threads.
    System {
        /// The system's error.
        source: io::Error,
    },
}

/// How large an archive becomes when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The archive itself, in bytes.
    pub archive_bytes: u64,
    /// The contents of all its files, in bytes.
    pub bytes: u64,
    /// Files, folders and links, including folders that the archive does not list.
    pub entries: u64,
}

impl std::error::Error for Error {}

impl Error {
    pub(crate) fn lost(source: io::Error) -> Self {
        Error::Lost { source }
    }

    pub(crate) fn system(source: io::Error) -> Self {
        Error::System { source }
    }

    pub(crate) fn nobody_came(within: Option<Duration>) -> Self {
        Error::NobodyCame {
            seconds: within.unwrap_or_default().as_secs(),
        }
    }

    /// The same error, when it came instead of the peer's proof.
    pub(crate) fn unconfirmed(self) -> Self {
        let cause = Box::new(self);
        Error::Unconfirmed { cause }
    }

    /// Whether the connection was lost or the peer fell silent. The same call again resumes the transfer.
    pub fn is_connection_gone(&self) -> bool {
        matches!(self, Error::Lost { .. } | Error::Silent { .. })
    }

    /// Whether the peer can and should be told why this side gives up.
    pub(crate) fn is_worth_an_abort(&self) -> bool {
        match self {
            Error::CutShort { cause } => cause.is_worth_an_abort(),
            Error::PeerAborted { .. } => false,
            _ => !self.is_connection_gone(),
        }
    }

    /// The same error, of a transfer that cannot be resumed.
    pub(crate) fn cut_short(self) -> Self {
        let cause = Box::new(self);
        Error::CutShort { cause }
    }

    /// Whether the peer could not be reached, or is still busy. It may be about to come back, or may not have
    /// noticed yet that the previous connection was lost.
    pub(crate) fn is_nobody_there(&self) -> bool {
        matches!(
            self,
            Error::NoConnection { .. }
                | Error::NameNotFound { .. }
                | Error::NobodyCame { .. }
                | Error::Busy
                | Error::PeerDeclined {
                    because: DeclineReason::Busy,
                    ..
                }
        )
    }

    /// Whether the operator of a listener should know why a peer was turned away. A peer that was started in the
    /// wrong way matters, and so does a lack of threads; port scans and other noise do not.
    pub(crate) fn is_worth_telling(&self) -> bool {
        matches!(
            self,
            Error::SameRole { .. } | Error::Version { .. } | Error::System { .. }
        )
    }

    /// The code that the peer receives when this error ends the session.
    pub(crate) fn abort_code(&self) -> u8 {
        match self {
            Error::PhraseDiffers | Error::WrongCode => AbortCode::WRONG_SECRET,
            Error::CodeNeeded => AbortCode::USAGE,
            Error::Busy | Error::Stalled { .. } => AbortCode::BUSY,
            Error::CutShort { cause } => cause.abort_code(),
            Error::Source(_) | Error::CannotRead { .. } | Error::SourceFailed { .. } => {
                AbortCode::SOURCE
            }
            // Not `CANNOT_WRITE`, which invites the peer to try again: an output cannot be written twice.
            Error::Output { .. } | Error::DeclinedHere { .. } => AbortCode::DECLINED_HERE,
            Error::Disk(_)
            | Error::CannotMake(_)
            | Error::CannotUnpack(_)
            | Error::NoRoom { .. } => AbortCode::CANNOT_WRITE,
            Error::NotVerified { .. } => AbortCode::NOT_VERIFIED,
            _ => AbortCode::UNEXPECTED,
        }
    }

    /// The reason that the peer receives. It contains no path of this machine, only names that the peer itself
    /// sent.
    pub(crate) fn told_to_the_peer(&self) -> String {
        match self {
            Error::Disk(error) | Error::CannotMake(error) | Error::CannotUnpack(error) => {
                error.without_its_place()
            }
            Error::Source(_) => "the source can no longer be read".to_owned(),
            Error::CutShort { cause } => cause.told_to_the_peer(),
            other => other.to_string(),
        }
    }

    /// Whether the other end accepted the connection and closed it without sending anything.
    pub(crate) fn is_hung_up(&self) -> bool {
        matches!(self, Error::NotPeerbridge { cause: Some(cause), .. }
            if matches!(**cause, Error::Lost { .. }))
    }

    /// The same error, when it came instead of the first answer: a program that does not answer is not peerbridge.
    pub(crate) fn not_peerbridge(self) -> Self {
        match self.is_connection_gone() {
            true => Error::NotPeerbridge {
                address: None,
                cause: Some(Box::new(self)),
            },
            false => self,
        }
    }

    /// The same, with the address that was dialled.
    pub(crate) fn dialled_at(self, peer: SocketAddr) -> Self {
        match self {
            Error::NotPeerbridge { cause, .. } => Error::NotPeerbridge {
                address: Some(peer),
                cause,
            },
            other => other,
        }
    }

    /// Undoes [`Error::not_peerbridge`], for a peer that is known to be peerbridge.
    pub(crate) fn without_suspicion(self) -> Self {
        match self {
            Error::NotPeerbridge {
                cause: Some(cause), ..
            } => *cause,
            other => other,
        }
    }

    fn not_verified(what: impl fmt::Display) -> Self {
        Error::NotVerified {
            what: what.to_string(),
        }
    }
}
