//! Receiving: whatever one peer sends, one thing after the other, through as many connections as it
//! takes.

use super::SessionError;
use super::channel::unexpected;
use super::established::Established;
use super::events::{Event, Operator, Summary};
use super::meeting::{Attempts, Meeting, Occasion};
use super::options::{Connect, ReceiveOptions};
use super::receiver::{Received, receive_one};
use super::tally::Tally;
use crate::protocol::{Message, Offer, Role};
use std::path::Path;
use std::time::{Duration, Instant};

/// A sender that is heard this long after it was told the verdict has read it: two heartbeats, which
/// would not come through a line that was cut before.
const VERDICT_DOUBT: Duration = Duration::from_secs(6);

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
    let mut reception = Reception {
        options,
        operator,
        summaries: Vec::new(),
        tally: Tally::begin(0),
    };
    let mut occasion = Occasion::First;
    let mut attempts = Attempts::default();
    loop {
        let Err(error) = reception.once(&mut meeting, occasion) else {
            return Ok(reception.summaries);
        };
        if reception.tally.take_growth() {
            attempts.forgive();
        }
        let is_lost = error.is_connection_gone() || occasion == Occasion::Again;
        match meeting.try_again(error, &mut attempts) {
            Ok(()) => occasion = Occasion::Again,
            Err(_) if is_lost && reception.is_settled() => return Ok(reception.summaries),
            Err(error) => {
                reception.tell_what_is_kept();
                return Err(error);
            }
        }
    }
}

/// What one run receives.
struct Reception<'a> {
    options: &'a ReceiveOptions,
    operator: &'a dyn Operator,
    summaries: Vec<Summary>,
    /// Of the transfer that is under way or comes next.
    tally: Tally,
}

impl Reception<'_> {
    /// Meets the peer and receives until it says that there is nothing more.
    fn once(&mut self, meeting: &mut Meeting<'_>, occasion: Occasion) -> Result<(), SessionError> {
        let (mut session, _) = meeting.meet(occasion, |_, writer| writer.queue(&Message::Ready))?;
        let result = self.all(&mut session);
        if let Err(error) = &result {
            session.abort(error);
        }
        result
    }

    fn all(&mut self, session: &mut Established) -> Result<(), SessionError> {
        let mut declined = None;
        let mut told = None;
        loop {
            let message = match session.hear() {
                Ok(message) => message,
                // Between two transfers nothing can be lost: the sender just left without a word.
                Err(error)
                    if error.is_connection_gone()
                        && (declined.is_some() || knows_verdict(session, told)) =>
                {
                    Message::Bye
                }
                Err(error) => return Err(error),
            };
            match message {
                Message::Offer(offer) => match self.one(session, offer)? {
                    Received::Delivered(summary) => {
                        self.summaries.push(summary);
                        (told, declined) = (Some(Instant::now()), None);
                    }
                    Received::Declined(error) => declined = Some(error),
                },
                Message::Next => {}
                Message::Bye => return declined.map_or(Ok(()), Err),
                _ => return Err(unexpected("something else than an offer")),
            }
        }
    }

    fn one(&mut self, session: &mut Established, offer: Offer) -> Result<Received, SessionError> {
        let received = receive_one(session, offer, self.options, self.operator, &mut self.tally)?;
        self.tally = Tally::begin(session.shared.traffic.total());
        Ok(received)
    }

    /// Whether nothing is under way and something was delivered.
    fn is_settled(&self) -> bool {
        !self.tally.is_open() && !self.summaries.is_empty()
    }

    fn tell_what_is_kept(&self) {
        if let Some(folder) = self.tally.staging() {
            tell_what_is_kept(folder, self.operator);
        }
    }
}

/// Says where that is what arrived before something went wrong.
pub(super) fn tell_what_is_kept(path: &Path, operator: &dyn Operator) {
    operator.event(&Event::Kept { path });
}

/// Whether the sender can be taken to know that all is there: it was heard well after it was `told`. One
/// that was lost before may have missed it, and then comes back to ask.
fn knows_verdict(session: &Established, told: Option<Instant>) -> bool {
    told.is_some_and(|told| session.shared.liveness.was_heard_after(told, VERDICT_DOUBT))
}
