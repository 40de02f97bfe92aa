//! Floor 3: the only floor with sockets and threads.
//!
//! The rooms, each importing only from those before it:
//!
//! | room | what it holds |
//! | --- | --- |
//! | `sync`, `error`, `threads`, `events`, `cancel`, `line`, `options`, `stats`, `scan` | what all rooms share |
//! | `connection` | one session with one peer: sockets, handshake, sealed messages |
//! | `discovery` | finding peers on the networks of this machine |
//! | `tuning` | how many streams, which compression level, which rate |
//! | `listen` | waiting for peers and limiting how many secrets they may guess |
//! | `meet` | dialling or waiting until there is a connection to the peer, also after it was lost |
//! | `receive` | the receiving side of a transfer |
//! | `archive` | zip archives for people, unpacked as if they were received |
//! | `send` | the sending side of a transfer, which may pack an archive as it sends |
//! | `nearby` | which peers are on the networks of this machine |
//! | `ping` | proving the secret and measuring the line, without a file |

mod archive;
mod cancel;
mod connection;
pub(crate) mod discovery;
mod error;
mod events;
mod line;
mod listen;
mod meet;
mod nearby;
mod options;
mod ping;
mod receive;
mod scan;
pub(crate) mod second_factor;
mod send;
mod stats;
pub(crate) mod sync;
mod threads;
mod tuning;

pub use crate::disk::Links;
pub use archive::pack::Names;
pub use archive::unzip::{UnzipOptions, check_archive, hides_names, unpack, unzip, verify};
pub use archive::zip::{ZipOptions, check_archive_name, zip};
pub use cancel::Cancel;
pub use connection::socket::can_listen;
pub use error::{Error, Expansion};
pub use events::{
    Acceptance, Conflicts, Event, FileResult, OfferSummary, Operator, Progress, Reception,
    StillLooking, Summary, Unattended,
};
pub use line::{Line, LineStreams};
pub use listen::secrets::{NamedSecret, NamedSecrets, Secrets};
pub(crate) use nearby::{Activity, nearby, returns};
pub use options::{
    Connect, DEFAULT_PORT, Discovery, FindOptions, Level, ListenAddress, PeerAddress, Rendezvous,
};
pub use ping::{PingReport, ping};
pub use receive::options::{ReceiveOptions, ServeOptions};
pub use receive::output::Output;
pub use receive::receive;
pub use receive::serve::serve;
pub use send::archive::ArchivePayload;
pub use send::many::send_to_many;
pub use send::options::SendOptions;
pub use send::payload::{Payload, Stream};
pub use send::{SendSession, dry_run, send};
