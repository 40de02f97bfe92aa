//! One connection to a listener, from its handshake to what it becomes: a session, a further stream, or a ping
//! that is answered.

use crate::crypto::{Secret, TotpKey};
use crate::model::quoted;
use crate::protocol::{
    DiallerName, DiallerRole, FrameKind, HandshakeError, JoinRequest, Message, Ping, frame,
};
use crate::session::connection::handshake::{
    Authenticated, Caller, HandshakePolicy, answer, refuse,
};
use crate::session::connection::join::JoinedStream;
use crate::session::connection::join_gate::JoinGate;
use crate::session::connection::session::{Origin, Session};
use crate::session::connection::transport::Connection;
use crate::session::error::Error;
use crate::session::listen::admission::Pass;
use crate::session::listen::guest_book::{Claim, Subject};
use crate::session::listen::listener_state::{Arrival, ListenerState, ProvenGuest};
use crate::session::listen::ping_answer;
use crate::session::listen::secrets::{Name, Snapshot};
use crate::session::listen::slots::{Holder, Slot};
use crate::session::listen::tickets::FoundTicket;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// Handles one connection, from accept until a session or another thread takes it over.
pub(super) fn handle(
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    state: &Arc<ListenerState>,
    pass: Pass,
) {
    let (secrets, news) = state.terms.secrets.snapshot();
    if let Some(message) = news {
        state.tell(Arrival::News { message });
    }
    let mut policy = ConnectionPolicy {
        state,
        peer,
        pass,
        secrets,
        name: None,
        ticket: None,
        second_factor: None,
        slot: None,
    };
    let arrival = match answer(
        stream,
        state.terms.role,
        state.terms.idle_limit,
        &mut policy,
    ) {
        Ok(Caller::Join(request, connection)) => {
            // If the stream cannot join, the dialler notices and goes on without it.
            let _ = join(request, *connection, state);
            return;
        }
        Ok(Caller::Session(role, mut authenticated)) => {
            match policy.take_code(role, &mut authenticated) {
                Err(arrival) => Some(*arrival),
                Ok(()) if role == DiallerRole::Ping => Some(policy.answer_ping(authenticated)),
                Ok(()) => policy.begin_session(*authenticated),
            }
        }
        Err(rejected) if rejected.spent_a_guess => Some(Arrival::ProofFailed { peer }),
        Err(rejected) => Some(Arrival::TurnedAway {
            peer,
            error: rejected.error,
        }),
    };
    if let Some(arrival) = arrival {
        state.tell(arrival);
    }
}

/// What the listener decides about one connection.
struct ConnectionPolicy<'a> {
    state: &'a ListenerState,
    peer: SocketAddr,
    pass: Pass,
    secrets: Snapshot,
    name: Option<Name>,
    /// The ticket of the session that the peer returns to.
    ticket: Option<FoundTicket>,
    /// The key of the peer's one-time codes, if it must give one.
    second_factor: Option<Arc<TotpKey>>,
    slot: Option<Slot>,
}

impl HandshakePolicy for ConnectionPolicy<'_> {
    fn reserve(&mut self, name: &DiallerName) -> Result<Option<&Secret>, HandshakeError> {
        if let Some(ticket) = self.state.tickets.find(name, &self.secrets) {
            self.pass.claim(Claim::Return(ticket.id))?;
            self.name = ticket.name.clone();
            let ticket = self.ticket.insert(ticket);
            return Ok(Some(ticket.key.secret()));
        }
        let found = self.secrets.find(name);
        let subject = match (&self.secrets, &found) {
            // Without names, the refusal reveals nothing.
            (Snapshot::One(_), None) => return Err(HandshakeError::Unproven),
            (Snapshot::One(_), Some(_)) => Subject::Sole,
            (Snapshot::Named(_), Some((_, Some(named)))) => {
                Subject::Named(named.name.as_str().into())
            }
            (Snapshot::Named(_), _) => Subject::Unknown,
        };
        self.pass.claim(Claim::Word(subject))?;
        let named = found.and_then(|(_, named)| named);
        self.name = named.map(Name::of);
        self.second_factor = named.and_then(|named| named.second_factor.clone());
        Ok(found.map(|(secret, _)| secret))
    }

    fn give_back(&mut self) {
        self.pass.give_back();
    }

    fn spend(&mut self) {
        self.pass.spend();
    }

    fn admit(&mut self, role: DiallerRole) -> Result<(), HandshakeError> {
        self.pass.prove();
        if let Some(ticket) = &self.ticket
            && !self.state.tickets.redeem(ticket.id)
        {
            return Err(HandshakeError::Busy);
        }
        match (&self.name, &self.second_factor) {
            (Some(name), Some(_)) => {
                let subject = Subject::Code(name.text.as_str().into());
                self.pass.claim(Claim::Word(subject))
            }
            _ => self.take_slot(role),
        }
    }

    fn greeting(&self) -> Option<Message> {
        match (&self.secrets, &self.second_factor) {
            // A peer that returns to its session needs no code.
            _ if self.ticket.is_some() => None,
            (Snapshot::One(_), _) => None,
            (Snapshot::Named(_), None) => Some(Message::Ping(Ping::default())),
            (Snapshot::Named(_), Some(_)) => Some(Message::CodeWanted),
        }
    }
}

impl ConnectionPolicy<'_> {
    fn take_slot(&mut self, role: DiallerRole) -> Result<(), HandshakeError> {
        let name = self.name.as_ref().map(|name| name.text.as_str());
        let slots = match role {
            DiallerRole::Ping => &self.state.ping_slots,
            DiallerRole::Transfer(_) => &self.state.terms.slots,
        };
        let slot = slots.take(Holder::of(name, self.peer), self.ticket.is_some());
        self.slot = Some(slot.ok_or(HandshakeError::Busy)?);
        Ok(())
    }

    /// Checks the code of a peer that must give one, then takes a slot for it. If either fails, reports why.
    fn take_code(
        &mut self,
        role: DiallerRole,
        session: &mut Authenticated,
    ) -> Result<(), Box<Arrival>> {
        let (Some(name), Some(key)) = (&self.name, &self.second_factor) else {
            return Ok(());
        };
        let peer = self.peer;
        if let Err(error) = self.state.codes.expect(session, &name.text, key) {
            self.pass.spend();
            session.writer.abort(&error);
            let (name, peer) = (quoted(name.text.as_bytes()), peer.ip().to_canonical());
            let message = format!("{name} at {peer} gave no right one-time code: {error}");
            return Err(Box::new(Arrival::News { message }));
        }
        self.pass.prove();
        self.take_slot(role).map_err(|busy| {
            let error = Error::from(busy);
            session.writer.abort(&error);
            Box::new(Arrival::TurnedAway { peer, error })
        })
    }

    /// Serves a peer that only measures the line. It no longer counts as unproven.
    fn answer_ping(self, mut authenticated: Box<Authenticated>) -> Arrival {
        let peer = self.peer;
        drop(self.pass);
        match ping_answer::answer(&mut authenticated) {
            Ok(()) => Arrival::Pinged { peer },
            Err(error) => Arrival::TurnedAway { peer, error },
        }
    }

    /// Makes the session of a proven peer. Further streams may join it, and the peer may return to it.
    fn begin_session(self, mut authenticated: Authenticated) -> Option<Arrival> {
        let (state, peer, name, slot) = (self.state, self.peer, self.name, self.slot?);
        let gate = Arc::new(JoinGate::new(authenticated.shared.clone()));
        state.open_gate(&gate);
        slot.begun(&authenticated.shared.liveness);
        let proven_by = name.clone().map(|name| (name, self.secrets));
        let key = authenticated.shared.keys.return_ticket();
        let socket = authenticated.reader.connection().socket();
        state
            .tickets
            .issue(key, proven_by, Arc::clone(&gate.ended), socket);
        Some(
            match Session::new(peer, authenticated, Origin::Accepted(gate)) {
                Ok(session) => Arrival::Peer(Box::new(ProvenGuest {
                    session,
                    name,
                    slot,
                })),
                Err(error) => Arrival::TurnedAway { peer, error },
            },
        )
    }
}

fn join(
    request: JoinRequest,
    mut connection: Connection,
    state: &ListenerState,
) -> Result<(), Error> {
    let Some(gate) = state.gate(request.session_id()) else {
        refuse(&mut connection, &HandshakeError::NoSession);
        return Ok(());
    };
    let (number, body) = request.accept(&gate.shared.keys)?;
    let Some(queue) = gate.admit(number) else {
        refuse(&mut connection, &HandshakeError::NoSession);
        return Ok(());
    };
    connection.write_all(&frame(FrameKind::Join, &body), &[])?;
    queue.push(JoinedStream { number, connection });
    Ok(())
}
