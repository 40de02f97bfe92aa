//! The shared state of discovery's threads: the sockets on the discovery port, and the exchange of queries and
//! answers.

use super::Found;
use super::exchange::Exchange;
use super::quota::ReadQuota;
use super::sockets::{PortSockets, Sent};
use crate::crypto::random_bytes;
use crate::protocol::{DATAGRAM_LENGTH, Instance, Nonce, Presence};
use crate::session::options::Discovery;
use crate::session::sync::Monitor;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// The callback for each peer found.
pub(super) type OnFound = dyn Fn(Found) + Send + Sync;

/// The shared state.
pub(super) struct Shared {
    pub(super) mode: Discovery,
    pub(super) ports: PortSockets,
    pub(super) state: Monitor<State>,
    on_found: Box<OnFound>,
}

pub(super) struct State {
    pub(super) exchange: Exchange,
    pub(super) sent: Sent,
    quota: ReadQuota,
    has_ended: bool,
}

impl Shared {
    /// Binds the sockets on the discovery port.
    ///
    /// # Errors
    /// The system's error if it has no port or no random bytes.
    pub(super) fn new(
        mode: Discovery,
        presence: Presence,
        on_found: Box<OnFound>,
        now: Instant,
    ) -> io::Result<Self> {
        let instance = Instance(random_bytes().map_err(io::Error::other)?);
        let nonce = Nonce(random_bytes().map_err(io::Error::other)?);
        Ok(Shared {
            mode,
            ports: PortSockets::bind(mode)?,
            on_found,
            state: Monitor::new(State {
                exchange: Exchange::new(presence, instance, nonce, now),
                quota: ReadQuota::new(now),
                sent: Sent::default(),
                has_ended: false,
            }),
        })
    }

    /// Ends all threads.
    pub(super) fn end(&self) {
        self.state.change(|state| state.has_ended = true);
        self.ports.wake();
    }

    /// Reads from a socket on the discovery port.
    pub(super) fn hear(&self, socket: &UdpSocket) {
        let mut buffer = [0; DATAGRAM_LENGTH + 1];
        loop {
            let received = socket.recv_from(&mut buffer);
            if self.wait(Duration::ZERO) {
                return;
            }
            match received {
                Ok((length, source)) => self.take_in(socket, &buffer[..length], source),
                Err(error) if is_timeout(&error) => {}
                // Windows also reports here that a host refused a query, or that a datagram was too long.
                Err(_) => self.state.lock().quota.charge(Instant::now()),
            }
            if self.wait(self.read_pause()) {
                return;
            }
        }
    }

    /// Reads the datagrams that wait at a non-blocking socket.
    ///
    /// Returns whether there was anything.
    pub(super) fn read_waiting(&self, socket: &UdpSocket) -> bool {
        let mut buffer = [0; DATAGRAM_LENGTH + 1];
        let mut has_read = false;
        while self.read_pause().is_zero() {
            match socket.recv_from(&mut buffer) {
                Ok((length, source)) => self.take_in(socket, &buffer[..length], source),
                Err(error) if is_timeout(&error) => break,
                Err(_) => self.state.lock().quota.charge(Instant::now()),
            }
            has_read = true;
        }
        has_read
    }

    fn read_pause(&self) -> Duration {
        self.state.lock().quota.pause(Instant::now())
    }

    fn take_in(&self, socket: &UdpSocket, bytes: &[u8], source: SocketAddr) {
        let now = Instant::now();
        let outcome = {
            let mut state = self.state.lock();
            state.quota.charge(now);
            state.exchange.receive(bytes, source, now)
        };
        if let Some(answer) = outcome.answer {
            // If it cannot be sent, the next query gets another answer.
            let _ = socket.send_to(&answer, source);
        }
        if let Some(found) = outcome.found {
            (self.on_found)(found);
        }
    }

    /// Waits for `pause`. Returns whether the search has ended.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let has_ended = |state: &State| state.has_ended;
        let state = self.state.wait_while_for(pause, |state| !has_ended(state));
        has_ended(&state)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
