//! The body of a Refuse.

use super::super::codec::{Reader, Writer};
use super::hello::{Role, check_magic, versions};
use super::{HandshakeError, MAGIC};
use crate::model::len8;

/// How a listener turns a dialler away before it hangs up. It travels in the clear and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 1: none of the dialler's versions is spoken here.
    Version {
        /// Those that are, 1 to [`crate::model::limits::VERSIONS`] of them.
        spoken: Vec<u8>,
    },
    /// 2: the listener has the same role.
    Role {
        /// The listener's.
        own: Role,
    },
    /// 3: the dialler did not prove that it knows the secret.
    Unproven,
    /// 4: there is no room for one more at the moment.
    Busy,
    /// 5: there is no session that could be joined so.
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
                own: Role::from_number(reader.u8()?)?,
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
