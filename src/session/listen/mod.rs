//! Waiting for peers, one or many.
//!
//! `listener` accepts connections, and `connection_handler` runs the handshake of each on a thread of its own.
//! `guest_book` decides which Hello is answered next and charges it as a guess, and in `admission` threads wait
//! for that decision. `secrets` finds the secret that a peer names, `slots` bounds the number of proven peers, and
//! `tickets` lets peers return whose connection was lost. `ping_answer` serves a peer that only measures the line.
//! `hosting` runs many sessions at once.

pub(crate) mod admission;
mod connection_handler;
pub(crate) mod guest_book;
pub(crate) mod hosting;
pub(crate) mod listener;
pub(crate) mod listener_state;
pub(crate) mod ping_answer;
pub(crate) mod secrets;
pub(crate) mod slots;
pub(crate) mod tickets;
