//! The two Hello bodies.

use super::super::codec::{Reader, Writer};
use super::error::HandshakeError;
use super::role::{DiallerRole, Role};
use super::version::{MAGIC, VERSION};
use crate::crypto::{NAME_TAG_LENGTH, ReturnTicket, SHARE_LENGTH, name_tag};
use crate::model::limits;

/// A dialler's Hello, without the list of versions, in which this side's version was found.
pub(super) struct DiallerHello {
    pub(super) role: DiallerRole,
    pub(super) name: DiallerName,
    pub(super) share: [u8; SHARE_LENGTH],
}

impl DiallerHello {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.bytes(MAGIC);
        writer.bytes(&[1, VERSION]);
        writer.u8(self.role.number());
        writer.bytes(&self.name.nonce);
        writer.bytes(&self.name.tag);
        writer.bytes(&self.share);
        body
    }

    /// The fields after the versions may differ in other versions, so they are read only if the dialler speaks
    /// this side's version.
    pub(super) fn parse(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let versions = versions(&mut reader)?;
        if !versions.contains(&VERSION) {
            return Err(HandshakeError::Version { theirs: versions });
        }
        let hello = DiallerHello {
            role: DiallerRole::from_number(reader.u8()?).ok_or(HandshakeError::Malformed)?,
            name: DiallerName {
                nonce: reader.array()?,
                tag: reader.array()?,
            },
            share: reader.array()?,
        };
        reader.finish()?;
        Ok(hello)
    }
}

/// The name that a dialler gives. Only someone who knows the name can read it.
pub struct DiallerName {
    pub(super) nonce: [u8; 32],
    pub(super) tag: [u8; NAME_TAG_LENGTH],
}

impl DiallerName {
    /// The nonce of the dialler's Hello. Each Hello has a fresh nonce, so a second Hello with the same one is a
    /// copy.
    pub fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// Whether the dialler gave no name.
    pub fn is_absent(&self) -> bool {
        self.tag == name_tag(&self.nonce, None)
    }

    /// Whether the dialler gave the name `name`.
    pub fn is(&self, name: &str) -> bool {
        self.has_tag(&name_tag(&self.nonce, Some(name.as_bytes())))
    }

    /// Whether the dialler returns to the session of this ticket.
    pub fn returns_by(&self, ticket: &ReturnTicket) -> bool {
        self.has_tag(&ticket.tag(&self.nonce))
    }

    fn has_tag(&self, expected: &[u8; NAME_TAG_LENGTH]) -> bool {
        let pairs = expected.iter().zip(&self.tag);
        pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// A listener's Hello, which chose this side's version.
pub(super) struct ListenerHello {
    pub(super) role: Role,
    pub(super) nonce: [u8; 32],
    pub(super) share: [u8; SHARE_LENGTH],
}

impl ListenerHello {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.bytes(MAGIC);
        writer.u8(VERSION);
        writer.u8(self.role as u8);
        writer.bytes(&self.nonce);
        writer.bytes(&self.share);
        body
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let version = reader.u8()?;
        if version != VERSION {
            return Err(HandshakeError::Version {
                theirs: vec![version],
            });
        }
        let hello = ListenerHello {
            role: Role::from_number(reader.u8()?).ok_or(HandshakeError::Malformed)?,
            nonce: reader.array()?,
            share: reader.array()?,
        };
        reader.finish()?;
        Ok(hello)
    }
}

/// Checks that the roles fit together: one side sends and the other receives, or the dialler pings.
pub(super) fn check_roles(dialler: DiallerRole, listener: Role) -> Result<(), HandshakeError> {
    if dialler == DiallerRole::Transfer(listener) {
        return Err(HandshakeError::SameRole { theirs: listener });
    }
    Ok(())
}

pub(super) fn check_magic(reader: &mut Reader<'_>) -> Result<(), HandshakeError> {
    match reader.array() {
        Ok(magic) if magic == *MAGIC => Ok(()),
        _ => Err(HandshakeError::NotPeerbridge),
    }
}

/// A counted list of versions: at least one, at most [`limits::VERSIONS`].
pub(super) fn versions(reader: &mut Reader<'_>) -> Result<Vec<u8>, HandshakeError> {
    let count = usize::from(reader.u8()?);
    if !(1..=limits::VERSIONS).contains(&count) {
        return Err(HandshakeError::Malformed);
    }
    Ok(reader.bytes(count)?.to_vec())
}
