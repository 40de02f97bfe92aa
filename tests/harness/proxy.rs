//! A line between two sides that does what lines and people in between do: it ends, falls silent, holds,
//! changes bytes.

mod connection;

use super::LIMIT;
use connection::{TICK, carry};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// What happens to the connections that stand when the bytes of a [`Proxy::then`] were carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Both ends see the connection end.
    Fin,
    /// What is under way is thrown away and the connection ends: a reset where something is unread.
    Reset,
    /// Nothing comes through any more, and neither end is told. New connections too until
    /// [`Proxy::mend`].
    Silence,
    /// The dialler sees the end; the listener is told nothing.
    Orphan,
    /// Only connections after the first end.
    FinJoined,
    /// Nobody reads any more: what is written stays in the system's buffers.
    Stop,
    /// Nobody reads what the dialler says any more; what is said to it still comes.
    Deafen,
    /// Everything waits until [`Proxy::release`].
    Hold,
}

/// What becomes of the bytes of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Pass,
    /// They pass one by one, this many of them; the rest as it comes.
    Single(usize),
    /// What comes within this time passes in one piece.
    Gathered(Duration),
    /// The connection is cut behind this many, with a FIN.
    Cut(usize),
    /// The connection is cut behind this many, with unread bytes in it: with a RST.
    Reset(usize),
    /// One bit of all is flipped.
    Flip(usize),
    /// The byte there becomes this one.
    Set(usize, u8),
    /// Behind this many nothing more passes, and nobody is told.
    Silence(usize),
    /// They go back to where they come from, and nowhere else.
    Echo,
}

/// Something of each direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of what the dialler says.
    pub to_listener: T,
    /// Of what the listener says.
    pub to_dialler: T,
}

/// What becomes of a connection.
pub type Line = Both<Way>;

/// What passed over a connection, after the proxy's doing.
pub type Recording = Both<Vec<u8>>;

/// Every byte passes.
pub const PASS: Line = Both {
    to_listener: Way::Pass,
    to_dialler: Way::Pass,
};

/// A way for what the dialler says.
pub fn to_listener(to_listener: Way) -> Line {
    Line {
        to_listener,
        ..PASS
    }
}

/// A way for what the listener says.
pub fn to_dialler(to_dialler: Way) -> Line {
    Line { to_dialler, ..PASS }
}

/// A proxy on a port of its own. Dropped, it ends every connection.
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
    /// What is still to be done, at which count.
    plan: Vec<(Counted, u64, Act)>,
    acts: Vec<Act>,
    /// Connections of an earlier generation were acted on.
    generation: usize,
    passed: Both<u64>,
    /// Bytes a second and direction; 0 for any.
    rate: u64,
    is_silent: bool,
    is_held: bool,
    /// Nobody is accepted any more.
    is_refusing: bool,
    is_closed: bool,
    recordings: Option<Vec<Recording>>,
}

/// Which bytes of all connections count.
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
    /// Carries to a port on loopback.
    pub fn to(port: u16) -> Proxy {
        Proxy::start(port, |_| PASS, None)
    }

    /// Carries until this many bytes have passed, and then holds everything.
    pub fn holding_at(port: u16, bytes: u64) -> Proxy {
        let proxy = Proxy::to(port);
        proxy.then(bytes, Act::Hold);
        proxy
    }

    /// Carries every connection to `port` in the same way, and records it.
    pub fn by(port: u16, line: Line) -> Proxy {
        Proxy::by_connection(port, move |_| line)
    }

    /// Carries connection `n`, counted from 0, to `port` by `line(n)`, and records it.
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

    /// After `bytes` more, both ways and over all connections together, does `act`. May be called again:
    /// the acts follow each other.
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

    /// Ends the connections that stand when this many bytes went to the dialler.
    pub fn end_answers_at(&self, bytes: u64) {
        let cut = (Counted::ToDialler, bytes, Act::Fin);
        self.shared.lock().plan.push(cut);
    }

    /// At most this many bytes a second and direction.
    pub fn rate(&self, bytes: u64) -> &Proxy {
        self.shared.lock().rate = bytes;
        self
    }

    /// Ends [`Act::Silence`] for connections that come from now on.
    pub fn mend(&self) {
        self.shared.lock().is_silent = false;
    }

    /// Ends [`Act::Hold`], also one that is yet to come.
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

    /// Waits until this many bytes came from the dialler and went on.
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

    /// Accepts no more connections: dialling it is refused afterwards. Nothing is held any more.
    pub fn refuse(&mut self) {
        self.release();
        self.shared.lock().is_refusing = true;
        if let Some(accepting) = self.accepting.take() {
            // A blocked accept only comes back for a connection.
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

    /// Waits a little while everything is held; says whether it still is.
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

    /// How many bytes may pass before something is to happen.
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

    /// Counts bytes that passed, and does what is due then.
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
