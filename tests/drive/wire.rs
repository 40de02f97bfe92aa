//! The line between two programs, in the hands of a test: it can stop in the middle of a transfer.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::program::LIMIT;

/// Passes bytes on to a listener, in both directions, until so many have passed.
pub struct Wire {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<JoinHandle<()>>,
}

struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    passed: u64,
    holds_at: u64,
    is_closed: bool,
}

impl Wire {
    /// Stands before the listener at `port`, and holds everything once `holds_at` bytes have passed.
    pub fn to(port: u16, holds_at: u64) -> Wire {
        let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = socket.local_addr().expect("an address");
        let line = Arc::new(Line {
            state: Mutex::new(State {
                passed: 0,
                holds_at,
                is_closed: false,
            }),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&line);
        let accepting = std::thread::spawn(move || {
            for near in socket.incoming().flatten() {
                if shared.state.lock().expect("not poisoned").is_closed {
                    return;
                }
                if let Ok(far) = TcpStream::connect(("127.0.0.1", port)) {
                    join(near, far, &shared);
                }
            }
        });
        Wire {
            address,
            line,
            accepting: Some(accepting),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until it holds.
    pub fn is_holding(&self) {
        let state = self.line.state.lock().expect("not poisoned");
        let is_passing = |state: &mut State| state.passed < state.holds_at;
        let waited = self
            .line
            .changed
            .wait_timeout_while(state, LIMIT, is_passing);
        let (state, outcome) = waited.expect("not poisoned");
        assert!(!outcome.timed_out(), "only {} bytes passed", state.passed);
    }

    /// How many bytes have come to it, from both sides together.
    pub fn passed(&self) -> u64 {
        self.line.state.lock().expect("not poisoned").passed
    }

    /// Passes everything on from here on.
    pub fn releases(&self) {
        self.line.state.lock().expect("not poisoned").holds_at = u64::MAX;
        self.line.changed.notify_all();
    }

    /// Passes on what is there, and takes no new connections: dialling it is refused afterwards.
    pub fn closes(mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.line.state.lock().expect("not poisoned").is_closed = true;
        self.releases();
        if let Some(accepting) = self.accepting.take() {
            // A blocked accept only comes back for a connection.
            let _ = TcpStream::connect(self.address);
            accepting.join().expect("accepting does not panic");
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.close();
    }
}

fn join(near: TcpStream, far: TcpStream, line: &Arc<Line>) {
    let near_again = near.try_clone().expect("a socket");
    let far_again = far.try_clone().expect("a socket");
    for (from, to) in [(near, far_again), (far, near_again)] {
        let line = Arc::clone(line);
        // Ends with its connection, at the latest with the programs at its ends.
        std::thread::spawn(move || pass(from, to, &line));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, line: &Line) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        wait_while_held(line, count as u64);
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
    let _ = to.shutdown(Shutdown::Write);
}

fn wait_while_held(line: &Line, count: u64) {
    let mut state = line.state.lock().expect("not poisoned");
    state.passed = state.passed.saturating_add(count);
    line.changed.notify_all();
    let is_held = |state: &mut State| state.passed >= state.holds_at;
    drop(
        line.changed
            .wait_while(state, is_held)
            .expect("not poisoned"),
    );
}
