//! A peer that uses the library's own codec for the protocol, and may deviate anywhere.

use crate::real::{LONG, SECRET};
use peerbridge::Secret;
use peerbridge::internals::{
    Compression, DiallerJoins, DiallerRole, DiallerUnproven, DiallerWaitsForHello, ENVELOPE_LENGTH,
    Envelope, FrameKind, JoinRequest, ListenerStart, ListenerUnproven, Message, Opener, PartId,
    Ping, Position, Role, Sealer, SessionKeys, StreamNumber, frame, limits, message_head,
    part_head,
};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// A connection that carries frames, before any handshake.
pub struct Line(pub TcpStream);

impl Line {
    pub fn dial(port: u16) -> Line {
        Line::of(TcpStream::connect(("127.0.0.1", port)).expect("somebody listens"))
    }

    pub fn of(stream: TcpStream) -> Line {
        stream.set_read_timeout(Some(LONG)).expect("connected");
        stream.set_write_timeout(Some(LONG)).expect("connected");
        stream.set_nodelay(true).expect("connected");
        Line(stream)
    }

    /// Sends bytes. Ignores that the other side has hung up, which shows on the next read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    pub fn send_frame(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() as u32).to_be_bytes();
        self.send(&[&length[..], &[kind], body].concat());
    }

    /// The next frame; `None` if the other side has hung up.
    pub fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0; 5];
        self.read_exact(&mut header)?;
        let [a, b, c, d, kind] = header;
        let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize];
        self.read_exact(&mut body)?;
        Some((kind, body))
    }

    /// All bytes until the other side hangs up.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return bytes,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) if is_over(&error) => return bytes,
                Err(error) => panic!("the other side does not hang up: {error}"),
            }
        }
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.0.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if is_over(&error) => None,
            Err(error) => panic!("the other side says nothing and does not hang up: {error}"),
        }
    }
}

fn is_over(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub fn secret() -> Secret {
    Secret::from_text(SECRET).expect("a secret")
}

/// Exchanges Hellos with the listener. The next step is to confirm.
pub fn hello(line: &mut Line, role: DiallerRole) -> (DiallerUnproven, [u8; 32]) {
    let (state, body) = DiallerWaitsForHello::start(&secret(), role, None).expect("random bytes");
    line.send(&frame(FrameKind::Hello, &body));
    let (kind, body) = line.read_frame().expect("a Hello");
    assert_eq!(kind, FrameKind::Hello as u8, "{}", body.escape_ascii());
    state.on_hello(&body).expect("a good Hello")
}

/// Takes a dialler's Hello and answers it.
pub fn answer_hello(line: &mut Line, role: Role) -> ListenerUnproven {
    let (kind, body) = line.read_frame().expect("a Hello");
    assert_eq!(kind, FrameKind::Hello as u8);
    let secret = secret();
    let heard = ListenerStart::new(role).on_hello(&body);
    let answer = heard.and_then(|heard| heard.answer(Some(&secret)));
    let (state, body) = answer.expect("a good Hello");
    line.send(&frame(FrameKind::Hello, &body));
    state
}

/// A proven connection of a hostile peer.
pub struct Peer {
    pub line: Line,
    pub keys: Arc<SessionKeys>,
    pub stream: u16,
    pub said: u64,
    /// Number of bytes sent.
    pub sent: u64,
    pub heard: u64,
    /// Number of parts that came before the last message heard.
    pub parts: u64,
    /// The round in which parts are sent: the one of the last Missing.
    pub round: u32,
    sealer: Sealer,
    opener: Opener,
}

impl Peer {
    /// Dials a real listener and proves the secret. Nothing sealed has been sent yet.
    pub fn dial(port: u16, role: Role) -> Peer {
        Peer::dial_as(port, DiallerRole::Transfer(role))
    }

    pub fn dial_as(port: u16, role: DiallerRole) -> Peer {
        let mut line = Line::dial(port);
        let (state, confirm) = hello(&mut line, role);
        line.send(&frame(FrameKind::Confirm, &confirm));
        let (kind, body) = line.read_frame().expect("a Confirm");
        assert_eq!(kind, FrameKind::Confirm as u8);
        let keys = state.on_confirm(&body).expect("one secret");
        Peer::of(line, keys)
    }

    /// Wraps a connection that is proven already.
    pub fn of(line: Line, keys: SessionKeys) -> Peer {
        Peer::new(line, Arc::new(keys), 0)
    }

    /// Waits for a real dialler and proves the secret.
    pub fn accept(listener: &TcpListener, role: Role) -> Peer {
        let mut line = Line::of(listener.accept().expect("somebody dials").0);
        let state = answer_hello(&mut line, role);
        let (kind, body) = line.read_frame().expect("a Confirm");
        assert_eq!(kind, FrameKind::Confirm as u8);
        let (keys, confirm) = state.on_confirm(&body).expect("one secret");
        line.send(&frame(FrameKind::Confirm, &confirm));
        Peer::new(line, Arc::new(keys), 0)
    }

    fn new(line: Line, keys: Arc<SessionKeys>, stream: u16) -> Peer {
        Peer {
            line,
            keys,
            stream,
            said: 0,
            sent: 0,
            heard: 0,
            parts: 0,
            round: 0,
            sealer: Sealer::new(),
            opener: Opener::new(),
        }
    }

    /// Joins the session with a further stream; `None` if that is refused.
    pub fn join(&self, port: u16, number: u16) -> Option<Peer> {
        Peer::join_with(Arc::clone(&self.keys), port, number)
    }

    /// Joins the session that has these keys.
    pub fn join_with(keys: Arc<SessionKeys>, port: u16, number: u16) -> Option<Peer> {
        let mut line = Line::dial(port);
        let number = StreamNumber::joined(number).expect("a number");
        let (state, body) = DiallerJoins::start(&keys, number).expect("random bytes");
        line.send(&frame(FrameKind::Join, &body));
        let (kind, body) = line.read_frame()?;
        if kind != FrameKind::Join as u8 {
            return None;
        }
        state.on_join(&keys, &body).expect("a good proof");
        Some(Peer::new(line, keys, number.get()))
    }

    /// Lets a real dialler join.
    pub fn let_join(&self, listener: &TcpListener) -> Peer {
        let mut line = Line::of(listener.accept().expect("somebody joins").0);
        let (kind, body) = line.read_frame().expect("a Join");
        assert_eq!(kind, FrameKind::Join as u8);
        let request = JoinRequest::parse(&body).expect("a good Join");
        let (number, body) = request.accept(&self.keys).expect("a good proof");
        line.send(&frame(FrameKind::Join, &body));
        Peer::new(line, Arc::clone(&self.keys), number.get())
    }

    /// Sends a message of these bytes, valid or not, at the next position.
    pub fn say(&mut self, raw: &[u8]) {
        let frame = self.sealed(raw);
        self.sent += frame.len() as u64;
        self.line.send(&frame);
    }

    /// The frame of a message of these bytes, at the next position.
    pub fn sealed(&mut self, raw: &[u8]) -> Vec<u8> {
        self.said += 1;
        self.sealed_at(self.stream, self.said - 1, raw)
    }

    /// The frame of a message of these bytes, at the given position.
    pub fn sealed_at(&mut self, stream: u16, sequence: u64, raw: &[u8]) -> Vec<u8> {
        let position = Position::Message { stream, sequence };
        let keys = self.keys.sealing_keys();
        let sealed = self
            .sealer
            .seal(&keys, position, raw, Compression::Stored)
            .expect("it can be sealed");
        [&message_head(&sealed.envelope)[..], sealed.archive].concat()
    }

    /// The frame of a part, sealed for `transfer` and `index`, and announced as `announced`.
    pub fn part_as(&mut self, transfer: u32, index: u64, announced: u64, raw: &[u8]) -> Vec<u8> {
        let announced = PartId {
            round: self.round,
            index: announced,
        };
        self.part_in(self.round, transfer, index, announced, raw)
    }

    /// The frame of a part, sealed for `round`, `transfer` and `index`, and announced as `announced`.
    pub fn part_in(
        &mut self,
        round: u32,
        transfer: u32,
        index: u64,
        announced: PartId,
        raw: &[u8],
    ) -> Vec<u8> {
        let position = Position::Part {
            transfer,
            round,
            index,
        };
        let keys = self.keys.sealing_keys();
        let sealed = self
            .sealer
            .seal(&keys, position, raw, Compression::Stored)
            .expect("it can be sealed");
        [&part_head(announced, &sealed.envelope)[..], sealed.archive].concat()
    }

    /// Sends a part of the first transfer.
    pub fn part(&mut self, index: u64, raw: &[u8]) {
        let frame = self.part_as(0, index, index, raw);
        self.line.send(&frame);
    }

    /// Sends a compressed part of the first transfer.
    pub fn packed_part(&mut self, index: u64, raw: &[u8]) {
        let position = Position::Part {
            transfer: 0,
            round: self.round,
            index,
        };
        let keys = self.keys.sealing_keys();
        let sealed = self
            .sealer
            .seal(&keys, position, raw, Compression::Zstd(1))
            .expect("it can be sealed");
        let id = PartId {
            round: self.round,
            index,
        };
        let frame = [&part_head(id, &sealed.envelope)[..], sealed.archive].concat();
        self.sent += frame.len() as u64;
        self.line.send(&frame);
    }

    /// The next message other than heartbeats and parts; `None` if the other side has hung up.
    pub fn hear(&mut self) -> Option<Message> {
        loop {
            let (kind, body) = self.line.read_frame()?;
            if kind == FrameKind::Part as u8 {
                self.parts += 1;
                continue;
            }
            assert_eq!(kind, FrameKind::Message as u8);
            match self.open(&body) {
                Message::Ping(Ping { token: 0, .. }) => {}
                Message::Missing(missing) => {
                    self.round = missing.round;
                    return Some(Message::Missing(missing));
                }
                message => return Some(message),
            }
        }
    }

    fn open(&mut self, body: &[u8]) -> Message {
        let (head, archive) = body.split_at(ENVELOPE_LENGTH);
        let head = head.try_into().expect("its length");
        let envelope = Envelope::from_bytes(head, limits::MESSAGE_BYTES as u32);
        let position = Position::Message {
            stream: self.stream,
            sequence: self.heard,
        };
        self.heard += 1;
        let keys = self.keys.opening_keys();
        let envelope = envelope.expect("a good envelope");
        let raw = self.opener.open(&keys, position, &envelope, archive);
        Message::decode(raw.expect("it opens")).expect("a good message")
    }

    /// Reads until the other side has given up, then hangs up. Returns its last messages.
    pub fn given_up(mut self) -> Vec<Message> {
        let heard = std::iter::from_fn(|| self.hear()).collect();
        let _ = self.line.0.shutdown(Shutdown::Both);
        heard
    }
}
