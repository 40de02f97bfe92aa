//! Sending: one transfer after the other over one proof, over as many connections as are needed.
//!
//! `offer` holds the steps of a transfer and `rounds` its main loop: the threads of all streams take parts from a
//! `part_queue` and send them with a `part_sender`. `payload` is what the user wants to send, and `outgoing` the
//! same after a scan. A `feed` supplies contents that are produced while they are sent, such as an `archive`.

pub(crate) mod archive;
pub(crate) mod checker;
pub(crate) mod feed;
pub(crate) mod many;
pub(crate) mod offer;
pub(crate) mod options;
pub(crate) mod outgoing;
pub(crate) mod part_queue;
pub(crate) mod part_sender;
pub(crate) mod payload;
pub(crate) mod proposal;
pub(crate) mod rounds;

use crate::protocol::{Message, Role};
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::events::{Operator, Summary};
use crate::session::meet::{Attempts, Meeting, Occasion};
use crate::session::options::{Connect, Rendezvous};
use crate::session::send::offer::{SendTransfer, queue_offer};
use crate::session::send::options::SendOptions;
use crate::session::send::outgoing::Outgoing;
use crate::session::stats::TransferStats;
use std::ops::RangeInclusive;

/// Sends one transfer: scans the source, meets the peer, sends, and waits until the receiver has
/// everything verified and in place.
///
/// A lost connection is dialled again, up to [`Connect::retries`] times, and resumed. Files that cannot be
/// read are left out and counted in [`Summary::left_out`].
///
/// ```no_run
/// use peerbridge::{Connect, PeerAddress, Rendezvous, Secret, SendOptions, Unattended};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let peer = PeerAddress { host: "nas.local".into(), port: 8080 };
/// let connect = Connect::new(Rendezvous::Dial(peer), Secret::from_text("correct horse")?);
/// let options = SendOptions::new(vec!["photos".into()]);
/// let summary = peerbridge::send(&connect, &options, &Unattended)?;
/// assert_eq!(summary.left_out, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Source`] before anything is dialled; [`Error::PeerDeclined`]; any other
/// [`Error`] when the connection, the secret or the source fails.
pub fn send(
    connect: &Connect,
    options: &SendOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    let outgoing = Outgoing::scan(options, operator)?;
    let mut session = SendSession::prepare(connect, operator)?;
    let summary = session.deliver(&outgoing)?;
    // The receiver has confirmed that it has everything, so nothing is lost if it leaves before the Bye.
    let _ = session.finish();
    Ok(summary)
}

/// Asks the receiver how many bytes of the payload it lacks, and sends nothing. Returns the least and the most:
/// the difference is data that only a real transfer would compare. `None` if the length is not known.
///
/// # Errors
/// As [`send`], also when the receiver declines the offer.
pub fn dry_run(
    connect: &Connect,
    options: &SendOptions,
    operator: &dyn Operator,
) -> Result<Option<RangeInclusive<u64>>, Error> {
    let mut outgoing = Outgoing::scan(options, operator)?;
    outgoing.is_dry_run = true;
    let mut meeting = Meeting::open(connect, Role::Send, operator)?;
    let first_flight = |peer, writer: &mut _| queue_offer(&outgoing, 0, peer, writer);
    let (mut session, offered) = meeting.meet(Occasion::First, first_flight)?;
    let transfer = SendTransfer {
        session: &mut session,
        outgoing: &outgoing,
        operator,
    };
    let lacking = transfer.ask(offered);
    match &lacking {
        // Waits until the receiver has left, too: a real transfer that follows would find this one still active.
        Ok(_) => session.reader.connection().linger(),
        Err(error) => session.abort(error),
    }
    lacking.map_err(|error| connect.cancel.cause(error))
}

/// A sender's session: several transfers, one after the other, without proving the secret again.
///
/// ```no_run
/// # fn example(connect: &peerbridge::Connect) -> Result<(), peerbridge::Error> {
/// use peerbridge::{SendOptions, SendSession, Unattended};
///
/// let mut session = SendSession::open(connect, &Unattended)?;
/// for path in ["monday", "tuesday"] {
///     session.send(&SendOptions::new(vec![path.into()]))?;
/// }
/// session.finish()
/// # }
/// ```
pub struct SendSession<'a> {
    operator: &'a dyn Operator,
    /// Declared before `meeting`, so that it is dropped first.
    session: Option<Session>,
    meeting: Meeting<'a>,
    occasion: Occasion,
}

impl<'a> SendSession<'a> {
    /// Begins a session. A listener waits for its peer here; a dialler connects with its first
    /// [`SendSession::send`].
    ///
    /// # Errors
    /// An [`Error`] when no peer came or the secrets differ.
    pub fn open(connect: &'a Connect, operator: &'a dyn Operator) -> Result<Self, Error> {
        let mut opened = SendSession::prepare(connect, operator)?;
        // The offer goes along with a dialler's proof, so a dialler meets the peer at its first offer.
        if let Rendezvous::Listen(_) | Rendezvous::AnswerOver(_) = connect.rendezvous {
            let nothing = |_, _: &mut _| Ok(());
            let (session, _) = opened.meeting.meet(opened.occasion, nothing)?;
            opened.session = Some(session);
            opened.occasion = Occasion::Again;
        }
        Ok(opened)
    }

    /// Sends one transfer.
    ///
    /// # Errors
    /// As [`send`]. After [`Error::PeerDeclined`], [`Error::Source`] and [`Error::ReadBefore`] the session is
    /// still usable.
    pub fn send(&mut self, options: &SendOptions) -> Result<Summary, Error> {
        self.deliver(&Outgoing::scan(options, self.operator)?)
    }

    /// Tells the peer that nothing more follows.
    ///
    /// # Errors
    /// An [`Error`] if the peer has left already.
    pub fn finish(mut self) -> Result<(), Error> {
        match self.session.take() {
            Some(session) => session.say(&Message::Bye),
            None => Ok(()),
        }
    }

    fn prepare(connect: &'a Connect, operator: &'a dyn Operator) -> Result<Self, Error> {
        Ok(SendSession {
            operator,
            meeting: Meeting::open(connect, Role::Send, operator)?,
            session: None,
            occasion: Occasion::First,
        })
    }

    /// Tries until it is delivered or another attempt makes no sense.
    fn deliver(&mut self, outgoing: &Outgoing<'_>) -> Result<Summary, Error> {
        let mut stats = TransferStats::begin(self.meeting.wire_bytes());
        let mut attempts = Attempts::default();
        loop {
            match self.try_to_deliver(outgoing, &mut stats) {
                Ok(summary) => return Ok(summary),
                Err(error) => {
                    if stats.take_growth() {
                        attempts.forgive();
                    }
                    self.meeting.try_again(error, &mut attempts)?;
                }
            }
        }
    }

    fn try_to_deliver(
        &mut self,
        outgoing: &Outgoing<'_>,
        stats: &mut TransferStats,
    ) -> Result<Summary, Error> {
        let (mut session, offered) = match self.session.take() {
            Some(session) => (session, None),
            None => {
                let first_flight = |peer, writer: &mut _| queue_offer(outgoing, 0, peer, writer);
                let met = self.meeting.meet(self.occasion, first_flight)?;
                self.occasion = Occasion::Again;
                met
            }
        };
        let transfer = SendTransfer {
            session: &mut session,
            outgoing,
            operator: self.operator,
        };
        let result = transfer.run(offered, stats);
        match &result {
            Ok(_) | Err(Error::PeerDeclined { .. }) => self.session = Some(session),
            Err(error) => session.abort(error),
        }
        result
    }
}
