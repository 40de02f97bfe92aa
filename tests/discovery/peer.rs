//! Programs inside the namespaces: this executable with a job, and its output.

use crate::network::Machine;
use peerbridge::internals::{Channel, Lookout, Presence, Role};
use peerbridge::{
    Connect, Discovery, Error, Event, MeetingCode, Operator, PeerAddress, ReceiveOptions,
    Rendezvous, SendOptions, Unattended,
};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroU16;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// The variable with the job of this executable inside a namespace.
const JOB: &str = "PEERBRIDGE_TEST_JOB";

/// Marks a line for the waiting test.
const MARK: &str = "job: ";

/// How long to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running job; it ends when this is dropped.
pub struct Peer {
    child: Child,
    lines: Receiver<String>,
    noise: RefCell<Vec<String>>,
}

/// The outcome of a transfer.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything arrived.
    Done,
    /// It failed, with the debug output of the error.
    Failed(String),
}

impl Peer {
    /// Starts a job, and waits until it is running.
    pub fn start(machine: &Machine, job: &str) -> Peer {
        let executable = std::env::current_exe().unwrap();
        let mut command = machine.command(executable.to_str().unwrap());
        command.args([
            "--exact",
            "inside",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        command
            .env(JOB, job)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once(MARK) {
                    // The test may have stopped listening.
                    let _ = sender.send(said.to_owned());
                }
            }
        });
        let peer = Peer {
            child,
            lines,
            noise: RefCell::default(),
        };
        peer.expect("ready");
        peer
    }

    /// A peer that wants to meet on channel 4271.
    pub fn meet(machine: &Machine, role: &str) -> Peer {
        Peer::start(machine, &format!("meet {role} 4271"))
    }

    /// The next line.
    pub fn next(&self) -> String {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("it says something")
    }

    /// The next line, if there is one already.
    pub fn latest(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Waits for this line, and skips others.
    pub fn expect(&self, line: &str) {
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(said) if said == line => return,
                Ok(said) => others.push(said),
                Err(_) => panic!("it does not say {line:?}, but {others:?}"),
            }
        }
    }

    /// Waits for the outcome of its transfer.
    pub fn outcome(&self) -> Outcome {
        loop {
            let line = self.next();
            if line == "done" {
                return Outcome::Done;
            }
            if let Some(error) = line.strip_prefix("failed: ") {
                return Outcome::Failed(error.to_owned());
            }
            self.note(line);
        }
    }

    /// The report of a peer that has met nobody for a while.
    pub fn looking(&self) -> String {
        loop {
            let line = self.next();
            if line.starts_with("looking:") {
                return line;
            }
        }
    }

    /// Warnings and wrong proofs so far.
    pub fn noise(&self) -> Vec<String> {
        self.noise.borrow().clone()
    }

    /// Waits for a warning or wrong proof that begins with `begin`.
    pub fn expect_noise(&self, begin: &str) {
        loop {
            let line = self.next();
            let is_it = line.starts_with(begin);
            self.note(line);
            if is_it {
                return;
            }
        }
    }

    fn note(&self, line: String) {
        if line.starts_with("w") {
            self.noise.borrow_mut().push(line);
        }
    }

    /// Writes a line to its input.
    pub fn say(&self, line: &str) {
        let mut input = self.child.stdin.as_ref().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Closes its input, and returns its last line.
    pub fn finish(&mut self) -> String {
        drop(self.child.stdin.take());
        self.next()
    }

    /// The process inside the namespace: `ip netns exec` becomes it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(line: &str) {
    println!("{MARK}{line}");
}

/// Does the job that the environment names, until standard input ends.
pub fn work() {
    let job = std::env::var(JOB).expect("a job");
    let words: Vec<&str> = job.split(' ').collect();
    match words[..] {
        ["meet", role, channel] => meet(Discovery::On, role, channel),
        ["meet-when-told", role, channel] => meet_when_told(role, channel),
        ["loopback", role, channel] => meet(Discovery::Loopback, role, channel),
        ["off", role, channel] => meet(Discovery::Off, role, channel),
        ["send", code] => send(code, Pace::AtOnce),
        ["hold-send", code] => send(code, Pace::WhenTold),
        ["receive", code] => receive(code),
        ["guess", host, code] => guess(host, code),
        ["silent", role, channel] => {
            accept_and_say_nothing();
            meet(Discovery::On, role, channel);
        }
        ["copy", victim] => copy(victim),
        ["hold", address] => hold(address),
        ["ask", from, to] => ask(from, to),
        ["flood", to] => flood(to),
        _ => panic!("{job}"),
    }
}

/// The contents that a sender sends. A sender that waits sends more than may travel with an offer.
fn contents(pace: Pace) -> Vec<u8> {
    match pace {
        Pace::AtOnce => vec![7; 100_000],
        Pace::WhenTold => vec![8; 10_000_000],
    }
}

fn send(code: &str, pace: Pace) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contents");
    std::fs::write(&path, contents(pace)).unwrap();
    let options = SendOptions::new(vec![path]);
    let connect = Connect::by_code(&MeetingCode::from_canonical(code).unwrap());
    say("ready");
    report(peerbridge::send(&connect, &options, &Talkative(pace)).map(drop));
}

fn receive(code: &str) {
    let folder = tempfile::tempdir().unwrap();
    let options = ReceiveOptions::new(folder.path().to_owned());
    let connect = Connect::by_code(&MeetingCode::from_canonical(code).unwrap());
    say("ready");
    let received = peerbridge::receive(&connect, &options, &Talkative(Pace::AtOnce));
    report(received.map(|_| {
        let received = std::fs::read(folder.path().join("contents")).unwrap();
        assert!(
            [Pace::AtOnce, Pace::WhenTold]
                .map(contents)
                .contains(&received)
        );
    }));
}

/// Tries other words at the listener there, until no guess is left.
fn guess(host: &str, code: &str) {
    let folder = tempfile::tempdir().unwrap();
    let options = ReceiveOptions::new(folder.path().to_owned());
    say("ready");
    let mut wrong = 0;
    for _ in 0..5 {
        let address = PeerAddress {
            host: host.to_owned(),
            port: 8080,
        };
        let secret = MeetingCode::from_canonical(code).unwrap().to_secret();
        let mut connect = Connect::new(Rendezvous::Dial(address), secret);
        connect.retries = 0;
        let tried = peerbridge::receive(&connect, &options, &Unattended);
        wrong += u32::from(matches!(tried, Err(Error::WrongSecret { .. })));
    }
    say(&format!("{wrong} wrong"));
}

/// Accepts connections where [`meet`] says that it listens, and says nothing.
fn accept_and_say_nothing() {
    let listener = TcpListener::bind("0.0.0.0:9000").unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            held.push(stream.unwrap());
            say("dialled");
        }
    });
}

/// Repeats what `victim` sends, with a port of its own that never answers.
fn copy(victim: &str) {
    let victim: IpAddr = victim.parse().unwrap();
    let socket = UdpSocket::bind("0.0.0.0:8080").unwrap();
    socket.set_broadcast(true).unwrap();
    accept_and_say_nothing();
    say("ready");
    let mut buffer = [0; 64];
    loop {
        let (length, source) = socket.recv_from(&mut buffer).unwrap();
        if length == 64 && source.ip() == victim {
            buffer[29..31].copy_from_slice(&9000u16.to_be_bytes());
            socket.send_to(&buffer, "10.77.0.255:8080").unwrap();
            say("copied");
        }
    }
}

fn report(result: Result<(), Error>) {
    match result {
        Ok(()) => say("done"),
        Err(error) => say(&format!("failed: {error:?}")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    /// Waits for a line once the offer is accepted.
    WhenTold,
}

/// An operator that prints what a test may want to know.
struct Talkative(Pace);

impl Operator for Talkative {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::ProofFailed { peer, .. } => {
                say(&format!("wrong proof from {}", peer.ip().to_canonical()))
            }
            Event::Warning { message } => say(&format!("warning: {message}")),
            Event::StillLooking(looking) => {
                let mut said = "looking:".to_owned();
                for own in &looking.addresses {
                    said += &format!(" own {own}");
                }
                for address in &looking.unreachable {
                    said += &format!(" unreachable {address}");
                }
                for address in &looking.listening {
                    said += &format!(" listening {}", address.port());
                }
                say(&said);
            }
            Event::Reconnecting { .. } => say("warning: connects again"),
            Event::Accepted { .. } => {
                say("accepted");
                if self.0 == Pace::WhenTold {
                    std::io::stdin().read_line(&mut String::new()).unwrap();
                }
            }
            _ => {}
        }
    }
}

fn until_input_ends() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn presence(role: &str, channel: &str) -> Presence {
    Presence::Meeting {
        role: match role {
            "send" => Role::Send,
            _ => Role::Receive,
        },
        channel: Channel::new(channel.parse().unwrap()).unwrap(),
        port: NonZeroU16::new(9000).unwrap(),
    }
}

/// Waits for a line, searches for its peer, and prints after how many milliseconds it was found.
fn meet_when_told(role: &str, channel: &str) {
    say("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let begun = Instant::now();
    let on_found = move |_| say(&begun.elapsed().as_millis().to_string());
    let lookout = Lookout::start(Discovery::On, presence(role, channel), on_found);
    let lookout = lookout.unwrap();
    until_input_ends();
    drop(lookout);
}

fn meet(mode: Discovery, role: &str, channel: &str) {
    let presence = presence(role, channel);
    let lookout = Lookout::start(mode, presence, |found| say(&found.address.to_string()));
    let lookout = lookout.unwrap();
    say("ready");
    until_input_ends();
    drop(lookout);
}

/// Occupies a port, as another program would.
fn hold(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    say("ready");
    until_input_ends();
    drop(socket);
}

/// A query for channel 4271 as in `docs/PROTOCOL.md`, from a stranger.
fn query(instance: u64) -> [u8; 64] {
    let mut query = [0; 64];
    query[..13].copy_from_slice(b"PEERFIND\x01\x01\x01\x10\xaf");
    query[13..21].copy_from_slice(&instance.to_be_bytes());
    query[21..29].copy_from_slice(b"a nonce!");
    query[29..31].copy_from_slice(&9000u16.to_be_bytes());
    query
}

/// Sends 20 queries from one address, and prints how many answers come.
fn ask(from: &str, to: &str) {
    let socket = UdpSocket::bind(from).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    say("ready");
    for _ in 0..20 {
        socket.send_to(&query(1), to).unwrap();
    }
    let mut answers = 0;
    let mut buffer = [0; 65];
    while let Ok(length) = socket.recv(&mut buffer) {
        assert_eq!(length, 64);
        assert_eq!(&buffer[21..29], b"a nonce!");
        answers += 1;
    }
    say(&format!("{answers} answers"));
}

/// Sends queries with a new instance each as fast as it can, and prints their number when its input ends.
fn flood(to: &str) {
    let to: SocketAddr = to.parse().unwrap();
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    say("ready");
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        until_input_ends();
        let _ = sender.send(());
    });
    let mut sent = 0u64;
    while ended.try_recv().is_err() {
        for _ in 0..100 {
            // If the system's buffers are full, the flood cannot be any heavier.
            sent += u64::from(socket.send_to(&query(sent), to).is_ok());
        }
    }
    say(&format!("{sent} sent"));
}
