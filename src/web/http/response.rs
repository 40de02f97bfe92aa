//! Writes responses. Each has the headers that keep other sites out, and ends its connection.

use crate::web::http::timed::Timed;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Done,
    /// The request is not HTTP, or is not one that the page sends.
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    WrongMethod,
    TooSlow,
    /// It is not possible while a job is running.
    Conflict,
    LengthRequired,
    BodyTooLarge,
    NotJson,
    /// The Host is another one: the request is not for this program.
    Misdirected,
    /// The person's input cannot be used; the body says why.
    Unusable,
    HeadTooLarge,
    TooMany,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Done => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::Unauthorized => "401 Unauthorized",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::WrongMethod => "405 Method Not Allowed",
            Status::TooSlow => "408 Request Timeout",
            Status::Conflict => "409 Conflict",
            Status::LengthRequired => "411 Length Required",
            Status::BodyTooLarge => "413 Content Too Large",
            Status::NotJson => "415 Unsupported Media Type",
            Status::Misdirected => "421 Misdirected Request",
            Status::Unusable => "422 Unprocessable Content",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::TooMany => "429 Too Many Requests",
        }
    }
}

/// Nothing is loaded from other sites, no inline code runs, and no other site can frame or read the page.
const HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-store\r\n\
    Connection: close\r\n";

/// How long a write may wait for the other side to read.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// How much of a refused request is read, so that a reset of the connection does not destroy the response.
const UNREAD_BYTES: u64 = 256 * 1024;
const UNREAD_TIME: Duration = Duration::from_secs(1);

/// Writes a whole response.
///
/// # Errors
/// The other side is gone.
pub(crate) fn write(
    mut stream: &TcpStream,
    status: Status,
    kind: &str,
    body: &[u8],
) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIME))?;
    let allow = match status {
        Status::WrongMethod => "Allow: GET, POST\r\n",
        Status::Unauthorized => "WWW-Authenticate: Bearer\r\n",
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 {}\r\n{HEADERS}{allow}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        status.line(),
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.shutdown(Shutdown::Write)?;
    // One deadline for everything, because the other side may send a byte now and then.
    let mut unread = Timed::new(stream, UNREAD_TIME).take(UNREAD_BYTES);
    io::copy(&mut unread, &mut io::sink())?;
    Ok(())
}

/// Begins a stream of events.
///
/// # Errors
/// The other side is gone.
pub(crate) fn begin_events(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIME))?;
    let head = format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Type: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes())
}

/// The reason for a status, in words for people.
pub(crate) fn reason(status: Status) -> &'static str {
    let (_, reason) = status.line().split_once(' ').unwrap_or_default();
    reason
}

/// Refuses a request, with the reason in one line.
///
/// # Errors
/// The other side is gone.
pub(crate) fn refuse(stream: &TcpStream, status: Status) -> io::Result<()> {
    let body = format!("{}\n", reason(status));
    write(stream, status, "text/plain; charset=utf-8", body.as_bytes())
}
