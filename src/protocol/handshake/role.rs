//! What the two sides of a session do.

use crate::model::len8;

/// What a peer does with files. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// It sends them.
    Send = 1,
    /// It receives them.
    Receive = 2,
}

/// What a dialler connects for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiallerRole {
    /// To send to a listener that receives, or to receive from one that sends.
    Transfer(Role),
    /// To prove the secret and measure the connection, with a listener of either role. Number 3.
    Ping,
}

impl Role {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Role::Send),
            2 => Some(Role::Receive),
            _ => None,
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

    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            3 => Some(DiallerRole::Ping),
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
