//! Converts errors of the lower floors into session errors.

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
            HandshakeError::SameRole { theirs } => Error::SameRole {
                role: match theirs {
                    Role::Send => "send",
                    Role::Receive => "receive",
                },
            },
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

macro_rules! from {
    ($($from:ty => $to:expr,)*) => {
        $(impl From<$from> for Error {
            fn from(error: $from) -> Self {
                $to(error)
            }
        })*
    };
}

from! {
    RandomError => |error| Error::system(io::Error::other(error)),
    SealError => |error| Error::system(io::Error::other(error)),
    OpenError => Error::not_verified,
    MessageError => Error::not_verified,
    ManifestCodeError => Error::not_verified,
    LayoutError => Error::not_verified,
    DiskError => Error::Disk,
    ArchiveError => Error::Archive,
    SourceError => Error::Source,
}
