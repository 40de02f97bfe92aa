//! What a sender may say about its rounds, and what it must not.

use crate::states::AtReceiver;
use crate::wire::{Entries, PART, Raw, RawOffer};

const NOT_VERIFIED: u8 = 10;

const THREE_PARTS: u64 = 3 * PART as u64;

fn check(index: u64) -> Vec<u8> {
    Raw::kind(8).u32(1).u64(index).u32(0).0
}

fn failure(entry: u32, reason: u8) -> Vec<u8> {
    Raw::kind(9).u32(1).u32(entry).u8(reason).0
}

#[test]
fn a_check_of_a_part_that_is_not_there_ends_the_session() {
    for (what, index) in [("the next", 3), ("far away", u64::MAX)] {
        let mut at = AtReceiver::new();
        at.peer.say(&RawOffer::file(THREE_PARTS).to_bytes());
        at.accepted();
        at.peer.say(&check(2));
        at.peer.say(&check(index));
        at.expect_end(NOT_VERIFIED, what);
    }
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
fn an_early_round_is_all_of_a_small_offer() {
    let all = [
        ("nothing", RawOffer::file(0)),
        ("more than a part", RawOffer::file(PART as u64 + 1)),
        ("files without contents", RawOffer::of(&Entries::default())),
    ];
    for (what, offer) in all {
        let mut at = AtReceiver::new();
        at.peer.say(&offer.early(0, &[]).to_bytes());
        at.expect_end(NOT_VERIFIED, what);
    }
}

#[test]
fn an_early_round_tells_of_the_senders_own_failures_only() {
    let part = b"0123456789";
    for (entry, reason) in [(0, 4), (0, 5), (0, 0), (0, 6), (1, 2), (u32::MAX, 2)] {
        let mut at = AtReceiver::new();
        let offer = RawOffer::file(10).early(crc32fast::hash(part), &[(entry, reason)]);
        at.peer.say(&offer.to_bytes());
        at.peer.part(0, part);
        at.expect_end(NOT_VERIFIED, &format!("entry {entry}, reason {reason}"));
    }
}
