//! The options that every session has: how to meet the peer, and how hard to compress.

use crate::crypto::{Channel, MeetingCode, Secret};
use crate::session::cancel::Cancel;
use crate::session::line::Line;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The TCP port that the command line uses without `--port`.
pub const DEFAULT_PORT: u16 = 8080;

/// How to meet the peer: who dials, the secret, and how long to wait.
///
/// ```
/// use peerbridge::{Connect, ListenAddress, Rendezvous, Secret};
/// use std::time::Duration;
///
/// let anywhere = ListenAddress { address: None, port: 0 };
/// let secret = Secret::from_text("correct horse battery")?;
/// let mut connect = Connect::new(Rendezvous::Listen(anywhere), secret);
/// connect.wait = Some(Duration::from_secs(300));
/// # Ok::<(), peerbridge::CredentialError>(())
/// ```
#[non_exhaustive]
pub struct Connect {
    /// Who dials and who listens.
    pub rendezvous: Rendezvous,
    /// The secret that both sides know.
    pub secret: Arc<Secret>,
    /// The name under which a listener with named secrets knows this secret. A listener ignores it.
    pub name: Option<String>,
    /// How long to wait for the peer. `None` means forever for a listener, and 10 seconds of trying for a dialler.
    pub wait: Option<Duration>,
    /// How long the peer may be silent before the connection counts as lost.
    pub idle_timeout: Duration,
    /// How many times to connect again after a connection was lost.
    pub retries: u32,
    /// Keep a clone of it to stop the call from another thread.
    pub cancel: Cancel,
}

impl Connect {
    /// The defaults: no name, `wait` of `None`, 30 seconds of silence, five retries.
    pub fn new(rendezvous: Rendezvous, secret: impl Into<Arc<Secret>>) -> Self {
        Connect {
            rendezvous,
            secret: secret.into(),
            name: None,
            wait: None,
            idle_timeout: Duration::from_secs(30),
            retries: 5,
            cancel: Cancel::new(),
        }
    }

    /// The same, with a peer that has the same code and is found on a network of this machine.
    pub fn by_code(code: &MeetingCode) -> Self {
        Connect::new(Rendezvous::Find(FindOptions::new(code)), code.to_secret())
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
    /// Dial a peer that answers at the other end of a line. One stream carries everything.
    DialOver(Line),
    /// Answer the peer at the other end of a line, once.
    AnswerOver(Line),
}

/// How to find a peer that has the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindOptions {
    /// The code's public part.
    pub(crate) channel: Channel,
    /// Where to listen meanwhile. If this port is taken, the system chooses another.
    pub listen: ListenAddress,
    /// How far to look.
    pub discovery: Discovery,
}

impl FindOptions {
    /// Looks on the networks of this machine for a peer with this code, and listens on every address.
    pub fn new(code: &MeetingCode) -> Self {
        FindOptions {
            channel: code.channel(),
            listen: ListenAddress::default(),
            discovery: Discovery::On,
        }
    }
}

/// How far to look for a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// On the networks of this machine.
    #[default]
    On,
    /// Among the processes of this machine.
    Loopback,
    /// Nowhere. Queries of other peers are not answered either.
    Off,
}

/// Where a peer listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl PeerAddress {
    /// The port of the command line on `host`: 8080.
    pub fn new(host: impl Into<String>) -> Self {
        PeerAddress {
            host: host.into(),
            port: DEFAULT_PORT,
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Listen on this address only; `None` listens on every address, IPv6 and IPv4.
    pub address: Option<IpAddr>,
    /// TCP port. 0 lets the system choose one; [`Event::Listening`] reports it.
    ///
    /// [`Event::Listening`]: crate::Event::Listening
    pub port: u16,
}

impl Default for ListenAddress {
    /// Every address, and the port of the command line: 8080.
    fn default() -> Self {
        ListenAddress {
            address: None,
            port: DEFAULT_PORT,
        }
    }
}

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Store what does not shrink. Compress the rest as hard as the processor can while the connection
    /// stays busy.
    #[default]
    Auto,
    /// 0 stores everything; 1 to 9 compress from fastest to smallest.
    Fixed(u8),
}
