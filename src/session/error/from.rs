//! What the floors below end with, as what ends a session.

use super::Error;
use crate::crypto::{OpenError, RandomError, SealError};
use crate::disk::{ArchiveError, DiskError, SourceError};
use crate::model::LayoutError;
use crate::protocol::{FrameError, HandshakeError, ManifestCodeError, MessageError, Role};
use std::io;

const NOT_PEERBRIDGE: Error = Error::NotPeerbridge {
    address: None,
    cause: None,
};

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NotPeerbridge => NOT_PEERBRIDGE,
            HandshakeError::Version { theirs } => Error::Version { theirs },
            HandshakeError::SameRole { theirs: Role::Send } => Error::SameRole { role: "send" },
            HandshakeError::SameRole {
                theirs: Role::Receive,
            } => Error::SameRole { role: "receive" },
            HandshakeError::Unproven => Error::WrongSecret { attempts: 1 },
            HandshakeError::Busy | HandshakeError::NoSession => Error::Busy,
            HandshakeError::Malformed | HandshakeError::InvalidShare => Error::not_verified(error),
            HandshakeError::Random(error) => error.into(),
        }
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::NotPeerbridge => NOT_PEERBRIDGE,
            other => Error::not_verified(other),
        }
    }
}

impl From<RandomError> for Error {
    fn from(error: RandomError) -> Self {
        Error::System {
            source: io::Error::other(error),
        }
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Error::System {
            source: io::Error::other(error),
        }
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Error::not_verified(error)
    }
}

impl From<MessageError> for Error {
    fn from(error: MessageError) -> Self {
        Error::not_verified(error)
    }
}

impl From<ManifestCodeError> for Error {
    fn from(error: ManifestCodeError) -> Self {
        Error::not_verified(error)
    }
}

impl From<LayoutError> for Error {
    fn from(error: LayoutError) -> Self {
        Error::not_verified(error)
    }
}

impl From<DiskError> for Error {
    fn from(error: DiskError) -> Self {
        Error::Disk(error)
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        Error::Archive(error)
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Error::Source(error)
    }
}
