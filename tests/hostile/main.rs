//! Peers and networks that break the protocol, against the real other side.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
pub mod harness;

mod archives;
mod at_once;
mod attacks;
mod budgets;
mod claims;
mod costs;
mod drop_box;
mod faults;
mod frames;
mod guesses;
mod handshake;
mod handshakes;
mod memory;
mod names;
mod peer;
mod phrase;
mod pings;
mod piped;
mod real;
mod rounds;
mod seats;
mod secrecy;
mod sender_states;
mod states;
mod streams;
mod tree;
mod wire;
