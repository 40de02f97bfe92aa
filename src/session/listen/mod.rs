//! Waiting for peers, one or many.
//!
//! `listener` accepts connections and has each one prove itself on a thread of its own. `pending` bounds
//! the unproven ones, `guess_limit` slows down wrong guesses, `slots` bounds the proven ones, and
//! `secrets` finds the secret that a peer names. `ping_answer` serves a
//! peer that only measures the line. `hosting` runs many sessions at once.

pub(crate) mod guess_limit;
pub(crate) mod hosting;
pub(crate) mod listener;
pub(crate) mod pending;
pub(crate) mod ping_answer;
pub(crate) mod secrets;
pub(crate) mod slots;
