//! Floor 3: the only floor with sockets and threads.
//!
//! [`send`] and [`receive`] meet the peer (`meeting`, `network`, `listener`), have the secret proven
//! (`authenticate`), and then bring one transfer after the other to its end: `sender` and `sending` on
//! one side, `receiver` and `receiving` on the other, a thread for each connection. What happens is told
//! as [`Event`]s.

mod authenticate;
mod channel;
mod clock;
mod effort;
mod error;
mod established;
mod events;
mod heartbeat;
mod listener;
mod meeting;
mod network;
mod options;
mod pace;
mod ping;
mod pool;
mod proposal;
mod receive;
mod receiver;
mod receiving;
mod send;
mod sender;
mod sending;
mod streams;
mod summary;
mod tally;
mod transport;
mod wanted;

pub use crate::disk::Links;
pub use error::SessionError;
pub use events::{
    Acceptance, Conflicts, Event, FileResult, OfferSummary, Operator, Progress, Summary, Unattended,
};
pub use options::{
    Connect, DEFAULT_PORT, Level, ListenAddress, PeerAddress, ReceiveOptions, Rendezvous,
    SendOptions,
};
pub use receive::receive;
pub use send::{SendSession, send};
