//! What a session is told before it starts.

use crate::crypto::Secret;
use crate::disk::Links;
use crate::model::Existing;
use crate::session::cancel::Cancel;
use crate::session::listen::secrets::Secrets;
use crate::session::receive::output::Output;
use crate::session::send::payload::Payload;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The port that both sides use unless told otherwise.
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
}

/// Which side of the connection to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendezvous {
    /// Dial a peer that listens.
    Dial(PeerAddress),
    /// Wait for the peer to dial.
    Listen(ListenAddress),
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

/// What to send and how.
pub struct SendOptions {
    /// What to send.
    pub payload: Payload,
    /// Names and paths to leave out: `*`, `?`, `[abc]`, `**`.
    pub exclude: Vec<String>,
    /// What becomes of symbolic links inside the paths.
    pub links: Links,
    /// Connections side by side, 1 to 64; `None`: by the machine and the size. What is read while it is
    /// sent takes one.
    pub streams: Option<u16>,
    /// Compression.
    pub level: Level,
    /// Bytes a second at most, over all streams and receivers together; `None`: as fast as it goes.
    pub rate_limit: Option<u64>,
    /// Whether persons compare the verification phrase before anything is sent.
    pub verify: bool,
}

impl SendOptions {
    /// Sends `paths` in the usual way.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        SendOptions::of(Payload::Paths(paths))
    }

    /// Sends `payload` in the usual way.
    pub fn of(payload: Payload) -> Self {
        SendOptions {
            payload,
            exclude: Vec::new(),
            links: Links::Keep,
            streams: None,
            level: Level::Auto,
            rate_limit: None,
            verify: false,
        }
    }
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

/// Where to put what is received and what to take.
#[derive(Clone)]
pub struct ReceiveOptions {
    /// The folder that everything is put into; created when it is missing.
    pub destination: PathBuf,
    /// Where to write the contents of the only file that is taken, in place of the folder. Offers of
    /// anything else than one file, and of a second one, are declined. A transfer that breaks off is not
    /// gone on with, neither now nor later.
    pub output: Option<Output>,
    /// What to do with names that are taken.
    pub existing: Existing,
    /// Decline offers of more bytes than this, and end transfers of unknown length that come to more.
    pub max_bytes: Option<u64>,
    /// Decline offers of more entries than this.
    pub max_files: Option<u64>,
    /// Connections side by side at most, 1 to 64; `None`: as many as the sender proposes.
    pub streams: Option<u16>,
    /// Force every file to the disk before saying done.
    pub fsync: bool,
    /// Decline senders that do not have the verification phrase compared. Those that do always get it
    /// compared here as well.
    pub verify: bool,
}

impl ReceiveOptions {
    /// Receives into `destination` in the usual way.
    pub fn new(destination: PathBuf) -> Self {
        ReceiveOptions {
            destination,
            output: None,
            existing: Existing::Fail,
            max_bytes: None,
            max_files: None,
            streams: None,
            fsync: false,
            verify: false,
        }
    }

    /// Receives one file and writes its contents to `output`.
    pub fn to_output(output: Output) -> Self {
        let mut options = ReceiveOptions::new(PathBuf::from("."));
        options.output = Some(output);
        options
    }
}

/// How to serve a drop box: many peers at once, for as long as it is wanted.
pub struct ServeOptions {
    /// Where to listen.
    pub listen: ListenAddress,
    /// What peers may prove. What comes with a named secret goes into a folder of that name.
    pub secrets: Secrets,
    /// Where to put what comes, and what to take of each peer.
    pub receive: ReceiveOptions,
    /// Peers at once; more are told to come again. Usually 16.
    pub max_peers: usize,
    /// End when nobody has come for so long; `None`: never.
    pub wait: Option<Duration>,
    /// How long a peer may be silent before its connection counts as lost.
    pub idle_timeout: Duration,
    /// Keep a clone of it to end the service.
    pub cancel: Cancel,
}

impl ServeOptions {
    /// Serves in the usual way: 16 peers at once, 30 s of silence, for ever.
    pub fn new(listen: ListenAddress, secrets: Secrets, receive: ReceiveOptions) -> Self {
        ServeOptions {
            listen,
            secrets,
            receive,
            max_peers: 16,
            wait: None,
            idle_timeout: Duration::from_secs(30),
            cancel: Cancel::new(),
        }
    }
}
