//! Two peers meet: one dials until somebody answers, the other waits until somebody comes.

use super::SessionError;
use super::authenticate::{Authenticated, dial};
use super::channel::MessageWriter;
use super::clock::Deadline;
use super::established::{Established, Origin};
use super::events::{Event, Operator};
use super::listener::{Arrival, Guest, Listener, Terms};
use super::network;
use super::options::{Connect, PeerAddress, Rendezvous};
use super::seats::{Seat, Seats};
use super::secrets::Secrets;
use crate::model::limits;
use crate::protocol::{DiallerRole, Role};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a dialler tries unless told otherwise, so that either side may be started first.
const DIAL_WAIT: Duration = Duration::from_secs(10);

/// How long a listener waits for a peer that was lost: longer than the peer takes to notice and to
/// try again.
const RETURN_WAIT: Duration = Duration::from_secs(120);

/// Pauses before a dialler tries again after the connection was lost; the last one repeats.
const RETRY_PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// The way to the peer, for as long as this side wants to talk.
pub(super) struct Meeting<'a> {
    connect: &'a Connect,
    role: Role,
    operator: &'a dyn Operator,
    way: Way<'a>,
    failed_proofs: u32,
}

enum Way<'a> {
    Dial(&'a PeerAddress),
    Listen(Listener),
}

/// Whom a meeting is with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Whoever comes.
    First,
    /// The peer that was lost.
    Again,
}

impl<'a> Meeting<'a> {
    /// Listens, where this side does.
    ///
    /// # Errors
    /// [`SessionError::CannotListen`] and the like.
    pub(super) fn open(
        connect: &'a Connect,
        role: Role,
        operator: &'a dyn Operator,
    ) -> Result<Self, SessionError> {
        let way = match &connect.rendezvous {
            Rendezvous::Dial(address) => Way::Dial(address),
            Rendezvous::Listen(address) => {
                let terms = Terms {
                    role,
                    secrets: Secrets::One(Arc::clone(&connect.secret)),
                    seats: Seats::at_once(usize::MAX),
                    idle_limit: connect.idle_timeout,
                };
                let listener = Listener::open(address, terms)?;
                connect.cancel.wake(listener.waker());
                let addresses = listener.addresses();
                operator.event(&Event::Listening { addresses });
                Way::Listen(listener)
            }
        };
        Ok(Meeting {
            connect,
            role,
            operator,
            way,
            failed_proofs: 0,
        })
    }

    /// Meets the peer and has the secret proven both ways. A dialler's `first_flight` goes along with
    /// its proof; a listener has none.
    ///
    /// # Errors
    /// [`SessionError`]: nobody there, nobody came, wrong secret and the like.
    pub(super) fn meet<T>(
        &mut self,
        occasion: Occasion,
        first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, SessionError>,
    ) -> Result<(Established, Option<T>), SessionError> {
        let (mut session, queued) = match &self.way {
            Way::Dial(address) => {
                let (session, queued) = self.dial(address, first_flight)?;
                (session, Some(queued))
            }
            Way::Listen(_) => (self.wait_for_peer(occasion)?, None),
        };
        let first = session.reader.connection();
        self.connect.cancel.watch(first.socket());
        Ok((session, queued))
    }

    /// Whether to meet again after `error`, which ended try number `tried`, counted from 0. Tells the
    /// operator, and makes the pause that is due.
    pub(super) fn tries_again(&self, error: &SessionError, tried: u32) -> bool {
        let is_temporary = error.is_connection_gone() || (tried > 0 && error.is_nobody_there());
        if !is_temporary || tried >= self.connect.retries || self.connect.cancel.is_cancelled() {
            return false;
        }
        let pause = match self.way {
            Way::Listen(_) => Duration::ZERO,
            Way::Dial(_) => {
                let last = RETRY_PAUSES.len() - 1;
                Duration::from_secs(RETRY_PAUSES[(tried as usize).min(last)])
            }
        };
        let message = error.to_string();
        self.operator.event(&Event::Warning { message: &message });
        self.operator.event(&Event::Reconnecting {
            attempt: tried + 1,
            pause,
        });
        self.connect.cancel.sleep(pause);
        !self.connect.cancel.is_cancelled()
    }

    /// What an error comes from.
    pub(super) fn cause(&self, error: SessionError) -> SessionError {
        self.connect.cancel.cause(error)
    }

    fn dial<T>(
        &self,
        address: &PeerAddress,
        first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, SessionError>,
    ) -> Result<(Established, T), SessionError> {
        let role = DiallerRole::Transfer(self.role);
        let dialled = reach(self.connect, address, role, self.operator, first_flight)?;
        let Authenticated {
            shared,
            reader,
            writer,
        } = dialled.authenticated;
        let channel = (reader, writer);
        let session = Established::new(dialled.peer, shared, channel, Origin::Dialled)?;
        Ok((session, dialled.queued))
    }

    fn wait_for_peer(&mut self, occasion: Occasion) -> Result<Established, SessionError> {
        let wait = match occasion {
            Occasion::First => self.connect.wait,
            Occasion::Again => Some(RETURN_WAIT),
        };
        let deadline = wait.map(Deadline::after);
        let Way::Listen(listener) = &self.way else {
            return Err(SessionError::NobodyCame { seconds: 0 });
        };
        loop {
            match listener.wait(deadline) {
                Some(Arrival::Peer(guest)) => return Ok(welcome(*guest, self.operator)?.session),
                Some(Arrival::ProofFailed { peer }) => {
                    self.failed_proofs += 1;
                    let count = self.failed_proofs;
                    self.operator.event(&Event::ProofFailed { peer, count });
                    if count >= limits::FAILED_PROOFS {
                        return Err(SessionError::WrongSecret { attempts: count });
                    }
                }
                Some(_) if self.connect.cancel.is_cancelled() => {
                    return Err(SessionError::Cancelled);
                }
                Some(other) => mention(&other, self.operator),
                None if self.failed_proofs > 0 => {
                    return Err(SessionError::WrongSecret {
                        attempts: self.failed_proofs,
                    });
                }
                None => {
                    let seconds = wait.unwrap_or_default().as_secs();
                    return Err(SessionError::NobodyCame { seconds });
                }
            }
        }
    }
}

/// A peer that was dialled and has proven itself.
pub(super) struct Reached<T> {
    pub(super) peer: SocketAddr,
    pub(super) authenticated: Authenticated,
    /// What the first flight gave.
    pub(super) queued: T,
    /// From the TCP connection to the proof.
    pub(super) handshake: Duration,
}

/// Dials until somebody listens, and proves the secret both ways.
///
/// # Errors
/// [`SessionError`]: nobody there, wrong secret and the like.
pub(super) fn reach<T>(
    connect: &Connect,
    address: &PeerAddress,
    role: DiallerRole,
    operator: &dyn Operator,
    first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, SessionError>,
) -> Result<Reached<T>, SessionError> {
    let deadline = Deadline::after(connect.wait.unwrap_or(DIAL_WAIT));
    let stream = network::dial(address, deadline, &connect.cancel)?;
    let begun = Instant::now();
    let peer = stream.peer_addr().map_err(SessionError::lost)?;
    operator.event(&Event::Connected { peer });
    let (name, idle) = (connect.name.as_deref(), connect.idle_timeout);
    let (authenticated, queued) = dial(stream, &connect.secret, role, name, idle, first_flight)?;
    operator.event(&Event::Authenticated { peer });
    Ok(Reached {
        peer,
        authenticated,
        queued,
        handshake: begun.elapsed(),
    })
}

/// A guest whose session has begun.
pub(super) struct Welcomed {
    pub(super) session: Established,
    pub(super) name: Option<String>,
    pub(super) seat: Seat,
}

/// Begins the session of somebody who came and has proven itself.
///
/// # Errors
/// [`SessionError::System`] without threads.
pub(super) fn welcome(guest: Guest, operator: &dyn Operator) -> Result<Welcomed, SessionError> {
    let peer = guest.peer;
    operator.event(&Event::Connected { peer });
    operator.event(&Event::Authenticated { peer });
    let Authenticated {
        shared,
        reader,
        writer,
    } = guest.authenticated;
    let origin = Origin::Accepted(guest.gate);
    Ok(Welcomed {
        session: Established::new(peer, shared, (reader, writer), origin)?,
        name: guest.name,
        seat: guest.seat,
    })
}

/// Tells the operator of arrivals that change nothing.
pub(super) fn mention(arrival: &Arrival, operator: &dyn Operator) {
    let message = match arrival {
        Arrival::TurnedAway { peer, error } if error.is_worth_telling() => {
            format!("turned {} away: {error}", peer.ip().to_canonical())
        }
        Arrival::Pinged { peer } => {
            let peer = peer.ip().to_canonical();
            format!("{peer} proved the secret with a ping")
        }
        Arrival::News { message } => message.clone(),
        Arrival::TurnedAway { .. }
        | Arrival::Peer(_)
        | Arrival::ProofFailed { .. }
        | Arrival::Woken => return,
    };
    operator.event(&Event::Warning { message: &message });
}
