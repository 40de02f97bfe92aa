//! Meeting the peer over a line that a program provides: one side dials over it, the other one answers.

use crate::protocol::{DiallerRole, Role};
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::clock::Deadline;
use crate::session::connection::session::{Origin, Session};
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::line::{Line, NO_ADDRESS, Pump};
use crate::session::listen::hosting::{mention, welcome};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, Terms};
use crate::session::meet::proof::{Call, Reached, prove, word};
use crate::session::options::Connect;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long the other side may take to answer unless told otherwise: a person may have to type the password of
/// `ssh` meanwhile.
const LINE_WAIT: Duration = Duration::from_secs(120);

/// A line over which this side dials, anew after each loss.
pub(super) struct DialledLine<'a> {
    line: &'a Line,
    pump: Option<Pump>,
}

impl<'a> DialledLine<'a> {
    pub(super) fn new(line: &'a Line) -> Self {
        DialledLine { line, pump: None }
    }

    /// Opens the line, and proves the secret both ways.
    ///
    /// # Errors
    /// [`Error`]: no line, nobody at its end, wrong secret and the like.
    pub(super) fn dial<T>(
        &mut self,
        connect: &Connect,
        role: Role,
        operator: &dyn Operator,
        mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
    ) -> Result<(Session, T), Error> {
        let answer_by = Deadline::after(connect.wait.unwrap_or(LINE_WAIT));
        // The line of before has ended with its session, and is waited for here.
        self.pump = None;
        let no_line = |source| Error::NoConnection {
            address: self.line.name().to_owned(),
            source,
        };
        let (stream, pump) = self.line.connect().map_err(no_line)?;
        self.pump = Some(pump);
        let stream = Arc::new(stream);
        connect.cancel.watch(&stream);
        let call = Call {
            stream,
            peer: NO_ADDRESS,
            role: DiallerRole::Transfer(role),
            answer_by,
        };
        let queue = |writer: &mut _| first_flight(NO_ADDRESS, writer);
        let reached = prove(connect, call, operator, word(connect), queue);
        let Reached {
            authenticated,
            queued,
            ..
        } = reached.map_err(|error| match error.without_suspicion() {
            Error::Lost { source } => no_line(source),
            other => other,
        })?;
        let session = Session::new(NO_ADDRESS, authenticated, Origin::Dialled)?;
        Ok((session, queued))
    }
}

/// A line whose other end is answered once: nobody can come back over it.
pub(super) struct AnsweredLine {
    listener: Listener,
    /// The last to go: it waits until the line has taken everything.
    _pump: Pump,
}

impl AnsweredLine {
    /// Lets in whoever is at the other end.
    ///
    /// # Errors
    /// [`Error::NoConnection`] when the line cannot be opened, [`Error::System`] without threads.
    pub(super) fn open(line: &Line, connect: &Connect, terms: Terms) -> Result<Self, Error> {
        let (stream, pump) = line.connect().map_err(|source| Error::NoConnection {
            address: line.name().to_owned(),
            source,
        })?;
        let listener = Listener::of_connection(stream, NO_ADDRESS, terms)?;
        connect.cancel.wake(listener.waker());
        Ok(AnsweredLine {
            listener,
            _pump: pump,
        })
    }

    /// Waits until the other end has proven the secret.
    ///
    /// # Errors
    /// What became of it instead.
    pub(super) fn wait(
        &self,
        connect: &Connect,
        operator: &dyn Operator,
    ) -> Result<Session, Error> {
        let deadline = connect.wait.map(Deadline::after);
        loop {
            match self.listener.wait(deadline) {
                Some(Arrival::Peer(guest)) => {
                    welcome(&guest, operator);
                    return Ok(guest.session);
                }
                Some(Arrival::ProofFailed { .. }) => {
                    return Err(Error::WrongSecret { attempts: 1 });
                }
                Some(Arrival::TurnedAway { error, .. }) => return Err(error),
                Some(_) if connect.cancel.is_cancelled() => return Err(Error::Cancelled),
                Some(other) => mention(&other, operator),
                None => {
                    let seconds = connect.wait.unwrap_or_default().as_secs();
                    return Err(Error::NobodyCame { seconds });
                }
            }
        }
    }
}
