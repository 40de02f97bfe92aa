//! The state that the threads of one listener share: its terms, the arrivals, and the gates of running sessions.

use crate::model::limits;
use crate::protocol::Role;
use crate::session::cancel::Cancel;
use crate::session::connection::join_gate::JoinGate;
use crate::session::connection::session::Session;
use crate::session::connection::socket;
use crate::session::error::Error;
use crate::session::listen::admission::Admission;
use crate::session::listen::guest_book::Budget;
use crate::session::listen::secrets::{Name, Secrets};
use crate::session::listen::slots::{SessionSlots, Slot};
use crate::session::listen::tickets::Tickets;
use crate::session::options::Connect;
use crate::session::second_factor::UsedCodes;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Pause when the system has no descriptors or threads left, and no connection can be ended to free some.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Pause in which an ended connection closes.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// Which peers a listener lets in.
pub(crate) struct Terms {
    pub(crate) role: Role,
    pub(crate) secrets: Secrets,
    /// Slots for proven peers. A peer that gets none is told that the listener is busy.
    pub(crate) slots: Arc<SessionSlots>,
    pub(crate) idle_limit: Duration,
    pub(crate) guesses: Budget,
    /// Wakes the thread that waits for peers.
    pub(crate) cancel: Cancel,
}

impl Terms {
    /// Lets in peers that know the secret of `connect`.
    pub(crate) fn of(connect: &Connect, role: Role, slots: Arc<SessionSlots>) -> Self {
        Terms {
            role,
            secrets: Secrets::One(Arc::clone(&connect.secret)),
            slots,
            idle_limit: connect.idle_timeout,
            guesses: Budget::InAll(limits::FAILED_PROOFS),
            cancel: connect.cancel.clone(),
        }
    }
}

/// Something that reached the listener.
pub(crate) enum Arrival {
    /// A proven peer that wants the transfer that this side waits for. It receives heartbeats while it waits for
    /// its turn.
    Peer(Box<ProvenGuest>),
    /// A Hello was answered, and no valid proof came. [`Admission::failed`] counts them all, even those that are
    /// not reported because the queue is full.
    ProofFailed { peer: SocketAddr },
    /// A peer was turned away before it could try a secret.
    TurnedAway { peer: SocketAddr, error: Error },
    /// A peer proved the secret with a ping.
    Pinged { peer: SocketAddr },
    /// A message about the secrets, for the operator.
    News { message: String },
    /// No peer: only wakes the waiting thread, because something may have changed.
    Woken,
}

/// A proven peer.
pub(crate) struct ProvenGuest {
    pub(crate) session: Session,
    /// The name of its secret, if secrets have names.
    pub(crate) name: Option<Name>,
    pub(crate) slot: Slot,
}

/// The shared state of a listener's threads.
pub(super) struct ListenerState {
    pub(super) terms: Terms,
    pub(super) arrivals: SyncSender<Arrival>,
    gates: Mutex<HashMap<[u8; 16], Weak<JoinGate>>>,
    pub(super) admission: Arc<Admission>,
    pub(super) tickets: Tickets,
    pub(super) codes: UsedCodes,
    pub(super) ping_slots: Arc<SessionSlots>,
    /// Peers among the arrivals.
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) closed: AtomicBool,
}

impl ListenerState {
    /// Starts empty. Arrivals are sent to `arrivals`.
    pub(super) fn new(terms: Terms, arrivals: SyncSender<Arrival>) -> Self {
        let admission = Admission::new(terms.guesses, socket::descriptor_limit());
        ListenerState {
            terms,
            arrivals,
            gates: Mutex::default(),
            admission,
            tickets: Tickets::default(),
            codes: UsedCodes::none_yet(),
            ping_slots: SessionSlots::at_once(limits::PING_SESSIONS),
            waiting: Arc::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Called when descriptors or threads are used up. Ends an unproven connection to free some, or else pauses.
    pub(super) fn make_room(&self) {
        std::thread::sleep(match self.admission.make_room() {
            true => CLOSING_PAUSE,
            false => EXHAUSTED_PAUSE,
        });
    }

    /// Queues an arrival without blocking. If the queue is full, it is dropped, and with it the connection of a
    /// peer.
    pub(super) fn tell(&self, arrival: Arrival) {
        let is_peer = matches!(arrival, Arrival::Peer(_));
        if is_peer {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        if self.arrivals.try_send(arrival).is_err() && is_peer {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn open_gate(&self, gate: &Arc<JoinGate>) {
        let mut gates = lock(&self.gates);
        gates.retain(|_, gate| gate.strong_count() > 0);
        gates.insert(gate.shared.keys.session_id(), Arc::downgrade(gate));
    }

    /// The gate of a running session.
    pub(super) fn gate(&self, session_id: [u8; 16]) -> Option<Arc<JoinGate>> {
        lock(&self.gates).get(&session_id).and_then(Weak::upgrade)
    }
}
