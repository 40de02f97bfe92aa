//! Many peers at once, each on a thread of its own. An error of one does not affect the others.

use crate::session::cancel::Cancel;
use crate::session::connection::clock::Deadline;
use crate::session::events::{Event, Operator};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, ProvenGuest};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, scope};
use std::time::Duration;

/// How many peers to serve, and for how long.
pub(crate) struct Hosting<'a> {
    /// End when no peer has come for this long.
    pub(crate) wait: Option<Duration>,
    pub(crate) cancel: &'a Cancel,
    pub(crate) operator: &'a dyn Operator,
}

/// Why hosting ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// All slots were used up.
    Full,
    /// No more peers came.
    Quiet,
    /// It was cancelled.
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
                if listener.slots().are_used_up() {
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
                            self.operator
                                .warn(&format!("no thread to serve {peer}: {error}"));
                        }
                    }
                    Some(other) => listener.mention(&other, self.operator),
                    None if listener.slots().taken() == 0 && !listener.is_pinged() => {
                        return Closing::Quiet;
                    }
                    None => {}
                }
            }
        })
    }

    /// Serves one session. A panic ends only this session.
    fn serve_one(&self, mut guest: ProvenGuest, serve: &(dyn Fn(ProvenGuest) + Sync)) {
        let peer = guest.session.peer;
        let work = AssertUnwindSafe(|| {
            self.operator.welcome(peer);
            let first = guest.session.reader.connection();
            self.cancel.watch(first.socket());
            serve(guest);
        });
        if catch_unwind(work).is_err() {
            self.operator.warn(&format!(
                "a bug in peerbridge ended the session with {}",
                peer.ip().to_canonical()
            ));
        }
        self.operator.event(&Event::PeerLeft { peer });
    }
}
