//! Sealed messages and parts on one connection.

use crate::crypto::{
    Compression, Envelope, Opener, OpeningKeys, PREPARED_LENGTH, Position, Sealed, Sealer,
    SealingKeys,
};
use crate::protocol::{
    AbortCode, FrameBounds, FrameKind, Message, PartId, PeerText, Stage, StreamNumber, frame,
    message_head, part_head, split_message, split_part,
};
use crate::session::connection::next_seal::NextSeal;
use crate::session::connection::transport::{Connection, FrameBuffer};
use crate::session::error::Error;
use std::collections::VecDeque;
use std::sync::Arc;

/// Messages of this length are worth compressing. The seals of shorter ones are prepared.
const COMPRESS_FROM: usize = PREPARED_LENGTH;

/// Compression level for messages. They are few.
const MESSAGE_LEVEL: i32 = 3;

/// The sending half of a stream.
pub(crate) struct MessageWriter {
    connection: Connection,
    keys: SealingKeys,
    stream: StreamNumber,
    sequence: u64,
    sealer: Sealer,
    ahead: Option<Arc<NextSeal>>,
    raw: Vec<u8>,
    prepared: Vec<u8>,
    queued: Vec<u8>,
}

impl MessageWriter {
    /// The writer of a stream on which no sealed message was sent yet.
    pub(crate) fn new(connection: Connection, keys: SealingKeys, stream: StreamNumber) -> Self {
        MessageWriter {
            connection,
            keys,
            stream,
            sequence: 0,
            sealer: Sealer::new(),
            ahead: None,
            raw: Vec::new(),
            prepared: Vec::new(),
            queued: Vec::new(),
        }
    }

    /// From now on, another thread prepares the seal of the next message with the [`NextSeal`] that this returns.
    pub(crate) fn prepare_ahead(&mut self) -> Arc<NextSeal> {
        let ahead = Arc::new(NextSeal::new(self.keys.clone(), self.stream));
        ahead.want(self.sequence);
        self.ahead = Some(Arc::clone(&ahead));
        ahead
    }

    /// Sends a message, after what is queued.
    ///
    /// # Errors
    /// [`Error`] when the connection is gone.
    pub(crate) fn send(&mut self, message: &Message) -> Result<(), Error> {
        self.queue(message)?;
        self.flush()
    }

    /// Seals a message and queues it, to be sent together with the next one.
    ///
    /// # Errors
    /// [`Error`] when the system has no random bytes.
    pub(crate) fn queue(&mut self, message: &Message) -> Result<(), Error> {
        self.raw.clear();
        message.encode(&mut self.raw);
        let position = Position::Message {
            stream: self.stream.get(),
            sequence: self.sequence,
        };
        let is_short = self.raw.len() < COMPRESS_FROM;
        let ahead = self.ahead.as_ref();
        let prepared = ahead.and_then(|ahead| ahead.take(self.sequence));
        let sealed = match prepared.filter(|_| is_short) {
            Some(prepared) => prepared.seal(&self.raw, &mut self.prepared)?,
            None => {
                let compression = match is_short {
                    true => Compression::Stored,
                    false => Compression::Zstd(MESSAGE_LEVEL),
                };
                self.sealer
                    .seal(&self.keys, position, &self.raw, compression)?
            }
        };
        self.queued.extend(message_head(&sealed.envelope));
        self.queued.extend(sealed.archive);
        self.sequence += 1;
        let is_last = matches!(message, Message::Bye | Message::Abort { .. });
        if let Some(ahead) = ahead.filter(|_| !is_last) {
            ahead.want(self.sequence);
        }
        Ok(())
    }

    /// Queues a frame that is not sealed.
    pub(crate) fn queue_plain(&mut self, kind: FrameKind, body: &[u8]) {
        self.queued.extend(frame(kind, body));
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// [`Error`] when the connection is gone.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let sent = self.connection.write_all(&self.queued, &[]);
        self.queued.clear();
        sent
    }

    /// Sends a sealed part, after what is queued.
    ///
    /// # Errors
    /// [`Error`] when the connection is gone.
    pub(crate) fn send_part(&mut self, id: PartId, part: &Sealed<'_>) -> Result<(), Error> {
        self.queued.extend(part_head(id, &part.envelope));
        let sent = self.connection.write_all(&self.queued, part.archive);
        self.queued.clear();
        self.connection.moved();
        sent
    }

    /// Queues a small part, to be sent together with the next message.
    pub(crate) fn queue_part(&mut self, id: PartId, part: &Sealed<'_>) {
        self.queued.extend(part_head(id, &part.envelope));
        self.queued.extend(part.archive);
    }

    /// Tells the peer why this side gives up, if it still reads.
    pub(crate) fn abort(&mut self, error: &Error) {
        if !error.is_worth_an_abort() {
            return;
        }
        let message = Message::Abort {
            code: error.abort_code(),
            text: PeerText::new(&error.told_to_the_peer()),
        };
        if self.send(&message).is_ok() {
            self.connection.linger();
        }
    }

    /// The keys of the sending half.
    pub(crate) fn keys(&self) -> &SealingKeys {
        &self.keys
    }

    /// The connection, to change how it waits or to end it.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// The receiving half of a stream.
pub(crate) struct MessageReader {
    connection: Connection,
    keys: OpeningKeys,
    stream: StreamNumber,
    sequence: u64,
    opener: Opener,
    frame: FrameBuffer,
    bounds: FrameBounds,
    /// Frames that were read early, in order, each message with its sequence number.
    held: VecDeque<(FrameKind, u64, FrameBuffer)>,
}

/// What a proven peer sent.
pub(crate) enum Incoming<'a> {
    /// A message, opened.
    Message(Message),
    /// A part, still sealed.
    Part(SealedPart<'a>),
}

/// A received part. It can be opened once its transfer is known.
pub(crate) struct SealedPart<'a> {
    /// Its round and index, according to the peer.
    pub(crate) id: PartId,
    envelope: Envelope,
    archive: &'a mut [u8],
    keys: &'a OpeningKeys,
    opener: &'a mut Opener,
}

impl<'a> SealedPart<'a> {
    /// Verifies the part and returns its contents.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if anything is not as agreed.
    pub(crate) fn open(self, transfer: u32) -> Result<&'a [u8], Error> {
        let position = Position::Part {
            transfer,
            round: self.id.round,
            index: self.id.index,
        };
        Ok(self
            .opener
            .open_in_place(self.keys, position, &self.envelope, self.archive)?)
    }
}

impl MessageReader {
    /// The reader of a stream on which no sealed message came yet.
    pub(crate) fn new(connection: Connection, keys: OpeningKeys, stream: StreamNumber) -> Self {
        MessageReader {
            connection,
            keys,
            stream,
            sequence: 0,
            opener: Opener::new(),
            frame: FrameBuffer::default(),
            bounds: bounds_of(stream),
            held: VecDeque::new(),
        }
    }

    /// From now on, accepts parts of up to this size. With `None`, only the part that may go along with an offer.
    pub(crate) fn expect_parts_of(&mut self, part_size: Option<u32>) {
        let bounds = bounds_of(self.stream);
        self.bounds = part_size.map_or(bounds, |size| bounds.with_parts_of(size));
    }

    /// The next message or part.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, or something that does not verify.
    pub(crate) fn read(&mut self) -> Result<Incoming<'_>, Error> {
        let (kind, sequence) = match self.held.pop_front() {
            Some((kind, sequence, frame)) => {
                self.frame = frame;
                (kind, sequence)
            }
            None => match self.read_frame()? {
                FrameKind::Message => {
                    self.sequence += 1;
                    (FrameKind::Message, self.sequence - 1)
                }
                kind => (kind, 0),
            },
        };
        match kind {
            FrameKind::Part => {
                let body = self.frame.body();
                let (id, envelope, archive) = split_part(body)?;
                let head = body.len() - archive.len();
                let archive = &mut body[head..];
                Ok(Incoming::Part(SealedPart {
                    id,
                    envelope,
                    archive,
                    keys: &self.keys,
                    opener: &mut self.opener,
                }))
            }
            _ => {
                let message = self.open_message(sequence)?;
                if let Message::Entries(_) | Message::Digests(_) = message {
                    self.connection.moved();
                }
                Ok(Incoming::Message(message))
            }
        }
    }

    /// The message after the first flight, which came along with the peer's proof: one message and at most one
    /// part. These are kept unread and returned next.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, or something that does not verify.
    pub(crate) fn read_behind_the_first_flight(&mut self) -> Result<Message, Error> {
        let stage = Stage::Proven(self.bounds);
        let mut frame = FrameBuffer::default();
        match self.connection.read_frame(stage, &mut frame)? {
            FrameKind::Message => {}
            _ => return Err(unexpected("a part")),
        }
        let mut held = VecDeque::from([(FrameKind::Message, self.sequence, frame)]);
        self.sequence += 1;
        let mut next = FrameBuffer::default();
        if self.connection.read_frame(stage, &mut next)? == FrameKind::Part {
            held.push_back((FrameKind::Part, 0, std::mem::take(&mut next)));
            match self.connection.read_frame(stage, &mut next)? {
                FrameKind::Message => {}
                _ => return Err(unexpected("two parts")),
            }
        }
        self.frame = next;
        let message = self.open_message(self.sequence)?;
        self.sequence += 1;
        self.held = held;
        Ok(message)
    }

    /// Opens the message in the buffer.
    fn open_message(&mut self, sequence: u64) -> Result<Message, Error> {
        let (envelope, archive) = split_message(self.frame.body())?;
        let position = Position::Message {
            stream: self.stream.get(),
            sequence,
        };
        let raw = self.opener.open(&self.keys, position, &envelope, archive)?;
        Ok(Message::decode(raw)?)
    }

    /// The next frame. Reading the first stream counts as waiting for the peer, because its messages decide what
    /// happens on all streams.
    fn read_frame(&mut self) -> Result<FrameKind, Error> {
        let liveness = self.connection.liveness();
        let is_first = self.stream == StreamNumber::FIRST;
        let waiting = liveness.as_ref().filter(|_| is_first);
        let waiting = waiting.map(|liveness| liveness.stall.wait());
        let stage = Stage::Proven(self.bounds);
        let kind = self.connection.read_frame(stage, &mut self.frame);
        drop(waiting);
        if let Ok(FrameKind::Part) = kind {
            self.connection.moved();
        }
        kind
    }

    /// The next message. A part is an error.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, a part, or something that does not verify.
    pub(crate) fn read_message(&mut self) -> Result<Message, Error> {
        match self.read()? {
            Incoming::Message(message) => Ok(message),
            Incoming::Part(_) => Err(unexpected("a part")),
        }
    }

    /// The connection, to change how it waits or to end it.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// The frames that may come on a stream before a transfer has agreed on parts.
fn bounds_of(stream: StreamNumber) -> FrameBounds {
    match stream {
        StreamNumber::FIRST => FrameBounds::FIRST_STREAM,
        _ => FrameBounds::JOINED_STREAM,
    }
}

/// The error for an Abort from the peer.
pub(crate) fn aborted(code: u8, text: &PeerText) -> Error {
    match code {
        AbortCode::BUSY => Error::Busy,
        _ => Error::PeerAborted {
            code,
            text: text.to_string(),
        },
    }
}

/// Checks that the protocol allows here what the peer sent.
///
/// # Errors
/// [`Error::NotVerified`]: it breaks the protocol.
pub(crate) fn ensure_due(is_due: bool, what: &str) -> Result<(), Error> {
    match is_due {
        true => Ok(()),
        false => Err(unexpected(what)),
    }
}

/// The error for something that the protocol does not allow here.
pub(crate) fn unexpected(what: &str) -> Error {
    Error::NotVerified {
        what: format!("the peer sent {what} at the wrong time"),
    }
}
