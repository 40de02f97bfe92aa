//! The slots of a drop box: heartbeats alone keep none for long.

use crate::drop_box::{DropBox, secret};
use crate::harness::is_long;
use crate::peer::{Line, Peer};
use crate::real::{Side, comes_true, wait_until};
use crate::tree::Ground;
use crate::wire::{PART, RawOffer, ping};
use peerbridge::internals::{
    DiallerRole, DiallerUnproven, DiallerWaitsForHello, FrameKind, Message, Role, frame, limits,
};
use peerbridge::{SendOptions, TotpKey, Unattended, send};
use std::time::Duration;

/// A proven session of bob in which nothing is sent.
fn hold_a_seat(port: u16) -> Line {
    let (mut line, state) = prove_as_bob(port);
    let (kind, body) = line.read_frame().expect("a Confirm");
    assert_eq!(kind, FrameKind::Confirm as u8);
    state.on_confirm(&body).expect("one secret");
    line
}

/// A connection that has sent bob's proof.
fn prove_as_bob(port: u16) -> (Line, DiallerUnproven) {
    let mut line = Line::dial(port);
    let role = DiallerRole::Transfer(Role::Send);
    let begun = DiallerWaitsForHello::start(&secret("bob's"), role, Some("bob"));
    let (state, body) = begun.expect("random bytes");
    line.send(&frame(FrameKind::Hello, &body));
    let (_, body) = line.read_frame().expect("a Hello");
    let (state, confirm) = state.on_hello(&body).expect("a good Hello");
    line.send(&frame(FrameKind::Confirm, &confirm));
    (line, state)
}

/// How many of these sessions the drop box has ended.
fn ended(seats: &mut [Line]) -> usize {
    let mut ended = 0;
    for seat in seats {
        seat.0.set_nonblocking(true).unwrap();
        let mut heard = [0; 4096];
        let is_over = loop {
            match std::io::Read::read(&mut seat.0, &mut heard) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() != std::io::ErrorKind::WouldBlock,
            }
        };
        ended += usize::from(is_over);
    }
    ended
}

#[test]
fn whoever_holds_all_seats_gives_one_up_to_somebody_who_has_none() {
    let ground = Ground::small();
    let served = DropBox::with(&ground.destination, DropBox::two_secrets(), |options| {
        options.max_peers = 4;
    });
    let mut seats: Vec<_> = (0..4).map(|_| hold_a_seat(served.port)).collect();
    let alice = served.connect(Some("alice"), "alice's");
    let options = SendOptions::new(vec![ground.source.clone()]);
    send(&alice, &options, &Unattended).expect("there is a seat for alice");
    assert_eq!(ended(&mut seats), 1, "and the others of bob go on");
}

#[test]
fn a_session_in_which_nothing_moves_ends_and_a_new_one_begins() {
    let ground = Ground::small();
    let served = DropBox::with(&ground.destination, DropBox::two_secrets(), |options| {
        options.max_peers = 1;
        options.stall_timeout = Duration::from_millis(300);
    });
    let mut seats = [hold_a_seat(served.port)];
    wait_until("it ends", || {
        let mut seats = seats
            .each_ref()
            .map(|seat| Line(seat.0.try_clone().unwrap()));
        ended(&mut seats) == 1
    });
    assert_eq!(ended(&mut seats), 1);
    let bob = served.connect(Some("bob"), "bob's");
    let options = SendOptions::new(vec![ground.source.clone()]);
    wait_until("the seat is free again", || {
        send(&bob, &options, &Unattended).is_ok()
    });
}

/// All slots but one are taken, each with all the streams that it gets; then each stream begins a file.
#[cfg(target_os = "linux")]
#[test]
fn sessions_with_all_their_streams_leave_descriptors_for_an_honest_sender() {
    let ground = Ground::small();
    let serve = "serve destination --port 0 --bind 127.0.0.1 --max-peers 16 --idle-timeout 300";
    let program = ground.run(serve).after("ulimit -n 1024").start();
    let port = program.port();
    let serves = || {
        let sent = Side::default().send_dialling(&ground.source, port);
        sent.end().expect("an honest sender is served");
    };
    let mut sessions: Vec<_> = (0..15)
        .map(|number| session_of_streams(port, number))
        .collect();
    let _silent: Vec<_> = (0..30).map(|_| Line::dial(port)).collect();
    serves();
    for streams in &mut sessions {
        streams[0].say(&ping(1, 0));
        assert!(matches!(streams[0].hear(), Some(Message::Pong { .. })));
        for (index, stream) in (0..).zip(streams) {
            stream.part(index, &[7; PART as usize]);
        }
    }
    let streams: usize = sessions.iter().map(Vec::len).sum();
    wait_until("a socket and a file for each", || {
        program.descriptors() > 2 * streams
    });
    serves();
    for streams in &mut sessions {
        streams[0].say(&ping(2, 0));
        assert!(matches!(streams[0].hear(), Some(Message::Pong { .. })));
    }
}

/// A session in which parts are accepted, of a size of its own, and all the streams that it gets.
fn session_of_streams(port: u16, number: u64) -> Vec<Peer> {
    let mut peer = Peer::dial(port, Role::Send);
    let parts = u64::from(limits::STREAMS) + number;
    let mut offer = RawOffer::file(parts * u64::from(PART));
    offer.streams = limits::STREAMS;
    peer.say(&offer.to_bytes());
    let Some(Message::Accept(accept)) = peer.hear() else {
        panic!("session {number} is not accepted");
    };
    let joined = (1..accept.streams).map(|stream| peer.join(port, stream).expect("it may join"));
    let joined: Vec<_> = joined.collect();
    std::iter::once(peer).chain(joined).collect()
}

/// They know bob's secret and send no code, for which they would have two minutes.
#[test]
fn peers_that_owe_a_code_are_few_and_hold_no_slot() {
    const COUNT: usize = 20;
    let ground = Ground::small();
    let key = TotpKey::generate().expect("random bytes");
    let secrets = DropBox::secrets(Some(key));
    let served = DropBox::with(&ground.destination, secrets, |options| {
        options.max_peers = 1;
    });
    let mut owing: Vec<_> = (0..COUNT).map(|_| prove_as_bob(served.port).0).collect();
    let few = limits::UNPROVEN_CONNECTIONS / 32;
    let is_over = comes_true(|| COUNT - ended(&mut owing) <= few);
    assert!(is_over, "{} are waited for", COUNT - ended(&mut owing));
    assert!(ended(&mut owing) < COUNT, "a few may still send one");
    let alice = served.connect(Some("alice"), "alice's");
    let options = SendOptions::new(vec![ground.source.clone()]);
    send(&alice, &options, &Unattended).expect("the only slot is free");
}

/// With `PEERBRIDGE_TEST_LONG=1`: it takes two minutes.
#[test]
fn a_peer_that_trickles_in_place_of_a_code_is_given_up() {
    if !is_long() {
        return;
    }
    let ground = Ground::small();
    let key = TotpKey::generate().expect("random bytes");
    let served = DropBox::with(&ground.destination, DropBox::secrets(Some(key)), |_| {});
    let mut owing = vec![prove_as_bob(served.port).0];
    owing[0].send(&[0, 0, 1, 0, FrameKind::Message as u8]);
    // Slowly, because the drop box refuses the frame once its envelope is complete.
    for byte in 0..limits::CODE_SECONDS / 5 + 8 {
        if ended(&mut owing) == 1 {
            assert!(byte > 12, "a person has no time to find the code: {byte}");
            return;
        }
        owing[0].send(&[0]);
        std::thread::sleep(Duration::from_secs(5));
    }
    panic!("it is still waited for");
}
