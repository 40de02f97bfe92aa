//! Floor 3: the only floor with sockets and threads.
//!
//! The rooms, each importing only from those before it:
//!
//! | room | what it holds |
//! | --- | --- |
//! | `sync`, `cancel`, `error`, `events`, `options`, `stats`, `summary` | what all rooms share |
//! | `connection` | one session with one peer: sockets, handshake, sealed messages |
//! | `tuning` | how many streams, which compression level, which rate |
//! | `listen` | waiting for peers |
//! | `meet` | dialling or waiting until the peer is there, and again after it was lost |
//! | `archive` | zip archives for people |
//! | `send`, `receive` | the two sides of a transfer |
//! | `ping` | proving the secret and measuring the line, without a file |

mod archive;
mod cancel;
mod connection;
mod error;
mod events;
mod listen;
mod meet;
mod options;
mod ping;
mod receive;
mod send;
mod stats;
mod summary;
mod sync;
mod tuning;

pub use crate::disk::Links;
pub use archive::pack::Names;
pub use archive::unzip::{ExpansionLimit, UnzipOptions, hides_names, unpack, unzip};
pub use archive::zip::{ZipOptions, check_archive_name, zip};
pub use cancel::Cancel;
pub use connection::socket::can_listen;
pub use error::{SessionError, TakenBy};
pub use events::{
    Acceptance, Comparison, Conflicts, Event, Expansion, FileResult, OfferSummary, Operator,
    Progress, Reception, Summary, Unattended,
};
pub use listen::secrets::{CurrentSecrets, NameLimits, NamedSecret, NamedSecrets, Secrets};
pub use options::{
    Connect, DEFAULT_PORT, Level, ListenAddress, PeerAddress, ReceiveOptions, Rendezvous,
    SendOptions, ServeOptions,
};
pub use ping::{PingReport, ping};
pub use receive::output::Output;
pub use receive::receive;
pub use receive::serve::serve;
pub use send::archive::ArchivePayload;
pub use send::many::send_to_many;
pub use send::payload::{Payload, Stream};
pub use send::{SendSession, dry_run, send};
