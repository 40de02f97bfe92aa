//! A line between two sides that does what lines do: ends, falls silent, loses one end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
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
}

struct State {
    plan: Mutex<Vec<(u64, Act)>>,
    /// Connections of an earlier generation were acted on.
    generation: AtomicU64,
    carried: AtomicU64,
    from_dialler: AtomicU64,
    to_dialler: AtomicU64,
    answers_end_at: AtomicU64,
    rate: AtomicU64,
    is_silent: AtomicBool,
    connections: AtomicU64,
    acts: Mutex<Vec<Act>>,
    is_closed: AtomicBool,
}

/// A proxy on a port of its own.
pub struct Proxy {
    state: Arc<State>,
    address: String,
}

impl Proxy {
    /// Carries to a port on loopback.
    pub fn to(port: u16) -> Proxy {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            plan: Mutex::default(),
            generation: AtomicU64::new(0),
            carried: AtomicU64::new(0),
            from_dialler: AtomicU64::new(0),
            to_dialler: AtomicU64::new(0),
            answers_end_at: AtomicU64::new(u64::MAX),
            rate: AtomicU64::new(0),
            is_silent: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            acts: Mutex::default(),
            is_closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for (number, dialler) in (0u64..).zip(socket.incoming()) {
                if shared.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                let Ok(dialler) = dialler else { return };
                std::thread::spawn(move || carry(dialler, port, number, &state));
            }
        });
        Proxy { state, address }
    }

    /// Where to dial.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// After `bytes` more, both ways and over all connections together, does `act`. May be called again:
    /// the acts follow each other.
    pub fn then(&self, bytes: u64, act: Act) -> &Proxy {
        let mut plan = self.state.plan.lock().unwrap();
        let from = plan.last().map_or_else(
            || self.state.carried.load(Ordering::SeqCst),
            |(end, _)| *end,
        );
        plan.push((from + bytes, act));
        self
    }

    /// Ends the connections that stand when so many bytes went to the dialler, and carries no more there.
    pub fn end_answers_at(&self, bytes: u64) {
        self.state.answers_end_at.store(bytes, Ordering::SeqCst);
    }

    /// Bytes that went to the dialler.
    pub fn to_dialler(&self) -> u64 {
        self.state.to_dialler.load(Ordering::SeqCst)
    }

    /// At most so many bytes a second and direction.
    pub fn rate(&self, bytes: u64) -> &Proxy {
        self.state.rate.store(bytes, Ordering::SeqCst);
        self
    }

    /// Ends [`Act::Silence`] for connections that come from now on.
    pub fn mend(&self) {
        self.state.is_silent.store(false, Ordering::SeqCst);
    }

    /// Bytes that came from the dialler and went on.
    pub fn bytes_from_dialler(&self) -> u64 {
        self.state.from_dialler.load(Ordering::SeqCst)
    }

    /// Waits until `count` acts were done.
    pub fn wait_for_acts(&self, count: usize) {
        for _ in 0..60_000 {
            if self.state.acts.lock().unwrap().len() >= count {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the line was not used enough to break");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromDialler,
    ToDialler,
}

fn carry(dialler: TcpStream, port: u16, number: u64, state: &Arc<State>) {
    let is_joined = state.connections.fetch_add(1, Ordering::SeqCst) > 0 && number > 0;
    if state.is_silent.load(Ordering::SeqCst) {
        // The dialler's system got an answer, nothing else ever will.
        hold(&[&dialler], state);
        return;
    }
    let Ok(listener) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    for stream in [&dialler, &listener] {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
        let _ = stream.set_write_timeout(Some(Duration::from_millis(50)));
    }
    let generation = state.generation.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pump(
                &listener,
                &dialler,
                Direction::ToDialler,
                (generation, is_joined),
                state,
            );
        });
        pump(
            &dialler,
            &listener,
            Direction::FromDialler,
            (generation, is_joined),
            state,
        );
    });
    let last = state.acts.lock().unwrap().last().copied();
    let was_acted_on = state.generation.load(Ordering::SeqCst) != generation;
    match last.filter(|_| was_acted_on) {
        Some(Act::Silence | Act::Stop) => hold(&[&dialler, &listener], state),
        Some(Act::Orphan) => {
            drop(dialler);
            hold(&[&listener], state);
        }
        // Unread bytes in a socket that is closed make the system send a reset.
        Some(Act::Reset) => std::thread::sleep(Duration::from_millis(20)),
        _ => {}
    }
}

/// Keeps the connections, silent, until the test is over.
fn hold(_streams: &[&TcpStream], state: &State) {
    while !state.is_closed.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    direction: Direction,
    (generation, is_joined): (u64, bool),
    state: &State,
) {
    let mut buffer = [0; 16 * 1024];
    let is_over = || {
        if state.is_closed.load(Ordering::SeqCst) {
            return true;
        }
        let is_spared = match state.acts.lock().unwrap().last() {
            Some(Act::FinJoined) => !is_joined,
            Some(Act::Deafen) => direction == Direction::ToDialler,
            _ => false,
        };
        state.generation.load(Ordering::SeqCst) != generation && !is_spared
    };
    while !is_over() {
        let allowed = state.allowed(direction).min(buffer.len() as u64) as usize;
        let count = match from.read(&mut buffer[..allowed]) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => count,
            Err(error) if is_wait(&error) => continue,
            Err(_) => {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        };
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if is_wait(&error) => {
                    if is_over() {
                        return;
                    }
                }
                Err(_) => {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
        state.carried(direction, count as u64);
        let rate = state.rate.load(Ordering::SeqCst);
        if rate > 0 {
            std::thread::sleep(Duration::from_secs_f64(count as f64 / rate as f64));
        }
    }
}

impl State {
    /// How many bytes may pass before something is to happen.
    fn allowed(&self, direction: Direction) -> u64 {
        let end = self.answers_end_at.load(Ordering::SeqCst);
        let answers = match direction {
            Direction::FromDialler => u64::MAX,
            Direction::ToDialler => end.saturating_sub(self.to_dialler.load(Ordering::SeqCst)),
        };
        let plan = self.plan.lock().unwrap();
        let carried = self.carried.load(Ordering::SeqCst);
        let acts = plan
            .first()
            .map_or(u64::MAX, |(at, _)| at.saturating_sub(carried));
        acts.min(answers).max(1)
    }

    fn carried(&self, direction: Direction, bytes: u64) {
        match direction {
            Direction::FromDialler => {
                self.from_dialler.fetch_add(bytes, Ordering::SeqCst);
            }
            Direction::ToDialler => {
                let before = self.to_dialler.fetch_add(bytes, Ordering::SeqCst);
                let end = self.answers_end_at.load(Ordering::SeqCst);
                if before < end && before + bytes >= end {
                    self.acts.lock().unwrap().push(Act::Fin);
                    self.generation.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        let carried = self.carried.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let mut plan = self.plan.lock().unwrap();
        if plan.first().is_some_and(|(at, _)| carried >= *at) {
            let (_, act) = plan.remove(0);
            self.acts.lock().unwrap().push(act);
            if act == Act::Silence {
                self.is_silent.store(true, Ordering::SeqCst);
            }
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn is_wait(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
