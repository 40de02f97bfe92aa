//! The handshake over a real connection.

use crate::crypto::Secret;
use crate::model::limits;
use crate::protocol::{
    DiallerName, DiallerRole, DiallerWaitsForHello, FrameKind, HandshakeError, JoinRequest,
    ListenerStart, Proven, Role, Stage, StreamNumber, frame,
};
use crate::session::connection::channel::{MessageReader, MessageWriter};
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::connection::join::{SessionContext, channel};
use crate::session::connection::transport::{Connection, FrameBuffer, Patience};
use crate::session::error::SessionError;
use crate::session::stats::Traffic;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A session whose peer has proven itself, on its first connection.
pub(crate) struct Authenticated {
    pub(crate) shared: SessionContext,
    pub(crate) reader: MessageReader,
    pub(crate) writer: MessageWriter,
}

/// Proves the secret to a listener and has it proven. `first_flight` queues what goes along with the
/// own proof: only who knows the secret can open it.
///
/// # Errors
/// [`SessionError`]: whatever went wrong on the way.
pub(crate) fn dial<T>(
    stream: TcpStream,
    secret: &Secret,
    role: DiallerRole,
    name: Option<&str>,
    idle_limit: Duration,
    first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, SessionError>,
) -> Result<(Authenticated, T), SessionError> {
    let traffic = Arc::new(Traffic::default());
    let mut connection = Connection::new(stream, handshake_patience(), Arc::clone(&traffic))
        .map_err(SessionError::lost)?;
    let mut received = FrameBuffer::default();

    let (state, hello) = DiallerWaitsForHello::start(secret, role, name)?;
    connection.write_all(&frame(FrameKind::Hello, &hello), &[])?;
    let (state, confirmation) = match connection.read_frame(Stage::Unproven, &mut received)? {
        FrameKind::Hello => state.on_hello(received.body())?,
        FrameKind::Refuse => return Err(state.on_refuse(received.body()).into()),
        _ => return Err(HandshakeError::NotPeerbridge.into()),
    };
    let first = StreamNumber::FIRST;
    let mut writer = MessageWriter::new(connection.share(), state.sealing_keys(), first);
    writer.queue_plain(FrameKind::Confirm, &confirmation);
    let queued = first_flight(&mut writer)?;
    writer.flush()?;
    let proven = match connection.read_frame(Stage::Unproven, &mut received)? {
        FrameKind::Confirm => state.on_confirm(received.body())?,
        FrameKind::Refuse => return Err(state.on_refuse(received.body()).into()),
        _ => return Err(HandshakeError::Malformed.into()),
    };
    let shared = share(proven, traffic, idle_limit);
    let patience = Patience::WhileAlive(Arc::clone(&shared.liveness));
    writer.connection().set_patience(patience);
    let (reader, _) = channel(connection, &shared, first);
    let authenticated = Authenticated {
        shared,
        reader,
        writer,
    };
    Ok((authenticated, queued))
}

/// What somebody who dialled turned out to want.
pub(crate) enum Caller {
    /// A session, proven.
    Session(DiallerRole, Box<Authenticated>),
    /// To add a stream to a session; not proven yet.
    Join(JoinRequest, Connection),
}

/// Why nothing came of somebody who dialled.
pub(crate) struct Rejected {
    pub(crate) error: SessionError,
    /// Whether it had a chance to try a secret.
    pub(crate) spent_a_guess: bool,
}

/// What a listener decides about somebody who dialled.
pub(crate) trait HandshakePolicy {
    /// Before a Hello is answered: may wait, or turn away.
    ///
    /// # Errors
    /// What the dialler is told.
    fn hold(&mut self) -> Result<(), HandshakeError>;

    /// The secret of who goes by this name.
    fn find(&mut self, name: &DiallerName) -> Option<&Secret>;

    /// It has proven the secret: whether there is room for it.
    ///
    /// # Errors
    /// What the dialler is told.
    fn admit(&mut self, role: DiallerRole) -> Result<(), HandshakeError>;
}

/// Answers whoever dialled, until it has proven itself, has asked to join, or is turned away.
///
/// # Errors
/// [`Rejected`]; the connection is done with.
pub(crate) fn answer(
    stream: Arc<TcpStream>,
    role: Role,
    idle_limit: Duration,
    doorkeeper: &mut dyn HandshakePolicy,
) -> Result<Caller, Rejected> {
    let traffic = Arc::new(Traffic::default());
    let mut connection = Connection::new(stream, handshake_patience(), Arc::clone(&traffic))
        .map_err(|error| SessionError::lost(error).before_a_guess())?;
    let mut received = FrameBuffer::default();
    let kind = connection.read_frame(Stage::Unproven, &mut received);
    match kind.map_err(SessionError::before_a_guess)? {
        FrameKind::Hello => {}
        FrameKind::Join => {
            let request = JoinRequest::parse(received.body());
            let request = request.map_err(|error| SessionError::from(error).before_a_guess())?;
            return Ok(Caller::Join(request, connection));
        }
        _ => return Err(SessionError::from(HandshakeError::Malformed).before_a_guess()),
    }
    let begun = doorkeeper.hold().and_then(|()| {
        ListenerStart::new(role).on_hello(received.body(), |name| doorkeeper.find(name))
    });
    let (state, hello) = match begun {
        Ok(answer) => answer,
        Err(error) => {
            refuse(&mut connection, &error);
            return Err(SessionError::from(error).before_a_guess());
        }
    };
    // From here on whatever is not a valid proof counts: also to hang up once the Hello was seen.
    let after_a_guess = |error| Rejected {
        error,
        spent_a_guess: true,
    };
    let dialler_role = state.dialler_role();
    let kind = connection
        .write_all(&frame(FrameKind::Hello, &hello), &[])
        .and_then(|()| connection.read_frame(Stage::Unproven, &mut received));
    let proof = match kind.map_err(after_a_guess)? {
        FrameKind::Confirm => state.on_confirm(received.body()),
        _ => Err(HandshakeError::Unproven),
    };
    let (proven, confirmation) = proof.map_err(|error| {
        refuse(&mut connection, &error);
        after_a_guess(error.into())
    })?;
    if let Err(error) = doorkeeper.admit(dialler_role) {
        refuse(&mut connection, &error);
        return Err(SessionError::from(error).before_a_guess());
    }
    let shared = share(proven, traffic, idle_limit);
    let (reader, mut writer) = channel(connection, &shared, StreamNumber::FIRST);
    writer.queue_plain(FrameKind::Confirm, &confirmation);
    writer.flush().map_err(SessionError::before_a_guess)?;
    let authenticated = Authenticated {
        shared,
        reader,
        writer,
    };
    Ok(Caller::Session(dialler_role, Box::new(authenticated)))
}

/// Says why, where there is something to say, and leaves the peer time to read it.
pub(crate) fn refuse(connection: &mut Connection, error: &HandshakeError) {
    if let Some(refusal) = error.refusal() {
        let refusal = frame(FrameKind::Refuse, &refusal.to_bytes());
        if connection.write_all(&refusal, &[]).is_ok() {
            connection.linger();
        }
    }
}

impl SessionError {
    /// Ended a handshake in which no secret could be tried.
    fn before_a_guess(self) -> Rejected {
        Rejected {
            error: self,
            spent_a_guess: false,
        }
    }
}

fn handshake_patience() -> Patience {
    let whole_handshake = Duration::from_secs(limits::HANDSHAKE_SECONDS);
    Patience::Until(Deadline::after(whole_handshake))
}

fn share(proven: Proven, traffic: Arc<Traffic>, idle_limit: Duration) -> SessionContext {
    SessionContext {
        keys: Arc::new(proven.keys),
        liveness: Arc::new(Liveness::new(idle_limit)),
        traffic,
        cause: Arc::default(),
    }
}
