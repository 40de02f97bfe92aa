//! How peers find each other on a network: queries and answers of 64 bytes over UDP, in the clear.
//!
//! ```text
//! offset length
//!      0      8  magic
//!      8      1  version, 1
//!      9      1  kind: 1 query, 2 answer
//!     10      1  role: 1 sends, 2 receives, 3 looks around (queries only), 4 serves (answers only)
//!     11      2  channel: 1000 to 9999 for roles 1 and 2, else 0
//!     13      8  instance
//!     21      8  nonce: random in a query, repeated in its answers
//!     29      2  TCP port to dial: 1 to 65535, but 0 for role 3
//!     31     33  zeros
//! ```
//!
//! Anybody can send these datagrams, so they are only hints: the handshake proves who a peer is.

use super::Role;
use super::codec::{Reader, Writer};
use crate::crypto::Channel;
use std::num::NonZeroU16;

/// Length of every query and answer, in bytes. An answer is as long as its query, so nobody can use this
/// to multiply traffic.
pub const DATAGRAM_LENGTH: usize = 64;

const MAGIC: &[u8; 8] = b"PEERFIND";
const VERSION: u8 = 1;
const PADDING: usize = 33;

/// One attempt of one peer to meet, on all its addresses: a fresh random number for each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance(pub [u8; 8]);

/// The random number of a query, which its answers repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 8]);

/// What the sender of a datagram is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It wants to meet a peer that has the same code.
    Meeting {
        /// Whether it sends or receives.
        role: Role,
        /// The code's public part.
        channel: Channel,
        /// Where it listens.
        port: NonZeroU16,
    },
    /// It wants to know who is near, and listens nowhere.
    Looking,
    /// It serves every peer that knows its secret.
    Serving {
        /// Where it listens.
        port: NonZeroU16,
    },
}

/// Whether a datagram asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramKind {
    /// Asks which peers are there.
    Query = 1,
    /// Answers a query.
    Answer = 2,
}

/// A query or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Whether it is a query or an answer.
    pub kind: DatagramKind,
    /// What its sender is doing.
    pub presence: Presence,
    /// The attempt to meet that it belongs to.
    pub instance: Instance,
    /// Binds an answer to its query.
    pub nonce: Nonce,
}

impl Datagram {
    /// The datagram as it is sent.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let (role, channel, port) = match self.presence {
            Presence::Meeting {
                role,
                channel,
                port,
            } => (role as u8, channel.number(), port.get()),
            Presence::Looking => (3, 0, 0),
            Presence::Serving { port } => (4, 0, port.get()),
        };
        let mut bytes = Vec::with_capacity(DATAGRAM_LENGTH);
        let mut writer = Writer::new(&mut bytes);
        writer.bytes(MAGIC);
        writer.u8(VERSION);
        writer.u8(self.kind as u8);
        writer.u8(role);
        writer.u16(channel);
        writer.bytes(&self.instance.0);
        writer.bytes(&self.nonce.0);
        writer.u16(port);
        writer.bytes(&[0; PADDING]);
        bytes
    }

    /// Reads a datagram; `None` for anything that is not exactly one of this version.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Datagram> {
        let mut reader = Reader::new(bytes);
        if reader.array() != Ok(*MAGIC) || reader.u8() != Ok(VERSION) {
            return None;
        }
        let kind = match reader.u8() {
            Ok(1) => DatagramKind::Query,
            Ok(2) => DatagramKind::Answer,
            _ => return None,
        };
        let (role, channel) = (reader.u8().ok()?, reader.u16().ok()?);
        let (instance, nonce) = (reader.array().ok()?, reader.array().ok()?);
        let port = NonZeroU16::new(reader.u16().ok()?);
        if reader.array() != Ok([0; PADDING]) || reader.finish().is_err() {
            return None;
        }
        let presence = match (kind, role, channel, port) {
            (_, 1, channel, Some(port)) => meeting(Role::Send, channel, port)?,
            (_, 2, channel, Some(port)) => meeting(Role::Receive, channel, port)?,
            (DatagramKind::Query, 3, 0, None) => Presence::Looking,
            (DatagramKind::Answer, 4, 0, Some(port)) => Presence::Serving { port },
            _ => return None,
        };
        Some(Datagram {
            kind,
            presence,
            instance: Instance(instance),
            nonce: Nonce(nonce),
        })
    }
}

fn meeting(role: Role, channel: u16, port: NonZeroU16) -> Option<Presence> {
    Some(Presence::Meeting {
        role,
        channel: Channel::new(channel)?,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::test_random::Random;

    fn datagram(kind: DatagramKind, presence: Presence) -> Datagram {
        Datagram {
            kind,
            presence,
            instance: Instance(*b"instance"),
            nonce: Nonce(*b"a nonce!"),
        }
    }

    fn port(number: u16) -> NonZeroU16 {
        NonZeroU16::new(number).unwrap()
    }

    fn meeting_with(role: Role) -> Presence {
        Presence::Meeting {
            role,
            channel: Channel::new(4271).unwrap(),
            port: port(8080),
        }
    }

    fn query() -> Vec<u8> {
        datagram(DatagramKind::Query, meeting_with(Role::Send)).to_bytes()
    }

    #[test]
    fn every_kind_survives_encoding() {
        for datagram in [
            datagram(DatagramKind::Query, meeting_with(Role::Send)),
            datagram(DatagramKind::Answer, meeting_with(Role::Receive)),
            datagram(DatagramKind::Query, Presence::Looking),
            datagram(DatagramKind::Answer, Presence::Serving { port: port(1) }),
        ] {
            let bytes = datagram.to_bytes();
            assert_eq!(bytes.len(), DATAGRAM_LENGTH);
            assert_eq!(Datagram::parse(&bytes), Some(datagram));
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let mut expected = b"PEERFIND\x01\x01\x01\x10\xafinstancea nonce!\x1f\x90".to_vec();
        expected.resize(DATAGRAM_LENGTH, 0);
        assert_eq!(query(), expected);
    }

    #[test]
    fn each_wrong_field_is_refused() {
        let wrong: [(usize, &[u8]); 13] = [
            (0, b"p"),
            (7, b"E"),
            (8, &[0]),
            (8, &[2]),
            (9, &[0]),
            (9, &[3]),
            (10, &[0]),
            (10, &[5]),
            (11, &999u16.to_be_bytes()),
            (11, &10_000u16.to_be_bytes()),
            (29, &[0, 0]),
            (31, &[1]),
            (63, &[1]),
        ];
        for (offset, field) in wrong {
            let mut bytes = query();
            bytes[offset..offset + field.len()].copy_from_slice(field);
            assert_eq!(Datagram::parse(&bytes), None, "{field:?} at {offset}");
        }
    }

    #[test]
    fn roles_without_a_code_have_no_channel_and_one_direction() {
        let looking = datagram(DatagramKind::Query, Presence::Looking).to_bytes();
        let serving = Presence::Serving { port: port(1) };
        let serving = datagram(DatagramKind::Answer, serving).to_bytes();
        for (good, offset, field) in [
            (&looking, 9, &[2][..]),
            (&looking, 11, &[0x10, 0xaf]),
            (&looking, 29, &[0, 1]),
            (&serving, 9, &[1]),
            (&serving, 11, &[0x10, 0xaf]),
            (&serving, 29, &[0, 0]),
        ] {
            let mut bytes = good.clone();
            bytes[offset..offset + field.len()].copy_from_slice(field);
            assert_eq!(Datagram::parse(&bytes), None, "{field:?} at {offset}");
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        let mut bytes = query();
        for length in 0..DATAGRAM_LENGTH {
            assert_eq!(Datagram::parse(&bytes[..length]), None, "{length}");
        }
        bytes.push(0);
        assert_eq!(Datagram::parse(&bytes), None);
    }

    #[test]
    fn what_is_read_is_what_would_be_written() {
        let mut random = Random::from_clock();
        let mut read = 0;
        for _ in 0..20_000 {
            let mut bytes = query();
            for _ in 0..random.below(3) {
                let offset = 8 + random.below(DATAGRAM_LENGTH - 8);
                bytes[offset] = random.next() as u8;
            }
            if let Some(datagram) = Datagram::parse(&bytes) {
                assert_eq!(datagram.to_bytes(), bytes);
                read += 1;
            }
        }
        assert!(read > 0);
    }
}
