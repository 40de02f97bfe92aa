//! Receiving: one transfer after the other from one peer, over as many connections as are needed.
//!
//! `offer` holds the steps of a transfer and `rounds` its main loop: the threads of all streams read parts into a
//! `sink`, which is a folder or an `output` and knows in which order parts must come. `prepare` and `conflicts`
//! decide what is accepted, `report` reports the result of each entry, and `serve` is a drop box for many peers.

pub(crate) mod allowance;
pub(crate) mod conflicts;
pub(crate) mod in_order;
pub(crate) mod memory;
pub(crate) mod offer;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod prepare;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod rounds;
pub(crate) mod serve;
pub(crate) mod sink;
pub(crate) mod unchecked;
pub(crate) mod verifier;

use crate::disk::RunLedger;
use crate::protocol::{DeclineReason, Message, Offer, Role};
use crate::session::connection::channel::unexpected;
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::events::{Operator, Reception, Summary};
use crate::session::meet::{Attempts, Meeting, Occasion};
use crate::session::options::{Connect, Rendezvous};
use crate::session::receive::offer::{ReceiveTransfer, Received};
use crate::session::receive::options::ReceiveOptions;
use crate::session::receive::report::tell_what_is_kept;
use crate::session::stats::TransferStats;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A sender that is still heard this long after the result was sent has received the result. Two heartbeats: they
/// would not arrive if the connection had been cut before.
const VERDICT_DOUBT: Duration = Duration::from_secs(6);

/// Receives from one sender until it has nothing more, and returns one [`Summary`] for each transfer.
///
/// Nothing appears under its final name before it is complete and verified. After an interruption, the same
/// transfer resumes where it stopped. A listener keeps waiting after a peer that only made a dry run
/// ([`dry_run`](crate::dry_run)).
///
/// ```no_run
/// # fn example(connect: &peerbridge::Connect) -> Result<(), peerbridge::Error> {
/// use peerbridge::{ReceiveOptions, Unattended};
///
/// let options = ReceiveOptions::new("incoming".into());
/// for summary in peerbridge::receive(connect, &options, &Unattended)? {
///     println!("{} files in {:?}", summary.files, summary.delivered);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// An [`Error`] when the connection, the secret or the disk fails, or when the last transfer was
/// declined.
pub fn receive(
    connect: &Connect,
    options: &ReceiveOptions,
    operator: &dyn Operator,
) -> Result<Vec<Summary>, Error> {
    let mut meeting = Meeting::open(connect, Role::Receive, operator)?;
    let ledger = RunLedger::default();
    let mut intake = Intake::new(None, options, &ledger, operator);
    let mut occasion = Occasion::First;
    let mut attempts = Attempts::default();
    loop {
        let error = match intake.once(&mut meeting, occasion) {
            Ok(Ended::Served) => return Ok(intake.summaries),
            Ok(Ended::Declined(error)) => return Err(error),
            Ok(Ended::OnlyAsked) => {
                only_asked(connect, operator)?;
                continue;
            }
            Err(error) => error,
        };
        if intake.stats.take_growth() {
            attempts.forgive();
        }
        let is_lost = error.is_connection_gone() || occasion == Occasion::Again;
        match meeting.try_again(error, &mut attempts) {
            Ok(()) => occasion = Occasion::Again,
            Err(_) if is_lost && intake.is_settled() && !connect.cancel.is_cancelled() => {
                return Ok(intake.summaries);
            }
            Err(error) => {
                intake.broke_off(&error);
                return Err(error);
            }
        }
    }
}

/// Ends the call after a dry run, unless this side listens: then another sender may come.
fn only_asked(connect: &Connect, operator: &dyn Operator) -> Result<(), Error> {
    let message = "the sender only asked what is here already; nothing was sent";
    let is_listener = matches!(
        connect.rendezvous,
        Rendezvous::Listen(_) | Rendezvous::Find(_)
    );
    if !is_listener {
        return Err(Error::PeerDeclined {
            because: DeclineReason::Person,
            reason: message.to_owned(),
        });
    }
    operator.warn(message);
    Ok(())
}

/// How a session of a receiver ended.
pub(crate) enum Ended {
    /// The sender has sent what it had.
    Served,
    /// Its last offer was declined.
    Declined(Error),
    /// It made a dry run.
    OnlyAsked,
}

/// Everything that comes from one peer.
pub(crate) struct Intake<'a> {
    /// The name of the secret that the peer proved.
    name: Option<&'a str>,
    options: &'a ReceiveOptions,
    ledger: &'a RunLedger,
    operator: &'a dyn Operator,
    summaries: Vec<Summary>,
    /// The address of the peer in the latest session.
    peer: Option<SocketAddr>,
    /// The figures of the current or next transfer.
    stats: TransferStats,
}

impl<'a> Intake<'a> {
    /// Starts with nothing received. `ledger` remembers what arrived over connections that were lost.
    pub(crate) fn new(
        name: Option<&'a str>,
        options: &'a ReceiveOptions,
        ledger: &'a RunLedger,
        operator: &'a dyn Operator,
    ) -> Self {
        Intake {
            name,
            options,
            ledger,
            operator,
            summaries: Vec::new(),
            peer: None,
            stats: TransferStats::begin(0),
        }
    }

    /// Receives over one session until the peer says that there is nothing more. If that fails, tells the peer
    /// why.
    ///
    /// # Errors
    /// [`Error`]: what ended the session.
    pub(crate) fn session(&mut self, session: &mut Session) -> Result<Ended, Error> {
        self.peer = Some(session.peer);
        let result = self.all(session);
        if let Err(error) = &result {
            session.abort(error);
        }
        result
    }

    /// Whether something was delivered and no transfer is running.
    pub(crate) fn is_settled(&self) -> bool {
        !self.stats.is_open() && !self.summaries.is_empty()
    }

    /// Reports `error`, which ended everything, and where the partial data was kept.
    pub(crate) fn broke_off(&self, error: &Error) {
        if let Some(folder) = self.stats.staging() {
            tell_what_is_kept(folder, self.operator);
        }
        self.tell(Err(error));
    }

    /// Meets the peer and receives until it says that there is nothing more.
    fn once(&mut self, meeting: &mut Meeting<'_>, occasion: Occasion) -> Result<Ended, Error> {
        let (mut session, _) = meeting.meet(occasion, |_, writer| writer.queue(&Message::Ready))?;
        self.session(&mut session)
    }

    fn all(&mut self, session: &mut Session) -> Result<Ended, Error> {
        let mut declined = None;
        let mut told = None;
        loop {
            let message = match session.hear() {
                Ok(message) => message,
                // Between two transfers nothing can be lost: the sender left without saying so.
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
                        (told, declined) = (Some(Instant::now()), None);
                        self.tell(Ok(&summary));
                        self.summaries.push(summary);
                    }
                    Received::Declined(error) => {
                        self.tell(Err(&error));
                        declined = Some(error);
                    }
                    Received::OnlyAsked => return Ok(Ended::OnlyAsked),
                },
                Message::Next => {}
                Message::Bye => return Ok(declined.map_or(Ended::Served, Ended::Declined)),
                _ => return Err(unexpected("something other than an offer")),
            }
        }
    }

    fn one(&mut self, session: &mut Session, offer: Offer) -> Result<Received, Error> {
        let transfer = ReceiveTransfer {
            session,
            name: self.name,
            options: self.options,
            ledger: self.ledger,
            operator: self.operator,
            stats: &mut self.stats,
        };
        let received = transfer.run(offer)?;
        self.stats = TransferStats::begin(session.shared.traffic.total());
        Ok(received)
    }

    fn tell(&self, outcome: Result<&Summary, &Error>) {
        if let Some(peer) = self.peer {
            self.operator.received(&Reception {
                peer,
                name: self.name,
                outcome,
            });
        }
    }
}

/// Whether the sender surely knows that everything was delivered: it was heard long enough after it was `told`. A
/// sender that was lost earlier may not know it, and comes back to ask.
fn knows_verdict(session: &Session, told: Option<Instant>) -> bool {
    told.is_some_and(|told| session.shared.liveness.was_heard_after(told, VERDICT_DOUBT))
}
