//! Every kind of message at every time, sent to a receiver: a message at the wrong time ends the session with
//! an Abort, and nothing hangs, panics or is misunderstood.

use crate::harness::chance::Chance;
use crate::harness::trees::{contents, noise};
use crate::peer::Peer;
use crate::real::{Running, Side, exit_code};
use crate::tree::Ground;
use crate::wire::{PART, Raw, RawOffer, one_of_each, ping, round_end};
use peerbridge::internals::{DiallerRole, FrameKind, Message, Role};
use peerbridge::{Error, Summary};
use std::time::Duration;

pub const NOT_VERIFIED: u8 = 10;

/// A real receiver that listens, and a hostile sender that has proven itself.
pub struct AtReceiver {
    ground: Ground,
    receiver: Running<Vec<Summary>>,
    pub peer: Peer,
}

impl AtReceiver {
    pub fn new() -> AtReceiver {
        AtReceiver::with(Side::default())
    }

    fn with(side: Side) -> AtReceiver {
        let ground = Ground::small();
        let receiver = side.receive_listening(&ground.destination);
        let peer = Peer::dial(receiver.port, Role::Send);
        AtReceiver {
            ground,
            receiver,
            peer,
        }
    }

    /// Fails unless the session ends with this code on the real side.
    pub fn expect_end(self, code: u8, what: &str) {
        let AtReceiver {
            ground,
            receiver,
            peer,
        } = self;
        peer.given_up();
        let result = receiver.end();
        let shown = format!("{result:?}");
        assert_eq!(exit_code(result), code, "{what}: {shown}");
        let delivered = contents(&ground.destination).into_keys();
        let delivered: Vec<_> = delivered
            .filter(|path| !path.to_string_lossy().starts_with(".peerbridge-"))
            .collect();
        assert!(delivered.is_empty(), "{what}: {delivered:?}");
    }

    pub fn accepted(&mut self) {
        let heard = self.peer.hear();
        assert!(matches!(heard, Some(Message::Accept(_))), "{heard:?}");
    }
}

const THREE_PARTS: u64 = 3 * PART as u64;

fn part_of(index: u64) -> Vec<u8> {
    noise(index, PART as usize)
}

/// Brings a session to a time, and the kinds that may come then.
type Time = (&'static str, fn(&mut AtReceiver), &'static [u8]);

const AT_RECEIVER: [Time; 5] = [
    ("before an offer", |_| {}, &[2, 12, 13, 14]),
    (
        "within the entries of an offer",
        |at| {
            let mut offer = RawOffer::file(THREE_PARTS);
            offer.count = 3;
            at.peer.say(&offer.to_bytes());
        },
        &[3, 14],
    ),
    (
        "before the early part",
        |at| {
            at.peer.say(&RawOffer::file(10).early(0, &[]).to_bytes());
        },
        &[14],
    ),
    (
        "within the parts",
        |at| {
            at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
            at.accepted();
            at.peer.part(1, &part_of(1));
        },
        &[7, 8, 9, 14],
    ),
    (
        "within the second round",
        |at| {
            at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
            at.accepted();
            at.peer.part(1, &part_of(1));
            at.peer.say(&round_end(0, &[], &[]));
            assert!(matches!(at.peer.hear(), Some(Message::Missing(_))));
        },
        &[8, 9, 14],
    ),
];

#[test]
fn a_receiver_takes_no_message_at_the_wrong_time() {
    for (time, bring, allowed) in AT_RECEIVER {
        for (kind, message) in one_of_each() {
            if allowed.contains(&kind) {
                continue;
            }
            let mut at = AtReceiver::new();
            bring(&mut at);
            at.peer.say(&message);
            let code = match kind {
                16 => 12,
                _ => NOT_VERIFIED,
            };
            at.expect_end(code, &format!("kind {kind} {time}"));
        }
    }
}

#[test]
fn a_receiver_takes_no_part_at_the_wrong_time() {
    let mut at = AtReceiver::new();
    at.peer.part(0, b"x");
    at.expect_end(NOT_VERIFIED, "before an offer");
    let mut at = AtReceiver::new();
    let mut offer = RawOffer::file(THREE_PARTS);
    offer.count = 3;
    at.peer.say(&offer.to_bytes());
    at.peer.part(0, b"x");
    at.expect_end(NOT_VERIFIED, "within the entries");
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(10).early(0, &[]).to_bytes());
    at.peer.part(1, &[1; 10]);
    at.expect_end(NOT_VERIFIED, "another part than the only one");
}

#[test]
fn frames_of_the_handshake_and_unknown_ones_end_a_proven_session() {
    for kind in [1, 2, 3, 4, 0, 7, 255] {
        let mut at = AtReceiver::new();
        at.peer.line.send_frame(kind, &[0; 91]);
        at.expect_end(NOT_VERIFIED, &format!("frame kind {kind}"));
    }
}

#[test]
fn a_message_counts_once_and_at_its_place() {
    let mut at = AtReceiver::new();
    let frame = at.peer.sealed(&ping(0, 0));
    at.peer.line.send(&frame);
    at.peer.line.send(&frame);
    at.expect_end(NOT_VERIFIED, "twice");
    for (stream, sequence) in [(0, 1), (0, u64::MAX), (1, 0)] {
        let mut at = AtReceiver::new();
        let frame = at.peer.sealed_at(stream, sequence, &ping(0, 0));
        at.peer.line.send(&frame);
        at.expect_end(NOT_VERIFIED, "at another place");
    }
}

#[test]
fn what_a_peer_said_itself_is_not_heard_from_it() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
    let (kind, body) = at.peer.line.read_frame().expect("an Accept");
    at.peer.heard += 1;
    at.peer.line.send_frame(kind, &body);
    at.expect_end(NOT_VERIFIED, "sent back");
}

#[test]
fn offers_whose_numbers_overflow_are_refused() {
    let offers: [(&str, RawOffer); 13] = [
        ("another transfer", offer(|o| o.transfer = 1)),
        ("no such transfer", offer(|o| o.transfer = u32::MAX)),
        ("part size 0", offer(|o| o.part_size = 0)),
        ("a small part size", offer(|o| o.part_size = PART - 1)),
        ("a large part size", offer(|o| o.part_size = u32::MAX)),
        ("no stream", offer(|o| o.streams = 0)),
        ("65 streams", offer(|o| o.streams = 65)),
        ("unknown flags", offer(|o| o.flags = 16)),
        ("more entries than are", offer(|o| o.count = u32::MAX)),
        ("fewer entries than come", offer(|o| o.count = 0)),
        ("half an entry", offer(|o| o.entries.truncate(9))),
        ("no bytes of its entry", offer(|o| o.entries.clear())),
        ("an unknown kind of entry", offer(|o| o.entries[0] = 9)),
    ];
    for (what, offer) in offers {
        let mut at = AtReceiver::new();
        at.peer.say(&offer.to_bytes());
        at.expect_end(NOT_VERIFIED, what);
    }
    // The stated length of the entries exceeds the message.
    let mut raw = RawOffer::file(1).to_bytes();
    raw[32..36].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut at = AtReceiver::new();
    at.peer.say(&raw);
    at.expect_end(NOT_VERIFIED, "entries that are not there");
}

fn offer(change: impl FnOnce(&mut RawOffer)) -> RawOffer {
    let mut offer = RawOffer::file(1);
    change(&mut offer);
    offer
}

#[test]
fn sizes_beyond_every_limit_are_refused_and_nothing_is_delivered() {
    for size in [
        u64::MAX,
        1 << 63,
        i64::MAX as u64,
        (1 << 26) * u64::from(PART) + 1,
    ] {
        let mut at = AtReceiver::new();
        at.peer.say(&RawOffer::file(size).to_bytes());
        let heard = at.peer.hear();
        let refused = matches!(
            heard,
            None | Some(Message::Decline(_) | Message::Abort { .. })
        );
        assert!(refused, "{size}: {heard:?}");
        at.peer.say(&[13]);
        at.peer.given_up();
        assert!(at.receiver.end().is_err());
    }
}

#[test]
fn counts_within_messages_that_overflow_end_the_session() {
    let count = |kind: u8| Raw::kind(kind).u32(u32::MAX).0;
    let round_end = |streams, checks| {
        let raw = Raw::kind(7).u32(0).u8(0).u32(streams);
        raw.u32(checks).0
    };
    let messages = [
        count(3),
        count(8),
        count(9),
        round_end(u32::MAX, 0),
        round_end(0, u32::MAX),
        Raw::kind(7).u32(64).u8(0).u32(0).u32(0).0,
        Raw::kind(7).u32(0).u8(2).u32(0).u32(0).0,
        Raw::kind(7).u32(0).u8(1).u64(u64::MAX).u32(0).u32(0).0,
        Raw::kind(7).u32(0).u8(1).u64(1).u32(0).u32(0).0,
        Raw::kind(7).u32(0).u8(0).u32(1).u16(0).u32(0).0,
        Raw::kind(8).u32(1).u64(u64::MAX).u32(0).0,
        Raw::kind(9).u32(1).u32(u32::MAX).u8(1).0,
        Raw::kind(9).u32(1).u32(0).u8(9).0,
        Raw::kind(14).u64(1).u32(u32::MAX).u32(0).0,
        Raw::kind(14).u64(1).u32(0).u32(u32::MAX).0,
        Raw::kind(16).u8(1).u16(u16::MAX).0,
        Raw::kind(16).u8(1).u16(2).bytes(b"\xff\xff").0,
        vec![],
    ];
    for message in messages {
        let mut at = AtReceiver::new();
        at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
        at.accepted();
        at.peer.say(&message);
        // A check of a part that does not exist is only noticed when the round ends.
        at.peer.say(&crate::wire::round_end(0, &[], &[]));
        let what = message.escape_ascii().to_string();
        at.peer.given_up();
        assert_eq!(exit_code(at.receiver.end()), 10, "{what}");
    }
}

#[test]
fn invalid_parts_end_the_session() {
    let full = part_of(0);
    type Bad = fn(&mut Peer, &[u8]) -> Vec<u8>;
    let bad: [(&str, Bad); 9] = [
        ("no such index", |peer, full| peer.part_as(0, 3, 3, full)),
        ("the last index of all", |peer, full| {
            peer.part_as(0, u64::MAX, u64::MAX, full)
        }),
        ("of another index", |peer, full| peer.part_as(0, 0, 1, full)),
        ("of another transfer", |peer, full| {
            peer.part_as(1, 0, 0, full)
        }),
        ("too short", |peer, full| peer.part_as(0, 0, 0, &full[1..])),
        ("too long", |peer, full| {
            peer.part_as(0, 0, 0, &[full, &[0]].concat())
        }),
        ("empty", |peer, _| peer.part_as(0, 0, 0, &[])),
        ("cut", |peer, full| {
            let mut frame = peer.part_as(0, 0, 0, full);
            frame.pop();
            let length = (frame.len() as u32 - 5).to_be_bytes();
            frame[..4].copy_from_slice(&length);
            frame
        }),
        ("a message as a part", |peer, full| {
            let mut frame = peer.sealed_at(0, 1, full);
            frame.splice(5..5, [0; 8]);
            let length = (frame.len() as u32 - 5).to_be_bytes();
            frame[..4].copy_from_slice(&length);
            frame[4] = FrameKind::Part as u8;
            frame
        }),
    ];
    for (what, bad) in bad {
        let mut at = AtReceiver::new();
        at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
        at.accepted();
        let frame = bad(&mut at.peer, &full);
        at.peer.line.send(&frame);
        at.expect_end(NOT_VERIFIED, what);
    }
}

#[test]
fn a_part_twice_is_one_part() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
    at.accepted();
    let frame = at.peer.part_as(0, 0, 0, &part_of(0));
    for _ in 0..20 {
        at.peer.line.send(&frame);
    }
    for index in [2, 1, 2] {
        at.peer.part(index, &part_of(index));
    }
    let checks = [0, 1, 2].map(|index| (index, crc32fast::hash(&part_of(index))));
    at.peer.say(&round_end(0, &[], &checks));
    let heard = at.peer.hear();
    assert!(matches!(heard, Some(Message::Done(_))), "{heard:?}");
    at.peer.say(&[13]);
    at.receiver.end().expect("it is all there");
    let whole = [0, 1, 2].map(part_of).concat();
    assert_eq!(
        std::fs::read(at.ground.destination.join("x")).unwrap(),
        whole
    );
}

/// The early part arrives, is missing, or does not fit: the receiver asks for what is missing.
#[test]
fn an_early_round_that_lacks_something_is_followed_by_another() {
    let early = [
        (0, &b"of another length"[..]),
        (crc32fast::hash(b"as it was read"), b"0123456789"),
    ];
    for (crc32, part) in early {
        let mut at = AtReceiver::new();
        let offer = RawOffer::file(10).early(crc32, &[]);
        at.peer.say(&offer.to_bytes());
        at.peer.part(0, part);
        at.accepted();
        let heard = at.peer.hear();
        assert!(matches!(heard, Some(Message::Missing(_))), "{heard:?}");
        at.peer.part(0, b"0123456789");
        at.peer.say(&round_end(1, &[], &[]));
        assert!(matches!(at.peer.hear(), Some(Message::Done(_))));
        at.peer.say(&[13]);
        at.receiver.end().expect("it is all there");
    }
}

#[test]
fn a_sender_that_never_sends_a_part_is_given_up() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
    at.accepted();
    for round in 0..64 {
        at.peer.say(&round_end(round, &[], &[]));
    }
    at.expect_end(NOT_VERIFIED, "64 rounds");
}

#[test]
fn a_check_that_differs_has_the_part_sent_again() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(10).to_bytes());
    at.accepted();
    at.peer.part(0, b"0123456789");
    at.peer.say(&round_end(0, &[], &[(0, 1)]));
    assert!(matches!(at.peer.hear(), Some(Message::Missing(_))));
    at.peer.part(0, b"0123456789");
    at.peer
        .say(&round_end(1, &[], &[(0, crc32fast::hash(b"0123456789"))]));
    assert!(matches!(at.peer.hear(), Some(Message::Done(_))));
    at.peer.say(&[13]);
    at.receiver.end().expect("it is all there");
}

#[test]
fn a_flood_of_pings_holds_nothing_up() {
    let mut at = AtReceiver::new();
    for _ in 0..300 {
        at.peer.say(&ping(0, 0));
    }
    for token in 1..20 {
        at.peer.say(&ping(token, 10_000));
        let heard = at.peer.hear();
        assert!(matches!(heard, Some(Message::Pong { token: t, .. }) if t == token));
    }
    at.peer.say(&RawOffer::file(0).to_bytes());
    at.accepted();
    at.peer.say(&round_end(0, &[], &[]));
    assert!(matches!(at.peer.hear(), Some(Message::Done(_))));
    at.peer.say(&[13]);
    at.receiver.end().expect("it is all there");
}

#[test]
fn a_ping_session_is_for_pings() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for (kind, message) in one_of_each() {
        if [13, 14].contains(&kind) {
            continue;
        }
        let mut peer = Peer::dial_as(receiver.port, DiallerRole::Ping);
        peer.say(&ping(1, 100));
        assert!(
            matches!(peer.hear(), Some(Message::Pong { token: 1, padding }) if padding.len() == 100)
        );
        peer.say(&message);
        assert!(peer.hear().is_none(), "kind {kind}");
    }
    ground.expect_untouched();
    let sent = Side::default().send_dialling(&ground.source, receiver.port);
    sent.end().expect("a ping does not use the listener up");
    receiver.end().expect("a ping does not use the listener up");
}

/// Random changes to valid messages, properly sealed: each leads to an error or is ignored, and the session
/// ends.
#[test]
fn messages_of_any_bytes_come_to_an_end() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut random = Chance::new(seed);
    let good = one_of_each();
    for number in 0..60 {
        // An offer followed by a Bye is only a dry run: after it the receiver waits for the next peer.
        let mut at = AtReceiver::with(Side {
            wait: Some(Duration::from_secs(5)),
            ..Side::impatient()
        });
        if number % 2 == 1 {
            at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
            at.accepted();
        }
        let (_, mut message) = good[random.place(good.len())].clone();
        for _ in 0..=random.place(3) {
            if message.is_empty() {
                break;
            }
            let place = random.place(message.len());
            match random.place(4) {
                0 => message.truncate(place),
                1 => message.insert(place, random.number() as u8),
                2 => message[place] = [0, 0x7f, 0x80, 0xff][random.place(4)],
                _ => message[place] = random.number() as u8,
            }
        }
        let shown = message.escape_ascii().to_string();
        println!("{number}: {shown}");
        at.peer.say(&message);
        at.peer.say(&[13]);
        at.peer.given_up();
        if let Err(Error::System { source }) = at.receiver.end() {
            panic!("{shown}: {source}");
        }
    }
}
