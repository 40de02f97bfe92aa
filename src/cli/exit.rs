//! The codes that the process ends with.

use crate::disk::{ArchiveFault, DiskErrorKind, SourceError};
use crate::protocol::AbortCode;
use crate::session::{Error, Summary};

/// How the process ends. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything is there and verified, or was there already.
    Done = 0,
    /// A bug, or the system itself fails.
    Unexpected = 1,
    /// Wrong usage, or a question without a terminal to ask it on.
    Usage = 2,
    /// The secrets differ.
    WrongSecret = 3,
    /// Cannot reach the peer: name not found, refused, port in use, cannot bind.
    NoWay = 4,
    /// Nobody came, or the peer fell silent.
    TimedOut = 5,
    /// The peer declined.
    PeerDeclined = 6,
    /// A file is in the way, and the policy is to fail.
    InTheWay = 7,
    /// A source is missing, unreadable or changed while it was sent; nothing else was left out.
    Source = 8,
    /// Disk full, no permission, read-only.
    CannotWrite = 9,
    /// The received data does not verify.
    NotVerified = 10,
    /// The peer has another protocol version, or is not peerbridge.
    Version = 11,
    /// The connection was lost; the received data is kept.
    Lost = 12,
    /// Done, but some entries were left out; each was named.
    LeftOut = 13,
    /// Declined here: by the operator, a limit, or an unsafe name.
    DeclinedHere = 14,
    /// The hook failed; the files are there.
    HookFailed = 15,
}

impl Error {
    /// The code that the program ends with for this error, 1 to 15: what the table of exit codes in
    /// `docs/CLI.md` says.
    pub fn exit_code(&self) -> u8 {
        Exit::of_session(self).code()
    }
}

impl Exit {
    /// The number itself.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code for a transfer that ran to its end. Entries that were skipped on purpose count as done.
    pub(crate) fn of_summary(summary: &Summary) -> Exit {
        match summary.left_out {
            0 => Exit::Done,
            left_out if summary.files == 0 && summary.lost_sources == left_out => Exit::Source,
            _ => Exit::LeftOut,
        }
    }

    /// The code for a run of several transfers: the first that left something out decides.
    pub(crate) fn of_summaries(summaries: &[Summary]) -> Exit {
        let mut exits = summaries.iter().map(Exit::of_summary);
        exits.find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
    }

    /// The code for what ended a session, true for this side.
    pub(crate) fn of_session(error: &Error) -> Exit {
        match error {
            Error::NameNotFound { .. }
            | Error::NoConnection { .. }
            | Error::CannotListen { .. }
            | Error::Busy => Exit::NoWay,
            Error::NobodyCame { .. } | Error::Silent { .. } | Error::Stalled { .. } => {
                Exit::TimedOut
            }
            Error::WrongSecret { .. }
            | Error::Unconfirmed { .. }
            | Error::WrongCode
            | Error::PhraseDiffers => Exit::WrongSecret,
            Error::NotPeerbridge { .. } | Error::Version { .. } => Exit::Version,
            Error::Source(SourceError::SameName(..))
            | Error::SameRole { .. }
            | Error::CodeNeeded
            | Error::BadPattern { .. } => Exit::Usage,
            Error::Source(_)
            | Error::CannotRead { .. }
            | Error::ReadBefore { .. }
            | Error::SourceFailed { .. } => Exit::Source,
            Error::Disk(error) | Error::CannotUnpack(error) => match error.kind() {
                DiskErrorKind::Name | DiskErrorKind::NameCollision => Exit::DeclinedHere,
                _ => Exit::CannotWrite,
            },
            Error::CannotMake(_) | Error::NoRoom { .. } | Error::Output { .. } => Exit::CannotWrite,
            Error::Archive(error) => Exit::of_archive(error.fault()),
            Error::Expansion(_) => Exit::DeclinedHere,
            Error::PeerDeclined { .. } => Exit::PeerDeclined,
            Error::DeclinedHere { .. } | Error::UnsafeOffer { .. } => Exit::DeclinedHere,
            Error::InTheWay { .. } | Error::Taken { .. } => Exit::InTheWay,
            Error::NotVerified { .. } => Exit::NotVerified,
            Error::Lost { .. } | Error::Cancelled => Exit::Lost,
            Error::PeerAborted { code, .. } => Exit::of_peer(*code),
            Error::CutShort { cause } => Exit::of_session(cause),
            Error::System { .. } => Exit::Unexpected,
        }
    }

    /// The code for what is wrong with an archive.
    fn of_archive(fault: &ArchiveFault) -> Exit {
        match fault {
            ArchiveFault::Unreadable(_) | ArchiveFault::NothingSelected => Exit::Source,
            ArchiveFault::WrongPassword | ArchiveFault::PasswordNeeded => Exit::WrongSecret,
            ArchiveFault::NotZip | ArchiveFault::Damaged(_) | ArchiveFault::NotVerified(_) => {
                Exit::NotVerified
            }
            ArchiveFault::Trap(_)
            | ArchiveFault::ZipCrypto
            | ArchiveFault::Unsupported(_)
            | ArchiveFault::Method(_)
            | ArchiveFault::Unsafe(_)
            | ArchiveFault::TooLarge(_) => Exit::DeclinedHere,
        }
    }

    /// What the peer's exit code means on this side. Its "declined here" is our "peer declined". So is its full
    /// disk, since trying again is of no use before that is fixed.
    fn of_peer(code: u8) -> Exit {
        match code {
            AbortCode::USAGE => Exit::Usage,
            AbortCode::WRONG_SECRET => Exit::WrongSecret,
            AbortCode::TIMED_OUT => Exit::TimedOut,
            AbortCode::PEER_DECLINED
            | AbortCode::IN_THE_WAY
            | AbortCode::CANNOT_WRITE
            | AbortCode::DECLINED_HERE => Exit::PeerDeclined,
            AbortCode::SOURCE => Exit::Source,
            AbortCode::NOT_VERIFIED => Exit::NotVerified,
            AbortCode::VERSION => Exit::Version,
            _ => Exit::Lost,
        }
    }
}
