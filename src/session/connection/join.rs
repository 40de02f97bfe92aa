//! Further streams of a session: how they join and where they wait to be used.

use crate::crypto::SessionKeys;
use crate::model::limits;
use crate::protocol::{DiallerJoins, FrameKind, HandshakeError, Stage, StreamNumber, frame};
use crate::session::connection::channel::{MessageReader, MessageWriter};
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::connection::end_cause::EndCause;
use crate::session::connection::patience::Patience;
use crate::session::connection::socket;
use crate::session::connection::transport::{Connection, FrameBuffer};
use crate::session::error::Error;
use crate::session::stats::Traffic;
use crate::session::sync::Monitor;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all streams of a session share.
#[derive(Clone)]
pub(crate) struct SessionContext {
    pub(crate) keys: Arc<SessionKeys>,
    pub(crate) liveness: Arc<Liveness>,
    pub(crate) traffic: Arc<Traffic>,
    /// The error with which a thread of this side ends the session.
    pub(crate) cause: Arc<EndCause>,
}

/// A connection that has joined the session.
pub(crate) struct JoinedStream {
    pub(crate) number: StreamNumber,
    pub(crate) connection: Connection,
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
    if number == StreamNumber::FIRST {
        connection.end_with(Arc::clone(&shared.cause));
    }
    let reader = MessageReader::new(connection, shared.keys.opening_keys(), number);
    (reader, writer)
}

/// The further streams of one transfer. Streams that have joined wait here until a thread takes them.
#[derive(Default)]
pub(crate) struct StreamQueue(Monitor<QueueState>);

/// The result of waiting for a stream.
pub(crate) enum Popped {
    Stream(JoinedStream),
    /// None came in time.
    Nothing,
    /// The queue is closed.
    Closed,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<JoinedStream>,
    all: Vec<Connection>,
    closed: bool,
}

impl StreamQueue {
    /// Adds a stream. Ends it at once if the queue is closed.
    pub(crate) fn push(&self, stream: JoinedStream) {
        self.0.change(|state| {
            if state.closed {
                stream.connection.shutdown();
            } else {
                state.all.push(stream.connection.share());
                state.waiting.push_back(stream);
            }
        });
    }

    /// Waits for a stream, at most for `patience` if there is a limit.
    pub(crate) fn pop(&self, patience: Option<Duration>) -> Popped {
        let is_empty = |state: &QueueState| !state.closed && state.waiting.is_empty();
        let mut state = match patience {
            None => self.0.wait_while(is_empty),
            Some(patience) => self.0.wait_while_for(patience, is_empty),
        };
        match state.waiting.pop_front() {
            _ if state.closed => Popped::Closed,
            Some(stream) => Popped::Stream(stream),
            None => Popped::Nothing,
        }
    }

    /// Whether the queue is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Called when the transfer is over. Ends every stream, so that threads that are blocked on one wake up, and
    /// wakes the thread that waits for a stream.
    pub(crate) fn close(&self) {
        self.0.change(|state| {
            state.closed = true;
            state
                .all
                .drain(..)
                .for_each(|connection| connection.shutdown());
            state.waiting.clear();
        });
    }
}

/// Adds a stream to a session that this side dialled, by dialling the same address again. Also returns how long
/// connecting took: a round trip.
///
/// # Errors
/// [`Error`]: no connection, or the other end did not prove that it belongs to the session.
pub(crate) fn dial_stream(
    peer: SocketAddr,
    shared: &SessionContext,
    number: StreamNumber,
) -> Result<(JoinedStream, Duration), Error> {
    let began = Instant::now();
    let deadline = Deadline::after(Duration::from_secs(limits::HANDSHAKE_SECONDS));
    let stream = socket::dial_address(peer, deadline).map_err(Error::lost)?;
    let connected = began.elapsed();
    let patience = Patience::Until(deadline);
    let mut connection =
        Connection::new(stream, patience, Arc::clone(&shared.traffic)).map_err(Error::lost)?;
    let (joins, body) = DiallerJoins::start(&shared.keys, number)?;
    connection.write_all(&frame(FrameKind::Join, &body), &[])?;
    let mut answer = FrameBuffer::default();
    let number = match connection.read_frame(Stage::Unproven, &mut answer)? {
        FrameKind::Join => joins.on_join(&shared.keys, answer.body())?,
        FrameKind::Refuse => return Err(HandshakeError::refused(answer.body()).into()),
        _ => return Err(HandshakeError::Malformed.into()),
    };
    Ok((JoinedStream { number, connection }, connected))
}
