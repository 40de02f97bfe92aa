//! The options of a receiver and of a drop box.

use crate::model::{Existing, LinkRule, limits};
use crate::session::cancel::Cancel;
use crate::session::listen::secrets::Secrets;
use crate::session::options::{Discovery, ListenAddress};
use crate::session::receive::output::Output;
use std::path::PathBuf;
use std::time::Duration;

/// How long broken transfers are kept by default.
const KEEP_PARTIAL: Duration = Duration::from_secs(14 * 24 * 3600);

/// Where to save files, and what to accept.
///
/// ```
/// use peerbridge::{Existing, ReceiveOptions};
///
/// let mut options = ReceiveOptions::new("incoming".into());
/// options.existing = Existing::Rename;
/// options.max_bytes = Some(10 << 30);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceiveOptions {
    /// The folder to save everything in. It is created if it is missing.
    pub destination: PathBuf,
    /// Write the contents of one file here instead of into the folder. Offers of anything but a single
    /// file are declined, and so is a second file. An interrupted transfer cannot be resumed.
    pub output: Option<Output>,
    /// What to do when a name exists at the destination.
    pub existing: Existing,
    /// Change names that some disks cannot store: control characters, bytes that are not UTF-8, `< > : " \\ | ?
    /// *`, and dots and spaces at the end become `_`; names of Windows devices (`aux.txt`) get a `_` in front; a
    /// name that differs from another only in case gets a number.
    pub portable_names: bool,
    /// Also make links that lead outside of what is sent, if the sender offers them
    /// ([`Links::Keep`](crate::Links::Keep)). Their targets are kept as they are, wherever they lead. Otherwise
    /// such links are left out.
    pub outside_links: bool,
    /// Decline offers of more bytes than this. A transfer of unknown length ends when it exceeds this.
    pub max_bytes: Option<u64>,
    /// Decline offers of more entries (files, folders and links) than this.
    pub max_files: Option<u64>,
    /// The most connections, 1 to 64. `None` allows as many as the sender proposes.
    pub streams: Option<u16>,
    /// Force every file to disk before the sender is told that everything was delivered.
    pub fsync: bool,
    /// Decline senders that don't ask for the phrase to be compared. If a sender asks, the phrase is
    /// compared in any case.
    pub verify: bool,
    /// Compare the contents of files of the same size and time, instead of assuming that they are the same.
    pub checksum: bool,
}

impl ReceiveOptions {
    /// Receives into the folder `destination` with the default options: [`Existing::Fail`] and no limits.
    pub fn new(destination: PathBuf) -> Self {
        ReceiveOptions {
            destination,
            output: None,
            existing: Existing::Fail,
            portable_names: false,
            outside_links: false,
            max_bytes: None,
            max_files: None,
            streams: None,
            fsync: false,
            verify: false,
            checksum: false,
        }
    }

    /// Which links are made.
    pub(crate) fn link_rule(&self) -> LinkRule {
        LinkRule::with_outside(self.outside_links)
    }

    /// Receives one file and writes its contents to `output`, with the default options.
    pub fn to_output(output: Output) -> Self {
        let mut options = ReceiveOptions::new(PathBuf::from("."));
        options.output = Some(output);
        options
    }
}

/// How to serve a drop box that receives from many peers at once.
///
/// ```
/// use peerbridge::{ListenAddress, ReceiveOptions, Secret, Secrets, ServeOptions};
/// use std::sync::Arc;
///
/// let anywhere = ListenAddress { address: None, port: 8080 };
/// let secret = Secret::from_text("correct horse battery")?;
/// let receive = ReceiveOptions::new("/srv/inbox".into());
/// let mut options = ServeOptions::new(anywhere, Secrets::One(Arc::new(secret)), receive);
/// options.max_peers = 4;
/// # Ok::<(), peerbridge::CredentialError>(())
/// ```
#[non_exhaustive]
pub struct ServeOptions {
    /// Where to listen.
    pub listen: ListenAddress,
    /// The secrets that peers may use. Files sent with a named secret go into a folder of that name.
    pub secrets: Secrets,
    /// Where to save files, and what to accept from each peer.
    pub receive: ReceiveOptions,
    /// The most peers at once. Others are told that the listener is busy.
    pub max_peers: usize,
    /// End after this long without a peer. `None` means never.
    pub wait: Option<Duration>,
    /// How long the data of a broken transfer is kept for its sender to resume. Less than a day makes little
    /// sense; the default is 14 days.
    pub keep_partial: Duration,
    /// How long a peer may be silent before its connection counts as lost.
    pub idle_timeout: Duration,
    /// How long a peer may send heartbeats but no data before its session ends. Applies to transfers of known
    /// size. The received data is kept.
    pub stall_timeout: Duration,
    /// Whether to answer peers that search the network, and how far; by default off.
    pub announce: Discovery,
    /// Keep a clone of it to stop the service.
    pub cancel: Cancel,
}

impl ServeOptions {
    /// The defaults: 16 peers at once, 30 seconds of silence, broken transfers kept for 14 days, no end.
    pub fn new(listen: ListenAddress, secrets: Secrets, receive: ReceiveOptions) -> Self {
        ServeOptions {
            listen,
            secrets,
            receive,
            max_peers: 16,
            stall_timeout: Duration::from_secs(limits::STALL_SECONDS),
            wait: None,
            keep_partial: KEEP_PARTIAL,
            idle_timeout: Duration::from_secs(30),
            announce: Discovery::Off,
            cancel: Cancel::new(),
        }
    }
}
