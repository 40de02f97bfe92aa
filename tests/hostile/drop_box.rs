//! A drop box run through the library, and its peers.

use crate::real::{LONG, SECRET};
use peerbridge::{
    Cancel, Connect, Event, ListenAddress, NamedSecret, NamedSecrets, Operator, PeerAddress,
    ReceiveOptions, Rendezvous, Secret, Secrets, ServeOptions, TotpKey, serve,
};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{JoinHandle, spawn};

pub fn secret(text: &str) -> Secret {
    Secret::from_text(text).expect("a secret")
}

/// A drop box that ends with the test.
pub struct DropBox {
    pub port: u16,
    pub operator: Arc<Witness>,
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl DropBox {
    pub fn open(inbox: &Path, secrets: Secrets) -> DropBox {
        DropBox::with(inbox, secrets, |_| {})
    }

    /// A drop box with options that `change` sets.
    pub fn with(inbox: &Path, secrets: Secrets, change: impl FnOnce(&mut ServeOptions)) -> DropBox {
        let listen = ListenAddress {
            address: Some(Ipv4Addr::LOCALHOST.into()),
            port: 0,
        };
        let receive = ReceiveOptions::new(inbox.to_owned());
        let mut options = ServeOptions::new(listen, secrets, receive);
        change(&mut options);
        let cancel = options.cancel.clone();
        let Listening { operator, port } = Listening::new();
        let serving = Arc::clone(&operator);
        let thread = spawn(move || serve(&options, &*serving).expect("it serves"));
        DropBox {
            port: port.recv_timeout(LONG).expect("it listens"),
            operator,
            cancel,
            thread: Some(thread),
        }
    }

    pub fn of_one(inbox: &Path) -> DropBox {
        DropBox::open(inbox, Secrets::One(Arc::new(secret(SECRET))))
    }

    pub fn of_two(inbox: &Path) -> DropBox {
        DropBox::open(inbox, DropBox::two_secrets())
    }

    /// The secrets of alice and bob.
    pub fn two_secrets() -> Secrets {
        DropBox::secrets(None)
    }

    /// Those of alice and bob, who owes codes of this key.
    pub fn secrets(key: Option<TotpKey>) -> Secrets {
        let key = key.map(Arc::new);
        let list = ["alice", "bob"].map(|name| NamedSecret {
            second_factor: key.clone().filter(|_| name == "bob"),
            name: name.into(),
            secret: secret(&format!("{name}'s")),
            max_bytes: None,
            max_files: None,
        });
        Secrets::Named(Arc::new(Fixed(Arc::new(list))))
    }

    pub fn failed(&self) -> u32 {
        self.operator.failed.load(Ordering::SeqCst)
    }

    pub fn connect(&self, name: Option<&str>, text: &str) -> Connect {
        let host = "127.0.0.1".to_owned();
        let port = self.port;
        let mut connect = Connect::new(Rendezvous::Dial(PeerAddress { host, port }), secret(text));
        connect.name = name.map(str::to_owned);
        connect.retries = 0;
        connect
    }
}

impl Drop for DropBox {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// What a listener has reported.
pub struct Witness {
    tell_port: Mutex<mpsc::Sender<u16>>,
    failed: AtomicU32,
    pub has_met: AtomicBool,
}

/// The report of a side that begins to listen.
pub struct Listening {
    pub operator: Arc<Witness>,
    pub port: mpsc::Receiver<u16>,
}

impl Listening {
    pub fn new() -> Listening {
        let (tell_port, port) = mpsc::channel();
        let operator = Arc::new(Witness {
            tell_port: Mutex::new(tell_port),
            failed: AtomicU32::new(0),
            has_met: AtomicBool::new(false),
        });
        Listening { operator, port }
    }
}

impl Operator for Witness {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listening { addresses } => {
                let _ = self.tell_port.lock().unwrap().send(addresses[0].port());
            }
            Event::ProofFailed { count, .. } => self.failed.store(*count, Ordering::SeqCst),
            Event::Authenticated { .. } => self.has_met.store(true, Ordering::SeqCst),
            _ => {}
        }
    }
}

struct Fixed(Arc<[NamedSecret]>);

impl NamedSecrets for Fixed {
    fn current(&self) -> Arc<[NamedSecret]> {
        Arc::clone(&self.0)
    }
}
