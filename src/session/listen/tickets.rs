//! Tickets: peers may return to their sessions.
//!
//! A peer whose connection was lost proves a key of its session instead of the secret. Nobody can guess this key,
//! and wrong guesses of others cannot keep the peer out. A ticket is used once: the new session has its own.

use crate::crypto::ReturnTicket;
use crate::model::limits;
use crate::protocol::DiallerName;
use crate::session::connection::clock::Deadline;
use crate::session::connection::join_gate::SessionEnd;
use crate::session::listen::guest_book::TicketId;
use crate::session::listen::secrets::{Name, Snapshot};
use crate::session::sync::lock;
use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How long a peer may take to come back after its session has ended.
pub(crate) const RETURN_WAIT: Duration = Duration::from_secs(limits::RETURN_SECONDS);

/// How long a session whose peer has left may take to end.
const ENDING: Duration = Duration::from_secs(3);

/// How often to check whether the old session has ended.
const TICK: Duration = Duration::from_millis(10);

/// The tickets of a listener.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<TicketState>);

#[derive(Default)]
struct TicketState {
    next: u64,
    tickets: Vec<Ticket>,
}

struct Ticket {
    id: TicketId,
    key: Arc<ReturnTicket>,
    /// The name whose secret was proven, and the secrets at that time.
    name: Option<(Name, Snapshot)>,
    /// The first connection of the session.
    socket: Weak<TcpStream>,
    /// When the session ended.
    ended: SessionEnd,
    /// The nonces of the Hellos that used it, at most [`limits::RETURN_NONCES`].
    nonces: VecDeque<[u8; 32]>,
}

/// The ticket that matches a dialler's name tag.
pub(crate) struct FoundTicket {
    pub(crate) id: TicketId,
    pub(crate) key: Arc<ReturnTicket>,
    pub(crate) name: Option<Name>,
}

impl Tickets {
    /// Issues a ticket for a new session. `name` is the proven name with the secrets at that time.
    pub(crate) fn issue(
        &self,
        key: Arc<ReturnTicket>,
        name: Option<(Name, Snapshot)>,
        ended: SessionEnd,
        socket: &Arc<TcpStream>,
    ) {
        let mut state = lock(&self.0);
        state.forget(Instant::now());
        let id = TicketId(state.next);
        state.next += 1;
        state.tickets.push(Ticket {
            id,
            key,
            name,
            socket: Arc::downgrade(socket),
            ended,
            nonces: VecDeque::new(),
        });
    }

    /// The ticket of a dialler, unless its name is no longer in the list or has another secret now. Compares all
    /// tickets, so that the time does not depend on which one matches. A Hello finds its ticket only once: someone
    /// who saw it on the network and sends it again must not be answered instead of the peer.
    pub(crate) fn find(&self, dialler: &DiallerName, now: &Snapshot) -> Option<FoundTicket> {
        let mut state = lock(&self.0);
        state.forget(Instant::now());
        let mut found = None;
        for ticket in &mut state.tickets {
            if dialler.returns_by(&ticket.key) && ticket.is_still_good(now) {
                found = Some(ticket);
            }
        }
        let ticket = found?;
        ticket.is_first(*dialler.nonce()).then(|| FoundTicket {
            id: ticket.id,
            key: Arc::clone(&ticket.key),
            name: ticket.name.as_ref().map(|(name, _)| name.clone()),
        })
    }

    /// Uses a ticket: ends the old session, and waits a moment until it has stopped writing.
    pub(crate) fn redeem(&self, id: TicketId) -> bool {
        let mut state = lock(&self.0);
        let place = state.tickets.iter().position(|ticket| ticket.id == id);
        let Some(place) = place else {
            return false;
        };
        let ticket = state.tickets.remove(place);
        drop(state);
        if let Some(socket) = ticket.socket.upgrade() {
            // The connection may be lost already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let deadline = Deadline::after(ENDING);
        while ticket.ended.get().is_none() && deadline.remaining().is_some() {
            std::thread::sleep(TICK);
        }
        true
    }
}

impl TicketState {
    /// Drops expired tickets, and if there are too many, the oldest one whose session has ended.
    fn forget(&mut self, now: Instant) {
        let may_return = |ticket: &Ticket| match ticket.ended.get() {
            Some(ended) => now.saturating_duration_since(*ended) < RETURN_WAIT,
            None => true,
        };
        self.tickets.retain(may_return);
        if self.tickets.len() >= limits::RETURN_TICKETS {
            let mut tickets = self.tickets.iter();
            if let Some(oldest) = tickets.position(|ticket| ticket.ended.get().is_some()) {
                self.tickets.remove(oldest);
            }
        }
    }
}

impl Ticket {
    /// Whether this nonce is new. Forgets the oldest nonce if there are too many.
    fn is_first(&mut self, nonce: [u8; 32]) -> bool {
        if self.nonces.contains(&nonce) {
            return false;
        }
        if self.nonces.len() >= limits::RETURN_NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce);
        true
    }

    fn is_still_good(&self, now: &Snapshot) -> bool {
        match &self.name {
            None => true,
            Some((name, then)) => match (then.secret_of(&name.text), now.secret_of(&name.text)) {
                (Some(then), Some(now)) => then.is(now),
                _ => false,
            },
        }
    }
}
