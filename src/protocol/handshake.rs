//! The handshake as typestates: each step consumes the state that it leaves, so none can be skipped
//! or taken twice.
//!
//! ```text
//! dialler                                             listener
//!
//! DiallerWaitsForHello::start ------ Hello ---------> ListenerStart
//!   |                                                   | on_hello
//!   |                                                   v
//!   |                                                 ListenerHeardHello
//!   |                                                   | answer
//!   | on_hello <-------------------- Hello -----------  |
//!   v                                                   v
//! DiallerUnproven -- Confirm, first sealed message -> ListenerUnproven
//!   |                                                   | on_confirm
//!   | on_confirm <---------- Confirm, its answer -----  |
//!   v                                                   v
//! Proven                                              Proven
//!
//! DiallerJoins::start -------------- Join ----------> JoinRequest::parse
//!   | on_join <--------------------- Join -----------   | accept
//!   v                                                   v
//! a further stream of the session                     the same
//! ```
//!
//! Instead of its Hello, Confirm or Join a listener may send a Refuse and hang up.

mod dialler;
mod hello;
mod join;
mod listener;
mod refusal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use dialler::{DiallerUnproven, DiallerWaitsForHello};
pub use hello::{DiallerRole, Role};
pub use join::{DiallerJoins, JoinRequest};
pub use listener::{DiallerName, ListenerStart, ListenerUnproven};
pub use refusal::Refusal;

use super::CodecError;
use crate::crypto::{InvalidShare, RandomError, SessionKeys, Side, WrongSecret};
use std::fmt;

/// The version of the protocol that this crate speaks.
pub const VERSION: u8 = 2;

/// How every Hello, Join and Refuse of a dialler or a listener begins.
const MAGIC: &[u8; 8] = b"PEERBRDG";

/// A session whose two peers have proven to each other that they know the secret.
pub struct Proven {
    /// Its keys.
    pub keys: SessionKeys,
    /// Which end this is.
    pub side: Side,
    /// What the dialler is here for.
    pub dialler_role: DiallerRole,
    /// What the listener waits for.
    pub listener_role: Role,
    /// The version that holds.
    pub version: u8,
}

/// Why two peers do not come together.
#[derive(Debug)]
pub enum HandshakeError {
    /// The other side does not speak this protocol.
    NotPeerbridge,
    /// The peers share no version.
    Version {
        /// Those that the peer speaks.
        theirs: Vec<u8>,
    },
    /// Both want to send, or both want to receive.
    SameRole {
        /// The peer's role.
        theirs: Role,
    },
    /// The secrets differ, or somebody sits in between. Which, nobody can tell.
    Unproven,
    /// The listener has no room for one more at the moment.
    Busy,
    /// There is no session that a further stream could join, or it is over.
    NoSession,
    /// The peer speaks the protocol, but not as it is written.
    Malformed,
    /// The peer sent a share that no honest peer sends.
    InvalidShare,
    /// This side has no random bytes.
    Random(RandomError),
}

impl HandshakeError {
    /// What a listener that has this error says before it hangs up; nothing to those that don't speak
    /// the protocol or break it.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            HandshakeError::Version { .. } => Some(Refusal::Version {
                spoken: vec![VERSION],
            }),
            HandshakeError::SameRole { theirs } => Some(Refusal::Role { own: *theirs }),
            HandshakeError::Unproven => Some(Refusal::Unproven),
            HandshakeError::Busy => Some(Refusal::Busy),
            HandshakeError::NoSession => Some(Refusal::NoSession),
            HandshakeError::NotPeerbridge
            | HandshakeError::Malformed
            | HandshakeError::InvalidShare
            | HandshakeError::Random(_) => None,
        }
    }

    /// What the body of a Refuse means to the dialler that got it.
    fn refused(body: &[u8]) -> HandshakeError {
        match Refusal::parse(body) {
            Ok(Refusal::Version { spoken }) => HandshakeError::Version { theirs: spoken },
            Ok(Refusal::Role { own }) => HandshakeError::SameRole { theirs: own },
            Ok(Refusal::Unproven) => HandshakeError::Unproven,
            Ok(Refusal::Busy) => HandshakeError::Busy,
            Ok(Refusal::NoSession) => HandshakeError::NoSession,
            Err(error) => error,
        }
    }
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
