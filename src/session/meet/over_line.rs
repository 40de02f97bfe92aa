//! Dialling over a line that a program provides.

use crate::protocol::{DiallerRole, Role};
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::clock::Deadline;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::line::{Line, NO_ADDRESS, Pump};
use crate::session::meet::proof::{Call, Reached, prove, word};
use crate::session::options::Connect;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long the other side may take to answer by default. A person may have to type the password of `ssh`
/// meanwhile.
const LINE_WAIT: Duration = Duration::from_secs(120);

/// Opens the line.
///
/// # Errors
/// [`Error::NoConnection`].
pub(super) fn open(line: &Line) -> Result<(TcpStream, Pump), Error> {
    line.connect().map_err(|source| no_line(line, source))
}

fn no_line(line: &Line, source: io::Error) -> Error {
    Error::NoConnection {
        address: line.name().to_owned(),
        source,
    }
}

/// Opens the line, and both sides prove the secret. `pump` belongs to the previous line.
///
/// # Errors
/// [`Error`]: no line, nobody at its end, wrong secret and the like.
pub(super) fn dial_over<T>(
    line: &Line,
    pump: &mut Option<Pump>,
    connect: &Connect,
    role: Role,
    operator: &dyn Operator,
    mut first_flight: impl FnMut(SocketAddr, &mut MessageWriter) -> Result<T, Error>,
) -> Result<Reached<T>, Error> {
    let answer_by = Deadline::after(connect.wait.unwrap_or(LINE_WAIT));
    // Waits for the previous line, which has ended with its session.
    *pump = None;
    let (stream, new_pump) = open(line)?;
    *pump = Some(new_pump);
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
    reached.map_err(|error| match error.without_suspicion() {
        Error::Lost { source } => no_line(line, source),
        other => other,
    })
}
