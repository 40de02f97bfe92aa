//! Further streams of a session: how they join and where they wait to be used.

use crate::crypto::SessionKeys;
use crate::model::limits;
use crate::protocol::{DiallerJoins, FrameKind, HandshakeError, Stage, StreamNumber, frame};
use crate::session::connection::channel::{MessageReader, MessageWriter};
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::connection::socket;
use crate::session::connection::transport::{Connection, FrameBuffer, Patience};
use crate::session::error::SessionError;
use crate::session::stats::Traffic;
use crate::session::sync::lock;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What all streams of a session share.
#[derive(Clone)]
pub(crate) struct SessionContext {
    pub(crate) keys: Arc<SessionKeys>,
    pub(crate) liveness: Arc<Liveness>,
    pub(crate) traffic: Arc<Traffic>,
}

/// A connection that has joined the session.
pub(crate) struct JoinedStream {
    pub(crate) number: StreamNumber,
    pub(crate) connection: Connection,
}

impl JoinedStream {
    /// Both directions of the stream.
    pub(crate) fn into_channel(self, shared: &SessionContext) -> (MessageReader, MessageWriter) {
        channel(self.connection, shared, self.number)
    }
}

/// Both directions of a stream.
pub(crate) fn channel(
    mut connection: Connection,
    shared: &SessionContext,
    number: StreamNumber,
) -> (MessageReader, MessageWriter) {
    connection.set_patience(Patience::WhileAlive(Arc::clone(&shared.liveness)));
    connection.set_traffic(Arc::clone(&shared.traffic));
    let writer = MessageWriter::new(connection.share(), shared.keys.sealing_keys(), number);
    let reader = MessageReader::new(connection, shared.keys.opening_keys(), number);
    (reader, writer)
}

/// The further streams of one transfer: those that have joined wait here for a thread to take them.
#[derive(Default)]
pub(crate) struct StreamQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

/// What waiting for a stream has brought.
pub(crate) enum Popped {
    Stream(JoinedStream),
    /// None came in time.
    Nothing,
    /// Nobody will take one any more.
    Closed,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<JoinedStream>,
    all: Vec<Connection>,
    closed: bool,
}

impl StreamQueue {
    /// Adds a stream; ends it at once when nobody will take it any more.
    pub(crate) fn push(&self, stream: JoinedStream) {
        let mut state = lock(&self.state);
        if state.closed {
            stream.connection.shutdown();
        } else {
            state.all.push(stream.connection.share());
            state.waiting.push_back(stream);
            self.changed.notify_one();
        }
    }

    /// Waits for a stream, no longer than `patience` where there is a limit.
    pub(crate) fn pop(&self, patience: Option<Duration>) -> Popped {
        let is_empty = |state: &mut QueueState| !state.closed && state.waiting.is_empty();
        let state = lock(&self.state);
        let mut state = match patience {
            None => self.changed.wait_while(state, is_empty),
            Some(patience) => self
                .changed
                .wait_timeout_while(state, patience, is_empty)
                .map(|(state, _)| state)
                .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        match state.waiting.pop_front() {
            _ if state.closed => Popped::Closed,
            Some(stream) => Popped::Stream(stream),
            None => Popped::Nothing,
        }
    }

    /// Whether nobody will take a stream any more.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// The transfer is over: ends every stream, also those that threads are blocked on, and wakes
    /// whoever waits for one.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state
            .all
            .drain(..)
            .for_each(|connection| connection.shutdown());
        state.waiting.clear();
        self.changed.notify_all();
    }
}

/// Adds a stream to a session that this side dialled, by dialling the same address again. Beside it, how long
/// connecting took: a round trip.
///
/// # Errors
/// [`SessionError`]: no connection, or one that does not prove to be the session's.
pub(crate) fn dial_stream(
    peer: SocketAddr,
    shared: &SessionContext,
    number: StreamNumber,
) -> Result<(JoinedStream, Duration), SessionError> {
    let began = Instant::now();
    let deadline = Deadline::after(Duration::from_secs(limits::HANDSHAKE_SECONDS));
    let stream = socket::dial_address(peer, deadline).map_err(SessionError::lost)?;
    let connected = began.elapsed();
    let patience = Patience::Until(deadline);
    let mut connection = Connection::new(stream, patience, Arc::clone(&shared.traffic))
        .map_err(SessionError::lost)?;
    let (joins, body) = DiallerJoins::start(&shared.keys, number)?;
    connection.write_all(&frame(FrameKind::Join, &body), &[])?;
    let mut answer = FrameBuffer::default();
    let number = match connection.read_frame(Stage::Unproven, &mut answer)? {
        FrameKind::Join => joins.on_join(&shared.keys, answer.body())?,
        FrameKind::Refuse => return Err(joins.on_refuse(answer.body()).into()),
        _ => return Err(HandshakeError::Malformed.into()),
    };
    Ok((JoinedStream { number, connection }, connected))
}
