//! A session whose two sides have proven themselves to each other.

use super::SessionError;
use super::channel::{MessageReader, MessageWriter};
use super::events::{Comparison, Operator};
use super::heartbeat::{Heartbeat, SharedWriter, lock};
use super::listener::JoinGate;
use super::streams::{Shared, StreamQueue, dial_streams};
use crate::model::limits;
use crate::protocol::{Message, Ping, StreamNumber};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Who is at the other end and how to talk to it.
pub(super) struct Established {
    pub(super) peer: SocketAddr,
    pub(super) shared: Shared,
    pub(super) writer: SharedWriter,
    pub(super) reader: MessageReader,
    origin: Origin,
    /// Number of the transfer that comes next.
    transfer: u32,
    /// The first number that no joined stream has had.
    next_stream: u16,
    _heartbeat: Heartbeat,
}

/// How further streams come about: the dialler always makes them.
pub(super) enum Origin {
    /// This side dialled.
    Dialled,
    /// The peer dialled; its further streams come through this gate of the listener.
    Accepted(Arc<JoinGate>),
}

impl Established {
    /// Takes over a session from the handshake.
    ///
    /// # Errors
    /// [`SessionError::System`] when the system has no thread to give.
    pub(super) fn new(
        peer: SocketAddr,
        shared: Shared,
        channel: (MessageReader, MessageWriter),
        origin: Origin,
    ) -> Result<Self, SessionError> {
        let writer = Arc::new(Mutex::new(channel.1));
        let heartbeat = Heartbeat::start(Arc::clone(&writer), &shared.liveness)
            .map_err(|source| SessionError::System { source })?;
        Ok(Established {
            peer,
            shared,
            writer,
            reader: channel.0,
            origin,
            transfer: 0,
            next_stream: 1,
            _heartbeat: heartbeat,
        })
    }

    /// The number of the transfer that begins now.
    ///
    /// # Errors
    /// [`SessionError::NotVerified`] after [`limits::TRANSFERS`].
    pub(super) fn next_transfer(&mut self) -> Result<u32, SessionError> {
        if self.transfer >= limits::TRANSFERS {
            return Err(SessionError::NotVerified {
                what: "there are too many transfers in one session".into(),
            });
        }
        self.transfer += 1;
        Ok(self.transfer - 1)
    }

    /// Opens `count` further streams for one transfer. They come into the queue as they join; some may
    /// never do. The queue must be closed when the transfer ends.
    pub(super) fn open_streams(&mut self, count: u16) -> Arc<StreamQueue> {
        let queue = Arc::new(StreamQueue::default());
        let first = self.next_stream;
        let numbers = (first..first.saturating_add(count)).filter_map(StreamNumber::joined);
        self.next_stream = first.saturating_add(count);
        match &self.origin {
            Origin::Dialled => dial_streams(self.peer, &self.shared, &queue, numbers),
            Origin::Accepted(gate) => gate.open(Arc::clone(&queue), count),
        }
        queue
    }

    /// Sends one message on the first stream.
    ///
    /// # Errors
    /// [`SessionError`] when the connection is gone.
    pub(super) fn say(&self, message: &Message) -> Result<(), SessionError> {
        lock(&self.writer).send(message)
    }

    /// The next message that matters: heartbeats are taken, pings answered, an Abort is an error.
    ///
    /// # Errors
    /// [`SessionError`]: lost, silent, given up by the peer, or something that does not verify.
    pub(super) fn hear(&mut self) -> Result<Message, SessionError> {
        loop {
            let message = self.reader.read_message()?;
            if let Some(message) = attend(message, &self.writer)? {
                return Ok(message);
            }
        }
    }

    /// Shows the verification phrase to the person here, and tells the peer when it is the same there.
    ///
    /// # Errors
    /// [`SessionError::PhraseDiffers`], or that the connection is gone.
    pub(super) fn compare_phrase(&self, operator: &dyn Operator) -> Result<(), SessionError> {
        match operator.compare(&self.shared.keys.phrase()) {
            Comparison::Same => self.say(&Message::Confirmed),
            Comparison::Different => Err(SessionError::PhraseDiffers),
        }
    }

    /// Gives the session up and lets the peer know why, as far as it still listens.
    pub(super) fn abort(&mut self, error: &SessionError) {
        if error.is_connection_gone() {
            return;
        }
        let message = Message::Abort {
            code: error.abort_code(),
            text: crate::protocol::PeerText::new(&error.to_string()),
        };
        let mut writer = lock(&self.writer);
        if writer.send(&message).is_ok() {
            writer.connection().linger();
        }
    }
}

impl Established {
    /// Ends the first stream in both directions; whoever is blocked on it wakes up.
    pub(super) fn shutdown(&mut self) {
        self.reader.connection().shutdown();
    }
}

impl Drop for Established {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Deals with what may come at any time; gives back what is for the caller.
///
/// # Errors
/// [`SessionError::PeerAborted`], or that the connection is gone.
pub(super) fn attend(
    message: Message,
    writer: &SharedWriter,
) -> Result<Option<Message>, SessionError> {
    match message {
        Message::Ping(Ping { token: 0, .. }) => Ok(None),
        Message::Ping(ping) => {
            let padding = vec![0; ping.answer_padding as usize];
            let token = ping.token;
            lock(writer).send(&Message::Pong { token, padding })?;
            Ok(None)
        }
        Message::Abort { code, text } => Err(SessionError::PeerAborted {
            code,
            text: text.to_string(),
        }),
        other => Ok(Some(other)),
    }
}
