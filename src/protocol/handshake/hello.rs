//! The two Hello bodies.

use super::super::codec::{Reader, Writer};
use super::{HandshakeError, MAGIC, VERSION};
use crate::crypto::{NAME_TAG_LENGTH, SHARE_LENGTH};
use crate::model::{len8, limits};

/// What a peer does with files. The numbers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// It has some to give.
    Send = 1,
    /// It wants some.
    Receive = 2,
}

/// What a dialler connects for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiallerRole {
    /// To send to a listener that receives, or the other way round.
    Transfer(Role),
    /// To prove the secret and measure the line: any listener will do. Number 3.
    Ping,
}

impl Role {
    pub(super) fn from_number(number: u8) -> Result<Self, HandshakeError> {
        match number {
            1 => Ok(Role::Send),
            2 => Ok(Role::Receive),
            _ => Err(HandshakeError::Malformed),
        }
    }
}

impl DiallerRole {
    pub(super) fn number(self) -> u8 {
        match self {
            DiallerRole::Transfer(role) => role as u8,
            DiallerRole::Ping => 3,
        }
    }

    fn from_number(number: u8) -> Result<Self, HandshakeError> {
        match number {
            3 => Ok(DiallerRole::Ping),
            _ => Role::from_number(number).map(DiallerRole::Transfer),
        }
    }

    /// CPace's channel identifier: the protocol's name and this role, each behind its length.
    pub(super) fn channel_identifier(self) -> Vec<u8> {
        const PROTOCOL: &[u8] = b"peerbridge/1";
        let mut identifier = vec![len8(PROTOCOL.len())];
        identifier.extend_from_slice(PROTOCOL);
        identifier.extend_from_slice(&[1, self.number()]);
        identifier
    }

    /// Whether a dialler of this role and a listener of that one have something to do.
    pub(super) fn check(self, listener: Role) -> Result<(), HandshakeError> {
        if self == DiallerRole::Transfer(listener) {
            return Err(HandshakeError::SameRole { theirs: listener });
        }
        Ok(())
    }
}

/// A dialler's Hello, without the versions, of which 1 was among them.
pub(super) struct DiallerHello {
    pub(super) role: DiallerRole,
    pub(super) nonce: [u8; 32],
    pub(super) name_tag: [u8; NAME_TAG_LENGTH],
    pub(super) share: [u8; SHARE_LENGTH],
}

impl DiallerHello {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.bytes(MAGIC);
        writer.bytes(&[1, VERSION]);
        writer.u8(self.role.number());
        writer.bytes(&self.nonce);
        writer.bytes(&self.name_tag);
        writer.bytes(&self.share);
        body
    }

    /// What follows the versions may look different in another version, so it is read only once
    /// version 1 is known to be spoken.
    pub(super) fn parse(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let versions = versions(&mut reader)?;
        if !versions.contains(&VERSION) {
            return Err(HandshakeError::Version { theirs: versions });
        }
        let hello = DiallerHello {
            role: DiallerRole::from_number(reader.u8()?)?,
            nonce: reader.array()?,
            name_tag: reader.array()?,
            share: reader.array()?,
        };
        reader.finish()?;
        Ok(hello)
    }
}

/// A listener's Hello, which chose version 1.
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
            role: Role::from_number(reader.u8()?)?,
            nonce: reader.array()?,
            share: reader.array()?,
        };
        reader.finish()?;
        Ok(hello)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_identifier_names_protocol_and_role() {
        let roles = [
            DiallerRole::Transfer(Role::Send),
            DiallerRole::Transfer(Role::Receive),
            DiallerRole::Ping,
        ];
        for (role, number) in roles.into_iter().zip(1..) {
            let expected = [&b"\x0cpeerbridge/1\x01"[..], &[number]].concat();
            assert_eq!(role.channel_identifier(), expected);
        }
    }
}
