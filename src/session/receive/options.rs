//! What a receiver and a drop box are told before they start.

use crate::model::Existing;
use crate::session::cancel::Cancel;
use crate::session::listen::secrets::Secrets;
use crate::session::options::ListenAddress;
use crate::session::receive::output::Output;
use std::path::PathBuf;
use std::time::Duration;

/// Where to put what is received and what to take.
#[derive(Clone)]
pub struct ReceiveOptions {
    /// The folder that everything is put into; created when it is missing.
    pub destination: PathBuf,
    /// Where to write the contents of the only file that is taken, in place of the folder. It takes
    /// one file; other offers are declined. A transfer that breaks off cannot be resumed.
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

/// How to serve a drop box: many peers at once, until it is cancelled.
pub struct ServeOptions {
    /// Where to listen.
    pub listen: ListenAddress,
    /// The secrets that peers may prove. What a peer sends with a named secret goes into a folder of that name.
    pub secrets: Secrets,
    /// Where to put what is received, and what to take of each peer.
    pub receive: ReceiveOptions,
    /// Peers at once; others are told to come again. Usually 16.
    pub max_peers: usize,
    /// End when nobody has come for this long; `None`: never.
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
