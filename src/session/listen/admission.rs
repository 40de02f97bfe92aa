//! The guest book for threads: the thread of each connection waits here until its Hello may be answered.

use crate::model::limits;
use crate::protocol::HandshakeError;
use crate::session::listen::guest_book::{
    Budget, Claim, GuestBook, GuestId, GuestLimits, Standing,
};
use crate::session::sync::lock;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::ErrorKind;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long a Hello may wait. The rest of the handshake's time is for the answer.
const LONGEST_WAIT: Duration = Duration::from_secs(limits::HANDSHAKE_SECONDS - 1);

/// The connections that have not proven the secret yet.
pub(crate) struct Admission {
    state: Mutex<AdmissionState>,
    changed: Condvar,
}

struct AdmissionState {
    book: GuestBook,
    streams: HashMap<GuestId, Weak<TcpStream>>,
}

impl Admission {
    /// Starts without connections. At most [`limits::UNPROVEN_CONNECTIONS`] may be here; fewer if the process has
    /// few descriptors, because transfers need most of them.
    pub(crate) fn new(budget: Budget, descriptors: usize) -> Arc<Self> {
        let connections = (descriptors / 4).min(limits::UNPROVEN_CONNECTIONS);
        let book = GuestBook::new(budget, GuestLimits::of(connections), Instant::now());
        Arc::new(Admission {
            state: Mutex::new(AdmissionState {
                book,
                streams: HashMap::new(),
            }),
            changed: Condvar::new(),
        })
    }

    /// A pass for a new connection. If there are too many, an old one is ended for it. `None` if none can give
    /// way, or the ended ones are not gone yet.
    pub(crate) fn enter(self: &Arc<Self>, stream: &Arc<TcpStream>, from: IpAddr) -> Option<Pass> {
        let mut state = lock(&self.state);
        let (id, evicted) = state.book.arrive(from)?;
        if let Some(evicted) = evicted {
            state.hang_up(evicted);
        }
        state.streams.insert(id, Arc::downgrade(stream));
        Some(Pass {
            admission: Arc::clone(self),
            entered: Instant::now(),
            id,
        })
    }

    /// Ends one connection to free its descriptor. False if there is none to end.
    pub(crate) fn make_room(&self) -> bool {
        let mut state = lock(&self.state);
        let evicted = state.book.evict();
        if let Some(evicted) = evicted {
            state.hang_up(evicted);
        }
        evicted.is_some()
    }

    /// Wrong guesses so far.
    pub(crate) fn failed(&self) -> u32 {
        lock(&self.state).book.failed()
    }

    /// Whether no guess will be answered any more.
    pub(crate) fn is_spent(&self) -> bool {
        lock(&self.state).book.is_spent()
    }

    /// Records an event in the book, and wakes the waiting threads: one of their guests may now be answered.
    fn note<T>(&self, event: impl FnOnce(&mut GuestBook, Instant) -> T) -> T {
        let result = event(&mut lock(&self.state).book, Instant::now());
        self.changed.notify_all();
        result
    }
}

impl AdmissionState {
    /// Shuts the connection down. Its thread wakes up and finds it lost.
    fn hang_up(&self, id: GuestId) {
        if let Some(stream) = self.streams.get(&id).and_then(Weak::upgrade) {
            // It may be lost already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A number that no peer can predict.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The right of a connection to be here until it has proven the secret. If it was answered and proved nothing
/// until it is dropped, it has spent a guess.
pub(crate) struct Pass {
    admission: Arc<Admission>,
    entered: Instant,
    id: GuestId,
}

impl Pass {
    /// Waits until the Hello with this claim may be answered.
    ///
    /// # Errors
    /// [`HandshakeError::Busy`]: too many wait, it took too long, or no guess is left.
    pub(crate) fn claim(&self, claim: Claim) -> Result<(), HandshakeError> {
        let mut state = lock(&self.admission.state);
        state.book.claim(self.id, claim, Instant::now());
        loop {
            let now = Instant::now();
            if state.book.advance(now, random()) {
                self.admission.changed.notify_all();
            }
            match state.book.standing(self.id) {
                Standing::Answer if self.is_gone(&state) => {
                    state.book.give_back(self.id);
                    self.admission.changed.notify_all();
                    return Err(HandshakeError::Busy);
                }
                Standing::Answer => return Ok(()),
                Standing::Refused => return Err(HandshakeError::Busy),
                Standing::Waiting => {}
            }
            let left = LONGEST_WAIT.saturating_sub(now - self.entered);
            if left.is_zero() {
                state.book.withdraw(self.id);
                return Err(HandshakeError::Busy);
            }
            let wait = state.book.due(now).map_or(left, |due| left.min(due - now));
            let waited = self.admission.changed.wait_timeout(state, wait);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The Hello was not answered after all.
    pub(crate) fn give_back(&self) {
        self.admission.note(|book, _| book.give_back(self.id));
    }

    /// The claim was proven.
    pub(crate) fn prove(&self) {
        self.admission.note(|book, now| book.prove(self.id, now));
    }

    /// The claim was answered and not proven.
    pub(crate) fn spend(&self) {
        self.admission.note(|book, now| book.spend(self.id, now));
    }

    /// Whether the dialler has hung up while it waited. Then no guess is charged.
    fn is_gone(&self, state: &AdmissionState) -> bool {
        let Some(stream) = state.streams.get(&self.id).and_then(Weak::upgrade) else {
            return true;
        };
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        let is_gone = match stream.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).is_err() || is_gone
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.admission.note(|book, now| book.leave(self.id, now));
        lock(&self.admission.state).streams.remove(&self.id);
    }
}
