//! Answering a peer that only measures the line.

use crate::crypto::random_bytes;
use crate::model::limits;
use crate::protocol::{Message, PADDING_BYTES, Ping};
use crate::session::connection::channel::unexpected;
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::Authenticated;
use crate::session::error::Error;
use std::time::Duration;

/// Answers pings until the peer leaves.
///
/// # Errors
/// [`Error`]: lost, silent, anything but pings, or too many of them.
pub(crate) fn answer(session: &mut Authenticated) -> Result<(), Error> {
    answer_until(
        Deadline::after(Duration::from_secs(limits::PING_SECONDS)),
        session,
    )
}

fn answer_until(deadline: Deadline, session: &mut Authenticated) -> Result<(), Error> {
    let noise = Noise::new()?;
    while deadline.remaining().is_some() {
        match session.reader.read_message()? {
            Message::Bye => return Ok(()),
            Message::Ping(Ping { token: 0, .. }) => {}
            Message::Ping(ping) => session.writer.send(&Message::Pong {
                token: ping.token,
                padding: noise.bytes(ping.answer_padding as usize),
            })?,
            _ => return Err(unexpected("something other than a ping")),
        }
    }
    Err(unexpected("pings without an end"))
}

/// Meaningless bytes that no compressor can shrink.
pub(crate) struct Noise(Vec<u8>);

impl Noise {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut state = u64::from_be_bytes(random_bytes()?) | 1;
        let words = (0..PADDING_BYTES.div_ceil(8)).map(|_| {
            // Xorshift (Marsaglia 2003): random enough for this purpose.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        });
        Ok(Noise(words.flatten().collect()))
    }

    /// Returns `length` bytes, at most [`PADDING_BYTES`].
    pub(crate) fn bytes(&self, length: usize) -> Vec<u8> {
        self.0[..length.min(self.0.len())].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::protocol::{DiallerName, DiallerRole, HandshakeError, Role};
    use crate::session::connection::handshake::{
        Caller, DiallerCredential, HandshakePolicy, answer as let_in, dial, handshake_deadline,
    };
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    const IDLE_LIMIT: Duration = Duration::from_secs(60);

    fn secret() -> Secret {
        Secret::from_text("a word").unwrap()
    }

    struct Open(Secret);

    impl HandshakePolicy for Open {
        fn reserve(&mut self, _: &DiallerName) -> Result<Option<&Secret>, HandshakeError> {
            Ok(Some(&self.0))
        }

        fn give_back(&mut self) {}

        fn spend(&mut self) {}

        fn admit(&mut self, _: DiallerRole) -> Result<(), HandshakeError> {
            Ok(())
        }

        fn greeting(&self) -> Option<Message> {
            None
        }
    }

    /// The two sides of a ping: the one that asks, and the one that answers.
    fn sessions() -> (Authenticated, Box<Authenticated>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let answering = std::thread::spawn(move || {
            let mut door = Open(secret());
            let accepted = Arc::new(accepted);
            match let_in(accepted, Role::Receive, IDLE_LIMIT, &mut door) {
                Ok(Caller::Session(DiallerRole::Ping, session)) => session,
                _ => panic!("no ping"),
            }
        });
        let role = DiallerRole::Ping;
        let secret = secret();
        let word = DiallerCredential::Word {
            secret: &secret,
            name: None,
        };
        let dialled = dial(stream, word, role, handshake_deadline(), IDLE_LIMIT, |_| {
            Ok(())
        });
        let (session, ()) = dialled.unwrap();
        (session, answering.join().unwrap())
    }

    #[test]
    fn pings_are_answered_for_so_long_and_no_longer() {
        for (time, is_answered) in [(IDLE_LIMIT, true), (Duration::ZERO, false)] {
            let (mut here, mut there) = sessions();
            let ping = Ping {
                token: 1,
                ..Ping::default()
            };
            here.writer.send(&Message::Ping(ping)).unwrap();
            here.writer.send(&Message::Bye).unwrap();
            let answered = answer_until(Deadline::after(time), &mut there);
            assert_eq!(answered.is_ok(), is_answered);
            drop(there);
            let pong = here.reader.read_message();
            let came = matches!(pong, Ok(Message::Pong { token: 1, .. }));
            assert_eq!(came, is_answered);
        }
    }
}
