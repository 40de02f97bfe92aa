//! Random trees that change between runs, lines that end anywhere, every policy: what a run delivers is of one
//! version, the one that was sent last, and a file of the same size and time is another one only where nobody
//! asked for a comparison.
//!
//! `PEERBRIDGE_TEST_SEED` repeats a run, `PEERBRIDGE_RANDOM_RUNS` sets how many transfers there are.

use peerbridge::{
    Connect, Error, Event, Existing, FileResult, ListenAddress, Operator, PeerAddress,
    ReceiveOptions, Rendezvous, Secret, SendOptions, Summary,
};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, UNIX_EPOCH};

#[path = "harness/chance.rs"]
mod chance;
use chance::Chance;

/// Transfers of all lanes together, unless the environment says another number.
const RUNS: u64 = 600;

/// Transfers into one destination before it begins anew.
const RUNS_OF_A_STORY: u64 = 12;

/// Trees that are sent at the same time.
const LANES: u64 = 4;

/// Bytes of a file that has at least three parts.
const LARGE: usize = 2_200_000;

#[test]
fn what_is_delivered_is_of_one_version() {
    let runs = std::env::var("PEERBRIDGE_RANDOM_RUNS").ok();
    let runs = runs.and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let seed = Chance::seed();
    let begun = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = begun.fetch_add(RUNS_OF_A_STORY, Ordering::Relaxed);
                    if number >= runs {
                        break;
                    }
                    Story::new(seed ^ number << 20, format!("{seed}, story {number}")).tell();
                }
            });
        }
    });
}

/// A source that changes, and a destination that it is sent to again and again.
struct Story {
    chance: Chance,
    name: String,
    work: tempfile::TempDir,
    /// All that ever stood under a name, at either side.
    versions: BTreeMap<PathBuf, Vec<Vec<u8>>>,
}

/// What a receiver told of each path, and how both sides ended.
struct Ended {
    told: BTreeMap<PathBuf, FileResult>,
    sent: Result<Summary, Error>,
    received: Result<Vec<Summary>, Error>,
}

impl Ended {
    fn is_complete(&self) -> bool {
        self.sent.is_ok() && self.received.is_ok()
    }
}

impl Story {
    fn new(seed: u64, name: String) -> Story {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir_all(work.path().join("from/tree/sub")).unwrap();
        fs::create_dir(work.path().join("into")).unwrap();
        Story {
            chance: Chance::new(seed),
            name,
            work,
            versions: BTreeMap::new(),
        }
    }

    fn tell(mut self) {
        for name in ["one", "two", "sub/three", "sub/four", "sub/five"] {
            let length = self.length();
            self.create(name, length);
        }
        // Of several parts: they may be the same, and a later one not.
        let length = LARGE + self.chance.place(LARGE);
        self.create("sub/large", length);
        for _ in 0..RUNS_OF_A_STORY {
            for _ in 0..self.chance.below(3) {
                self.edit();
            }
            self.run();
        }
    }

    fn source(&self) -> PathBuf {
        self.work.path().join("from/tree")
    }

    fn target(&self) -> PathBuf {
        self.work.path().join("into/tree")
    }

    /// Lengths on both sides of what may be claimed, and of a part.
    fn length(&mut self) -> usize {
        let most = [1, 60_000, 200_000, 700_000, 1_500_000][self.chance.below(5) as usize];
        self.chance.below(most) as usize
    }

    fn create(&mut self, name: &str, length: usize) {
        let bytes = self.chance.bytes(length);
        let path = self.source().join(name);
        fs::write(&path, &bytes).unwrap();
        set_time(&path, self.chance.below(1_000_000));
        self.remember(name.into(), bytes);
    }

    fn remember(&mut self, name: PathBuf, bytes: Vec<u8>) {
        self.versions
            .entry(original(&name))
            .or_default()
            .push(bytes);
    }

    /// Changes one file, of the source or, more seldom, of the destination.
    fn edit(&mut self) {
        let here = match self.chance.below(4) {
            0 => self.target(),
            _ => self.source(),
        };
        let names: Vec<PathBuf> = files_below(&here).into_keys().collect();
        let Some(name) = names.get(self.chance.below(names.len() as u64) as usize) else {
            return;
        };
        let path = here.join(name);
        let mut bytes = fs::read(&path).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut is_same_time = false;
        match self.chance.below(6) {
            0 | 1 => {
                self.scatter(&mut bytes);
                is_same_time = true;
            }
            2 => self.scatter(&mut bytes),
            3 => {
                let more = self.length();
                bytes.extend(self.chance.bytes(more));
            }
            4 => bytes.truncate(self.chance.below(bytes.len() as u64) as usize),
            _ => {}
        }
        fs::write(&path, &bytes).unwrap();
        match is_same_time {
            true => fs::File::open(&path).unwrap().set_modified(before).unwrap(),
            false => set_time(&path, 2_000_000 + self.chance.below(1_000_000)),
        }
        self.remember(name.clone(), bytes);
    }

    fn scatter(&mut self, bytes: &mut [u8]) {
        for _ in 0..1 + self.chance.below(3) {
            let at = self.chance.place(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 + self.chance.below(255) as u8;
            }
        }
    }

    fn run(&mut self) {
        let existing = Existing::ALL[self.chance.below(5) as usize];
        let mut send = SendOptions::new(vec![self.source()]);
        let mut receive = ReceiveOptions::new(self.work.path().join("into"));
        receive.existing = existing;
        (send.checksum, receive.checksum) =
            [(false, false), (false, false), (true, false), (false, true)]
                [self.chance.below(4) as usize];
        send.streams = Some(1 + self.chance.below(3) as u16);
        let is_compared = send.checksum || receive.checksum;
        let total: u64 = files_below(&self.source())
            .values()
            .map(|bytes| bytes.len() as u64)
            .sum();
        let cut = match self.chance.below(2) {
            0 => None,
            _ => Some(self.chance.below(total + 3000)),
        };
        // A line that is cut once and tried again, or given up.
        let retries = match self.chance.below(8) {
            0 => 3,
            _ => 0,
        };
        let before = files_below(&self.target());
        let ended = transfer(&send, &receive, cut, retries);
        self.check(existing, is_compared, &before, &ended);
        if ended.is_complete() && self.chance.below(3) == 0 {
            let before = files_below(&self.target());
            let again = transfer(&send, &receive, None, 0);
            let is_unchanged = files_below(&self.target()) == before;
            assert!(
                again.is_complete() && is_unchanged,
                "seed {}, {existing:?}, compared: {is_compared}: the same again did something",
                self.name
            );
        }
    }

    fn check(
        &self,
        existing: Existing,
        is_compared: bool,
        before: &BTreeMap<PathBuf, Vec<u8>>,
        ended: &Ended,
    ) {
        let what = format!("seed {}, {existing:?}, compared: {is_compared}", self.name);
        let sent = files_below(&self.source());
        let there = files_below(&self.target());
        for (name, bytes) in &there {
            let known = self.versions.get(&original(name));
            let is_known = known.is_some_and(|versions| versions.contains(bytes));
            assert!(is_known, "{what}: {name:?} is of no version");
        }
        for (name, result) in &ended.told {
            let Some(bytes) = sent.get(name) else {
                continue;
            };
            let same = || there.values().any(|other| other == bytes);
            match result {
                FileResult::Delivered if existing == Existing::Rename => {
                    assert!(same(), "{what}: {name:?} is nowhere");
                }
                FileResult::Delivered => {
                    assert!(
                        there.get(name) == Some(bytes),
                        "{what}: {name:?} was not delivered"
                    );
                }
                FileResult::Identical if is_compared => {
                    assert!(same(), "{what}: {name:?} was compared and is another");
                }
                FileResult::Identical => {
                    let is_there = there.values().any(|other| other.len() == bytes.len());
                    assert!(is_there, "{what}: {name:?} is not there");
                }
                FileResult::Skipped | FileResult::Failed { .. } => {
                    assert!(
                        there.get(name) == before.get(name),
                        "{what}: {name:?} was touched"
                    );
                }
            }
        }
        if ended.is_complete() {
            let told = sent.keys().filter(|name| ended.told.contains_key(*name));
            assert_eq!(told.count(), sent.len(), "{what}: not all was told");
        }
    }
}

/// The name that a renamed one was made of.
fn original(name: &Path) -> PathBuf {
    let name = name.to_str().unwrap();
    name.split(" (").next().unwrap().into()
}

fn set_time(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(1_500_000_000 + seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// The contents of all files below a folder, also of those in folders that were renamed.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(items) = fs::read_dir(&next) else {
            continue;
        };
        for path in items.map(|item| item.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Remembers what a receiver tells, and which port it got.
struct Told {
    port: Mutex<mpsc::Sender<u16>>,
    files: Mutex<BTreeMap<PathBuf, FileResult>>,
}

impl Operator for Told {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listening { addresses } => {
                // A receiver that goes on after a cut tells no second time.
                let _ = self.port.lock().unwrap().send(addresses[0].port());
            }
            Event::File { path, result, .. } => {
                let path = std::str::from_utf8(path).unwrap();
                if let Some(name) = path.strip_prefix("tree/") {
                    let mut files = self.files.lock().unwrap();
                    files.insert(name.into(), result.clone());
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

fn transfer(send: &SendOptions, receive: &ReceiveOptions, cut: Option<u64>, retries: u32) -> Ended {
    let (port, ports) = mpsc::channel();
    let told = Told {
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
        // Wakes the line, which ends when a connection brings nothing.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        line.join().unwrap();
        (sent, received)
    });
    Ended {
        told: told.files.into_inner().unwrap(),
        sent,
        received,
    }
}

/// Carries connections to `port`. After `cut` bytes towards it all that are open end, once.
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
