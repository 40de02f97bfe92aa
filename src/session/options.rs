//! What every session is told before it starts: whom to meet, and how hard to compress.

use crate::crypto::{Channel, MeetingCode, Secret};
use crate::session::cancel::Cancel;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The default port of both sides.
pub const DEFAULT_PORT: u16 = 8080;

/// How to meet the peer and how patient to be.
pub struct Connect {
    /// Who dials and who listens.
    pub rendezvous: Rendezvous,
    /// The secret word that both sides know.
    pub secret: Arc<Secret>,
    /// The name to go by at a listener with named secrets; only a dialler uses it.
    pub name: Option<String>,
    /// How long to wait for the peer: a listener for somebody to come (`None`: for ever), a dialler
    /// for somebody to listen (`None`: 10 s).
    pub wait: Option<Duration>,
    /// How long the peer may be silent before the connection counts as lost.
    pub idle_timeout: Duration,
    /// How often to connect again after a connection was lost.
    pub retries: u32,
    /// Keep a clone of it to call everything off.
    pub cancel: Cancel,
}

impl Connect {
    /// The usual patience: wait as long as the role asks for, 30 s of silence, five more tries.
    pub fn new(rendezvous: Rendezvous, secret: Secret) -> Self {
        Connect {
            rendezvous,
            secret: Arc::new(secret),
            name: None,
            wait: None,
            idle_timeout: Duration::from_secs(30),
            retries: 5,
            cancel: Cancel::new(),
        }
    }

    /// The same, with a peer that has the same code and is found on a network of this machine.
    pub fn by_code(code: &MeetingCode) -> Self {
        let find = FindOptions {
            channel: code.channel(),
            listen: ListenAddress {
                address: None,
                port: DEFAULT_PORT,
            },
            discovery: Discovery::On,
        };
        Connect::new(Rendezvous::Find(find), code.to_secret())
    }
}

/// Which side of the connection to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendezvous {
    /// Dial a peer that listens.
    Dial(PeerAddress),
    /// Wait for the peer to dial.
    Listen(ListenAddress),
    /// Find the peer on a network of this machine, by the channel of the code that both have.
    Find(FindOptions),
}

/// How to find a peer that has the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindOptions {
    /// The code's public part.
    pub channel: Channel,
    /// Where to listen meanwhile; any port is as good where this one is taken.
    pub listen: ListenAddress,
    /// How far to look.
    pub discovery: Discovery,
}

/// How far to look for a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// On the networks of this machine.
    #[default]
    On,
    /// Among the processes of this machine.
    Loopback,
    /// Nowhere; nobody who looks is answered either.
    Off,
}

/// Where a peer listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Host name, IPv4 or IPv6 address (without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Only this address; `None` is every address, IPv6 and IPv4.
    pub address: Option<IpAddr>,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
}

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Store what does not shrink, compress the rest quickly.
    #[default]
    Auto,
    /// 0 stores everything; 1 to 9 compress from fastest to smallest.
    Fixed(u8),
}
