//! Guessing the secret: guesses are charged before they are answered, from any peer and in any number at once.

use crate::drop_box::{DropBox, Listening, secret};
use crate::harness::proxy::{self, PASS, Proxy, Way};
use crate::harness::trees::noise;
use crate::peer::{Line, Peer, answer_hello};
use crate::real::{LONG, SECRET, Side, exit_code, wait_until};
use crate::tree::Ground;
use crate::wire::{RawOffer, round_end};
use peerbridge::internals::{
    DiallerRole, DiallerWaitsForHello, FrameKind, Message, Role, frame, limits,
};
use peerbridge::{
    Connect, Error, ListenAddress, PeerAddress, ReceiveOptions, Rendezvous, SendOptions,
    Unattended, ping, receive, send,
};
use rustix::net::{AddressFamily, SocketType};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, spawn};
use std::time::{Duration, Instant};

const HELLO: u8 = FrameKind::Hello as u8;
const CONFIRM: u8 = FrameKind::Confirm as u8;

/// One guess in progress, with a name or without.
struct Guess {
    line: Line,
    state: DiallerWaitsForHello,
}

impl Guess {
    fn begin(stream: TcpStream, name: Option<&str>) -> Guess {
        let mut line = Line::of(stream);
        let role = DiallerRole::Transfer(Role::Send);
        let (state, body) =
            DiallerWaitsForHello::start(&secret("wrong"), role, name).expect("random bytes");
        line.send(&frame(FrameKind::Hello, &body));
        Guess { line, state }
    }

    fn dial(port: u16, name: Option<&str>) -> Guess {
        Guess::begin(TcpStream::connect(("127.0.0.1", port)).unwrap(), name)
    }

    /// Whether the guess was answered before `deadline`. If so, sends a wrong proof.
    fn try_until(mut self, deadline: Instant) -> bool {
        let Some(body) = self.answer(deadline) else {
            return false;
        };
        let (_, confirm) = self.state.on_hello(&body).expect("a good Hello");
        self.line.send_frame(CONFIRM, &confirm);
        self.line.read_to_end();
        true
    }

    fn answer(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        self.line.0.set_read_timeout(Some(left)).unwrap();
        let mut header = [0; 5];
        self.line.0.read_exact(&mut header).ok()?;
        let mut body = vec![0; usize::from(header[3])];
        self.line.0.set_read_timeout(Some(LONG)).unwrap();
        self.line.0.read_exact(&mut body).ok()?;
        (header[4] == HELLO).then_some(body)
    }
}

/// How many of these guesses, started at once, are answered within `time`.
fn answered(guesses: Vec<Guess>, time: Duration) -> usize {
    let deadline = Instant::now() + time;
    scope(|scope| {
        let threads: Vec<_> = guesses
            .into_iter()
            .map(|guess| scope.spawn(move || guess.try_until(deadline)))
            .collect();
        let answers = threads.into_iter().map(|thread| thread.join().unwrap());
        answers.filter(|is_answered| *is_answered).count()
    })
}

/// Connects from the given loopback address.
fn dial_from(address: u32, port: u16) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let from = Ipv4Addr::from_bits(0x7f01_0000 + address);
    rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).unwrap();
    rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    TcpStream::from(socket)
}

/// Wrong guesses one after the other, each counted.
fn guess_wrong(served: &DropBox, name: Option<&str>, times: u32) {
    for _ in 0..times {
        let before = served.failed();
        assert!(Guess::dial(served.port, name).try_until(Instant::now() + LONG));
        wait_until("the guess is counted", || served.failed() > before);
    }
}

/// Sends one small file over a session, to its end.
fn send_a_file(mut peer: Peer) {
    let contents = b"contents";
    peer.say(&RawOffer::file(contents.len() as u64).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    peer.part(0, contents);
    peer.say(&round_end(0, &[], &[(0, crc32fast::hash(contents))]));
    assert!(matches!(peer.hear(), Some(Message::Done(_))));
    peer.say(&[13]);
}

#[test]
fn two_hundred_hellos_at_once_are_five_guesses() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let guesses = (0..200).map(|_| Guess::dial(receiver.port, None)).collect();
    let answered = answered(guesses, LONG);
    assert!(answered <= limits::FAILED_PROOFS as usize, "{answered}");
    let ended = receiver.end();
    assert!(
        matches!(ended, Err(Error::WrongSecret { attempts: 5 })),
        "{ended:?}"
    );
    ground.expect_untouched();
}

#[test]
fn guesses_while_a_transfer_runs_are_counted_and_cost_it_nothing() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let peer = Peer::dial(receiver.port, Role::Send);
    let guesses = (0..60).map(|_| Guess::dial(receiver.port, None)).collect();
    let answers = answered(guesses, LONG);
    assert_eq!(answers, limits::FAILED_PROOFS as usize);
    let more = vec![Guess::dial(receiver.port, None)];
    assert_eq!(answered(more, LONG), 0);
    send_a_file(peer);
    receiver.end().expect("its own peer is served");
}

/// The receiver's own peer proves a key of its session, which cannot be guessed.
#[test]
fn whoever_was_in_a_session_comes_back_when_all_guesses_are_spent() {
    let ground = Ground::large();
    let witness = Listening::new();
    let receiving = {
        let destination = ground.destination.clone();
        let operator = witness.operator.clone();
        spawn(move || {
            let listen = ListenAddress {
                address: Some(Ipv4Addr::LOCALHOST.into()),
                port: 0,
            };
            let connect = Connect::new(Rendezvous::Listen(listen), secret(SECRET));
            receive(&connect, &ReceiveOptions::new(destination), &*operator)
        })
    };
    let port = witness.port.recv_timeout(LONG).expect("it listens");
    let cut = proxy::Line {
        to_listener: Way::Cut(3_000_000),
        to_dialler: Way::Pass,
    };
    let line = Proxy::by_connection(port, move |number| if number == 0 { cut } else { PASS });
    let sending = {
        let (port, source) = (line.port(), ground.source.clone());
        spawn(move || {
            let host = "127.0.0.1".to_owned();
            let rendezvous = Rendezvous::Dial(PeerAddress { host, port });
            let connect = Connect::new(rendezvous, secret(SECRET));
            let mut options = SendOptions::new(vec![source]);
            options.streams = Some(1);
            options.rate_limit = Some(1 << 20);
            send(&connect, &options, &Unattended)
        })
    };
    wait_until("they have met", || {
        witness.operator.has_met.load(Ordering::SeqCst)
    });
    let guesses = (0..20).map(|_| Guess::dial(port, None)).collect();
    let answers = answered(guesses, LONG);
    assert_eq!(answers, limits::FAILED_PROOFS as usize);
    sending.join().unwrap().expect("it comes back");
    receiving.join().unwrap().expect("it waits for its peer");
    ground.expect_whole();
}

/// An attacker that saw a return on the network sends it again, so that the peer's next try would have to wait
/// for the copies.
#[test]
fn a_copy_of_a_return_is_none_and_the_peer_s_next_try_is_answered() {
    let inbox = tempfile::tempdir().unwrap();
    let served = DropBox::of_one(inbox.path());
    let peer = Peer::dial(served.port, Role::Send);
    let ticket = peer.keys.return_ticket();
    let hello = || {
        let role = DiallerRole::Transfer(Role::Send);
        let begun = DiallerWaitsForHello::start_return(&ticket, role);
        begun.expect("random bytes")
    };
    drop(peer);
    let send = |body: &[u8]| {
        let mut line = Line::dial(served.port);
        line.send(&frame(FrameKind::Hello, body));
        line
    };
    let (_, lost) = hello();
    // The peer's own connection is lost after the answer.
    assert_eq!(send(&lost).read_frame().expect("an answer").0, HELLO);
    for number in 0..4 {
        let (kind, _) = send(&lost).read_frame().expect("an answer");
        assert_eq!(kind, FrameKind::Refuse as u8, "copy {number}");
    }
    assert_eq!(served.failed(), 0, "and none is a guess");
    let (state, own) = hello();
    let mut line = send(&own);
    let (_, body) = line.read_frame().expect("a Hello");
    let (state, confirm) = state.on_hello(&body).expect("a good Hello");
    line.send_frame(CONFIRM, &confirm);
    let (kind, body) = line.read_frame().expect("a Confirm");
    assert_eq!(kind, CONFIRM);
    let keys = state.on_confirm(&body).expect("one key");
    send_a_file(Peer::of(line, keys));
}

#[test]
fn a_proof_of_one_name_forgives_no_guess_at_another() {
    let inbox = tempfile::tempdir().unwrap();
    let served = DropBox::of_two(inbox.path());
    guess_wrong(&served, Some("bob"), limits::FAILED_PROOFS + 3);
    let alice = served.connect(Some("alice"), "alice's");
    ping(&alice, &Unattended).expect("alice is known");
    // Nothing is forgiven, so one guess is answered every second and a half.
    let begun = Instant::now();
    let guesses = (0..12)
        .map(|_| Guess::dial(served.port, Some("bob")))
        .collect();
    let answered = answered(guesses, Duration::from_millis(1400));
    let time = begun.elapsed();
    let most = 1 + time.as_millis() / 1500;
    assert!(answered as u128 <= most, "{answered} in {time:?}");
}

/// As behind one NAT, for example.
#[test]
fn four_guessers_at_an_honest_sender_s_address_keep_it_waiting_and_not_out() {
    let ground = Ground::small();
    let served = DropBox::of_one(&ground.destination);
    guess_wrong(&served, None, limits::FAILED_PROOFS + 3);
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    Guess::dial(served.port, None).try_until(Instant::now() + LONG);
                }
            });
        }
        let before = served.failed();
        wait_until("all four guess", || served.failed() > before);
        let connect = served.connect(None, SECRET);
        let options = SendOptions::new(vec![ground.source.clone()]);
        let sent = send(&connect, &options, &Unattended);
        is_over.store(true, Ordering::SeqCst);
        sent.expect("it gets its turn");
    });
    ground.expect_whole();
}

#[test]
fn guesses_from_many_addresses_have_one_rate_together() {
    let inbox = tempfile::tempdir().unwrap();
    let served = DropBox::of_one(inbox.path());
    let begun = Instant::now();
    let until = begun + Duration::from_secs(3);
    let next = AtomicU32::new(1);
    let answered = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..48 {
            scope.spawn(|| {
                while Instant::now() < until {
                    let address = next.fetch_add(1, Ordering::SeqCst);
                    let guess = Guess::begin(dial_from(address, served.port), None);
                    if guess.try_until(until) {
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    // The free guesses, those that may be in progress at once, and ten a second.
    let time = begun.elapsed();
    let most = 64 + 32 + 10 * (time.as_secs() + 1);
    let answered = answered.into_inner();
    assert!(u64::from(answered) <= most, "{answered} in {time:?}");
}

/// Takes a dialler's proofs and gives none. Returns how many it got before the dialler ended.
fn proofs_taken(
    listener: &TcpListener,
    mut hang_up: impl FnMut(&mut Line),
    is_over: &AtomicBool,
) -> u32 {
    listener.set_nonblocking(true).unwrap();
    let mut proofs = 0;
    while !is_over.load(Ordering::SeqCst) {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        let mut line = Line::of(stream);
        answer_hello(&mut line, Role::Receive);
        if let Some((CONFIRM, _)) = line.read_frame() {
            proofs += 1;
        }
        hang_up(&mut line);
    }
    proofs
}

/// Sends `source` to a false listener that takes proofs and hangs up in this way: it gets two proofs, and the
/// dialler warns.
fn expect_two_proofs(source: PathBuf, hang_up: impl FnMut(&mut Line) + Send) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let is_over = AtomicBool::new(false);
    let (sent, proofs) = scope(|scope| {
        let taking = scope.spawn(|| proofs_taken(&listener, hang_up, &is_over));
        let host = "127.0.0.1".to_owned();
        let rendezvous = Rendezvous::Dial(PeerAddress { host, port });
        let connect = Connect::new(rendezvous, secret(SECRET));
        let sent = send(&connect, &SendOptions::new(vec![source]), &Unattended);
        is_over.store(true, Ordering::SeqCst);
        (sent, taking.join().unwrap())
    });
    assert_eq!(proofs, 2);
    let shown = format!("{sent:?}");
    assert_eq!(exit_code(sent), 3, "{shown}");
}

#[test]
fn a_false_listener_gets_two_proofs_of_a_run_and_the_dialler_warns() {
    let busy = [&b"PEERBRDG"[..], &[4]].concat();
    for refusal in [None, Some(busy)] {
        let ground = Ground::small();
        expect_two_proofs(ground.source.clone(), |line| {
            if let Some(refusal) = &refusal {
                line.send_frame(FrameKind::Refuse as u8, refusal);
            }
        });
    }
}

/// The message that travels with a proof is not written yet when the connection is reset.
#[test]
fn a_false_listener_that_resets_gets_two_proofs_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("goes along");
    std::fs::write(&file, noise(1, 1_000_000)).unwrap();
    expect_two_proofs(file, |line| {
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&line.0, linger).unwrap();
    });
}
