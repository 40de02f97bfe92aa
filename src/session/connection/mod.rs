//! One session with one peer: its connections, from the socket to messages and parts.
//!
//! `socket` dials and listens; `handshake` proves the secret on a new connection, and `session` is the result.
//! Below them, `transport` moves frames with the `patience` that the deadlines of `clock` allow, and `channel`
//! seals and opens their contents; `stall` measures how long a peer makes no progress. Further streams come
//! through `join` and `join_gate`; `heartbeat` keeps a quiet session alive and derives keys ahead of need
//! (`next_seal`).

pub(crate) mod channel;
pub(crate) mod clock;
pub(crate) mod end_cause;
pub(crate) mod handshake;
pub(crate) mod heartbeat;
pub(crate) mod join;
pub(crate) mod join_gate;
pub(crate) mod next_seal;
pub(crate) mod patience;
pub(crate) mod session;
pub(crate) mod socket;
pub(crate) mod stall;
pub(crate) mod transport;
