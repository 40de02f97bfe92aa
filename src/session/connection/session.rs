//! A session whose two sides have proven themselves to each other.

use crate::model::limits;
use crate::protocol::{Message, Ping};
use crate::session::connection::channel::{MessageReader, aborted};
use crate::session::connection::handshake::Authenticated;
use crate::session::connection::heartbeat::{Heartbeat, SharedWriter};
use crate::session::connection::join::SessionContext;
use crate::session::connection::join_gate::JoinGate;
use crate::session::connection::socket::streams_of_each;
use crate::session::error::Error;
use crate::session::events::{Acceptance, Operator};
use crate::session::line::NO_ADDRESS;
use crate::session::sync::lock;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU16;
use std::sync::{Arc, Mutex};

/// A proven peer, and the means to talk to it.
pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    pub(crate) shared: SessionContext,
    pub(crate) writer: SharedWriter,
    pub(crate) reader: MessageReader,
    pub(crate) origin: Origin,
    unread: Option<Message>,
    /// The most streams that it can have.
    pub(crate) most_streams: u16,
    /// Number of the next transfer.
    transfer: u32,
    /// The next unused number of a joined stream.
    pub(crate) next_stream: Arc<AtomicU16>,
    _heartbeat: Heartbeat,
}

/// How further streams are made. The dialler always dials them.
pub(crate) enum Origin {
    /// This side dialled.
    Dialled,
    /// The peer dialled; its further streams come through this gate of the listener.
    Accepted(Arc<JoinGate>),
}

impl Session {
    /// Takes over a session from the handshake.
    ///
    /// # Errors
    /// [`Error::System`] when the system has no thread to give.
    pub(crate) fn new(
        peer: SocketAddr,
        authenticated: Authenticated,
        origin: Origin,
    ) -> Result<Self, Error> {
        let Authenticated {
            shared,
            reader,
            writer,
            wants_code: _,
        } = authenticated;
        let writer = Arc::new(Mutex::new(writer));
        let heartbeat =
            Heartbeat::start(Arc::clone(&writer), &shared.liveness).map_err(Error::system)?;
        Ok(Session {
            peer,
            shared,
            writer,
            reader,
            origin,
            unread: None,
            most_streams: match peer {
                NO_ADDRESS => 1,
                _ => streams_of_each(1),
            },
            transfer: 0,
            next_stream: Arc::new(AtomicU16::new(1)),
            _heartbeat: heartbeat,
        })
    }

    /// Counts a new transfer, and returns its number.
    ///
    /// # Errors
    /// [`Error::NotVerified`] after [`limits::TRANSFERS`].
    pub(crate) fn next_transfer(&mut self) -> Result<u32, Error> {
        if self.transfer >= limits::TRANSFERS {
            return Err(Error::NotVerified {
                what: "there are too many transfers in one session".into(),
            });
        }
        self.transfer += 1;
        Ok(self.transfer - 1)
    }

    /// Sends one message on the first stream.
    ///
    /// # Errors
    /// [`Error`] when the connection is gone.
    pub(crate) fn say(&self, message: &Message) -> Result<(), Error> {
        lock(&self.writer).send(message)
    }

    /// Puts a message back that was read too early. It is returned again by the next call.
    pub(crate) fn put_back(&mut self, message: Message) {
        self.unread = Some(message);
    }

    /// The next message for the caller. Heartbeats are skipped, pings are answered, and an Abort is an error.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, given up by the peer, or something that does not verify.
    pub(crate) fn hear(&mut self) -> Result<Message, Error> {
        if let Some(message) = self.unread.take() {
            return Ok(message);
        }
        loop {
            let message = self.reader.read_message()?;
            if let Some(message) = attend(message, &self.writer)? {
                return Ok(message);
            }
        }
    }

    /// Has the person here compare the verification phrase, and tells the peer if it is confirmed.
    ///
    /// # Errors
    /// [`Error::PhraseDiffers`], or that the connection is gone.
    pub(crate) fn compare_phrase(&self, operator: &dyn Operator) -> Result<(), Error> {
        match operator.compare(&self.shared.keys.phrase()) {
            Acceptance::Accept => self.say(&Message::Confirmed),
            Acceptance::Decline => Err(Error::PhraseDiffers),
        }
    }

    /// Gives the session up, and tells the peer why, if it still reads.
    pub(crate) fn abort(&mut self, error: &Error) {
        lock(&self.writer).abort(error);
    }
}

impl Session {
    /// Ends the first stream in both directions: every thread that is blocked on it wakes up.
    pub(crate) fn shutdown(&mut self) {
        self.reader.connection().shutdown();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Handles messages that may come at any time. Returns a message that is for the caller.
///
/// # Errors
/// [`Error::PeerAborted`], or that the connection is gone.
pub(crate) fn attend(message: Message, writer: &SharedWriter) -> Result<Option<Message>, Error> {
    match message {
        Message::Ping(Ping { token: 0, .. }) => Ok(None),
        Message::Ping(ping) => {
            let padding = vec![0; ping.answer_padding as usize];
            let token = ping.token;
            lock(writer).send(&Message::Pong { token, padding })?;
            Ok(None)
        }
        Message::Abort { code, text } => Err(aborted(code, &text)),
        other => Ok(Some(other)),
    }
}
