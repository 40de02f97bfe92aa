//! One connection of a proxy: a thread for each direction, and the end of both.

use super::{Act, Direction, Line, Shared, Way};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Interval at which a thread checks whether something happened to its connection.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// One connection.
struct Connection<'a> {
    number: usize,
    generation: usize,
    /// Whether one of its directions has ended it.
    is_cut: AtomicBool,
    shared: &'a Shared,
}

/// Forwards one connection, until it or the test ends.
pub(super) fn carry(dialler: TcpStream, target: u16, number: usize, line: Line, shared: &Shared) {
    let connection = Connection {
        number,
        generation: shared.lock().generation,
        is_cut: AtomicBool::new(false),
        shared,
    };
    if shared.lock().is_silent {
        // The connection was accepted, but nothing will ever be answered.
        connection.keep(&[&dialler]);
        return;
    }
    prepare(&dialler);
    if line.to_listener == Way::Echo {
        return connection.pump(&dialler, &dialler, Direction::ToDialler, Way::Pass);
    }
    let Ok(listener) = TcpStream::connect(("127.0.0.1", target)) else {
        return;
    };
    prepare(&listener);
    std::thread::scope(|scope| {
        scope.spawn(|| connection.pump(&listener, &dialler, Direction::ToDialler, line.to_dialler));
        connection.pump(&dialler, &listener, Direction::ToListener, line.to_listener);
    });
    match connection.act() {
        Some(Act::Silence | Act::Stop) => connection.keep(&[&dialler, &listener]),
        Some(Act::Orphan) => {
            drop(dialler);
            connection.keep(&[&listener]);
        }
        // Unread bytes in a socket that is closed make the system send a reset.
        Some(Act::Reset) => std::thread::sleep(4 * TICK),
        _ => {}
    }
}

fn prepare(stream: &TcpStream) {
    // It may have ended already; its next use will fail then.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(TICK));
    let _ = stream.set_write_timeout(Some(10 * TICK));
}

impl Connection<'_> {
    /// The last act on this connection and the others that were open then.
    fn act(&self) -> Option<Act> {
        let state = self.shared.lock();
        let is_older = state.generation != self.generation;
        let last = state.acts.iter().rfind(|act| **act != Act::Hold);
        last.copied().filter(|_| is_older)
    }

    fn is_over(&self, direction: Direction) -> bool {
        let is_acted_on = match self.act() {
            None => false,
            Some(Act::FinJoined) => self.number > 0,
            Some(Act::Deafen) => direction == Direction::ToListener,
            Some(_) => true,
        };
        is_acted_on || self.is_cut.load(Ordering::SeqCst) || self.shared.lock().is_closed
    }

    /// Keeps the connections, silent, until the test is over.
    fn keep(&self, _streams: &[&TcpStream]) {
        while !self.shared.lock().is_closed {
            std::thread::sleep(4 * TICK);
        }
    }

    fn pump(&self, from: &TcpStream, to: &TcpStream, direction: Direction, way: Way) {
        if self.try_pump(from, to, direction, way).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        }
    }

    fn try_pump(
        &self,
        mut from: &TcpStream,
        to: &TcpStream,
        direction: Direction,
        way: Way,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut passed = 0;
        while !self.is_over(direction) {
            if self.shared.is_held() {
                continue;
            }
            if let Way::Gathered(pause) = way {
                std::thread::sleep(pause);
            }
            let mut most = buffer.len();
            if let Way::Cut(at) | Way::Reset(at) = way {
                if passed == at {
                    return self.cut(from, way);
                }
                most = most.min(at - passed);
            }
            let allowed = self.shared.lock().allowed(direction);
            most = most.min(usize::try_from(allowed).unwrap_or(most));
            let count = match from.read(&mut buffer[..most]) {
                Ok(0) => return to.shutdown(Shutdown::Write),
                Ok(count) => count,
                Err(error) if is_wait(&error) => continue,
                Err(error) => return Err(error),
            };
            let bytes = changed(&mut buffer[..count], way, passed);
            // Records the bytes before they are written, so that the recording is complete when both sides are
            // done.
            self.shared.lock().record(self.number, direction, bytes);
            let piece = match way {
                Way::Single(first) if passed < first => 1,
                _ => count,
            };
            for piece in bytes.chunks(piece) {
                self.write(to, piece, direction)?;
            }
            passed += count;
            let mut state = self.shared.lock();
            state.pass(direction, count);
            let rate = state.rate;
            drop(state);
            self.shared.changed.notify_all();
            if rate > 0 {
                std::thread::sleep(Duration::from_secs_f64(count as f64 / rate as f64));
            }
        }
        Ok(())
    }

    /// Ends this connection: at once, or with unread bytes, so that the system sends a reset.
    fn cut(&self, from: &TcpStream, way: Way) -> io::Result<()> {
        self.is_cut.store(true, Ordering::SeqCst);
        if let Way::Cut(_) = way {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let _ = from.set_read_timeout(Some(40 * TICK));
        let _ = from.peek(&mut [0]);
        Ok(())
    }

    fn write(&self, mut to: &TcpStream, mut bytes: &[u8], direction: Direction) -> io::Result<()> {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_wait(&error) && !self.is_over(direction) => {}
                Err(error) if is_wait(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Which of the bytes pass, after `passed` earlier ones; may change them.
fn changed(bytes: &mut [u8], way: Way, passed: usize) -> &[u8] {
    let place = |at: usize| at.checked_sub(passed);
    match way {
        Way::Flip(bit) => {
            if let Some(byte) = place(bit / 8).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Way::Set(at, value) => {
            if let Some(byte) = place(at).and_then(|at| bytes.get_mut(at)) {
                *byte = value;
            }
        }
        Way::Silence(at) => return &bytes[..at.saturating_sub(passed).min(bytes.len())],
        _ => {}
    }
    bytes
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
