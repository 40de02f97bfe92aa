//! Sending: one thing after the other over one proof, through as many connections as it takes.

pub(crate) mod archive;
pub(crate) mod cargo;
pub(crate) mod feed;
pub(crate) mod many;
pub(crate) mod offer;
pub(crate) mod options;
pub(crate) mod part_queue;
pub(crate) mod payload;
pub(crate) mod proposal;
pub(crate) mod round_end;
pub(crate) mod rounds;

use crate::protocol::{Message, Role};
use crate::session::connection::channel::unexpected;
use crate::session::connection::session::Session;
use crate::session::error::SessionError;
use crate::session::events::{Operator, Summary};
use crate::session::meet::{Attempts, Meeting, Occasion};
use crate::session::options::{Connect, Rendezvous};
use crate::session::send::cargo::Cargo;
use crate::session::send::offer::{Offered, Outgoing};
use crate::session::send::options::SendOptions;
use crate::session::stats::TransferStats;
use crate::session::sync::lock;

/// Sends once: looks at what is to be sent, meets the peer, offers, sends and ends.
///
/// # Errors
/// A [`SessionError`] that says what stood in the way.
pub fn send(
    connect: &Connect,
    options: &SendOptions,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    let cargo = Cargo::scan(options, operator)?;
    let mut session = SendSession::prepare(connect, operator)?;
    let summary = session.ship(&cargo, options)?;
    // The receiver has said that all is there: one that leaves before the Bye has lost nothing.
    let _ = session.finish();
    Ok(summary)
}

/// Offers what would be sent, and asks how many bytes of it the receiver lacks; `None` where that cannot
/// be told. Nothing is sent.
///
/// # Errors
/// A [`SessionError`] that says what stood in the way, also when the receiver declines.
pub fn dry_run(
    connect: &Connect,
    options: &SendOptions,
    operator: &dyn Operator,
) -> Result<Option<u64>, SessionError> {
    let cargo = Cargo::scan(options, operator)?;
    let shipment = Outgoing::to_ask(&cargo, options);
    let mut meeting = Meeting::open(connect, Role::Send, operator)?;
    let first_flight = |peer, writer: &mut _| shipment.queue_offer(0, peer, writer);
    let (mut session, offered) = meeting.meet(Occasion::First, first_flight)?;
    let asked = offer_once(&mut session, &shipment, offered)
        .and_then(|offered| shipment.ask(&mut session, offered, operator));
    match &asked {
        // Until the receiver has left as well, it might find the same offer still at work.
        Ok(_) => session.reader.connection().linger(),
        Err(error) => session.abort(error),
    }
    asked.map_err(|error| connect.cancel.cause(error))
}

/// A session on the sender's side: several transfers, one after the other, over one proof.
pub struct SendSession<'a> {
    operator: &'a dyn Operator,
    meeting: Meeting<'a>,
    session: Option<Session>,
    occasion: Occasion,
}

impl<'a> SendSession<'a> {
    /// Meets the peer and proves the secret both ways.
    ///
    /// # Errors
    /// A [`SessionError`] that says what stood in the way.
    pub fn open(connect: &'a Connect, operator: &'a dyn Operator) -> Result<Self, SessionError> {
        let mut opened = SendSession::prepare(connect, operator)?;
        // The offer goes along with a dialler's proof, so a dialler meets the peer when it has one.
        if let Rendezvous::Listen(_) = connect.rendezvous {
            opened.session = Some(opened.meet_as_listener()?);
        }
        Ok(opened)
    }

    /// Sends one more.
    ///
    /// # Errors
    /// A [`SessionError`] that says what stood in the way. After [`SessionError::PeerDeclined`],
    /// [`SessionError::Source`] and [`SessionError::ReadBefore`] something else may be sent.
    pub fn send(&mut self, options: &SendOptions) -> Result<Summary, SessionError> {
        let cargo = Cargo::scan(options, self.operator)?;
        self.ship(&cargo, options)
    }

    /// Tells the peer that there is nothing more.
    ///
    /// # Errors
    /// A [`SessionError`] when the peer is gone already.
    pub fn finish(mut self) -> Result<(), SessionError> {
        match self.session.take() {
            Some(session) => session.say(&Message::Bye),
            None => Ok(()),
        }
    }

    fn prepare(connect: &'a Connect, operator: &'a dyn Operator) -> Result<Self, SessionError> {
        Ok(SendSession {
            operator,
            meeting: Meeting::open(connect, Role::Send, operator)?,
            session: None,
            occasion: Occasion::First,
        })
    }

    /// Tries until it is there, or trying again is no use.
    fn ship(&mut self, cargo: &Cargo<'_>, options: &SendOptions) -> Result<Summary, SessionError> {
        let shipment = Outgoing::new(cargo, options);
        let mut tally = TransferStats::begin(self.meeting.wire_bytes());
        let mut attempts = Attempts::default();
        loop {
            match self.try_to_ship(&shipment, &mut tally) {
                Ok(summary) => return Ok(summary),
                Err(error) => {
                    if tally.take_growth() {
                        attempts.forgive();
                    }
                    self.meeting.try_again(error, &mut attempts)?;
                }
            }
        }
    }

    fn try_to_ship(
        &mut self,
        shipment: &Outgoing<'_>,
        tally: &mut TransferStats,
    ) -> Result<Summary, SessionError> {
        let (mut session, offered) = match self.session.take() {
            Some(session) => (session, None),
            None => {
                let first_flight = |peer, writer: &mut _| shipment.queue_offer(0, peer, writer);
                let met = self.meeting.meet(self.occasion, first_flight)?;
                self.occasion = Occasion::Again;
                met
            }
        };
        let result = ship_once(&mut session, shipment, offered, tally, self.operator);
        match &result {
            Ok(_) | Err(SessionError::PeerDeclined { .. }) => self.session = Some(session),
            Err(error) => session.abort(error),
        }
        result
    }

    fn meet_as_listener(&mut self) -> Result<Session, SessionError> {
        let nothing = |_, _: &mut _| Ok(());
        let (session, _) = self.meeting.meet(self.occasion, nothing)?;
        self.occasion = Occasion::Again;
        Ok(session)
    }
}

/// Brings a shipment across over a session in which it may have been offered already.
///
/// # Errors
/// [`SessionError`]; only after [`SessionError::PeerDeclined`] is the session still usable.
pub(crate) fn ship_once<'a>(
    session: &mut Session,
    shipment: &Outgoing<'a>,
    offered: Option<Offered<'a>>,
    tally: &mut TransferStats,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    let offered = offer_once(session, shipment, offered)?;
    shipment.send(session, offered, tally, operator)
}

/// The offer of a session's next transfer, queued unless it went along with the proof.
fn offer_once<'a>(
    session: &mut Session,
    shipment: &Outgoing<'a>,
    offered: Option<Offered<'a>>,
) -> Result<Offered<'a>, SessionError> {
    let transfer = session.next_transfer()?;
    if let Some(offered) = offered {
        return Ok(offered);
    }
    if transfer == 0 {
        expect_ready(session)?;
    }
    let mut writer = lock(&session.writer);
    if transfer > 0 {
        writer.queue(&Message::Next)?;
    }
    shipment.queue_offer(transfer, session.peer, &mut writer)
}

/// A dialler that receives speaks first.
fn expect_ready(session: &mut Session) -> Result<(), SessionError> {
    match session.hear()? {
        Message::Ready => Ok(()),
        _ => Err(unexpected("something else than Ready")),
    }
}
