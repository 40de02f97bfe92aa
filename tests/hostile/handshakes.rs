//! Many handshakes with one listener at once, of which a test controls each step.

use crate::peer::{Line, Peer, secret};
use crate::real::LONG;
use peerbridge::Secret;
use peerbridge::internals::{DiallerRole, DiallerUnproven, DiallerWaitsForHello, FrameKind, frame};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Handshakes with the listener at a port, in the order in which they were started.
pub struct Handshakes {
    port: u16,
    role: DiallerRole,
    all: Vec<Handshake>,
}

struct Handshake {
    line: Line,
    stage: Stage,
}

/// The stage of a handshake.
enum Stage {
    SaidHello(DiallerWaitsForHello),
    /// The listener has answered. The next step is to confirm with these bytes.
    Answered(DiallerUnproven, [u8; 32]),
    Confirmed(DiallerUnproven),
    Over,
}

/// How a listener responds to a Hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers with its own Hello, which allows the dialler one guess.
    Hello,
    /// It sends a Refuse.
    Refuse,
    /// It hangs up.
    HangUp,
}

impl Handshakes {
    /// Starts without handshakes.
    pub fn with(port: u16, role: DiallerRole) -> Handshakes {
        let all = Vec::new();
        Handshakes { port, role, all }
    }

    /// Sends a Hello on this many new connections, without waiting for answers. Returns their numbers.
    pub fn begin(&mut self, count: usize, secret: &Secret) -> std::ops::Range<usize> {
        let first = self.all.len();
        for _ in 0..count {
            let mut line = Line::dial(self.port);
            let hello = DiallerWaitsForHello::start(secret, self.role, None);
            let (state, body) = hello.expect("random bytes");
            line.send(&frame(FrameKind::Hello, &body));
            let stage = Stage::SaidHello(state);
            self.all.push(Handshake { line, stage });
        }
        first..self.all.len()
    }

    /// Begins handshakes with the right secret.
    pub fn begin_right(&mut self, count: usize) -> std::ops::Range<usize> {
        self.begin(count, &secret())
    }

    /// Begins handshakes with a wrong secret.
    pub fn begin_wrong(&mut self, count: usize) -> std::ops::Range<usize> {
        let wrong = Secret::from_text("a guess").expect("a secret");
        self.begin(count, &wrong)
    }

    /// The next answer to any Hello, and the number of its handshake; `None` if no answer is pending.
    pub fn next_answer(&mut self) -> Option<(usize, Answer)> {
        let deadline = Instant::now() + LONG;
        loop {
            let numbered = (0..).zip(&mut self.all);
            let mut waiting = numbered.filter(|(_, one)| one.waits_for_hello()).peekable();
            waiting.peek()?;
            if let Some((number, ready)) = waiting.find(|(_, one)| one.line.has_news()) {
                return Some((number, ready.takes_answer()));
            }
            assert!(Instant::now() < deadline, "a Hello is not answered");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// All pending answers, in the order in which they come.
    pub fn answers(&mut self) -> Vec<(usize, Answer)> {
        std::iter::from_fn(|| self.next_answer()).collect()
    }

    /// Confirms with the secret of the Hello.
    pub fn confirm(&mut self, number: usize) {
        let handshake = &mut self.all[number];
        let Stage::Answered(state, confirm) = handshake.leave() else {
            panic!("handshake {number} has no answer to confirm");
        };
        let confirm = frame(FrameKind::Confirm, &confirm);
        handshake.line.send(&confirm);
        handshake.stage = Stage::Confirmed(state);
    }

    /// Hangs up at any stage.
    pub fn hang_up(&mut self, number: usize) {
        let handshake = &mut self.all[number];
        handshake.leave();
        // The listener may have hung up before.
        let _ = handshake.line.0.shutdown(Shutdown::Both);
    }

    /// Reads the listener's answer to a Confirm: the proven peer, or `None` if the listener rejects it.
    pub fn proven(&mut self, number: usize) -> Option<Peer> {
        let handshake = &mut self.all[number];
        let Stage::Confirmed(state) = handshake.leave() else {
            panic!("handshake {number} has not confirmed");
        };
        let (kind, body) = handshake.line.read_frame()?;
        if kind != FrameKind::Confirm as u8 {
            return None;
        }
        let keys = state.on_confirm(&body).expect("one secret");
        let line = handshake.line.0.try_clone().expect("descriptors are left");
        Some(Peer::of(Line::of(line), keys))
    }
}

impl Handshake {
    fn waits_for_hello(&self) -> bool {
        matches!(self.stage, Stage::SaidHello(_))
    }

    fn leave(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Over)
    }

    fn takes_answer(&mut self) -> Answer {
        let Stage::SaidHello(state) = self.leave() else {
            panic!("no Hello was said");
        };
        let Some((kind, body)) = self.line.read_frame() else {
            return Answer::HangUp;
        };
        if kind != FrameKind::Hello as u8 {
            return Answer::Refuse;
        }
        let (state, confirm) = state.on_hello(&body).expect("a good Hello");
        self.stage = Stage::Answered(state, confirm);
        Answer::Hello
    }
}

impl Line {
    /// Whether the other side has sent something or hung up.
    fn has_news(&self) -> bool {
        self.0.set_nonblocking(true).expect("a socket");
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).expect("a socket");
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}
