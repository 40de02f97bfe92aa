//! The body of a Refuse: how a listener rejects a dialler before it hangs up. It travels in the clear and
//! proves nothing.

use super::error::HandshakeError;
use super::hello::{check_magic, versions};
use super::role::Role;
use super::version::{MAGIC, VERSION};
use crate::protocol::codec::Reader;

impl HandshakeError {
    /// The body of the Refuse that a listener sends for this error. `None` if the peer does not speak the
    /// protocol or breaks it.
    pub fn refusal(&self) -> Option<Vec<u8>> {
        let reason: &[u8] = match self {
            HandshakeError::Version { .. } => &[1, 1, VERSION],
            HandshakeError::SameRole { theirs } => &[2, *theirs as u8],
            HandshakeError::Unproven => &[3],
            HandshakeError::Busy => &[4],
            HandshakeError::NoSession => &[5],
            HandshakeError::NotPeerbridge
            | HandshakeError::Malformed
            | HandshakeError::InvalidShare
            | HandshakeError::Random(_) => return None,
        };
        Some([MAGIC, reason].concat())
    }

    /// The meaning of a Refuse's body to the dialler that received it.
    pub fn refused(body: &[u8]) -> HandshakeError {
        HandshakeError::parse(body).unwrap_or_else(|malformed| malformed)
    }

    pub(super) fn parse(body: &[u8]) -> Result<HandshakeError, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let refusal = match reader.u8()? {
            1 => HandshakeError::Version {
                theirs: versions(&mut reader)?,
            },
            2 => HandshakeError::SameRole {
                theirs: Role::from_number(reader.u8()?).ok_or(HandshakeError::Malformed)?,
            },
            3 => HandshakeError::Unproven,
            4 => HandshakeError::Busy,
            5 => HandshakeError::NoSession,
            _ => return Err(HandshakeError::Malformed),
        };
        reader.finish()?;
        Ok(refusal)
    }
}
