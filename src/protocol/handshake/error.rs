//! Why a handshake fails.

use super::role::Role;
use super::version::VERSION;
use crate::crypto::{InvalidShare, RandomError, WrongSecret};
use crate::protocol::codec::CodecError;
use std::fmt;

/// Why a handshake or a join fails.
#[derive(Debug)]
pub enum HandshakeError {
    /// The other side does not speak this protocol.
    NotPeerbridge,
    /// The peers share no version.
    Version {
        /// The versions that the peer speaks.
        theirs: Vec<u8>,
    },
    /// Both want to send, or both want to receive.
    SameRole {
        /// The peer's role.
        theirs: Role,
    },
    /// The secrets differ, or there is a man in the middle. The two cases look the same.
    Unproven,
    /// The listener has no room for another peer at the moment.
    Busy,
    /// There is no session that a further stream could join, or it is over.
    NoSession,
    /// The peer speaks the protocol, but breaks its rules.
    Malformed,
    /// The peer sent a share that no honest peer sends.
    InvalidShare,
    /// This side has no random bytes.
    Random(RandomError),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::NotPeerbridge => f.write_str("the peer does not speak peerbridge"),
            HandshakeError::Version { theirs } => {
                let theirs: Vec<_> = theirs.iter().map(u8::to_string).collect();
                let theirs = theirs.join(", ");
                write!(
                    f,
                    "the peer speaks version {theirs} of the protocol, and this is version {VERSION}"
                )
            }
            HandshakeError::SameRole { theirs: Role::Send } => {
                f.write_str("both sides want to send")
            }
            HandshakeError::SameRole {
                theirs: Role::Receive,
            } => f.write_str("both sides want to receive"),
            HandshakeError::Unproven => write!(f, "{WrongSecret}"),
            HandshakeError::Busy => f.write_str("the peer is busy"),
            HandshakeError::NoSession => f.write_str("the peer knows no such session"),
            HandshakeError::Malformed => f.write_str("the peer breaks the protocol"),
            HandshakeError::InvalidShare => write!(f, "{InvalidShare}"),
            HandshakeError::Random(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for HandshakeError {}

impl From<CodecError> for HandshakeError {
    fn from(_: CodecError) -> Self {
        HandshakeError::Malformed
    }
}

impl From<InvalidShare> for HandshakeError {
    fn from(_: InvalidShare) -> Self {
        HandshakeError::InvalidShare
    }
}

impl From<WrongSecret> for HandshakeError {
    fn from(_: WrongSecret) -> Self {
        HandshakeError::Unproven
    }
}

impl From<RandomError> for HandshakeError {
    fn from(error: RandomError) -> Self {
        HandshakeError::Random(error)
    }
}
