//! Floor 3: the only floor with sockets and threads.
//!
//! [`send`] and [`receive`] meet the peer (`meeting`, `network`, `listener`), have the secret proven
//! (`authenticate`), and then bring one transfer after the other to its end: `sender` and `sending` on
//! one side, `receiver` and `receiving` on the other, a thread for each connection. What happens is told
//! as [`Event`]s. [`serve`] and [`send_to_many`] do the same for many peers at once (`hosting`).

mod ahead;
mod archiving;
mod authenticate;
mod cancel;
mod cargo;
mod channel;
mod clock;
mod delivering;
mod effort;
mod error;
mod established;
mod events;
mod feed;
mod growth;
mod heartbeat;
mod hosting;
mod in_order;
mod join_gate;
mod listener;
mod meeting;
mod network;
mod offering;
mod options;
mod output;
mod pace;
mod packing;
mod payload;
mod ping;
mod planning;
mod pool;
mod proposal;
mod rate;
mod receive;
mod receiver;
mod receiving;
mod round_end;
mod seats;
mod secrets;
mod send;
mod sender;
mod sending;
mod serve;
mod sink;
mod slowdown;
mod streams;
mod summary;
mod sync;
mod tally;
mod transport;
mod unpacking;
mod unproven;
mod wanted;
mod zip;

pub use crate::disk::Links;
pub use archiving::Archive;
pub use cancel::Cancel;
pub use error::{SessionError, TakenBy};
pub use events::{
    Acceptance, Comparison, Conflicts, Event, FileResult, Growth, OfferSummary, Operator, Progress,
    Reception, Summary, Unattended,
};
pub use network::can_listen;
pub use offering::send_to_many;
pub use options::{
    Connect, DEFAULT_PORT, Level, ListenAddress, PeerAddress, ReceiveOptions, Rendezvous,
    SendOptions, ServeOptions,
};
pub use output::Output;
pub use packing::{INNER_NAME, Names};
pub use payload::{Payload, Stream};
pub use ping::{PingReport, ping};
pub use receive::receive;
pub use secrets::{CurrentSecrets, NameLimits, NamedSecret, NamedSecrets, Secrets};
pub use send::{SendSession, inquire, send};
pub use serve::serve;
pub use unpacking::{GrowthLimit, UnzipOptions, hides_names, unpack, unzip};
pub use zip::{ZipOptions, check_archive_name, zip};
