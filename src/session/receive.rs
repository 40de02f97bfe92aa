//! Receiving: whatever one peer sends, one thing after the other, through as many connections as it
//! takes.

use super::SessionError;
use super::channel::unexpected;
use super::established::Established;
use super::events::{Event, Operator, Reception, Summary};
use super::meeting::{Meeting, Occasion};
use super::options::{Connect, ReceiveOptions, Rendezvous};
use super::receiver::{Received, receive_one};
use crate::protocol::{Message, Role};

/// How a session of a receiver ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sender has sent what it had.
    Served,
    /// The sender only wanted to know what is there already.
    OnlyAsked,
}

/// Receives until the sender says that there is nothing more. What was declined on the way is an error
/// only when it was the last. A listener goes on waiting after somebody who only asked what is there.
///
/// # Errors
/// A [`SessionError`] that says what stood in the way.
pub fn receive(
    connect: &Connect,
    options: &ReceiveOptions,
    operator: &dyn Operator,
) -> Result<Vec<Summary>, SessionError> {
    let mut meeting = Meeting::open(connect, Role::Receive, operator)?;
    let mut occasion = Occasion::First;
    let mut summaries = Vec::new();
    let mut tried = 0;
    loop {
        let before = summaries.len();
        match try_to_receive(&mut meeting, occasion, options, operator, &mut summaries) {
            Ok(Ended::Served) => return Ok(summaries),
            Ok(Ended::OnlyAsked) => only_asked(connect, operator)?,
            Err(error) if meeting.tries_again(&error, tried) => {
                tried = if summaries.len() > before {
                    1
                } else {
                    tried + 1
                };
                occasion = Occasion::Again;
            }
            Err(error) => return Err(connect.cancel.cause(error)),
        }
    }
}

/// A dialler has nobody else to wait for.
fn only_asked(connect: &Connect, operator: &dyn Operator) -> Result<(), SessionError> {
    let message = "the sender only asked what is here already; nothing was sent";
    if let Rendezvous::Dial(_) = connect.rendezvous {
        let reason = message.to_owned();
        return Err(SessionError::PeerDeclined { reason });
    }
    operator.event(&Event::Warning { message });
    Ok(())
}

fn try_to_receive(
    meeting: &mut Meeting<'_>,
    occasion: Occasion,
    options: &ReceiveOptions,
    operator: &dyn Operator,
    summaries: &mut Vec<Summary>,
) -> Result<Ended, SessionError> {
    let (mut session, _) = meeting.meet(occasion, |writer| writer.queue(&Message::Ready))?;
    receive_session(&mut session, None, options, operator, summaries)
}

/// Receives whatever the peer of one session sends, and tells the peer why where that fails. `name` is
/// that of the secret which it proved.
///
/// # Errors
/// [`SessionError`]: what ended the session, or why its last offer was declined.
pub(super) fn receive_session(
    session: &mut Established,
    name: Option<&str>,
    options: &ReceiveOptions,
    operator: &dyn Operator,
    summaries: &mut Vec<Summary>,
) -> Result<Ended, SessionError> {
    let peer = session.peer;
    let tell = |outcome: Result<&Summary, &SessionError>| {
        operator.received(&Reception {
            peer,
            name,
            outcome,
        });
    };
    let mut declined = None;
    let mut had_offers = false;
    loop {
        let heard = match session.hear() {
            // Between two transfers nothing can be lost: the sender just left without a word.
            Err(error) if error.is_connection_gone() && had_offers => Ok(Message::Bye),
            heard => heard,
        };
        let result = heard.and_then(|message| match message {
            Message::Offer(offer) => receive_one(session, offer, options, operator).map(Some),
            Message::Next => Ok(None),
            Message::Bye => Ok(Some(Received::Nothing)),
            _ => Err(unexpected("something else than an offer")),
        });
        match result {
            Ok(Some(Received::Delivered(summary))) => {
                tell(Ok(&summary));
                summaries.push(summary);
                (had_offers, declined) = (true, None);
            }
            Ok(Some(Received::Declined(error))) => {
                tell(Err(&error));
                (had_offers, declined) = (true, Some(error));
            }
            Ok(Some(Received::OnlyAsked)) => return Ok(Ended::OnlyAsked),
            Ok(Some(Received::Nothing)) => return declined.map_or(Ok(Ended::Served), Err),
            Ok(None) => {}
            Err(error) => {
                session.abort(&error);
                tell(Err(&error));
                return Err(error);
            }
        }
    }
}
