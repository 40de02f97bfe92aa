//! Two peers meet: one dials until somebody answers, the other waits until somebody comes. With a code
//! both do both (`find`).

mod dial_plan;
mod dialling;
mod find;
mod occasion;
mod over_line;
mod proof;

pub(crate) use occasion::Occasion;
pub(crate) use proof::{Reached, reach, word};

use crate::crypto::ReturnTicket;
use crate::model::limits;
use crate::protocol::{DiallerRole, Role};
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::DiallerCredential;
use crate::session::connection::join_gate::SessionEnd;
use crate::session::connection::session::{Origin, Session};
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use crate::session::listen::guest_book::{Budget, Network};
use crate::session::listen::hosting::{mention, welcome};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, Terms};
use crate::session::listen::secrets::Secrets;
use crate::session::listen::slots::{Holder, SessionSlots, Slot};
use crate::session::listen::tickets::RETURN_WAIT;
use crate::session::meet::find::{Chosen, Search};
use crate::session::meet::occasion::LAST_WORDS;
use crate::session::meet::over_line::{AnsweredLine, DialledLine};
use crate::session::options::{
    Connect, Discovery, FindOptions, ListenAddress, PeerAddress, Rendezvous,
};
use crate::session::stats::Traffic;
use crate::session::sync::lock;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pauses before a dialler tries again after the connection was lost; the last one repeats.
const RETRY_PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// The way to the peer, for as long as this side wants to talk.
pub(crate) struct Meeting<'a> {
    connect: &'a Connect,
    role: Role,
    operator: &'a dyn Operator,
    way: Route<'a>,
    /// Whether a proof of this side went unanswered before.
    was_unconfirmed: bool,
    /// By which a dialler comes back to the session met last.
    ticket: Option<Arc<ReturnTicket>>,
    /// Whether a peer has proven itself.
    has_met: bool,
    /// The slot of the peer that came last.
    slot: Option<Slot>,
    /// Bytes of all sessions so far.
    traffic: Arc<Traffic>,
}

/// How often the peer of one transfer was lost, and how it began.
#[derive(Default)]
pub(crate) struct Attempts {
    tried: u32,
    lost: Option<Error>,
}

impl Attempts {
    /// The last connection brought the transfer on: patience begins anew.
    pub(crate) fn forgive(&mut self) {
        self.tried = 0;
    }
}

enum Route<'a> {
    Dial(&'a PeerAddress),
    Listen(Listener),
    Find(CodeSearch<'a>),
    DialOver(DialledLine<'a>),
    AnswerOver(AnsweredLine),
}

/// What stays from one search for the peer to the next.
struct CodeSearch<'a> {
    options: &'a FindOptions,
    listener: Listener,
    port: NonZeroU16,
    slots: Arc<SessionSlots>,
    /// The only room there is, for the session: others hear that there is none.
    slot: Option<Slot>,
    /// By which either side comes back to the session met last.
    ticket: Option<Arc<ReturnTicket>>,
    /// Where the end of a session is noted that this side dialled.
    ended: SessionEnd,
}

impl<'a> Meeting<'a> {
    /// Listens, where this side does.
    ///
    /// # Errors
    /// [`Error::CannotListen`], [`Error::System`] and others.
    pub(crate) fn open(
        connect: &'a Connect,
        role: Role,
        operator: &'a dyn Operator,
    ) -> Result<Self, Error> {
        let way = match &connect.rendezvous {
            Rendezvous::Dial(address) => Route::Dial(address),
            Rendezvous::Listen(address) => {
                let slots = SessionSlots::one_at_a_time();
                let listener = Listener::open(address, terms(connect, role, &slots))?;
                announce(&listener, connect, operator);
                Route::Listen(listener)
            }
            Rendezvous::Find(options) => {
                Route::Find(CodeSearch::open(options, connect, role, operator)?)
            }
            Rendezvous::DialOver(line) => Route::DialOver(DialledLine::new(line)),
            Rendezvous::AnswerOver(line) => {
                let terms = terms(connect, role, &SessionSlots::at_once(1));
                Route::AnswerOver(AnsweredLine::open(line, connect, terms)?)
            }
        };
        Ok(Meeting {
            connect,
            role,
            operator,
            way,
            was_unconfirmed: false,
            ticket: None,
            has_met: false,
            slot: None,
            traffic: Arc::default(),
        })
    }

    /// Meets the peer and has the secret proven both ways. A dialler's `first_flight` goes along with
    /// its proof; a listener has none.
    ///
    /// # Errors
    /// [`Error`]: nobody there, nobody came, wrong secret, and others.
    pub(crate) fn meet<T>(
        &mut self,
        occasion: Occasion,
        first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, Option<T>), Error> {
        let (mut session, queued) = match &self.way {
            Route::Dial(address) => {
                let address = *address;
                let (session, queued) = self.dial(address, first_flight)?;
                (session, Some(queued))
            }
            Route::Listen(_) => (self.wait_for_peer(occasion)?, None),
            Route::Find(_) => self.find(occasion, first_flight)?,
            Route::DialOver(_) => self.dial_over(first_flight)?,
            Route::AnswerOver(line) => (line.wait(self.connect, self.operator)?, None),
        };
        self.has_met = true;
        let first = session.reader.connection();
        self.connect.cancel.watch(first.socket());
        session.shared.traffic.carry_on(&self.traffic);
        self.traffic = Arc::clone(&session.shared.traffic);
        Ok((session, queued))
    }

    /// Bytes that went over the network in all sessions so far.
    pub(crate) fn wire_bytes(&self) -> u64 {
        self.traffic.total()
    }

    /// Makes ready to meet again after `error`: tells the operator, and makes the pause that is due.
    ///
    /// # Errors
    /// What to end with where trying again is no use: where the peer did not come back, that is what it
    /// was lost by, and where this side was called off, that.
    pub(crate) fn try_again(&mut self, error: Error, attempts: &mut Attempts) -> Result<(), Error> {
        let error = self.connect.cancel.cause(error);
        let is_nobody_back = attempts.lost.is_some() && error.is_nobody_there();
        let has_given_up = matches!(error, Error::NobodyCame { .. });
        // A line at whose end nobody says a word will not say one later.
        let is_stranger = !self.has_met && matches!(error, Error::Silent { .. });
        // A listener that took a proof and gave none gets one more in this run, however far that comes.
        let is_unconfirmed = matches!(error, Error::Unconfirmed { .. });
        let is_first_suspicion = is_unconfirmed && !self.was_unconfirmed;
        self.was_unconfirmed |= is_unconfirmed;
        // Nobody can come back over a line that was answered.
        let can_meet_again = !matches!(self.way, Route::AnswerOver(_));
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
        let pause = match self.way {
            Route::Listen(_) | Route::Find(_) | Route::AnswerOver(_) => Duration::ZERO,
            Route::Dial(_) | Route::DialOver(_) => {
                let last = RETRY_PAUSES.len() - 1;
                Duration::from_secs(RETRY_PAUSES[(attempts.tried as usize).min(last)])
            }
        };
        attempts.tried += 1;
        let message = error.to_string();
        self.operator.event(&Event::Warning { message: &message });
        self.operator.event(&Event::Reconnecting {
            attempt: attempts.tried,
            pause,
        });
        attempts.lost.get_or_insert(error);
        self.connect.cancel.sleep(pause);
        match self.connect.cancel.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    fn dial<T>(
        &mut self,
        address: &PeerAddress,
        mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, T), Error> {
        let returned = match self.ticket.take() {
            None => None,
            Some(ticket) => {
                let credential = DiallerCredential::Return(&ticket);
                match self.reach(address, credential, &mut first_flight) {
                    Ok(dialled) => Some(dialled),
                    // The listener has forgotten that session, or it ends before it has answered.
                    Err(Error::WrongSecret { .. } | Error::Unconfirmed { .. }) => None,
                    Err(error) => {
                        self.ticket = Some(ticket);
                        return Err(error);
                    }
                }
            }
        };
        let dialled = match returned {
            Some(dialled) => dialled,
            None => self.reach(address, word(self.connect), &mut first_flight)?,
        };
        self.ticket = Some(dialled.authenticated.shared.keys.return_ticket());
        let session = Session::new(dialled.peer, dialled.authenticated, Origin::Dialled)?;
        Ok((session, dialled.queued))
    }

    fn dial_over<T>(
        &mut self,
        first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, Option<T>), Error> {
        let Route::DialOver(line) = &mut self.way else {
            return Err(Error::NobodyCame { seconds: 0 });
        };
        let (session, queued) = line.dial(self.connect, self.role, self.operator, first_flight)?;
        Ok((session, Some(queued)))
    }

    /// Looks for the peer. The first flight of a sender that dialled follows once its connection is chosen.
    fn find<T>(
        &mut self,
        occasion: Occasion,
        mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, Option<T>), Error> {
        let Route::Find(finding) = &mut self.way else {
            return Err(Error::NobodyCame { seconds: 0 });
        };
        finding.slot = None;
        // Set already where the peer dialled: the listener knows better.
        let _ = finding.ended.set(Instant::now());
        let wait = match occasion {
            Occasion::First => self.connect.wait,
            Occasion::Again => Some(RETURN_WAIT),
        };
        let mut search = Search::new(
            self.connect,
            self.operator,
            &finding.listener,
            self.role,
            occasion,
            finding.ticket.as_ref(),
        );
        search.look(finding.options, finding.port);
        let chosen = search.run(wait);
        drop(search);
        let Chosen {
            mut session,
            slot,
            offer_is_due,
        } = chosen?;
        finding.expect_back(&mut session);
        let peer = Holder::Network(Network::of(session.peer.ip()));
        finding.slot = slot.or_else(|| finding.slots.take(peer, false));
        if !offer_is_due {
            return Ok((session, None));
        }
        let queued = first_flight(session.peer, &mut lock(&session.writer))?;
        Ok((session, Some(queued)))
    }

    fn reach<T>(
        &self,
        address: &PeerAddress,
        credential: DiallerCredential<'_>,
        first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<Reached<T>, Error> {
        let role = DiallerRole::Transfer(self.role);
        let reached = reach(
            self.connect,
            address,
            role,
            self.operator,
            credential,
            first_flight,
        );
        // A peer that was there before comes back to its place.
        reached.map_err(|error| match self.has_met {
            true => error.without_suspicion(),
            false => error,
        })
    }

    fn wait_for_peer(&mut self, occasion: Occasion) -> Result<Session, Error> {
        self.slot = None;
        let wait = match occasion {
            Occasion::First => self.connect.wait,
            Occasion::Again => Some(RETURN_WAIT),
        };
        let deadline = wait.map(Deadline::after);
        let Route::Listen(listener) = &self.way else {
            return Err(Error::NobodyCame { seconds: 0 });
        };
        let mut told = 0;
        loop {
            // A peer that was in a session may come back all the same.
            let is_over = occasion == Occasion::First && listener.is_spent();
            let deadline = match is_over {
                true if told < listener.failed_proofs() => Some(Deadline::after(LAST_WORDS)),
                true => Some(Deadline::after(Duration::ZERO)),
                false => deadline,
            };
            match listener.wait(deadline) {
                Some(Arrival::Peer(guest)) => {
                    welcome(&guest, self.operator);
                    guest
                        .session
                        .shared
                        .liveness
                        .hurry_while(listener.waiting());
                    self.slot = Some(guest.slot);
                    return Ok(guest.session);
                }
                Some(Arrival::ProofFailed { peer }) => {
                    let count = listener.failed_proofs();
                    self.operator.event(&Event::ProofFailed { peer, count });
                    told = count;
                }
                Some(_) if self.connect.cancel.is_cancelled() => {
                    return Err(Error::Cancelled);
                }
                Some(other) => mention(&other, self.operator),
                None if listener.failed_proofs() > 0 && occasion == Occasion::First => {
                    let attempts = listener.failed_proofs();
                    return Err(Error::WrongSecret { attempts });
                }
                None => {
                    let seconds = wait.unwrap_or_default().as_secs();
                    return Err(Error::NobodyCame { seconds });
                }
            }
        }
    }
}

impl<'a> CodeSearch<'a> {
    fn open(
        options: &'a FindOptions,
        connect: &Connect,
        role: Role,
        operator: &dyn Operator,
    ) -> Result<Self, Error> {
        let slots = SessionSlots::at_once(1);
        let listener = match Listener::open(&options.listen, terms(connect, role, &slots)) {
            Err(Error::CannotListen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
                let anywhere = ListenAddress {
                    port: 0,
                    ..options.listen.clone()
                };
                Listener::open(&anywhere, terms(connect, role, &slots))?
            }
            opened => opened?,
        };
        match options.discovery {
            // Nobody finds it, so a person must say where it is.
            Discovery::Off => announce(&listener, connect, operator),
            Discovery::On | Discovery::Loopback => connect.cancel.wake(listener.waker()),
        }
        let port = listener.addresses().first().map(SocketAddr::port);
        let port = port.and_then(NonZeroU16::new);
        let port = port.ok_or(Error::NobodyCame { seconds: 0 })?;
        Ok(CodeSearch {
            options,
            listener,
            port,
            slots,
            slot: None,
            ticket: None,
            ended: SessionEnd::default(),
        })
    }

    /// Either side may dial when the session is lost, so each lets the other one in by a key of it: whoever
    /// was dialled does so anyway.
    fn expect_back(&mut self, session: &mut Session) {
        let ticket = session.shared.keys.return_ticket();
        self.ticket = Some(Arc::clone(&ticket));
        self.ended = SessionEnd::default();
        if let Origin::Dialled = session.origin {
            let socket = session.reader.connection().socket();
            let ended = Arc::clone(&self.ended);
            self.listener.expect_back(ticket, ended, socket);
        }
    }
}

fn terms(connect: &Connect, role: Role, slots: &Arc<SessionSlots>) -> Terms {
    Terms {
        role,
        secrets: Secrets::One(Arc::clone(&connect.secret)),
        slots: Arc::clone(slots),
        idle_limit: connect.idle_timeout,
        guesses: Budget::InAll(limits::FAILED_PROOFS),
    }
}

fn announce(listener: &Listener, connect: &Connect, operator: &dyn Operator) {
    connect.cancel.wake(listener.waker());
    let addresses = listener.addresses();
    operator.event(&Event::Listening { addresses });
}
