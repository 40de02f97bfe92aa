//! A peer that does not know the secret, or breaks the handshake, gets nothing and ends nothing.

use crate::harness::proxy::{self, Proxy, Way};
use crate::peer::{Line, Peer, answer_hello, hello};
use crate::real::{Running, Side, exit_code};
use crate::tree::Ground;
use crate::wire::RawOffer;
use peerbridge::Secret;
use peerbridge::internals::{DiallerRole, FrameKind, Role, limits};
use peerbridge::{Error, Summary};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const SEND: DiallerRole = DiallerRole::Transfer(Role::Send);

const CONFIRM: u8 = FrameKind::Confirm as u8;
const MESSAGE: u8 = FrameKind::Message as u8;
const PART: u8 = FrameKind::Part as u8;

/// The number of attempts after which a side gave up.
pub fn wrong_secret<T>(result: Result<T, Error>) -> u32 {
    match result {
        Err(Error::WrongSecret { attempts }) => attempts,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

/// Fails unless a real peer is still served by a listener that was attacked, and everything arrives.
pub fn expect_served(receiver: &Running<Vec<Summary>>, ground: &Ground) {
    let sent = Side::default().send_dialling(&ground.source, receiver.port);
    sent.end().expect("the right peer is served");
    receiver.end().expect("the right peer is served");
    ground.expect_whole();
}

#[test]
fn near_misses_end_both_sides_with_wrong_secret_and_create_nothing() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let misses = [
        "Correct horse",
        "correct horse ",
        " correct horse",
        "correct hors",
        "correct horse\n\n",
    ];
    for miss in misses {
        let sender = Side::with_secret(miss).send_dialling(&ground.source, receiver.port);
        let result = sender.end();
        assert_eq!(wrong_secret(result), 1, "{miss:?}");
    }
    let result = receiver.end();
    assert_eq!(exit_code(result), 3);
    ground.expect_untouched();
}

#[test]
fn a_wrong_secret_on_a_receiver_that_dials_creates_nothing() {
    let ground = Ground::small();
    let sender = Side::default().send_listening(&ground.source);
    for count in 1..=5 {
        let wrong = Side::with_secret("correct horse ");
        let receiver = wrong.receive_dialling(&ground.destination, sender.port);
        assert_eq!(wrong_secret(receiver.end()), 1);
        sender.expect_failed_proofs(count);
    }
    assert_eq!(wrong_secret(sender.end()), 5);
    ground.expect_untouched();
}

#[test]
fn a_listener_whose_time_runs_out_tells_of_the_wrong_secrets() {
    let ground = Ground::small();
    let patience = Side {
        wait: Some(Duration::from_secs(4)),
        ..Side::default()
    };
    let receiver = patience.receive_listening(&ground.destination);
    let sender = Side::with_secret("wrong").send_dialling(&ground.source, receiver.port);
    assert_eq!(wrong_secret(sender.end()), 1);
    assert_eq!(wrong_secret(receiver.end()), 1);
    ground.expect_untouched();
}

#[test]
fn secrets_of_one_and_a_thousand_characters_hold_and_an_empty_one_is_none() {
    for secret in ["x".to_string(), "ä".repeat(500), "y".repeat(1000)] {
        let ground = Ground::small();
        let side = Side::with_secret(&secret);
        let receiver = side.receive_listening(&ground.destination);
        let sender = side.send_dialling(&ground.source, receiver.port);
        sender.end().expect("one secret");
        receiver.end().expect("one secret");
        ground.expect_whole();
    }
    for empty in ["", "\n", "\r\n"] {
        assert!(Secret::from_text(empty).is_err());
    }
}

#[test]
fn a_line_end_of_a_secret_does_not_count() {
    let ground = Ground::small();
    let receiver = Side::with_secret("word\r\n").receive_listening(&ground.destination);
    let sender = Side::with_secret("word\n").send_dialling(&ground.source, receiver.port);
    sender.end().expect("one secret");
    receiver.end().expect("one secret");
}

#[test]
fn a_recorded_dialler_proves_nothing_to_a_new_listener() {
    let ground = Ground::small();
    let recording = recorded(&ground);
    let again = Ground::small();
    let receiver = Side::default().receive_listening(&again.destination);
    let mut line = Line::dial(receiver.port);
    line.send(&recording.to_listener);
    let answer = line.read_to_end();
    assert!(
        answer.len() < 120,
        "only a Hello and a Refuse: {}",
        answer.len()
    );
    drop(line);
    receiver.expect_failed_proofs(1);
    again.expect_untouched();
    expect_served(&receiver, &again);
}

#[test]
fn a_recorded_listener_proves_nothing_to_a_new_dialler() {
    let ground = Ground::small();
    let recording = recorded(&ground);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let again = Ground::small();
    let sender = Side::default().send_dialling(&again.source, port);
    let mut line = Line::of(listener.accept().unwrap().0);
    line.send(&recording.to_dialler);
    assert_eq!(wrong_secret(sender.end()), 1);
    drop(line);
    let receiver = Side::default().receive_dialling(&again.destination, port);
    let mut line = Line::of(listener.accept().unwrap().0);
    line.send(&recording.to_dialler);
    assert!(receiver.end().is_err());
    again.expect_untouched();
}

fn recorded(ground: &Ground) -> proxy::Recording {
    let receiver = Side::default().receive_listening(&ground.destination);
    let proxy = Proxy::by(receiver.port, proxy::PASS);
    let sender = Side::default().send_dialling(&ground.source, proxy.port());
    sender.end().expect("the proxy only listens");
    receiver.end().expect("the proxy only listens");
    proxy.recording()
}

#[test]
fn an_echo_is_no_peer() {
    let ground = Ground::small();
    let proxy = Proxy::by(0, proxy::to_listener(Way::Echo));
    let sender = Side::default().send_dialling(&ground.source, proxy.port());
    assert!(sender.end().is_err());
    let receiver = Side::default().receive_dialling(&ground.destination, proxy.port());
    assert!(receiver.end().is_err());
    ground.expect_untouched();
}

#[test]
fn the_same_role_is_said_and_the_listener_goes_on() {
    let ground = Ground::small();
    let waiting = Side::default().send_listening(&ground.source);
    let also_sends = Side::default().send_dialling(&ground.source, waiting.port);
    let result = also_sends.end();
    assert!(matches!(result, Err(Error::SameRole { role: "send" })));
    assert_eq!(exit_code(result), 2);
    let receiver = Side::default().receive_dialling(&ground.destination, waiting.port);
    receiver.end().expect("the right peer is served");
    waiting.end().expect("the right peer is served");
    ground.expect_whole();
    assert_eq!(waiting.failed_proofs(), 0);

    let again = Ground::small();
    let waiting = Side::default().receive_listening(&again.destination);
    let also_receives = Side::default().receive_dialling(&ground.destination, waiting.port);
    let result = also_receives.end();
    assert!(matches!(result, Err(Error::SameRole { role: "receive" })));
    expect_served(&waiting, &again);
}

#[test]
fn edited_hellos_come_to_nothing() {
    const HELLO: usize = 5;
    let pass = Way::Pass;
    // The edit of the dialler's bytes, the edit of the listener's bytes, and how many guesses they use up at
    // the listener.
    let edits = [
        (Way::Set(HELLO, b'Q'), pass, 0),
        (Way::Set(HELLO + 8, 2), pass, 0),
        (Way::Set(HELLO + 8, 0), pass, 0),
        (Way::Set(HELLO + 8, 17), pass, 0),
        (Way::Set(HELLO + 9, 1), pass, 0),
        (Way::Set(HELLO + 9, 0), pass, 0),
        (Way::Set(HELLO + 10, 2), pass, 0),
        (Way::Set(HELLO + 10, 3), pass, 1),
        (Way::Set(HELLO + 10, 0), pass, 0),
        (Way::Flip((HELLO + 11) * 8), pass, 1),
        // A name, sent to a listener without named secrets.
        (Way::Flip((HELLO + 43) * 8), pass, 0),
        (pass, Way::Set(HELLO, b'Q'), 1),
        (pass, Way::Set(HELLO + 8, 1), 1),
        (pass, Way::Set(HELLO + 8, 0), 1),
        (pass, Way::Set(HELLO + 9, 1), 1),
        (pass, Way::Set(HELLO + 9, 3), 1),
        (pass, Way::Flip((HELLO + 10) * 8), 1),
        (Way::Flip((HELLO + 91 + 5) * 8), pass, 1),
    ];
    for (to_listener, to_dialler, guesses) in edits {
        let ground = Ground::small();
        let receiver = Side::default().receive_listening(&ground.destination);
        let line = proxy::Line {
            to_listener,
            to_dialler,
        };
        let proxy = Proxy::by(receiver.port, line);
        let sender = Side::default().send_dialling(&ground.source, proxy.port());
        let result = sender.end();
        assert!(result.is_err(), "{line:?}");
        receiver.expect_failed_proofs(guesses);
        ground.expect_untouched();
        expect_served(&receiver, &ground);
    }
}

#[test]
fn a_version_that_nobody_speaks_is_a_clear_error() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for to_listener in [Way::Set(5 + 9, 1), Way::Pass] {
        let to_dialler = match to_listener {
            Way::Pass => Way::Set(5 + 8, 1),
            _ => Way::Pass,
        };
        let line = proxy::Line {
            to_listener,
            to_dialler,
        };
        let proxy = Proxy::by(receiver.port, line);
        let sender = Side::default().send_dialling(&ground.source, proxy.port());
        let result = sender.end();
        assert!(matches!(result, Err(Error::Version { .. })), "{line:?}");
        assert_eq!(exit_code(result), 11);
    }
}

#[test]
fn a_dialler_confirms_with_its_own_proof_or_not_at_all() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    type Instead = fn(&mut Line, [u8; 32]);
    let instead: [Instead; 4] = [
        |line, _| line.send_frame(CONFIRM, &[0; 32]),
        |line, confirm| line.send_frame(CONFIRM, &confirm[..31]),
        |line, confirm| line.send_frame(CONFIRM, &[&confirm[..], &[0]].concat()),
        |line, _| line.send_frame(CONFIRM, &[]),
    ];
    for (count, instead) in (1..).zip(instead) {
        let mut line = Line::dial(receiver.port);
        let (_, confirm) = hello(&mut line, SEND);
        instead(&mut line, confirm);
        line.read_to_end();
        drop(line);
        receiver.expect_failed_proofs(count);
    }
    ground.expect_untouched();
    expect_served(&receiver, &ground);
}

#[test]
fn nothing_is_taken_ahead_of_the_proof() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for (count, kind) in (1..).zip([MESSAGE, PART, FrameKind::Hello as u8, FrameKind::Join as u8]) {
        let mut line = Line::dial(receiver.port);
        let (_, confirm) = hello(&mut line, SEND);
        line.send_frame(kind, &RawOffer::file(1).to_bytes());
        line.send_frame(CONFIRM, &confirm);
        assert!(
            line.read_to_end().is_empty() || kind < CONFIRM,
            "it goes on"
        );
        receiver.expect_failed_proofs(count);
    }
    ground.expect_untouched();
    expect_served(&receiver, &ground);
}

#[test]
fn a_listener_must_confirm_with_its_own_proof() {
    let ground = Ground::small();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    type Instead = fn(&mut Line, Vec<u8>, [u8; 32]);
    let instead: [Instead; 7] = [
        |line, _, _| line.send_frame(CONFIRM, &[0; 32]),
        |line, _, own| line.send_frame(CONFIRM, &own[..31]),
        |line, theirs, _| line.send_frame(CONFIRM, &theirs),
        |line, _, own| line.send_frame(CONFIRM, &[&own[..], &[0]].concat()),
        |line, _, _| line.send_frame(MESSAGE, &[0; 60]),
        |line, _, _| line.send_frame(PART, &[0; 60]),
        |line, _, own| line.send_frame(FrameKind::Hello as u8, &own),
    ];
    for (number, instead) in instead.into_iter().enumerate() {
        let receiver = Side::default().receive_dialling(&ground.destination, port);
        let mut line = Line::of(listener.accept().unwrap().0);
        let state = answer_hello(&mut line, Role::Send);
        let (_, theirs) = line.read_frame().expect("a Confirm");
        let (_, own) = state.on_confirm(&theirs).expect("one secret");
        instead(&mut line, theirs, own);
        let result = receiver.end();
        assert!(result.is_err(), "{number}");
        assert!(matches!(exit_code(result), 3 | 10), "{number}");
    }
    ground.expect_untouched();
}

#[test]
fn hanging_up_on_the_hello_five_times_is_five_guesses() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for count in 1..=5 {
        let mut line = Line::dial(receiver.port);
        hello(&mut line, SEND);
        drop(line);
        receiver.expect_failed_proofs(count);
    }
    assert_eq!(wrong_secret(receiver.end()), 5);
    ground.expect_untouched();
}

#[test]
fn a_share_that_is_no_element_costs_the_listener_nothing() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for share in [[0; 32], [0xff; 32]] {
        let mut line = Line::dial(receiver.port);
        let body = [&b"PEERBRDG\x01\x02\x01"[..], &[7; 32], &[0; 16], &share].concat();
        line.send_frame(FrameKind::Hello as u8, &body);
        assert!(line.read_to_end().is_empty());
    }
    expect_served(&receiver, &ground);
    assert_eq!(receiver.failed_proofs(), 0);
}

#[test]
fn a_listeners_share_that_is_no_element_ends_the_dialler() {
    let ground = Ground::small();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for share in [[0; 32], [0xff; 32]] {
        let sender = Side::default().send_dialling(&ground.source, port);
        let mut line = Line::of(listener.accept().unwrap().0);
        line.read_frame().expect("a Hello");
        let body = [&b"PEERBRDG\x02\x02"[..], &[7; 32], &share].concat();
        line.send_frame(FrameKind::Hello as u8, &body);
        assert!(line.read_to_end().is_empty(), "it confirms nothing");
        assert!(sender.end().is_err());
    }
}

#[test]
fn strangers_are_hung_up_on_and_a_real_peer_gets_through() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let noise = crate::harness::trees::noise(7, 4096);
    let strangers: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03then random bytes of a TLS hello",
        &[0; 64],
        &[0xff; 64],
        &[b'a'; 300_000],
        &noise,
        b"\x00\x00\x00\x00\x01",
        b"\x00\x00\x00\x00\x02",
    ];
    for stranger in strangers {
        let mut line = Line::dial(receiver.port);
        line.send(stranger);
        let begun = Instant::now();
        assert!(
            line.read_to_end().is_empty(),
            "{}",
            stranger[..9].escape_ascii()
        );
        // This asserts no speed, only that it did not wait for the deadline of the handshake.
        assert!(begun.elapsed() < Duration::from_secs(8));
    }
    assert_eq!(receiver.failed_proofs(), 0);
    ground.expect_untouched();
    expect_served(&receiver, &ground);
}

#[test]
fn a_dialler_that_reaches_a_stranger_says_so() {
    let ground = Ground::small();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for banner in [
        &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let sender = Side::default().send_dialling(&ground.source, port);
        let mut line = Line::of(listener.accept().unwrap().0);
        line.send(banner);
        let result = sender.end();
        assert_eq!(exit_code(result), 11);
    }
}

/// The time of a whole handshake is more than twice as long.
#[test]
fn an_answer_without_a_proof_is_spent_before_the_handshake_is_over() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let begun = Instant::now();
    let mut line = Line::dial(receiver.port);
    hello(&mut line, SEND);
    receiver.expect_failed_proofs(1);
    assert!(begun.elapsed() < Duration::from_secs(limits::HANDSHAKE_SECONDS));
    assert!(line.read_to_end().is_empty());
    expect_served(&receiver, &ground);
}

/// The whole handshake has one deadline, and others are served meanwhile.
#[test]
fn who_trickles_is_hung_up_on_and_holds_nobody_up() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let port = receiver.port;
    let trickle = std::thread::spawn(move || {
        let mut line = Line::dial(port);
        let hello = [&[0, 0, 0, 91, 1][..], b"PEERBRDG"].concat();
        let mut bytes = hello.iter().chain(std::iter::repeat(&1)).take(90);
        line.0
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        loop {
            line.send(&[*bytes.next().expect("it hangs up before the frame ends")]);
            match std::io::Read::read(&mut line.0, &mut [0; 64]) {
                Ok(0) => return,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(_) => {}
                Ok(_) => panic!("it answers half a Hello"),
            }
        }
    });
    let peer = Peer::dial(port, Role::Send);
    trickle.join().expect("it is hung up on");
    drop(peer);
    ground.expect_untouched();
}
