//! peerbridge moves files and folders straight from one machine to another, between two peers who share
//! a secret.
//!
//! Start with [`send`] and [`receive`]. Both take a [`Connect`], which says which side dials and which listens,
//! an options type, and an [`Operator`], which is told of events and answers questions.
//!
//! ```no_run
//! use peerbridge::{Connect, PeerAddress, Rendezvous, Secret, SendOptions, Unattended};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let peer = PeerAddress::new("192.0.2.7");
//! let connect = Connect::new(Rendezvous::Dial(peer), Secret::from_text("correct horse")?);
//! let options = SendOptions::new(vec!["holiday".into()]);
//! let summary = peerbridge::send(&connect, &options, &Unattended)?;
//! println!("{} files, {} bytes", summary.files, summary.bytes);
//! # Ok(())
//! # }
//! ```
//!
//! | task | see |
//! | --- | --- |
//! | send files, a stream or an archive | [`send`], [`send_to_many`], [`SendSession`], [`dry_run`] |
//! | receive | [`receive`], [`serve`] |
//! | make and open zip archives | [`zip()`], [`unzip()`] |
//! | measure a connection | [`ping`] |
//! | follow progress, answer questions | [`Operator`], [`Event`] |
//! | stop from another thread | [`Cancel`] |
//! | react to an error | [`Error`] |
//!
//! Every function blocks until it is done and returns an [`Error`] on failure; none prints or ends the process.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Numbers in tests fit by construction.
#![cfg_attr(not(test), deny(clippy::cast_possible_truncation))]

mod cli;
mod crypto;
mod disk;
mod model;
mod protocol;
mod session;
#[cfg(feature = "web")]
mod web;

// What to do.
pub use session::{SendSession, dry_run, ping, receive, send, send_to_many, serve, unzip, zip};

// How to meet the peer.
pub use crypto::{CredentialError, MeetingCode, Secret, TotpKey};
pub use session::{
    Cancel, Connect, Discovery, FindOptions, Line, ListenAddress, PeerAddress, PingReport,
    Rendezvous,
};

// What to send and how.
pub use disk::Links;
pub use session::{ArchivePayload, Level, Payload, SendOptions, Stream};

// Where to put what arrives.
pub use model::Existing;
pub use session::{Output, ReceiveOptions};

// Serving many peers.
pub use session::{NamedSecret, NamedSecrets, Secrets, ServeOptions};

// Archives.
pub use crypto::ArchivePassword;
pub use disk::{NameEncoding, Strictness, TimeZone};
pub use session::{Expansion, Names, UnzipOptions, ZipOptions};

// What a session reports and asks.
pub use model::escaped;
pub use session::{
    Acceptance, Conflicts, Event, FileResult, OfferSummary, Operator, Progress, Reception,
    StillLooking, Summary, Unattended,
};

// What can go wrong.
pub use disk::{ArchiveError, DiskError, SourceError};
pub use protocol::DeclineReason;
pub use session::Error;

#[doc(hidden)]
pub use cli::{main, run};

/// For the tests of this package only: the protocol's codec, for peers that break the rules, and the numbers
/// that the documentation quotes. Not part of the API; it changes without notice.
#[doc(hidden)]
pub mod internals {
    pub use crate::cli::exit::Exit;
    pub use crate::cli::input::secrets_file::count_names;
    pub use crate::cli::options::address::is_address;
    pub use crate::crypto::{
        Channel, Compression, DigestKey, ENVELOPE_LENGTH, Envelope, MAX_SECRET_LENGTH, Opener,
        PieceDigest, PieceHasher, PiecePosition, Position, SEALED_OVERHEAD, Sealer, SessionKeys,
        complete_code,
    };
    pub use crate::disk::{Glob, recorded_parts};
    pub use crate::model::{Manifest, PartRange, TransferId, limits};
    pub use crate::protocol::{
        Accept, DiallerJoins, DiallerRole, DiallerUnproven, DiallerWaitsForHello, Digests,
        FrameKind, HandshakeError, JoinRequest, ListenerStart, ListenerUnproven,
        MESSAGE_HEAD_LENGTH, ManifestCodeError, ManifestDecoder, ManifestEncoder, Message,
        PADDING_BYTES, PartId, Ping, Presence, Role, StreamNumber, frame, message_head, part_head,
    };
    pub use crate::session::discovery::Lookout;
}
