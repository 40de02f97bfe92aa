//! How two peers meet: one dials until the other answers, or waits until the other comes. With a code, both sides
//! do both (`find`).

mod dial_plan;
mod dialling;
mod find;
mod over_line;
mod proof;
mod waiting;

pub(crate) use proof::{Reached, reach, word};
pub(crate) use waiting::Occasion;

use crate::crypto::ReturnTicket;
use crate::protocol::{DiallerRole, Role};
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::handshake::DiallerCredential;
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use crate::session::line::{Line, NO_ADDRESS, Pump};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::Terms;
use crate::session::listen::slots::{SessionSlots, Slot};
use crate::session::meet::find::CodeSearch;
use crate::session::meet::over_line::dial_over;
use crate::session::meet::waiting::wait_for_peer;
use crate::session::options::{Connect, PeerAddress, Rendezvous};
use crate::session::stats::Traffic;
use crate::session::sync::lock;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Pauses before a dialler tries again after the connection was lost; the last one repeats.
const RETRY_PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// The way to the peer, over all sessions with it.
pub(crate) struct Meeting<'a> {
    connect: &'a Connect,
    role: Role,
    operator: &'a dyn Operator,
    route: Route<'a>,
    /// Whether a proof of this side went unanswered once before.
    was_unconfirmed: bool,
    /// With this, this side can return to its latest session.
    ticket: Option<Arc<ReturnTicket>>,
    /// Whether a peer has proven the secret.
    has_met: bool,
    /// The listener's slot for the latest peer. While it is held, no other peer gets one.
    slot: Option<Slot>,
    /// Bytes of all sessions so far.
    traffic: Arc<Traffic>,
}

/// How often the peer was lost during one transfer, and the first loss.
#[derive(Default)]
pub(crate) struct Attempts {
    tried: u32,
    lost: Option<Error>,
}

impl Attempts {
    /// The last connection made progress, so the count of attempts starts again.
    pub(crate) fn forgive(&mut self) {
        self.tried = 0;
    }
}

enum Route<'a> {
    Dial(&'a PeerAddress),
    /// The line is opened again after each loss.
    DialOver(&'a Line, Option<Pump>),
    Listen(Listener),
    /// A line can be answered only once, so the peer cannot come back over it.
    AnswerOver {
        listener: Listener,
        /// Dropped last: it waits until the line has taken everything.
        _pump: Pump,
    },
    Find(CodeSearch<'a>),
}

impl<'a> Meeting<'a> {
    /// Prepares to meet the peer. A listening side starts to listen.
    ///
    /// # Errors
    /// [`Error::CannotListen`], [`Error::System`] and others.
    pub(crate) fn open(
        connect: &'a Connect,
        role: Role,
        operator: &'a dyn Operator,
    ) -> Result<Self, Error> {
        let route = match &connect.rendezvous {
            Rendezvous::Dial(address) => Route::Dial(address),
            Rendezvous::DialOver(line) => Route::DialOver(line, None),
            Rendezvous::Listen(address) => {
                let terms = Terms::of(connect, role, SessionSlots::one_at_a_time());
                let listener = Listener::open(address, terms)?;
                listener.announce(operator);
                Route::Listen(listener)
            }
            Rendezvous::AnswerOver(line) => {
                let terms = Terms::of(connect, role, SessionSlots::at_once(1));
                let (stream, pump) = over_line::open(line)?;
                Route::AnswerOver {
                    listener: Listener::of_connection(stream, NO_ADDRESS, terms)?,
                    _pump: pump,
                }
            }
            Rendezvous::Find(options) => {
                Route::Find(CodeSearch::open(options, connect, role, operator)?)
            }
        };
        Ok(Meeting {
            connect,
            role,
            operator,
            route,
            was_unconfirmed: false,
            ticket: None,
            has_met: false,
            slot: None,
            traffic: Arc::default(),
        })
    }

    /// Meets the peer, and both sides prove the secret. A dialler sends its `first_flight` along with its proof; a
    /// listener has none.
    ///
    /// # Errors
    /// [`Error`]: nobody there, nobody came, wrong secret, and others.
    pub(crate) fn meet<T>(
        &mut self,
        occasion: Occasion,
        mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, Option<T>), Error> {
        self.slot = None;
        let (connect, operator) = (self.connect, self.operator);
        let (mut session, queued) = match &mut self.route {
            Route::Dial(address) => {
                let address = *address;
                self.dial(address, first_flight)?.into_session()?
            }
            Route::DialOver(line, pump) => {
                dial_over(line, pump, connect, self.role, operator, first_flight)?.into_session()?
            }
            Route::Listen(listener) | Route::AnswerOver { listener, .. } => {
                let guest = *wait_for_peer(listener, connect, operator, occasion)?;
                let liveness = &guest.session.shared.liveness;
                liveness.hurry_while(listener.waiting());
                self.slot = Some(guest.slot);
                (guest.session, None)
            }
            Route::Find(search) => {
                let ticket = self.ticket.as_ref();
                let chosen = search.find(connect, operator, self.role, occasion, ticket)?;
                self.slot = chosen.slot;
                let session = chosen.session;
                // Even if the first flight failed, the peer expects this side to return with this ticket.
                self.ticket = Some(session.shared.keys.return_ticket());
                let queued = match chosen.offer_is_due {
                    true => Some(first_flight(session.peer, &mut lock(&session.writer))?),
                    false => None,
                };
                (session, queued)
            }
        };
        self.has_met = true;
        self.ticket = Some(session.shared.keys.return_ticket());
        let first = session.reader.connection();
        connect.cancel.watch(first.socket());
        session.shared.traffic.carry_on(&self.traffic);
        self.traffic = Arc::clone(&session.shared.traffic);
        Ok((session, queued))
    }

    /// Bytes that went over the network in all sessions so far.
    pub(crate) fn wire_bytes(&self) -> u64 {
        self.traffic.total()
    }

    /// Prepares to meet again after `error`: reports the next attempt, and pauses before it.
    ///
    /// # Errors
    /// The error to report if another attempt makes no sense. If the peer did not come back, that is the error of
    /// its loss; if this side was cancelled, [`Error::Cancelled`].
    pub(crate) fn try_again(&mut self, error: Error, attempts: &mut Attempts) -> Result<(), Error> {
        let error = self.connect.cancel.cause(error);
        let is_nobody_back = attempts.lost.is_some() && error.is_nobody_there();
        let has_given_up = matches!(error, Error::NobodyCame { .. });
        // If a line brings no first answer, another attempt will not bring one either.
        let is_stranger = !self.has_met && matches!(error, Error::Silent { .. });
        // A listener that took a proof and gave none gets only one more proof in this run.
        let is_unconfirmed = matches!(error, Error::Unconfirmed { .. });
        let is_first_suspicion = is_unconfirmed && !self.was_unconfirmed;
        self.was_unconfirmed |= is_unconfirmed;
        let can_meet_again = !matches!(self.route, Route::AnswerOver { .. });
        let is_temporary = can_meet_again
            && ((error.is_connection_gone() && !is_stranger)
                || is_nobody_back
                || is_first_suspicion);
        if !is_temporary || has_given_up || attempts.tried >= self.connect.retries {
            return Err(match attempts.lost.take() {
                Some(lost) if is_nobody_back || has_given_up => lost,
                _ => error,
            });
        }
        let pause = match self.route {
            Route::Listen(_) | Route::Find(_) | Route::AnswerOver { .. } => Duration::ZERO,
            Route::Dial(_) | Route::DialOver(..) => {
                let last = RETRY_PAUSES.len() - 1;
                Duration::from_secs(RETRY_PAUSES[(attempts.tried as usize).min(last)])
            }
        };
        attempts.tried += 1;
        self.operator.warn(&error.to_string());
        self.operator.event(&Event::Reconnecting {
            attempt: attempts.tried,
            pause,
        });
        attempts.lost.get_or_insert(error);
        self.connect.cancel.sleep(pause);
        self.connect.cancel.check()
    }

    /// Dials. If there is a ticket of a lost session, tries to return with it.
    fn dial<T>(
        &mut self,
        address: &PeerAddress,
        mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<Reached<T>, Error> {
        let (connect, operator) = (self.connect, self.operator);
        let role = DiallerRole::Transfer(self.role);
        let has_met = self.has_met;
        let mut dial = |credential: DiallerCredential<'_>| {
            let reached = reach(
                connect,
                address,
                role,
                operator,
                credential,
                &mut first_flight,
            );
            // A peer that was met before was peerbridge, so its silence means only that it is gone for now.
            reached.map_err(|error| match has_met {
                true => error.without_suspicion(),
                false => error,
            })
        };
        if let Some(ticket) = self.ticket.clone() {
            match dial(DiallerCredential::Return(&ticket)) {
                // The listener has forgotten the session, or hung up before it answered.
                Err(Error::WrongSecret { .. } | Error::Unconfirmed { .. }) => self.ticket = None,
                returned => return returned,
            }
        }
        dial(word(connect))
    }
}
