//! Finding peers on the networks of this machine, without a server and without an address.
//!
//! A [`Lookout`] sends *queries* and answers those of others, over unencrypted UDP. A find is only a hint: an
//! address to dial, where the handshake then proves whether the peer has the code.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `schedule` | when a round of queries goes out, and to where |
//! | `sweep` | asking single hosts, for firewalls that admit only answers |
//! | `quota` | how much is read and answered in a second |
//! | `finds` | who was found, bounded |
//! | `exchange` | what is said, and what follows from what is heard |
//! | `own_addresses` | the addresses and interfaces of this machine, and which senders are near |
//! | `sockets` | the sockets, and what is sent from which |
//! | `shared` | what the threads share, and what each does with a datagram |
//! | `asker`, `lookout` | the threads |
//!
//! The first five decide, without sockets and with the time given. Discovery is an offer: no error of a
//! socket ends it, and one that lasts shows in [`StillLooking`](crate::session::StillLooking).

mod asker;
mod exchange;
mod finds;
mod lookout;
mod own_addresses;
mod quota;
mod schedule;
mod shared;
mod sockets;
mod sweep;

pub use lookout::Lookout;

use crate::protocol::{Instance, Presence};
use std::net::{IpAddr, SocketAddr};

/// The addresses of this machine by which others may reach it, IPv4 first; without loopback, and without
/// IPv6 addresses that need a zone.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    own_addresses::OwnAddresses::read().reachable()
}

/// A find: it may be the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Identifies one run of one peer. A peer with several addresses is found at each of them.
    pub instance: Instance,
    /// What it wants.
    pub presence: Presence,
    /// Where it listens.
    pub address: SocketAddr,
}
