//! The handshake over a real connection.

use crate::crypto::{PROOF_LENGTH, ReturnTicket, Secret, SessionKeys};
use crate::model::limits;
use crate::protocol::{
    DiallerName, DiallerRole, DiallerWaitsForHello, FrameKind, HandshakeError, JoinRequest,
    ListenerStart, ListenerUnproven, Message, Ping, Role, Stage, StreamNumber, frame,
};
use crate::session::connection::channel::{MessageReader, MessageWriter, aborted, unexpected};
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::connection::join::{SessionContext, channel};
use crate::session::connection::patience::Patience;
use crate::session::connection::transport::{Connection, FrameBuffer};
use crate::session::error::Error;
use crate::session::stats::Traffic;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A session whose peer has proven itself, on its first connection.
pub(crate) struct Authenticated {
    pub(crate) shared: SessionContext,
    pub(crate) reader: MessageReader,
    pub(crate) writer: MessageWriter,
    /// Whether the listener that was dialled wants a one-time code before anything else.
    pub(crate) wants_code: bool,
}

/// What a dialler proves that it knows.
#[derive(Clone, Copy)]
pub(crate) enum DiallerCredential<'a> {
    /// The secret that people know, possibly one of several with names.
    Word {
        secret: &'a Secret,
        name: Option<&'a str>,
    },
    /// A key of an earlier session with this listener.
    Return(&'a ReturnTicket),
}

/// Proves the secret to a listener, which proves it, too. `first_flight` queues messages that go along with this
/// side's proof; only a peer that knows the secret can open them. The whole handshake must be over by `answer_by`.
///
/// # Errors
/// [`Error`]: what went wrong.
pub(crate) fn dial<T>(
    stream: impl Into<Arc<TcpStream>>,
    credential: DiallerCredential<'_>,
    role: DiallerRole,
    answer_by: Deadline,
    idle_limit: Duration,
    first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, Error>,
) -> Result<(Authenticated, T), Error> {
    let traffic = Arc::new(Traffic::default());
    let mut connection = Connection::new(stream, Patience::Until(answer_by), Arc::clone(&traffic))
        .map_err(Error::lost)?;
    let mut received = FrameBuffer::default();

    let (state, hello) = match credential {
        DiallerCredential::Word { secret, name } => DiallerWaitsForHello::start(secret, role, name),
        DiallerCredential::Return(ticket) => DiallerWaitsForHello::start_return(ticket, role),
    }?;
    let said = connection.write_all(&frame(FrameKind::Hello, &hello), &[]);
    let answer = said.and_then(|()| connection.read_frame(Stage::Unproven, &mut received));
    let answer = answer.map_err(Error::not_peerbridge)?;
    let (state, confirmation) = match answer {
        FrameKind::Hello => state.on_hello(received.body())?,
        FrameKind::Refuse => return Err(HandshakeError::refused(received.body()).into()),
        _ => return Err(HandshakeError::NotPeerbridge.into()),
    };
    let first = StreamNumber::FIRST;
    let mut writer = MessageWriter::new(connection.share(), state.sealing_keys(), first);
    // The proof goes first, because the listener waits only for that. The first flight may take time to be read
    // from disk.
    writer.queue_plain(FrameKind::Confirm, &confirmation);
    writer.flush().map_err(Error::unconfirmed)?;
    let queued = first_flight(&mut writer).inspect_err(|error| writer.abort(error));
    // A listener that hangs up now has received the proof.
    let queued = queued.map_err(|error| match error.is_connection_gone() {
        true => error.unconfirmed(),
        false => error,
    })?;
    let sent = writer.flush();
    let answer = sent.and_then(|()| connection.read_frame(Stage::Unproven, &mut received));
    let keys = match answer.map_err(Error::unconfirmed)? {
        FrameKind::Confirm => state.on_confirm(received.body())?,
        FrameKind::Refuse => return Err(refused_after_proof(received.body())),
        _ => return Err(Error::from(HandshakeError::Malformed).unconfirmed()),
    };
    let shared = share(keys, traffic, idle_limit);
    let patience = Patience::WhileAlive(Arc::clone(&shared.liveness));
    writer.connection().set_patience(patience);
    let (mut reader, _) = channel(connection, &shared, first);
    let has_name = matches!(credential, DiallerCredential::Word { name: Some(_), .. });
    let wants_code = has_name && takes_greeting(&mut reader)?;
    let authenticated = Authenticated {
        shared,
        reader,
        writer,
        wants_code,
    };
    Ok((authenticated, queued))
}

/// Reads what a listener with named secrets sends along with its proof: whether it wants a one-time code.
fn takes_greeting(reader: &mut MessageReader) -> Result<bool, Error> {
    match reader.read_message()? {
        Message::CodeWanted => Ok(true),
        Message::Ping(Ping { token: 0, .. }) => Ok(false),
        Message::Abort { code, text } => Err(aborted(code, &text)),
        _ => Err(unexpected("something other than whether it wants a code")),
    }
}

/// The error for a refusal after this side's proof: a listener refuses only a wrong proof at that point.
fn refused_after_proof(refusal: &[u8]) -> Error {
    match HandshakeError::refused(refusal) {
        error @ HandshakeError::Unproven => error.into(),
        error => Error::from(error).unconfirmed(),
    }
}

/// What a caller turned out to want.
pub(crate) enum Caller {
    /// A session, proven.
    Session(DiallerRole, Box<Authenticated>),
    /// To add a stream to a session; not proven yet.
    Join(JoinRequest, Box<Connection>),
}

/// Why a caller was turned away.
pub(crate) struct Rejected {
    pub(crate) error: Error,
    /// Whether it had a chance to try a secret.
    pub(crate) spent_a_guess: bool,
}

impl<E: Into<Error>> From<E> for Rejected {
    /// The handshake ended before a secret could be tried.
    fn from(error: E) -> Self {
        Rejected {
            error: error.into(),
            spent_a_guess: false,
        }
    }
}

/// What a listener decides about a caller.
pub(crate) trait HandshakePolicy {
    /// Returns the secret for the caller of this name, once it may be tried. From then on a guess is charged. May
    /// wait.
    ///
    /// # Errors
    /// The error that the caller receives instead of an answer.
    fn reserve(&mut self, name: &DiallerName) -> Result<Option<&Secret>, HandshakeError>;

    /// The caller was not answered after all: its guess is given back.
    fn give_back(&mut self);

    /// The caller was answered and has proven nothing: its guess is spent.
    fn spend(&mut self);

    /// The caller has proven the secret: its guess is given back. Fails if there is no slot for it.
    ///
    /// # Errors
    /// [`HandshakeError::Busy`].
    fn admit(&mut self, role: DiallerRole) -> Result<(), HandshakeError>;

    /// The message that goes along with this side's proof. It tells a caller that gave a name whether it must also
    /// give a code.
    fn greeting(&self) -> Option<Message>;
}

/// Answers a caller until it has proven itself, has asked to join, or is turned away.
///
/// # Errors
/// [`Rejected`]; the connection is done with.
pub(crate) fn answer(
    stream: Arc<TcpStream>,
    role: Role,
    idle_limit: Duration,
    policy: &mut dyn HandshakePolicy,
) -> Result<Caller, Rejected> {
    let traffic = Arc::new(Traffic::default());
    let mut connection = Connection::new(
        stream,
        Patience::Until(handshake_deadline()),
        Arc::clone(&traffic),
    )
    .map_err(Error::lost)?;
    let mut received = FrameBuffer::default();
    match connection.read_frame(Stage::Unproven, &mut received)? {
        FrameKind::Hello => {}
        FrameKind::Join => {
            let request = JoinRequest::parse(received.body())?;
            return Ok(Caller::Join(request, Box::new(connection)));
        }
        _ => return Err(HandshakeError::Malformed.into()),
    }
    let answer = reserve_and_answer(role, received.body(), policy);
    let (state, hello) = answer.inspect_err(|error| refuse(&mut connection, error))?;
    // From here on, anything but a valid proof counts as a guess, even hanging up after the Hello.
    let dialler_role = state.dialler_role();
    let proof = expect_proof(&mut connection, &hello, &mut received, state);
    let (keys, confirmation) = proof.map_err(|error| {
        policy.spend();
        if let Error::WrongSecret { .. } = error {
            refuse(&mut connection, &HandshakeError::Unproven);
        }
        Rejected {
            error,
            spent_a_guess: true,
        }
    })?;
    let admitted = policy.admit(dialler_role);
    let shared = share(keys, traffic, idle_limit);
    let (reader, mut writer) = channel(connection, &shared, StreamNumber::FIRST);
    writer.queue_plain(FrameKind::Confirm, &confirmation);
    if let Err(error) = admitted {
        // Sealed, so that only a peer that knows the secret can read or forge it.
        writer.abort(&Error::from(error));
        return Err(Error::Busy.into());
    }
    if let Some(greeting) = policy.greeting() {
        writer.queue(&greeting)?;
    }
    writer.flush()?;
    let authenticated = Authenticated {
        shared,
        reader,
        writer,
        wants_code: false,
    };
    Ok(Caller::Session(dialler_role, Box::new(authenticated)))
}

/// Waits until the Hello may be answered, and makes the answer.
fn reserve_and_answer(
    role: Role,
    hello: &[u8],
    policy: &mut dyn HandshakePolicy,
) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
    let heard = ListenerStart::new(role).on_hello(hello)?;
    let secret = policy.reserve(heard.name())?;
    let answer = heard.answer(secret);
    if answer.is_err() {
        policy.give_back();
    }
    answer
}

/// Sends the Hello and reads the proof, which must come soon.
fn expect_proof(
    connection: &mut Connection,
    hello: &[u8],
    received: &mut FrameBuffer,
    state: ListenerUnproven,
) -> Result<(SessionKeys, [u8; PROOF_LENGTH]), Error> {
    let time_to_prove = Duration::from_secs(limits::PROOF_SECONDS);
    connection.set_patience(Patience::Until(Deadline::after(time_to_prove)));
    connection.write_all(&frame(FrameKind::Hello, hello), &[])?;
    match connection.read_frame(Stage::Unproven, received)? {
        FrameKind::Confirm => Ok(state.on_confirm(received.body())?),
        _ => Err(HandshakeError::Unproven.into()),
    }
}

/// Tells the peer why it is refused, if it may know that, and gives it time to read the message.
pub(crate) fn refuse(connection: &mut Connection, error: &HandshakeError) {
    if let Some(refusal) = error.refusal() {
        let refusal = frame(FrameKind::Refuse, &refusal);
        if connection.write_all(&refusal, &[]).is_ok() {
            connection.linger();
        }
    }
}

/// When a handshake that begins now must be over.
pub(crate) fn handshake_deadline() -> Deadline {
    Deadline::after(Duration::from_secs(limits::HANDSHAKE_SECONDS))
}

fn share(keys: SessionKeys, traffic: Arc<Traffic>, idle_limit: Duration) -> SessionContext {
    SessionContext {
        keys: Arc::new(keys),
        liveness: Arc::new(Liveness::new(idle_limit)),
        traffic,
        cause: Arc::default(),
    }
}
