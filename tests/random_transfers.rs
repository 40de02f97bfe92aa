//! Random trees that change between runs, connections that are cut anywhere, every policy: everything that a
//! run delivers is of one version, the one sent last.
//!
//! `PEERBRIDGE_TEST_SEED` repeats a run, `PEERBRIDGE_RANDOM_RUNS` sets how many transfers there are.
//! `tests/crash` does the same with programs that are killed.

use peerbridge::{
    Connect, Event, FileResult, ListenAddress, Operator, PeerAddress, ReceiveOptions, Rendezvous,
    Secret, SendOptions,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

#[path = "harness/chance.rs"]
mod chance;
#[path = "harness/story.rs"]
mod story;

use chance::Chance;
use story::{RunEnd, Settings, Told, tell_stories};

/// Transfers of all lanes together, unless `PEERBRIDGE_RANDOM_RUNS` sets the number.
const RUNS: u64 = 2_000;

/// Trees that are sent at the same time.
const LANES: u64 = 4;

#[test]
fn what_is_delivered_is_of_one_version() {
    tell_stories(RUNS, LANES, run);
}

/// One run, with a connection that may be cut at any byte.
fn run(from: &Path, into: &Path, settings: Settings, chance: Option<&mut Chance>) -> RunEnd {
    let mut send = SendOptions::new(vec![from.to_owned()]);
    let mut receive = ReceiveOptions::new(into.to_owned());
    receive.existing = settings.existing;
    send.checksum = settings.sender_compares;
    receive.checksum = settings.receiver_compares;
    send.streams = Some(settings.streams);
    let Some(chance) = chance else {
        return transfer(&send, &receive, None, 0);
    };
    let files = story::files_below(from);
    let total: u64 = files.values().map(|bytes| bytes.len() as u64).sum();
    let cut = match chance.below(2) {
        0 => None,
        _ => Some(chance.below(total + 3000)),
    };
    // The connection is cut once, and then retried or given up.
    let retries = match chance.below(8) {
        0 => 3,
        _ => 0,
    };
    transfer(&send, &receive, cut, retries)
}

/// An operator that records a receiver's events and its port.
struct Listener {
    port: Mutex<mpsc::Sender<u16>>,
    files: Mutex<BTreeMap<PathBuf, Told>>,
}

impl Operator for Listener {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listening { addresses } => {
                // A receiver that resumes after a cut may report its port again, which is ignored.
                let _ = self.port.lock().unwrap().send(addresses[0].port());
            }
            Event::File { path, result, .. } => {
                let path = std::str::from_utf8(path).unwrap();
                if let Some(name) = path.strip_prefix("tree/") {
                    let mut files = self.files.lock().unwrap();
                    let told = match result {
                        FileResult::Delivered => Told::Delivered,
                        FileResult::Identical => Told::Identical,
                        FileResult::Skipped | FileResult::Failed { .. } => Told::Untouched,
                    };
                    files.insert(name.into(), told);
                }
            }
            _ => {}
        }
    }
}

fn connect(rendezvous: Rendezvous, retries: u32) -> Connect {
    let secret = Secret::from_text("only for this test").unwrap();
    let mut connect = Connect::new(rendezvous, secret);
    connect.idle_timeout = Duration::from_secs(20);
    connect.wait = Some(Duration::from_secs(20));
    connect.retries = retries;
    connect
}

fn transfer(
    send: &SendOptions,
    receive: &ReceiveOptions,
    cut: Option<u64>,
    retries: u32,
) -> RunEnd {
    let (port, ports) = mpsc::channel();
    let told = Listener {
        port: Mutex::new(port),
        files: Mutex::default(),
    };
    let listen = Rendezvous::Listen(ListenAddress {
        address: Some(Ipv4Addr::LOCALHOST.into()),
        port: 0,
    });
    let (sent, received) = std::thread::scope(|scope| {
        let receiving =
            scope.spawn(|| peerbridge::receive(&connect(listen, retries), receive, &told));
        let listening = ports.recv().unwrap();
        let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = proxy.local_addr().unwrap().port();
        let line = scope.spawn(move || carry(&proxy, listening, cut));
        let dial = Rendezvous::Dial(PeerAddress {
            host: "127.0.0.1".into(),
            port,
        });
        let sent = peerbridge::send(&connect(dial, retries), send, &peerbridge::Unattended);
        let received = receiving.join().unwrap();
        // Wakes the proxy, which ends at a connection without data.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        line.join().unwrap();
        (sent, received)
    });
    RunEnd {
        told: told.files.into_inner().unwrap(),
        is_complete: sent.is_ok() && received.is_ok(),
    }
}

/// Forwards connections to `port`. After `cut` bytes in that direction all open connections are cut, once.
fn carry(proxy: &TcpListener, port: u16, cut: Option<u64>) {
    let left = AtomicU64::new(cut.unwrap_or(u64::MAX));
    let open: Mutex<Vec<TcpStream>> = Mutex::default();
    std::thread::scope(|scope| {
        loop {
            let (near, _) = proxy.accept().unwrap();
            let mut first = [0; 1];
            if !matches!(near.peek(&mut first), Ok(1)) {
                break;
            }
            let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
                continue;
            };
            let clones = [&near, &far].map(|stream| stream.try_clone().unwrap());
            open.lock().unwrap().extend(clones);
            let (left, open) = (&left, &open);
            let (near_back, far_back) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            scope.spawn(move || pump(near, far, |count| end_after(left, open, count)));
            scope.spawn(move || pump(far_back, near_back, |_| {}));
        }
    });
}

fn end_after(left: &AtomicU64, open: &Mutex<Vec<TcpStream>>, count: u64) {
    let before = left.load(Ordering::Relaxed);
    if before == u64::MAX {
        return;
    }
    left.store(before.saturating_sub(count).max(1), Ordering::Relaxed);
    if before <= count {
        left.store(u64::MAX, Ordering::Relaxed);
        for stream in open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, passed: impl Fn(u64)) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        passed(count as u64);
    }
    let _ = to.shutdown(Shutdown::Write);
}
