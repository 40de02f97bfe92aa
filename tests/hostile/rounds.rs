//! What a sender says of its rounds, and what it cannot.

use crate::peer::Peer;
use crate::states::AtReceiver;
use crate::wire::{PART, Raw, RawOffer, round_end};

const NOT_VERIFIED: u8 = 10;

const THREE_PARTS: u64 = 3 * PART as u64;

fn checks(count: u32) -> Vec<u8> {
    let raw = Raw::kind(8).u32(count);
    (0..count).fold(raw, |raw, _| raw.u64(0).u32(0)).0
}

fn failure(entry: u32, reason: u8) -> Vec<u8> {
    Raw::kind(9).u32(1).u32(entry).u8(reason).0
}

#[test]
fn more_checks_than_parts_end_the_session() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
    at.accepted();
    at.peer.say(&checks(4));
    at.peer.say(&checks(4));
    at.expect_end(NOT_VERIFIED, "checks without an end");
}

#[test]
fn a_sender_tells_of_its_own_failures_only() {
    for (entry, reason) in [(0, 4), (0, 5), (0, 0), (0, 6), (1, 2), (u32::MAX, 2)] {
        let mut at = AtReceiver::new();
        at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
        at.accepted();
        at.peer.say(&failure(entry, reason));
        at.expect_end(NOT_VERIFIED, &format!("entry {entry}, reason {reason}"));
    }
}

#[test]
fn an_early_round_is_the_first_and_has_one_stream() {
    type Said = fn(&mut Peer);
    let all: [(&str, Said); 4] = [
        ("another round", |peer| peer.say(&round_end(1, &[], &[]))),
        ("another stream", |peer| peer.say(&round_end(0, &[1], &[]))),
        ("failures twice", |peer| {
            peer.say(&failure(0, 2));
            peer.say(&failure(0, 2));
        }),
        ("a failure that is not its own", |peer| {
            peer.say(&failure(0, 5));
            peer.say(&round_end(0, &[], &[]));
        }),
    ];
    for (what, say) in all {
        let mut at = AtReceiver::new();
        let mut offer = RawOffer::file(10);
        offer.flags = 2;
        at.peer.say(&offer.to_bytes());
        say(&mut at.peer);
        at.expect_end(NOT_VERIFIED, what);
    }
}
