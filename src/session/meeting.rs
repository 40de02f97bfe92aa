//! Two peers meet: one dials until somebody answers, the other waits until somebody comes.

use super::SessionError;
use super::authenticate::dial;
use super::channel::MessageWriter;
use super::clock::Deadline;
use super::established::{Established, Origin};
use super::events::{Event, Operator};
use super::listener::{Arrival, Listener};
use super::network;
use super::options::{Connect, PeerAddress, Rendezvous};
use super::transport::Traffic;
use crate::model::limits;
use crate::protocol::{DiallerRole, Role};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
    /// Of the session met last, with all before it.
    traffic: Arc<Traffic>,
}

/// How often the peer of one transfer was lost, and how it began.
#[derive(Default)]
pub(super) struct Attempts {
    tried: u32,
    lost: Option<SessionError>,
}

impl Attempts {
    /// The last connection brought the transfer on: patience begins anew.
    pub(super) fn forgive(&mut self) {
        self.tried = 0;
    }
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
                let secret = Arc::clone(&connect.secret);
                let listener = Listener::open(address, role, secret, connect.idle_timeout)?;
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
            traffic: Arc::default(),
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
        first_flight: impl FnOnce(SocketAddr, &mut MessageWriter) -> Result<T, SessionError>,
    ) -> Result<(Established, Option<T>), SessionError> {
        let (session, queued) = match &self.way {
            Way::Dial(address) => {
                let (session, queued) = self.dial(address, first_flight)?;
                (session, Some(queued))
            }
            Way::Listen(_) => (self.wait_for_peer(occasion)?, None),
        };
        session.shared.traffic.carry_on(&self.traffic);
        self.traffic = Arc::clone(&session.shared.traffic);
        Ok((session, queued))
    }

    /// Bytes that went over the network in all sessions so far.
    pub(super) fn wire_bytes(&self) -> u64 {
        self.traffic.total()
    }

    /// Makes ready to meet again after `error`: tells the operator, and makes the pause that is due.
    ///
    /// # Errors
    /// What to end with where trying again is no use: where the peer did not come back, that is what it
    /// was lost by.
    pub(super) fn try_again(
        &self,
        error: SessionError,
        attempts: &mut Attempts,
    ) -> Result<(), SessionError> {
        let is_nobody_back = attempts.lost.is_some() && error.is_nobody_there();
        let has_given_up = matches!(error, SessionError::NobodyCame { .. });
        let is_temporary = error.is_connection_gone() || is_nobody_back;
        if !is_temporary || has_given_up || attempts.tried >= self.connect.retries {
            return Err(match attempts.lost.take() {
                Some(lost) if is_nobody_back || has_given_up => lost,
                _ => error,
            });
        }
        let pause = match self.way {
            Way::Listen(_) => Duration::ZERO,
            Way::Dial(_) => {
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
        std::thread::sleep(pause);
        Ok(())
    }

    fn dial<T>(
        &self,
        address: &PeerAddress,
        first_flight: impl FnOnce(SocketAddr, &mut MessageWriter) -> Result<T, SessionError>,
    ) -> Result<(Established, T), SessionError> {
        let deadline = Deadline::after(self.connect.wait.unwrap_or(DIAL_WAIT));
        let stream = network::dial(address, deadline)?;
        let peer = stream.peer_addr().map_err(SessionError::lost)?;
        self.operator.event(&Event::Connected { peer });
        let (authenticated, queued) = dial(
            stream,
            &self.connect.secret,
            DiallerRole::Transfer(self.role),
            self.connect.name.as_deref(),
            self.connect.idle_timeout,
            |writer| first_flight(peer, writer),
        )?;
        self.operator.event(&Event::Authenticated { peer });
        let session = Established::new(peer, authenticated, Origin::Dialled)?;
        Ok((session, queued))
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
                Some(Arrival::Peer(session)) => {
                    let peer = session.peer;
                    self.operator.event(&Event::Connected { peer });
                    self.operator.event(&Event::Authenticated { peer });
                    session.shared.liveness.hurry_while(listener.waiting());
                    return Ok(*session);
                }
                Some(Arrival::ProofFailed { peer }) => {
                    self.failed_proofs += 1;
                    let count = self.failed_proofs;
                    self.operator.event(&Event::ProofFailed { peer, count });
                    if count >= limits::FAILED_PROOFS {
                        return Err(SessionError::WrongSecret { attempts: count });
                    }
                }
                Some(Arrival::TurnedAway { peer, error }) => {
                    if error.is_worth_telling() {
                        let address = peer.ip().to_canonical();
                        let message = format!("turned {address} away: {error}");
                        self.operator.event(&Event::Warning { message: &message });
                    }
                }
                Some(Arrival::Pinged { peer }) => {
                    let address = peer.ip().to_canonical();
                    let message = format!("{address} proved the secret with a ping");
                    self.operator.event(&Event::Warning { message: &message });
                }
                None if self.failed_proofs > 0 && occasion == Occasion::First => {
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
