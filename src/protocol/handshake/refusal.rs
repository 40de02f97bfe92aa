//! The body of a Refuse.

use super::super::codec::{Reader, Writer};
use super::error::HandshakeError;
use super::hello::{check_magic, versions};
use super::role::Role;
use super::version::{MAGIC, VERSION};
use crate::model::len8;

/// How a listener rejects a dialler before it hangs up. It travels in the clear and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 1: the listener speaks none of the dialler's versions.
    Version {
        /// The versions that the listener speaks, 1 to [`crate::model::limits::VERSIONS`] of them.
        spoken: Vec<u8>,
    },
    /// 2: the listener has the same role.
    Role {
        /// The listener's role.
        own: Role,
    },
    /// 3: the dialler did not prove that it knows the secret.
    Unproven,
    /// 4: there is no room for another dialler at the moment.
    Busy,
    /// 5: there is no session that such a stream could join.
    NoSession,
}

impl Refusal {
    /// The body of the frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.bytes(MAGIC);
        match self {
            Refusal::Version { spoken } => {
                writer.u8(1);
                writer.u8(len8(spoken.len()));
                writer.bytes(spoken);
            }
            Refusal::Role { own } => {
                writer.u8(2);
                writer.u8(*own as u8);
            }
            Refusal::Unproven => writer.u8(3),
            Refusal::Busy => writer.u8(4),
            Refusal::NoSession => writer.u8(5),
        }
        body
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let refusal = match reader.u8()? {
            1 => Refusal::Version {
                spoken: versions(&mut reader)?,
            },
            2 => Refusal::Role {
                own: Role::from_number(reader.u8()?).ok_or(HandshakeError::Malformed)?,
            },
            3 => Refusal::Unproven,
            4 => Refusal::Busy,
            5 => Refusal::NoSession,
            _ => return Err(HandshakeError::Malformed),
        };
        reader.finish()?;
        Ok(refusal)
    }
}

impl HandshakeError {
    /// What a listener answers to this error before it hangs up. `None` if the peer does not speak the protocol
    /// or breaks it.
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

    /// The meaning of a Refuse's body to the dialler that received it.
    pub(super) fn refused(body: &[u8]) -> HandshakeError {
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
