//! A proxy between two sides that behaves like a bad network or a man in the middle: it cuts connections, falls
//! silent, holds back or changes bytes.

mod connection;

use super::LIMIT;
use connection::{TICK, carry};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// What happens to the open connections once the bytes of a [`Proxy::then`] have been carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Both ends see the connection end.
    Fin,
    /// Data in flight is dropped and the connection ends, with a reset if data is unread.
    Reset,
    /// Nothing comes through any more, and neither end notices. Applies to new connections as well, until
    /// [`Proxy::mend`].
    Silence,
    /// The dialler sees the end; the listener notices nothing.
    Orphan,
    /// Only connections after the first end.
    FinJoined,
    /// The proxy stops reading: written data stays in the system's buffers.
    Stop,
    /// The proxy stops reading from the dialler; data to the dialler still comes through.
    Deafen,
    /// Everything waits until [`Proxy::release`].
    Hold,
}

/// What happens to the bytes of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Pass,
    /// This many pass one by one; the rest passes unchanged.
    Single(usize),
    /// Bytes that come within this time pass in one piece.
    Gathered(Duration),
    /// After this many bytes the connection is cut with a FIN.
    Cut(usize),
    /// After this many bytes the connection is cut with unread bytes in it, and so with a RST.
    Reset(usize),
    /// The bit with this number is flipped.
    Flip(usize),
    /// The byte at this offset is replaced by this value.
    Set(usize, u8),
    /// After this many bytes nothing more passes, and neither end notices.
    Silence(usize),
    /// They go back to their sender, and nowhere else.
    Echo,
}

/// A value for each direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// For bytes from the dialler.
    pub to_listener: T,
    /// For bytes from the listener.
    pub to_dialler: T,
}

/// What happens to a connection.
pub type Line = Both<Way>;

/// The bytes that passed over a connection, as the proxy changed them.
pub type Recording = Both<Vec<u8>>;

/// Every byte passes.
pub const PASS: Line = Both {
    to_listener: Way::Pass,
    to_dialler: Way::Pass,
};

/// A line that treats bytes from the dialler in this way.
pub fn to_listener(to_listener: Way) -> Line {
    Line {
        to_listener,
        ..PASS
    }
}

/// A line that treats bytes from the listener in this way.
pub fn to_dialler(to_dialler: Way) -> Line {
    Line { to_dialler, ..PASS }
}

/// A proxy on its own port. Ends every connection when dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The pending acts, each with the count at which it is due.
    plan: Vec<(Counted, u64, Act)>,
    acts: Vec<Act>,
    /// Increases with each act. Connections of an earlier generation were affected by it.
    generation: usize,
    passed: Both<u64>,
    /// Limit in bytes a second for each direction; 0 for none.
    rate: u64,
    is_silent: bool,
    is_held: bool,
    /// Whether new connections are refused.
    is_refusing: bool,
    is_closed: bool,
    recordings: Option<Vec<Recording>>,
}

/// Which bytes are counted, over all connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Both,
    ToDialler,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToListener,
    ToDialler,
}

impl<T> Both<T> {
    fn of(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ToListener => &mut self.to_listener,
            Direction::ToDialler => &mut self.to_dialler,
        }
    }
}

impl Proxy {
    /// Forwards to a port on loopback.
    pub fn to(port: u16) -> Proxy {
        Proxy::start(port, |_| PASS, None)
    }

    /// Forwards until this many bytes have passed, and then holds everything.
    pub fn holding_at(port: u16, bytes: u64) -> Proxy {
        let proxy = Proxy::to(port);
        proxy.then(bytes, Act::Hold);
        proxy
    }

    /// Forwards every connection to `port` in the same way, and records it.
    pub fn by(port: u16, line: Line) -> Proxy {
        Proxy::by_connection(port, move |_| line)
    }

    /// Forwards connection `n`, counted from 0, to `port` as `line(n)` says, and records it.
    pub fn by_connection(port: u16, line: impl Fn(usize) -> Line + Send + 'static) -> Proxy {
        Proxy::start(port, line, Some(Vec::new()))
    }

    fn start(
        target: u16,
        line: impl Fn(usize) -> Line + Send + 'static,
        recordings: Option<Vec<Recording>>,
    ) -> Proxy {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        let shared = Arc::new(Shared::default());
        shared.lock().recordings = recordings;
        let theirs = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || {
            for (number, dialler) in socket.incoming().flatten().enumerate() {
                let mut state = theirs.lock();
                if state.is_refusing {
                    return;
                }
                if let Some(recordings) = &mut state.recordings {
                    recordings.push(Recording::default());
                }
                drop(state);
                let (shared, line) = (Arc::clone(&theirs), line(number));
                std::thread::spawn(move || carry(dialler, target, number, line, &shared));
            }
        });
        Proxy {
            port,
            shared,
            accepting: Some(accepting),
        }
    }

    /// The port to dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Does `act` after `bytes` more, in both directions and over all connections together. Further calls add
    /// acts that follow.
    pub fn then(&self, bytes: u64, act: Act) -> &Proxy {
        let mut state = self.shared.lock();
        let both = state
            .plan
            .iter()
            .rfind(|(counted, ..)| *counted == Counted::Both);
        let from = both.map_or_else(|| state.count(Counted::Both), |(_, at, _)| *at);
        state.plan.push((Counted::Both, from + bytes, act));
        self
    }

    /// Ends the open connections once this many bytes have gone to the dialler.
    pub fn end_answers_at(&self, bytes: u64) {
        let cut = (Counted::ToDialler, bytes, Act::Fin);
        self.shared.lock().plan.push(cut);
    }

    /// Limits each direction to this many bytes a second.
    pub fn rate(&self, bytes: u64) -> &Proxy {
        self.shared.lock().rate = bytes;
        self
    }

    /// Ends [`Act::Silence`] for new connections.
    pub fn mend(&self) {
        self.shared.lock().is_silent = false;
    }

    /// Ends [`Act::Hold`], even one that is still pending.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        state.plan.retain(|(_, _, act)| *act != Act::Hold);
        state.is_held = false;
        self.shared.changed.notify_all();
    }

    /// Bytes that went to the dialler.
    pub fn to_dialler(&self) -> u64 {
        self.shared.lock().passed.to_dialler
    }

    /// Bytes that went both ways.
    pub fn passed(&self) -> u64 {
        self.shared.lock().count(Counted::Both)
    }

    /// Waits until this many bytes from the dialler have been forwarded.
    pub fn wait_for_bytes(&self, count: u64) {
        self.wait_while("bytes", |state| state.passed.to_listener < count);
    }

    /// Waits until `count` acts were done.
    pub fn wait_for_acts(&self, count: usize) {
        self.wait_while("acts", |state| state.acts.len() < count);
    }

    fn wait_while(&self, what: &str, is_so: impl FnMut(&mut State) -> bool) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, LIMIT, is_so);
        let (state, outcome) = waited.expect("not poisoned");
        let passed = state.count(Counted::Both);
        assert!(
            !outcome.timed_out(),
            "too few {what}: {passed} bytes passed"
        );
    }

    /// Refuses connections from now on, and releases everything held.
    pub fn refuse(&mut self) {
        self.release();
        self.shared.lock().is_refusing = true;
        if let Some(accepting) = self.accepting.take() {
            // A blocked accept only returns for a connection.
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            accepting.join().expect("accepting does not panic");
        }
    }

    /// The first connection's recording.
    pub fn recording(&self) -> Recording {
        self.recordings().into_iter().next().unwrap_or_default()
    }

    /// All connections' recordings.
    pub fn recordings(&self) -> Vec<Recording> {
        self.shared.lock().recordings.clone().unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.refuse();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }

    /// Waits briefly if everything is held. Returns whether it still is.
    fn is_held(&self) -> bool {
        let is_held = |state: &mut State| state.is_held && !state.is_closed;
        let waited = self.changed.wait_timeout_while(self.lock(), TICK, is_held);
        waited.is_ok_and(|(state, _)| state.is_held)
    }
}

impl State {
    fn count(&self, counted: Counted) -> u64 {
        match counted {
            Counted::Both => self.passed.to_listener + self.passed.to_dialler,
            Counted::ToDialler => self.passed.to_dialler,
        }
    }

    /// How many bytes may pass before the next act is due.
    fn allowed(&self, direction: Direction) -> u64 {
        let concerns = |counted| counted == Counted::Both || direction == Direction::ToDialler;
        let plan = self.plan.iter().filter(|(counted, ..)| concerns(*counted));
        let lefts = plan.map(|(counted, at, _)| at.saturating_sub(self.count(*counted)));
        lefts.min().unwrap_or(u64::MAX).max(1)
    }

    fn record(&mut self, number: usize, direction: Direction, bytes: &[u8]) {
        if let Some(recordings) = &mut self.recordings {
            recordings[number].of(direction).extend_from_slice(bytes);
        }
    }

    /// Counts bytes that passed, and does the acts that are due.
    fn pass(&mut self, direction: Direction, count: usize) {
        *self.passed.of(direction) += count as u64;
        let is_due = |(counted, at, _): &(Counted, u64, Act)| self.count(*counted) >= *at;
        let Some(due) = self.plan.iter().position(is_due) else {
            return;
        };
        let (_, _, act) = self.plan.remove(due);
        self.acts.push(act);
        self.is_silent |= act == Act::Silence;
        match act {
            Act::Hold => self.is_held = true,
            _ => self.generation += 1,
        }
    }
}
