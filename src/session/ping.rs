//! A session that moves no file: the secret is proven and the line is measured.

use super::SessionError;
use super::authenticate::Authenticated;
use super::channel::unexpected;
use super::clock::Deadline;
use super::events::Operator;
use super::meeting::{Reached, reach};
use super::options::{Connect, Rendezvous};
use crate::crypto::random_bytes;
use crate::model::limits;
use crate::protocol::{DiallerRole, Message, PADDING_BYTES, Ping};
use std::time::{Duration, Instant};

/// Round trips of which the median counts.
const ROUND_TRIPS: usize = 9;

/// How long the line is filled in each direction.
const FILLING: Duration = Duration::from_secs(2);

/// What a filled line holds at most, in messages.
const UNDER_WAY: u32 = 16;

/// Padding to begin with; it doubles as answers come in, so that a slow line is not choked.
const FIRST_PADDING: usize = 16 * 1024;

/// What a ping found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PingReport {
    /// The median of several round trips of a message.
    pub round_trip: Duration,
    /// From the TCP connection until both sides had proven the secret.
    pub handshake: Duration,
    /// Bytes a second that the line carries to the peer.
    pub up: u64,
    /// Bytes a second that the line carries from the peer.
    pub down: u64,
}

/// Proves the secret with a peer that listens, whatever it listens for, and measures the line in about
/// four seconds. A peer that waits for a transfer goes on waiting.
///
/// # Errors
/// A [`SessionError`] that says what stood in the way.
pub fn ping(connect: &Connect, operator: &dyn Operator) -> Result<PingReport, SessionError> {
    let Rendezvous::Dial(address) = &connect.rendezvous else {
        let reason = "only a peer that listens can be pinged".into();
        return Err(SessionError::DeclinedHere { reason });
    };
    let first = Ping {
        token: 1,
        ..Ping::default()
    };
    let Reached {
        authenticated: mut session,
        handshake,
        ..
    } = reach(
        connect,
        address,
        DiallerRole::Ping,
        operator,
        |_, writer| writer.queue(&Message::Ping(first)),
    )?;
    expect_pong(&mut session, 1)?;
    let report = PingReport {
        handshake,
        round_trip: round_trip(&mut session)?,
        up: fill(&mut session, Direction::Up)?,
        down: fill(&mut session, Direction::Down)?,
    };
    session.writer.send(&Message::Bye)?;
    Ok(report)
}

/// Answers pings until the peer has had enough.
///
/// # Errors
/// [`SessionError`]: lost, silent, something else than pings, or pings without an end.
pub(super) fn answer(session: &mut Authenticated) -> Result<(), SessionError> {
    answer_until(
        Deadline::after(Duration::from_secs(limits::PING_SECONDS)),
        session,
    )
}

fn answer_until(deadline: Deadline, session: &mut Authenticated) -> Result<(), SessionError> {
    let noise = Noise::new()?;
    while deadline.remaining().is_some() {
        match session.reader.read_message()? {
            Message::Bye => return Ok(()),
            Message::Ping(Ping { token: 0, .. }) => {}
            Message::Ping(ping) => session.writer.send(&Message::Pong {
                token: ping.token,
                padding: noise.bytes(ping.answer_padding as usize),
            })?,
            _ => return Err(unexpected("something else than a ping")),
        }
    }
    Err(unexpected("pings without an end"))
}

fn round_trip(session: &mut Authenticated) -> Result<Duration, SessionError> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for token in 2..2 + ROUND_TRIPS as u64 {
        let begun = Instant::now();
        let ping = Ping {
            token,
            ..Ping::default()
        };
        session.writer.send(&Message::Ping(ping))?;
        expect_pong(session, token)?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUND_TRIPS / 2])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// Keeps the line full in one direction; gives bytes a second, as far as answers came.
fn fill(session: &mut Authenticated, direction: Direction) -> Result<u64, SessionError> {
    let noise = Noise::new()?;
    let begun = Instant::now();
    let mut length = FIRST_PADDING;
    let mut under_way = 0;
    let mut allowed = 1;
    let mut answered = 0u64;
    let (mut sent, mut heard) = (0u64, 0u64);
    let mut lengths = std::collections::VecDeque::new();
    loop {
        while under_way < allowed && begun.elapsed() < FILLING {
            sent += 1;
            let (padding, answer_padding) = match direction {
                Direction::Up => (noise.bytes(length), 0),
                Direction::Down => (Vec::new(), length as u32),
            };
            session.writer.send(&Message::Ping(Ping {
                token: sent,
                answer_padding,
                padding,
            }))?;
            lengths.push_back(length as u64);
            under_way += 1;
        }
        let Some(length_of_next) = lengths.pop_front() else {
            break;
        };
        heard += 1;
        expect_pong(session, heard)?;
        answered += length_of_next;
        under_way -= 1;
        allowed = (allowed * 2).min(UNDER_WAY);
        length = (length * 2).min(PADDING_BYTES);
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok((answered as f64 / seconds) as u64)
}

fn expect_pong(session: &mut Authenticated, expected: u64) -> Result<(), SessionError> {
    loop {
        match session.reader.read_message()? {
            Message::Pong { token, .. } if token == expected => return Ok(()),
            Message::Ping(Ping { token: 0, .. }) => {}
            Message::Abort { code, text } => {
                let text = text.to_string();
                return Err(SessionError::PeerAborted { code, text });
            }
            _ => return Err(unexpected("something else than a pong")),
        }
    }
}

/// Bytes that mean nothing and that no compressor can shorten.
struct Noise(Vec<u8>);

impl Noise {
    fn new() -> Result<Self, SessionError> {
        let mut state = u64::from_be_bytes(random_bytes()?) | 1;
        let words = (0..PADDING_BYTES.div_ceil(8)).map(|_| {
            // Xorshift (Marsaglia 2003): random enough for a compressor.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        });
        Ok(Noise(words.flatten().collect()))
    }

    /// So many of them, at most [`PADDING_BYTES`].
    fn bytes(&self, length: usize) -> Vec<u8> {
        self.0[..length.min(self.0.len())].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::super::authenticate::{Caller, Doorkeeper, answer as let_in, dial};
    use super::*;
    use crate::crypto::Secret;
    use crate::protocol::{DiallerName, HandshakeError, Role};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    const IDLE_LIMIT: Duration = Duration::from_secs(60);

    fn secret() -> Secret {
        Secret::from_text("a word").unwrap()
    }

    struct Open(Secret);

    impl Doorkeeper for Open {
        fn hold(&mut self) -> Result<(), HandshakeError> {
            Ok(())
        }

        fn find(&mut self, _: &DiallerName) -> Option<&Secret> {
            Some(&self.0)
        }

        fn admit(&mut self, _: DiallerRole) -> Result<(), HandshakeError> {
            Ok(())
        }
    }

    /// Who pings, and who answers.
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
        let dialled = dial(stream, &secret(), role, None, IDLE_LIMIT, |_| Ok(()));
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
            assert_eq!(expect_pong(&mut here, 1).is_ok(), is_answered);
        }
    }
}
