//! Sessions that their peers may return to.
//!
//! A peer whose connection was lost proves a key of its session in place of the secret, so nobody can guess
//! it, and no guess of others keeps the peer out. A ticket is used once: the session that it leads to has
//! one of its own.

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

/// How long a session may take to end that its own peer has left.
const ENDING: Duration = Duration::from_secs(3);

/// How often a peer that is back looks whether its old session has ended.
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
    /// By which the session was proven, with the secret as it was then.
    name: Option<(Name, Snapshot)>,
    /// The first connection of the session.
    socket: Weak<TcpStream>,
    /// When the session ended.
    ended: SessionEnd,
    /// The nonces of the Hellos that came with it, at most [`limits::RETURN_NONCES`].
    nonces: VecDeque<[u8; 32]>,
}

/// A ticket that a dialler's name tag was made with.
pub(crate) struct FoundTicket {
    pub(crate) id: TicketId,
    pub(crate) key: Arc<ReturnTicket>,
    pub(crate) name: Option<Name>,
}

impl Tickets {
    /// A ticket for a session that begins; `name` with the secrets that it was proven by.
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

    /// The ticket of a dialler, unless its name was taken off the list or has another secret now. Every
    /// ticket is compared, whichever matches. A Hello finds its ticket once: whoever saw it on the network and
    /// sends it again must not be answered in place of the peer.
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

    /// The peer of this ticket is back: the ticket is used, and its old session ended. Waits a moment until
    /// that has left what it was writing.
    pub(crate) fn redeem(&self, id: TicketId) -> bool {
        let mut state = lock(&self.0);
        let place = state.tickets.iter().position(|ticket| ticket.id == id);
        let Some(place) = place else {
            return false;
        };
        let ticket = state.tickets.remove(place);
        drop(state);
        if let Some(socket) = ticket.socket.upgrade() {
            // It may be lost already.
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
    /// Drops the tickets that nobody may use any more, and the oldest of a session that has ended where
    /// there are too many.
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
    /// Whether no Hello with this nonce came before. The oldest nonce is forgotten where there are too many.
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
