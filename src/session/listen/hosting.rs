//! Many peers at once: each that comes gets a thread of its own, and what goes wrong with one is no
//! other one's concern.

use crate::session::cancel::Cancel;
use crate::session::connection::clock::Deadline;
use crate::session::events::{Event, Operator};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, ProvenGuest};
use crate::session::listen::slots::SessionSlots;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, scope};
use std::time::Duration;

/// Whom to serve, and for how long.
pub(crate) struct Hosting<'a> {
    /// The listener's.
    pub(crate) slots: &'a Arc<SessionSlots>,
    /// End when nobody has come for so long.
    pub(crate) wait: Option<Duration>,
    pub(crate) cancel: &'a Cancel,
    pub(crate) operator: &'a dyn Operator,
}

/// Why hosting ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// All slots were used up.
    Full,
    /// Nobody came any more.
    Quiet,
    /// It was called off.
    Cancelled,
}

impl Hosting<'_> {
    /// Serves each peer in a thread of its own, and returns when all threads have ended.
    pub(crate) fn run(&self, listener: &Listener, serve: &(dyn Fn(ProvenGuest) + Sync)) -> Closing {
        scope(|scope| {
            loop {
                if self.cancel.is_cancelled() {
                    return Closing::Cancelled;
                }
                if self.slots.are_used_up() {
                    return Closing::Full;
                }
                match listener.wait(self.wait.map(Deadline::after)) {
                    Some(Arrival::Peer(guest)) => {
                        let peer = guest.session.peer.ip().to_canonical();
                        let waker = listener.waker();
                        let work = move || {
                            self.serve_one(*guest, serve);
                            // Wakes the accept loop, which may now be done.
                            waker();
                        };
                        let thread = Builder::new().name("session".into());
                        if let Err(error) = thread.spawn_scoped(scope, work) {
                            self.warn(&format!("no thread to serve {peer}: {error}"));
                        }
                    }
                    Some(Arrival::ProofFailed { peer }) => {
                        let count = listener.failed_proofs();
                        self.operator.event(&Event::ProofFailed { peer, count });
                    }
                    Some(other) => mention(&other, self.operator),
                    None if self.slots.taken() == 0 && !listener.is_pinged() => {
                        return Closing::Quiet;
                    }
                    None => {}
                }
            }
        })
    }

    /// A whole session. A bug that shows in it ends this one only.
    fn serve_one(&self, mut guest: ProvenGuest, serve: &(dyn Fn(ProvenGuest) + Sync)) {
        let peer = guest.session.peer;
        let work = AssertUnwindSafe(|| {
            welcome(&guest, self.operator);
            let first = guest.session.reader.connection();
            self.cancel.watch(first.socket());
            serve(guest);
        });
        if catch_unwind(work).is_err() {
            self.warn(&format!(
                "a bug in peerbridge ended the session with {}",
                peer.ip().to_canonical()
            ));
        }
        self.operator.event(&Event::PeerLeft { peer });
    }

    fn warn(&self, message: &str) {
        self.operator.event(&Event::Warning { message });
    }
}

/// Tells the operator of somebody who came and has proven itself.
pub(crate) fn welcome(guest: &ProvenGuest, operator: &dyn Operator) {
    let peer = guest.session.peer;
    operator.event(&Event::Connected { peer });
    operator.event(&Event::Authenticated { peer });
}

/// Tells the operator of arrivals that change nothing.
pub(crate) fn mention(arrival: &Arrival, operator: &dyn Operator) {
    let message = match arrival {
        Arrival::TurnedAway { peer, error } if error.is_worth_telling() => {
            format!("turned {} away: {error}", peer.ip().to_canonical())
        }
        Arrival::Pinged { peer } => return operator.event(&Event::Pinged { peer: *peer }),
        Arrival::News { message } => message.clone(),
        Arrival::TurnedAway { .. }
        | Arrival::Peer(_)
        | Arrival::ProofFailed { .. }
        | Arrival::Woken => return,
    };
    operator.event(&Event::Warning { message: &message });
}
