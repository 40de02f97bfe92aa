//! Receiving: whatever one peer sends, one thing after the other, through as many connections as it
//! takes.

use super::SessionError;
use super::channel::unexpected;
use super::established::Established;
use super::events::{Operator, Summary};
use super::meeting::{Meeting, Occasion};
use super::options::{Connect, ReceiveOptions};
use super::receiver::{Received, receive_one};
use crate::protocol::{Message, Role};

/// Receives until the sender says that there is nothing more. What was declined on the way is an error
/// only when it was the last.
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
    let mut lost = None;
    loop {
        let before = summaries.len();
        match try_to_receive(&mut meeting, occasion, options, operator, &mut summaries) {
            Err(error) if meeting.tries_again(&error, tried) => {
                if summaries.len() > before {
                    (tried, lost) = (0, None);
                }
                tried += 1;
                lost.get_or_insert(error);
                occasion = Occasion::Again;
            }
            result => {
                result.map_err(|error| error.or_the_loss_before(lost))?;
                return Ok(summaries);
            }
        }
    }
}

fn try_to_receive(
    meeting: &mut Meeting<'_>,
    occasion: Occasion,
    options: &ReceiveOptions,
    operator: &dyn Operator,
    summaries: &mut Vec<Summary>,
) -> Result<(), SessionError> {
    let (mut session, _) = meeting.meet(occasion, |writer| writer.queue(&Message::Ready))?;
    let result = receive_all(&mut session, options, operator, summaries);
    if let Err(error) = &result {
        session.abort(error);
    }
    result
}

fn receive_all(
    session: &mut Established,
    options: &ReceiveOptions,
    operator: &dyn Operator,
    summaries: &mut Vec<Summary>,
) -> Result<(), SessionError> {
    let mut declined = None;
    let mut delivered = false;
    loop {
        let message = match session.hear() {
            Ok(message) => message,
            // Between two transfers nothing can be lost: the sender just left without a word.
            Err(error) if error.is_connection_gone() && (delivered || declined.is_some()) => {
                Message::Bye
            }
            Err(error) => return Err(error),
        };
        match message {
            Message::Offer(offer) => match receive_one(session, offer, options, operator)? {
                Received::Delivered(summary) => {
                    summaries.push(summary);
                    (delivered, declined) = (true, None);
                }
                Received::Declined(error) => declined = Some(error),
            },
            Message::Next => {}
            Message::Bye => return declined.map_or(Ok(()), Err),
            _ => return Err(unexpected("something else than an offer")),
        }
    }
}
