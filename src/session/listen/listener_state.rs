//! What the threads of one listener share: its terms, the peers that came, the gates to running sessions.

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

/// Pause when the system has no descriptors or threads left, and nothing to be given up for them.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Pause for a connection that was given up to be closed.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// Whom a listener lets in.
pub(crate) struct Terms {
    pub(crate) role: Role,
    pub(crate) secrets: Secrets,
    /// Room for proven peers; a peer that finds none is told so.
    pub(crate) slots: Arc<SessionSlots>,
    pub(crate) idle_limit: Duration,
    pub(crate) guesses: Budget,
    /// Wakes the thread that waits for peers.
    pub(crate) cancel: Cancel,
}

impl Terms {
    /// For a peer that knows the secret of `connect`.
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

/// Somebody came.
pub(crate) enum Arrival {
    /// A peer that has proven itself and wants the transfer that this side waits for. It gets heartbeats
    /// already, however long it has to wait for its turn.
    Peer(Box<ProvenGuest>),
    /// A proof failed, or was not even tried once the Hello was answered. [`Admission::failed`] counts
    /// them all, also those that nobody is told of because too much happens at once.
    ProofFailed { peer: SocketAddr },
    /// Somebody was turned away before a secret was tried.
    TurnedAway { peer: SocketAddr, error: Error },
    /// Somebody proved itself and only wanted to know that.
    Pinged { peer: SocketAddr },
    /// There is something to say about the secrets.
    News { message: String },
    /// Nobody: the thread that waits should look whether anything has changed.
    Woken,
}

/// A proven peer.
pub(crate) struct ProvenGuest {
    pub(crate) session: Session,
    /// The name of its secret, where the secrets have names.
    pub(crate) name: Option<Name>,
    pub(crate) slot: Slot,
}

/// What the threads of one listener share.
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
    /// Nobody is here, and whoever comes is told to `arrivals`.
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

    /// Something is used up, descriptors or threads: an unproven connection is given up for it, and
    /// without one the others are waited for.
    pub(super) fn make_room(&self) {
        std::thread::sleep(match self.admission.make_room() {
            true => CLOSING_PAUSE,
            false => EXHAUSTED_PAUSE,
        });
    }

    /// Hands an arrival over, and never blocks: while nobody takes arrivals and the queue is full, news are
    /// dropped and peers hung up on.
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

    /// The gate of a session that still runs.
    pub(super) fn gate(&self, session_id: [u8; 16]) -> Option<Arc<JoinGate>> {
        lock(&self.gates).get(&session_id).and_then(Weak::upgrade)
    }
}
