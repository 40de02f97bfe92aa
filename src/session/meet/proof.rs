//! Dialling until somebody answers and both sides have proven the secret.

use crate::protocol::DiallerRole;
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::{
    Authenticated, DiallerCredential, dial, handshake_deadline,
};
use crate::session::connection::session::{Origin, Session};
use crate::session::connection::socket;
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use crate::session::options::{Connect, PeerAddress};
use crate::session::second_factor;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a dialler tries by default, so that either side may be started first.
const DIAL_WAIT: Duration = Duration::from_secs(10);

/// A dialled peer that has proven the secret.
pub(crate) struct Reached<T> {
    pub(crate) peer: SocketAddr,
    pub(crate) authenticated: Authenticated,
    /// The result of `first_flight`.
    pub(crate) queued: T,
    /// The time from the TCP connection to the proof.
    pub(crate) handshake: Duration,
}

impl<T> Reached<T> {
    /// The session, and the result of `first_flight`.
    ///
    /// # Errors
    /// [`Error::System`] without a thread.
    pub(super) fn into_session(self) -> Result<(Session, Option<T>), Error> {
        let session = Session::new(self.peer, self.authenticated, Origin::Dialled)?;
        Ok((session, Some(self.queued)))
    }
}

/// The secret of `connect`, and its name.
pub(crate) fn word(connect: &Connect) -> DiallerCredential<'_> {
    DiallerCredential::Word {
        secret: &connect.secret,
        name: connect.name.as_deref(),
    }
}

/// Dials until the peer listens, and both sides prove the secret.
///
/// # Errors
/// [`Error`]: nobody there, wrong secret and the like.
pub(crate) fn reach<T>(
    connect: &Connect,
    address: &PeerAddress,
    role: DiallerRole,
    operator: &dyn Operator,
    credential: DiallerCredential<'_>,
    mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
) -> Result<Reached<T>, Error> {
    let deadline = Deadline::after(connect.wait.unwrap_or(DIAL_WAIT));
    let mut has_hung_up = false;
    loop {
        let stream = socket::dial(address, deadline, &connect.cancel)?;
        let peer = stream.peer_addr().map_err(Error::lost)?;
        let call = Call {
            stream: Arc::new(stream),
            peer,
            role,
            answer_by: handshake_deadline(),
        };
        let queue = |writer: &mut _| first_flight(peer, writer);
        match prove(connect, call, operator, credential, queue) {
            // The listener may have been just ending or just starting, so this is tried once more.
            Err(error) if error.is_hung_up() && !has_hung_up => has_hung_up = true,
            result => return result.map_err(|error| error.dialled_at(peer)),
        }
    }
}

/// A connection to a listener that has not proven the secret.
pub(super) struct Call {
    pub(super) stream: Arc<TcpStream>,
    pub(super) peer: SocketAddr,
    pub(super) role: DiallerRole,
    /// When the whole handshake must be over.
    pub(super) answer_by: Deadline,
}

/// Both sides prove the secret over an existing connection.
///
/// # Errors
/// [`Error`]: wrong secret, no answer and the like.
pub(super) fn prove<T>(
    connect: &Connect,
    call: Call,
    operator: &dyn Operator,
    credential: DiallerCredential<'_>,
    first_flight: impl FnOnce(&mut MessageWriter) -> Result<T, Error>,
) -> Result<Reached<T>, Error> {
    let begun = Instant::now();
    let peer = call.peer;
    operator.event(&Event::Connected { peer });
    let (mut authenticated, queued) = dial(
        call.stream,
        credential,
        call.role,
        call.answer_by,
        connect.idle_timeout,
        first_flight,
    )?;
    if authenticated.wants_code {
        second_factor::give(&mut authenticated, operator)?;
    }
    operator.event(&Event::Authenticated { peer });
    Ok(Reached {
        peer,
        authenticated,
        queued,
        handshake: begun.elapsed(),
    })
}
