//! Further streams: which peers may join, and what they may send.

use crate::harness::trees::noise;
use crate::peer::{Line, Peer};
use crate::real::{Running, Side, exit_code};
use crate::tree::Ground;
use crate::wire::{PART, Raw, RawOffer, accept, one_of_each, ping, round_end};
use peerbridge::Summary;
use peerbridge::internals::{FrameKind, Message, Role};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const JOIN: u8 = FrameKind::Join as u8;
const REFUSE: u8 = FrameKind::Refuse as u8;

/// A real receiver that has accepted six parts over three streams from a hostile sender.
struct Accepted {
    ground: Ground,
    receiver: Running<Vec<Summary>>,
    peer: Peer,
}

impl Accepted {
    fn new() -> Accepted {
        Accepted::with(Side::default())
    }

    fn with(side: Side) -> Accepted {
        let ground = Ground::small();
        let receiver = side.receive_listening(&ground.destination);
        let mut peer = Peer::dial(receiver.port, Role::Send);
        let mut offer = RawOffer::file(6 * u64::from(PART));
        offer.streams = 3;
        peer.say(&offer.to_bytes());
        let heard = peer.hear();
        assert!(matches!(heard, Some(Message::Accept(_))), "{heard:?}");
        Accepted {
            ground,
            receiver,
            peer,
        }
    }

    /// Sends everything over the first stream after all. Fails unless it is delivered.
    fn expect_whole(mut self, round: u32) {
        for index in 0..6 {
            self.peer.part(index, &part_of(index));
        }
        self.peer.say(&round_end(round, &[], &[]));
        let heard = self.peer.hear();
        assert!(matches!(heard, Some(Message::Done(_))), "{heard:?}");
        self.peer.say(&[13]);
        self.receiver.end().expect("it is all there");
        let whole: Vec<_> = (0..6).flat_map(part_of).collect();
        let delivered = std::fs::read(self.ground.destination.join("x")).unwrap();
        assert!(delivered == whole);
    }
}

fn part_of(index: u64) -> Vec<u8> {
    noise(index, PART as usize)
}

fn stream_end(round: u32) -> Vec<u8> {
    Raw::kind(6).u32(round).0
}

/// Sends a handmade Join. Returns the kind of the answer.
fn raw_join(
    port: u16,
    session: [u8; 16],
    number: u16,
    proof: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Option<u8> {
    let nonce = [9; 32];
    let claim = [&session[..], &number.to_be_bytes(), &nonce].concat();
    let mut line = Line::dial(port);
    line.send_frame(JOIN, &[b"PEERBRDG", &claim[..], &proof(&claim)].concat());
    line.read_frame().map(|(kind, _)| kind)
}

#[test]
fn only_the_peer_joins_and_each_number_once() {
    let at = Accepted::new();
    let (port, keys) = (at.receiver.port, Arc::clone(&at.peer.keys));
    let id = keys.session_id();
    let honest = |claim: &[u8]| keys.join_proof(claim).to_vec();
    assert_eq!(raw_join(port, [7; 16], 1, honest), Some(REFUSE));
    let bad: [Option<u8>; 4] = [
        raw_join(port, id, 1, |_| vec![0; 32]),
        raw_join(port, id, 1, |claim| keys.join_proof(&claim[1..]).to_vec()),
        raw_join(port, id, 1, |claim| keys.join_proof(claim)[..31].to_vec()),
        raw_join(port, id, 0, honest),
    ];
    assert!(bad.iter().all(|answer| *answer != Some(JOIN)), "{bad:?}");
    let first = at.peer.join(port, 1).expect("it may join");
    assert!(at.peer.join(port, 1).is_none(), "a number twice");
    let second = at.peer.join(port, 5).expect("it may join");
    assert!(at.peer.join(port, 6).is_none(), "more than were agreed");
    drop((first, second));
    at.expect_whole(0);
}

#[test]
fn nobody_joins_before_an_accept_or_after_the_transfer() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    assert!(peer.join(receiver.port, 1).is_none(), "before an offer");
    let mut offer = RawOffer::file(0);
    offer.streams = 2;
    peer.say(&offer.to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    peer.say(&round_end(0, &[], &[]));
    assert!(matches!(peer.hear(), Some(Message::Done(_))));
    if let Some(mut late) = peer.join(receiver.port, 2) {
        late.say(&stream_end(0));
        assert!(late.hear().is_none(), "its stream is ended at once");
    }
    peer.say(&[13]);
    receiver.end().expect("nothing went wrong");
}

/// Its dialler knows from the Accept, which it sent itself, that the transfer begins.
#[test]
fn a_stream_may_be_ahead_of_the_answer_that_it_came_by() {
    let ground = Ground::large();
    let sender = Side::with_streams(2).send_listening(&ground.source);
    let mut peer = Peer::dial(sender.port, Role::Receive);
    peer.say(&[1]);
    assert!(matches!(peer.hear(), Some(Message::Offer(_))));
    let (keys, port) = (Arc::clone(&peer.keys), sender.port);
    let join = std::thread::spawn(move || Peer::join_with(keys, port, 1).is_some());
    std::thread::sleep(Duration::from_millis(50));
    peer.say(&accept(1 << 20, 2, &[]));
    assert!(join.join().expect("no panic"), "it may join");
}

/// Parts that a stream still brings after the round has ended on the first stream are not requested again.
#[test]
fn a_round_is_over_when_its_streams_have_ended_it() {
    let mut at = Accepted::new();
    let mut joined = at.peer.join(at.receiver.port, 1).expect("it may join");
    for index in 0..5 {
        at.peer.part(index, &part_of(index));
    }
    at.peer.say(&round_end(0, &[1], &[]));
    // Long enough for a receiver that does not wait to send a Missing.
    std::thread::sleep(Duration::from_millis(300));
    joined.part(5, &part_of(5));
    joined.say(&stream_end(0));
    let heard = at.peer.hear();
    assert!(matches!(heard, Some(Message::Done(_))), "{heard:?}");
    at.peer.say(&[13]);
    at.receiver.end().expect("it is all there");
}

#[test]
fn streams_that_die_lose_nothing() {
    let at = Accepted::new();
    let mut joined = at.peer.join(at.receiver.port, 1).expect("it may join");
    joined.part(3, &part_of(3));
    let half = joined.part_as(0, 4, 4, &part_of(4));
    joined.line.send(&half[..half.len() / 2]);
    drop(joined);
    at.expect_whole(0);
}

#[test]
fn a_joined_stream_carries_parts_and_its_end_and_nothing_else() {
    for (kind, message) in one_of_each() {
        // A StreamEnd, and a SourceFailed, which names files with zeros in the next part.
        if kind == 6 || kind == 9 {
            continue;
        }
        let mut at = Accepted::new();
        let mut joined = at.peer.join(at.receiver.port, 1).expect("it may join");
        joined.say(&message);
        while at.peer.hear().is_some() {}
        joined.given_up();
        assert_eq!(exit_code(at.receiver.end()), 10, "kind {kind}");
    }
}

#[test]
fn a_bad_part_on_a_joined_stream_ends_the_session() {
    let mut at = Accepted::new();
    let mut joined = at.peer.join(at.receiver.port, 1).expect("it may join");
    let frame = joined.part_as(0, 1, 2, &part_of(1));
    joined.line.send(&frame);
    while at.peer.hear().is_some() {}
    assert_eq!(exit_code(at.receiver.end()), 10);
}

#[test]
fn what_was_sealed_for_one_stream_does_not_open_on_another() {
    let mut at = Accepted::new();
    let mut joined = at.peer.join(at.receiver.port, 1).expect("it may join");
    for stream in [0, 2] {
        let frame = joined.sealed_at(stream, 0, &stream_end(0));
        joined.line.send(&frame);
    }
    while at.peer.hear().is_some() {}
    assert_eq!(exit_code(at.receiver.end()), 10);
}

/// A round does not wait forever for the end of a stream that never joined or is silent.
#[test]
fn a_round_does_not_wait_for_streams_that_are_not_there() {
    let mut at = Accepted::with(Side::impatient());
    at.peer.say(&round_end(0, &[2, 9], &[]));
    // A heartbeat that waits to be read.
    at.peer.say(&ping(0, 0));
    let heard = at.peer.hear();
    assert!(matches!(heard, Some(Message::Missing(_))), "{heard:?}");
    at.expect_whole(1);
}

#[test]
fn a_dialling_sender_lets_nobody_in_its_place() {
    let ground = Ground::large();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Side::with_streams(2).send_dialling(&ground.source, port);
    let mut peer = Peer::accept(&listener, Role::Receive);
    assert!(matches!(peer.hear(), Some(Message::Offer(_))));
    peer.say(&accept(1 << 20, 2, &[]));
    // The listener of the further stream proves nothing, so no part may go to it.
    let mut line = Line::of(listener.accept().unwrap().0);
    let (kind, body) = line.read_frame().expect("a Join");
    assert_eq!((kind, body.len()), (JOIN, 90));
    line.send_frame(JOIN, &[0; 64]);
    assert!(line.read_to_end().is_empty());
    // All parts come over the proven stream.
    let over = std::iter::from_fn(|| peer.hear()).find_map(|message| match message {
        Message::RoundEnd(end) => Some(end),
        _ => None,
    });
    let end = over.expect("the round ends");
    assert!(end.streams.is_empty());
    assert_eq!(end.checks.len(), 5);
    drop(peer);
    assert_eq!(exit_code(sender.end()), 12);
}

#[test]
fn a_joined_stream_of_a_sender_is_for_its_parts() {
    let ground = Ground::large();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Side::with_streams(2).send_dialling(&ground.source, port);
    let mut peer = Peer::accept(&listener, Role::Receive);
    assert!(matches!(peer.hear(), Some(Message::Offer(_))));
    peer.say(&accept(1 << 20, 2, &[]));
    let mut joined = peer.let_join(&listener);
    joined.say(&accept(1 << 20, 2, &[]));
    drop(joined);
    let end = std::iter::from_fn(|| peer.hear()).find_map(|message| match message {
        Message::RoundEnd(end) => Some(end),
        _ => None,
    });
    let checked: Vec<_> = end.expect("the round ends").checks.to_vec();
    let mut indices: Vec<_> = checked.iter().map(|check| check.index).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    peer.say(&crate::wire::done(3));
    sender.end().expect("its Done is its word");
}
