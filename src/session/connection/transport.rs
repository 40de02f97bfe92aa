//! Whole frames over TCP, with time limits, and counted.

use crate::protocol::{FRAME_HEADER_LENGTH, FrameHeader, FrameKind, Stage};
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::connection::end_cause::EndCause;
use crate::session::connection::patience::{Pace, Patience};
use crate::session::error::Error;
use crate::session::stats::Traffic;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a side that ends a connection early gives the peer to read its last message.
const LINGER: Duration = Duration::from_secs(2);

/// The most bytes that a side still reads after it gave up: enough for what was in flight.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes to pass to the system in one write. A call returns only when all of them were taken, and the
/// speed of the line is unknown until then.
const WRITE_BYTES: usize = 256 * 1024;

/// A frame's body, in memory that is reused for the next one. It grows and never shrinks, because zeroing
/// megabytes for each part would cost as much as copying them. When it grows it is allocated anew, because new
/// memory comes zeroed from the system.
#[derive(Debug, Default)]
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
    length: usize,
}

impl FrameBuffer {
    /// The body that was read last.
    pub(crate) fn body(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    fn with_length(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() < length {
            self.bytes = Vec::new();
            self.bytes = vec![0; length];
        }
        self.length = length;
        &mut self.bytes[..length]
    }
}

/// One TCP connection as a reader and a writer of frames.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Arc<TcpStream>,
    patience: Patience,
    traffic: Arc<Traffic>,
    cause: Option<Arc<EndCause>>,
    read_wait: Option<Duration>,
    write_wait: Option<Duration>,
    pace: Option<Pace>,
    /// Bytes received of the current or latest frame.
    of_frame: u64,
}

impl Connection {
    /// Takes a connected stream.
    ///
    /// # Errors
    /// The system's error if an option cannot be set, because the connection is gone.
    pub(crate) fn new(
        stream: impl Into<Arc<TcpStream>>,
        patience: Patience,
        traffic: Arc<Traffic>,
    ) -> io::Result<Self> {
        let stream = stream.into();
        // Frames are written whole, so Nagle's algorithm would only delay the last segment.
        stream.set_nodelay(true)?;
        Ok(Connection::of(stream, patience, traffic))
    }

    /// A second handle of the same connection, so that one thread reads while another writes.
    pub(crate) fn share(&self) -> Self {
        let (stream, traffic) = (Arc::clone(&self.stream), Arc::clone(&self.traffic));
        Connection::of(stream, self.patience.clone(), traffic)
    }

    fn of(stream: Arc<TcpStream>, patience: Patience, traffic: Arc<Traffic>) -> Self {
        Connection {
            stream,
            patience,
            traffic,
            cause: None,
            read_wait: None,
            write_wait: None,
            pace: None,
            of_frame: 0,
        }
    }

    /// The liveness of this connection's session; `None` before the proof.
    pub(crate) fn liveness(&self) -> Option<Arc<Liveness>> {
        self.patience.liveness().map(Arc::clone)
    }

    /// The transfer has made progress on this connection.
    pub(crate) fn moved(&self) {
        if let Some(liveness) = self.patience.liveness() {
            liveness.stall.moved();
        }
    }

    /// The socket itself, to be ended from elsewhere.
    pub(crate) fn socket(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// Changes how it waits from now on.
    pub(crate) fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// From now on, counts its bytes in `traffic`.
    pub(crate) fn set_traffic(&mut self, traffic: Arc<Traffic>) {
        self.traffic = traffic;
    }

    /// From now on, reads of this handle fail with the error that `cause` carries.
    pub(crate) fn end_with(&mut self, cause: Arc<EndCause>) {
        self.cause = Some(cause);
    }

    /// From now on, reads fail if the peer falls behind `pace`. `None` sets no pace.
    pub(crate) fn set_pace(&mut self, pace: Option<Pace>) {
        self.pace = pace;
    }

    /// Counts the latest frame for the pace.
    pub(crate) fn keep_pace(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.brought += self.of_frame;
        }
    }

    /// Reads one frame. Refuses a length that `stage` does not allow, before it allocates memory.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, or no frame at all.
    pub(crate) fn read_frame(
        &mut self,
        stage: Stage,
        frame: &mut FrameBuffer,
    ) -> Result<FrameKind, Error> {
        self.of_frame = 0;
        let mut header = [0; FRAME_HEADER_LENGTH];
        self.read_exact(&mut header)?;
        let header = FrameHeader::parse(header, stage)?;
        let body = frame.with_length(header.length);
        let (head, rest) = body.split_at_mut(header.head_length().min(header.length));
        self.read_exact(head)?;
        header.check_head(head, stage)?;
        self.read_exact(rest)?;
        Ok(header.kind)
    }

    /// Writes whole frames, in as few writes as possible.
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Silent`].
    pub(crate) fn write_all(&mut self, mut head: &[u8], mut tail: &[u8]) -> Result<(), Error> {
        let mut moved = Instant::now();
        while !head.is_empty() || !tail.is_empty() {
            let written = self.write_some(head, tail, moved);
            let written = written.map_err(|error| self.ended(error))?;
            if written > 0 {
                let of_head = written.min(head.len());
                head = &head[of_head..];
                tail = &tail[written - of_head..];
                moved = Instant::now();
            }
        }
        Ok(())
    }

    /// Writes what the system takes; 0 if it took nothing for a moment. `moved` is when it last took something.
    fn write_some(&mut self, head: &[u8], tail: &[u8], moved: Instant) -> io::Result<usize> {
        let wait = self.patience.write_wait()?;
        if self.write_wait != Some(wait) {
            self.stream.set_write_timeout(Some(wait))?;
            self.write_wait = Some(wait);
        }
        let next = tail.len().min(WRITE_BYTES);
        let slices = [IoSlice::new(head), IoSlice::new(&tail[..next])];
        match (&*self.stream).write_vectored(&slices) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                self.traffic.add(written);
                Ok(written)
            }
            Err(error) if !is_wait_over(&error) => Err(error),
            Err(_) if self.patience.is_over_for_writes(moved.elapsed()) => {
                Err(io::ErrorKind::TimedOut.into())
            }
            Err(_) => Ok(0),
        }
    }

    /// Ends the connection in both directions: blocked readers and writers of every handle wake up.
    pub(crate) fn shutdown(&self) {
        // Fails only if the connection is gone already, which is just as good.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Ends the sending half and reads for a moment longer. Unread bytes would cause a reset, which could destroy
    /// this side's last message.
    pub(crate) fn linger(&mut self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Deadline::after(LINGER);
        let mut scratch = vec![0; 64 * 1024];
        let mut read = 0;
        while let Some(left) = deadline.remaining() {
            if self.stream.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match (&*self.stream).read(&mut scratch) {
                Ok(0) => return,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
            if read > LINGER_BYTES {
                return;
            }
        }
    }

    /// Fills `buffer`. If another thread has ended the session, its error counts, not the connection's.
    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let filled = self.fill(buffer);
        filled.map_err(|error| self.raised().unwrap_or(error))
    }

    fn raised(&self) -> Option<Error> {
        self.cause.as_ref()?.take()
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), Error> {
        while !buffer.is_empty() {
            if let Some(error) = self.raised() {
                return Err(error);
            }
            if let Some(pace) = &self.pace {
                pace.check(self.of_frame)?;
            }
            self.patience.check_progress()?;
            let count = self.read_some(buffer);
            let count = count.map_err(|error| self.ended(error))?;
            buffer = &mut buffer[count..];
        }
        Ok(())
    }

    /// Reads what has come; 0 if nothing came for a moment.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wait = self.patience.read_wait()?;
        if self.read_wait != Some(wait) {
            self.stream.set_read_timeout(Some(wait))?;
            self.read_wait = Some(wait);
        }
        match (&*self.stream).read(buffer) {
            Ok(0) => Err(closed_by_the_peer()),
            Ok(count) => {
                self.traffic.add(count);
                self.of_frame += count as u64;
                self.patience.heard();
                Ok(count)
            }
            Err(error) if !is_wait_over(&error) => Err(error),
            Err(_) if self.patience.is_over_for_reads() => Err(io::ErrorKind::TimedOut.into()),
            Err(_) => Ok(0),
        }
    }

    fn ended(&self, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::TimedOut {
            return Error::Lost { source: error };
        }
        Error::Silent {
            seconds: self.patience.seconds(),
        }
    }
}

fn closed_by_the_peer() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the other side closed it early",
    )
}

/// Whether a call returned only because its timeout passed, so that it can be repeated. On Unix that is
/// `WouldBlock`; `TimedOut` means that the kernel gave the connection up.
fn is_wait_over(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => true,
        io::ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const IDLE_LIMIT: Duration = Duration::from_millis(200);

    /// Both ends of a connection whose peers count as silent after [`IDLE_LIMIT`].
    fn pair() -> (Connection, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (listener, _) = listener.accept().unwrap();
        let connection = |stream| {
            let liveness = Arc::new(Liveness::new(IDLE_LIMIT));
            let patience = Patience::WhileAlive(liveness);
            Connection::new(stream, patience, Arc::default()).unwrap()
        };
        (connection(dialler), connection(listener))
    }

    /// Stands for a side that asks a person or delivers files.
    #[test]
    fn a_side_that_does_not_listen_for_a_while_finds_no_silence() {
        let (mut here, mut there) = pair();
        there.write_all(b"meanwhile", &[]).unwrap();
        std::thread::sleep(IDLE_LIMIT * 2);
        here.write_all(b"still here", &[]).unwrap();
        here.read_exact(&mut [0; 9]).unwrap();
        there.read_exact(&mut [0; 10]).unwrap();
    }

    #[test]
    fn a_peer_that_falls_behind_its_pace_is_given_up_also_within_a_frame() {
        let (mut here, mut there) = pair();
        here.set_pace(Some(Pace::new("an offer", Duration::ZERO, 1 << 20)));
        there.write_all(&[0, 0, 0, 9, 1], &[]).unwrap();
        let error = loop {
            // Bytes that keep the connection alive and make no progress.
            there.write_all(&[0], &[]).unwrap();
            if let Err(error) = here.read_exact(&mut [0]) {
                break error;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(error.to_string(), "declined: an offer comes too slowly");
    }

    #[test]
    fn what_counts_for_the_pace_keeps_it() {
        let (mut here, mut there) = pair();
        here.set_pace(Some(Pace::new("an offer", Duration::ZERO, 10)));
        for _ in 0..5 {
            there.write_all(&[0, 0, 0, 3, 1, 7, 7, 7], &[]).unwrap();
            let mut frame = FrameBuffer::default();
            here.read_frame(Stage::Unproven, &mut frame).unwrap();
            here.keep_pace();
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(here.pace.map(|pace| pace.brought), Some(40));
    }

    #[test]
    fn a_read_ends_with_what_another_thread_raised() {
        let (mut here, there) = pair();
        let cause = Arc::new(EndCause::default());
        here.end_with(Arc::clone(&cause));
        cause.raise(Error::PhraseDiffers);
        drop(there);
        let error = here.read_exact(&mut [0]).unwrap_err();
        assert!(matches!(error, Error::PhraseDiffers), "{error}");
        let error = here.read_exact(&mut [0]).unwrap_err();
        assert!(matches!(error, Error::Lost { .. }), "{error}");
    }

    #[test]
    fn a_peer_that_says_nothing_is_given_up() {
        let (mut here, _there) = pair();
        let error = here.read_exact(&mut [0]).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error}");
    }

    #[test]
    fn a_peer_that_takes_nothing_is_given_up() {
        let (mut here, _there) = pair();
        let error = here.write_all(&vec![0; 64 << 20], &[]).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error}");
    }
}
