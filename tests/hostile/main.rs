//! Peers that break the protocol, and lines that do, against the real other side.

mod archives;
mod faults;
mod frames;
mod handshake;
mod memory;
mod names;
mod peer;
mod phrase;
mod pings;
mod piped;
mod proxy;
mod real;
mod rounds;
mod secrecy;
mod sender_states;
mod states;
mod streams;
mod tree;
mod wire;
