//! Reads requests, with bounds for their size and time.

use crate::web::http::response::Status;
use crate::web::http::timed::Timed;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

/// The longest head in bytes. Browsers send less than a tenth.
const HEAD_BYTES: usize = 16 * 1024;
/// The most header fields.
const HEADERS: usize = 64;
/// The longest body that is kept in memory, in bytes. Enough for thousands of paths.
pub(crate) const BODY_BYTES: u64 = 1 << 20;
/// How long a head may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long such a body may take.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A request whose body is not read yet.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, Vec<u8>)>,
    /// Bytes of the body that came with the head.
    early: Vec<u8>,
}

impl Request {
    /// Reads the head.
    ///
    /// # Errors
    /// Its status; `None` if the other side left before it sent a byte.
    pub(crate) fn read(stream: &TcpStream) -> Result<Request, Option<Status>> {
        let mut timed = Timed::new(stream, HEAD_TIME);
        let mut bytes = Vec::new();
        loop {
            if let Some(request) = Request::parse(&bytes)? {
                return Ok(request);
            }
            if bytes.len() >= HEAD_BYTES {
                return Err(Some(Status::HeadTooLarge));
            }
            let mut chunk = [0; 2048];
            match timed.read(&mut chunk) {
                Ok(0) if bytes.is_empty() => return Err(None),
                Ok(0) => return Err(Some(Status::BadRequest)),
                Ok(count) => bytes.extend(&chunk[..count]),
                Err(error) => return Err(Some(Status::of_reading(&error))),
            }
        }
    }

    /// Parses a head; `None` if it is not complete.
    ///
    /// # Errors
    /// The status to refuse it with.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Request>, Status> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
            Err(_) => return Err(Status::BadRequest),
        };
        let headers = parsed.headers.iter();
        let headers = headers.map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()));
        Ok(Some(Request {
            headers: headers.collect(),
            method: parsed.method.unwrap_or_default().to_owned(),
            path: parsed.path.unwrap_or_default().to_owned(),
            early: bytes[length..].to_vec(),
        }))
    }

    /// The value of a header field; `name` is lower case. `None` for a field that occurs twice, because two
    /// readers could use different ones.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Whether there is a header field of this name, once or more often.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    /// The body's length in bytes.
    ///
    /// # Errors
    /// There is no length, or it is not a number.
    pub(crate) fn length(&self) -> Result<u64, Status> {
        if self.has("transfer-encoding") {
            return Err(Status::LengthRequired);
        }
        let length = self
            .header("content-length")
            .ok_or(Status::LengthRequired)?;
        let is_number = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(length).ok().filter(|_| is_number);
        let length = length.ok_or(Status::BadRequest)?;
        length.parse().map_err(|_| Status::BodyTooLarge)
    }

    /// Reads a body of JSON.
    ///
    /// # Errors
    /// It is not JSON, too long, too slow, or not text.
    pub(crate) fn json(self, stream: &TcpStream) -> Result<String, Status> {
        if self.header("content-type") != Some(b"application/json") {
            return Err(Status::NotJson);
        }
        let length = self.length()?;
        if length > BODY_BYTES {
            return Err(Status::BodyTooLarge);
        }
        let mut body = Vec::new();
        let mut source = self.body(stream, BODY_TIME)?;
        let read = source.read_to_end(&mut body);
        read.map_err(|error| Status::of_reading(&error))?;
        match body.len() as u64 == length {
            true => String::from_utf8(body).map_err(|_| Status::BadRequest),
            false => Err(Status::BadRequest),
        }
    }

    /// A reader of the body, for at most `time`.
    ///
    /// # Errors
    /// It has no length.
    pub(crate) fn body(self, stream: &TcpStream, time: Duration) -> Result<impl Read + '_, Status> {
        let length = self.length()?;
        let early = io::Cursor::new(self.early);
        Ok(early.chain(Timed::new(stream, time)).take(length))
    }
}

impl Status {
    fn of_reading(error: &io::Error) -> Status {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Status::TooSlow,
            _ => Status::BadRequest,
        }
    }
}
