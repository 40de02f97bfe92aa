//! What the floors below end with, as what ends a session.

use super::SessionError;
use crate::crypto::{OpenError, RandomError, SealError};
use crate::disk::{ArchiveError, DiskError, SourceError};
use crate::model::LayoutError;
use crate::protocol::{FrameError, HandshakeError, ManifestCodeError, MessageError, Role};
use std::io;

impl From<HandshakeError> for SessionError {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NotPeerbridge => SessionError::NotPeerbridge,
            HandshakeError::Version { theirs } => SessionError::Version { theirs },
            HandshakeError::SameRole { theirs: Role::Send } => {
                SessionError::SameRole { role: "send" }
            }
            HandshakeError::SameRole {
                theirs: Role::Receive,
            } => SessionError::SameRole { role: "receive" },
            HandshakeError::Unproven => SessionError::WrongSecret { attempts: 1 },
            HandshakeError::Busy | HandshakeError::NoSession => SessionError::Busy,
            HandshakeError::Malformed | HandshakeError::InvalidShare => {
                SessionError::not_verified(error)
            }
            HandshakeError::Random(error) => error.into(),
        }
    }
}

impl From<FrameError> for SessionError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::NotPeerbridge => SessionError::NotPeerbridge,
            other => SessionError::not_verified(other),
        }
    }
}

impl From<RandomError> for SessionError {
    fn from(error: RandomError) -> Self {
        SessionError::System {
            source: io::Error::other(error),
        }
    }
}

impl From<SealError> for SessionError {
    fn from(error: SealError) -> Self {
        SessionError::System {
            source: io::Error::other(error),
        }
    }
}

impl From<OpenError> for SessionError {
    fn from(error: OpenError) -> Self {
        SessionError::not_verified(error)
    }
}

impl From<MessageError> for SessionError {
    fn from(error: MessageError) -> Self {
        SessionError::not_verified(error)
    }
}

impl From<ManifestCodeError> for SessionError {
    fn from(error: ManifestCodeError) -> Self {
        SessionError::not_verified(error)
    }
}

impl From<LayoutError> for SessionError {
    fn from(error: LayoutError) -> Self {
        SessionError::not_verified(error)
    }
}

impl From<DiskError> for SessionError {
    fn from(error: DiskError) -> Self {
        SessionError::Disk(error)
    }
}

impl From<ArchiveError> for SessionError {
    fn from(error: ArchiveError) -> Self {
        SessionError::Archive(error)
    }
}

impl From<SourceError> for SessionError {
    fn from(error: SourceError) -> Self {
        SessionError::Source(error)
    }
}
