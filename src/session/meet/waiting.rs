//! Waiting at a listener until the peer comes.

use crate::session::connection::clock::Deadline;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, ProvenGuest};
use crate::session::listen::tickets::RETURN_WAIT;
use crate::session::options::Connect;
use std::time::Duration;

/// How long the report of a failed proof may take to arrive from its thread.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Which peer to meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Any peer.
    First,
    /// The peer that was lost.
    Again,
}

impl Occasion {
    /// How long to wait; `None`: forever.
    pub(super) fn wait(self, connect: &Connect) -> Option<Duration> {
        match self {
            Occasion::First => connect.wait,
            Occasion::Again => Some(RETURN_WAIT),
        }
    }

    /// The error if no proven peer came.
    pub(super) fn nobody_came(self, listener: &Listener, connect: &Connect) -> Error {
        match listener.admission().failed() {
            attempts @ 1.. if self == Occasion::First => Error::WrongSecret { attempts },
            _ => Error::nobody_came(self.wait(connect)),
        }
    }
}

/// Waits until a peer has proven the secret. On a line there is only one peer, so its failure is final.
///
/// # Errors
/// Why no peer was met.
pub(super) fn wait_for_peer(
    listener: &Listener,
    connect: &Connect,
    operator: &dyn Operator,
    occasion: Occasion,
) -> Result<Box<ProvenGuest>, Error> {
    let is_line = listener.addresses().is_empty();
    let deadline = occasion.wait(connect).map(Deadline::after);
    let mut told = 0;
    loop {
        // The peer of an earlier session may still come back.
        let is_over = occasion == Occasion::First && listener.admission().is_spent();
        let deadline = match is_over {
            true if told < listener.admission().failed() => Some(Deadline::after(LAST_WORDS)),
            true => Some(Deadline::after(Duration::ZERO)),
            false => deadline,
        };
        match listener.wait(deadline) {
            Some(Arrival::Peer(guest)) => {
                operator.welcome(guest.session.peer);
                return Ok(guest);
            }
            Some(Arrival::ProofFailed { .. }) if is_line => {
                return Err(Error::WrongSecret { attempts: 1 });
            }
            Some(Arrival::TurnedAway { error, .. }) if is_line => return Err(error),
            Some(arrival @ Arrival::ProofFailed { .. }) => {
                listener.mention(&arrival, operator);
                told = listener.admission().failed();
            }
            Some(other) => {
                connect.cancel.check()?;
                listener.mention(&other, operator);
            }
            None => return Err(occasion.nobody_came(listener, connect)),
        }
    }
}
