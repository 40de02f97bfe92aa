//! The real other side, run through the library in its own threads.

use crate::harness::library::{Port, dial, listen};
use peerbridge::Secret;
use peerbridge::{
    Acceptance, Connect, Error, Event, Operator, Output, Payload, ReceiveOptions, Rendezvous,
    SendOptions, Stream, Summary,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// The secret of most tests.
pub const SECRET: &str = "correct horse";

/// Longer than anything here takes: a wait of this length means a hang.
pub const LONG: Duration = Duration::from_secs(30);

/// The settings of a side.
#[derive(Clone)]
pub struct Side {
    pub secret: String,
    pub idle: Duration,
    pub wait: Option<Duration>,
    pub streams: u16,
    pub output: Option<Output>,
    pub most: Option<u64>,
    pub rate_limit: Option<u64>,
    /// Whether a receiver makes links that lead outside.
    pub outside_links: bool,
    /// Whether a sender wants the phrase compared.
    pub verify: bool,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            secret: SECRET.into(),
            idle: Duration::from_secs(20),
            wait: Some(LONG),
            streams: 1,
            output: None,
            most: None,
            rate_limit: None,
            outside_links: false,
            verify: false,
        }
    }
}

impl Side {
    pub fn with_secret(secret: &str) -> Side {
        Side {
            secret: secret.into(),
            ..Side::default()
        }
    }

    pub fn with_streams(streams: u16) -> Side {
        Side {
            streams,
            ..Side::default()
        }
    }

    /// A side that would take minutes to send a part.
    pub fn slow() -> Side {
        Side {
            rate_limit: Some(1024),
            ..Side::default()
        }
    }

    /// A side that gives a silent peer up soon, but not one that waits for a processor.
    pub fn impatient() -> Side {
        Side {
            idle: Duration::from_secs(2),
            ..Side::default()
        }
    }

    fn connect(&self, rendezvous: Rendezvous) -> Connect {
        let secret = Secret::from_text(self.secret.as_str()).expect("a secret");
        let mut connect = Connect::new(rendezvous, secret);
        connect.idle_timeout = self.idle;
        connect.wait = self.wait;
        connect.retries = 0;
        connect
    }

    pub fn receive_listening(&self, destination: &Path) -> Running<Vec<Summary>> {
        let connect = self.connect(listen());
        let options = self.receive_options(destination);
        Running::start(true, move |witness| {
            peerbridge::receive(&connect, &options, witness)
        })
    }

    pub fn receive_dialling(&self, destination: &Path, port: u16) -> Running<Vec<Summary>> {
        let connect = self.connect(dial(port));
        let options = self.receive_options(destination);
        Running::start(false, move |witness| {
            peerbridge::receive(&connect, &options, witness)
        })
    }

    pub fn send_listening(&self, path: &Path) -> Running<Summary> {
        let connect = self.connect(listen());
        let options = self.send_options(path);
        Running::start(true, move |witness| {
            peerbridge::send(&connect, &options, witness)
        })
    }

    pub fn send_dialling(&self, path: &Path, port: u16) -> Running<Summary> {
        let connect = self.connect(dial(port));
        let options = self.send_options(path);
        Running::start(false, move |witness| {
            peerbridge::send(&connect, &options, witness)
        })
    }

    pub fn send_stream_dialling(&self, stream: Stream, port: u16) -> Running<Summary> {
        let connect = self.connect(dial(port));
        let options = SendOptions::of(Payload::Stream(stream));
        Running::start(false, move |witness| {
            peerbridge::send(&connect, &options, witness)
        })
    }

    fn receive_options(&self, destination: &Path) -> ReceiveOptions {
        let mut options = ReceiveOptions::new(destination.to_owned());
        options.output = self.output.clone();
        options.max_bytes = self.most;
        options.outside_links = self.outside_links;
        options
    }

    fn send_options(&self, path: &Path) -> SendOptions {
        let mut options = SendOptions::new(vec![path.to_owned()]);
        options.streams = Some(self.streams);
        options.rate_limit = self.rate_limit;
        options.verify = self.verify;
        options
    }
}

/// A running side.
pub struct Running<T> {
    /// The port on which it listens; 0 for a dialler.
    pub port: u16,
    pub seen: Arc<Seen>,
    result: Receiver<Result<T, Error>>,
}

/// What a side has reported so far.
#[derive(Default)]
pub struct Seen {
    pub failed_proofs: AtomicU32,
    pub authenticated: AtomicBool,
}

impl<T: Send + 'static> Running<T> {
    fn start(
        listens: bool,
        run: impl FnOnce(&dyn Operator) -> Result<T, Error> + Send + 'static,
    ) -> Running<T> {
        let (told, port) = Port::new();
        let (tell_result, result) = mpsc::channel();
        let seen = Arc::new(Seen::default());
        let witness = Witness {
            port: told,
            seen: Arc::clone(&seen),
        };
        std::thread::spawn(move || {
            let _ = tell_result.send(run(&witness));
        });
        let port = match listens {
            true => port.recv_timeout(LONG).expect("it listens"),
            false => 0,
        };
        Running { port, seen, result }
    }

    /// Waits for its end. Fails after too long a wait, which means a hang, and if there is no result, which
    /// means a panic.
    pub fn end(&self) -> Result<T, Error> {
        self.result
            .recv_timeout(LONG)
            .unwrap_or_else(|error| panic!("it neither ends nor fails: {error}"))
    }

    pub fn failed_proofs(&self) -> u32 {
        self.seen.failed_proofs.load(Ordering::SeqCst)
    }

    /// Waits until that many proofs have failed.
    pub fn expect_failed_proofs(&self, count: u32) {
        wait_until("the failed proofs are counted", || {
            self.failed_proofs() >= count
        });
        assert_eq!(self.failed_proofs(), count);
    }
}

/// Waits until something is so. Fails if it never is.
#[track_caller]
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    assert!(comes_true(is_so), "not so: {what}");
}

/// Waits until something is so. Returns whether it ever was.
pub fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + LONG;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Witness {
    port: Port,
    seen: Arc<Seen>,
}

impl Operator for Witness {
    fn event(&self, event: &Event<'_>) {
        self.port.event(event);
        match event {
            Event::ProofFailed { count, .. } => {
                self.seen.failed_proofs.store(*count, Ordering::SeqCst);
            }
            Event::Authenticated { .. } => self.seen.authenticated.store(true, Ordering::SeqCst),
            _ => {}
        }
    }

    /// This side's person confirms the phrase; the test decides about the other side.
    fn compare(&self, _: &str) -> Acceptance {
        Acceptance::Accept
    }
}

/// The exit code of the program for this result.
pub fn exit_code<T>(result: Result<T, Error>) -> u8 {
    match result {
        Ok(_) => 0,
        Err(error) => error.exit_code(),
    }
}
