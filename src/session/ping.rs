//! A session without a transfer: both sides prove the secret, and the line is measured.

use crate::model::{len32, number64};
use crate::protocol::{DiallerRole, Message, PADDING_BYTES, Ping};
use crate::session::connection::channel::{aborted, unexpected};
use crate::session::connection::handshake::Authenticated;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::listen::ping_answer::Noise;
use crate::session::meet::{Reached, reach, word};
use crate::session::options::{Connect, Rendezvous};
use std::time::{Duration, Instant};

/// The number of round trips. Their median is reported.
const ROUND_TRIPS: usize = 9;

/// How long to fill the line in each direction.
const FILLING: Duration = Duration::from_secs(2);

/// The most messages in flight.
const UNDER_WAY: usize = 16;

/// The first padding, in bytes. It doubles as answers come in, so that a slow line is not congested.
const FIRST_PADDING: usize = 16 * 1024;

/// The result of a [`ping`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PingReport {
    /// The median of several round trips of a message.
    pub round_trip: Duration,
    /// From the TCP connection until both sides had proven the secret.
    pub handshake: Duration,
    /// Throughput to the peer, in bytes a second.
    pub up: u64,
    /// Throughput from the peer, in bytes a second.
    pub down: u64,
}

/// Proves the secret to a listening peer and measures the connection, in about four seconds. The peer keeps
/// waiting for its transfer.
///
/// ```no_run
/// # fn example(connect: &peerbridge::Connect) -> Result<(), peerbridge::Error> {
/// let report = peerbridge::ping(connect, &peerbridge::Unattended)?;
/// println!("{:?}, {} bytes/s up", report.round_trip, report.up);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// An [`Error`] if the peer cannot be reached, the secrets differ, or `connect` listens instead of
/// dialling.
pub fn ping(connect: &Connect, operator: &dyn Operator) -> Result<PingReport, Error> {
    let Rendezvous::Dial(address) = &connect.rendezvous else {
        let reason = "only a peer that listens can be pinged".into();
        return Err(Error::DeclinedHere { reason });
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
        word(connect),
        |_, writer| {
            writer.queue(&Message::Ping(Ping {
                token: 1,
                ..Ping::default()
            }))
        },
    )?;
    expect_pong(&mut session, 1)?;
    let report = PingReport {
        handshake,
        round_trip: round_trip(&mut session)?,
        up: fill(&mut session, FillDirection::Up)?,
        down: fill(&mut session, FillDirection::Down)?,
    };
    session.writer.send(&Message::Bye)?;
    Ok(report)
}

fn round_trip(session: &mut Authenticated) -> Result<Duration, Error> {
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
enum FillDirection {
    Up,
    Down,
}

/// Keeps the line full in one direction. Returns the bytes a second that were answered.
fn fill(session: &mut Authenticated, direction: FillDirection) -> Result<u64, Error> {
    let noise = Noise::new()?;
    let begun = Instant::now();
    let mut length = FIRST_PADDING;
    let mut allowed = 1;
    let mut answered = 0u64;
    let (mut sent, mut heard) = (0u64, 0u64);
    let mut lengths = std::collections::VecDeque::new();
    loop {
        while lengths.len() < allowed && begun.elapsed() < FILLING {
            sent += 1;
            let (padding, answer_padding) = match direction {
                FillDirection::Up => (noise.bytes(length), 0),
                FillDirection::Down => (Vec::new(), len32(length)),
            };
            session.writer.send(&Message::Ping(Ping {
                token: sent,
                answer_padding,
                padding,
            }))?;
            lengths.push_back(length as u64);
        }
        let Some(length_of_next) = lengths.pop_front() else {
            break;
        };
        heard += 1;
        expect_pong(session, heard)?;
        answered += length_of_next;
        allowed = (allowed * 2).min(UNDER_WAY);
        length = (length * 2).min(PADDING_BYTES);
    }
    let per_second = (u128::from(answered) * 1_000_000_000).checked_div(begun.elapsed().as_nanos());
    Ok(number64(per_second.unwrap_or(0)))
}

fn expect_pong(session: &mut Authenticated, expected: u64) -> Result<(), Error> {
    loop {
        match session.reader.read_message()? {
            Message::Pong { token, .. } if token == expected => return Ok(()),
            Message::Ping(Ping { token: 0, .. }) => {}
            Message::Abort { code, text } => return Err(aborted(code, &text)),
            _ => return Err(unexpected("something other than a pong")),
        }
    }
}
