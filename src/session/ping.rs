//! A session that moves no file: the secret is proven and the line is measured.

use super::SessionError;
use super::authenticate::Authenticated;
use super::channel::unexpected;
use crate::protocol::{Message, Ping};

/// Answers pings until the peer has had enough.
///
/// # Errors
/// [`SessionError`]: lost, silent, or something else than pings.
pub(super) fn answer(session: &mut Authenticated) -> Result<(), SessionError> {
    loop {
        match session.reader.read_message()? {
            Message::Bye => return Ok(()),
            Message::Ping(Ping { token: 0, .. }) => {}
            Message::Ping(ping) => session.writer.send(&Message::Pong {
                token: ping.token,
                padding: vec![0; ping.answer_padding as usize],
            })?,
            _ => return Err(unexpected("something else than a ping")),
        }
    }
}
