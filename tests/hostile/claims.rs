//! A peer that breaks the rules for claims and digests.

use crate::sender_states::AtSender;
use crate::states::{AtReceiver, NOT_VERIFIED};
use crate::tree::Ground;
use crate::wire::{PART, Raw, RawOffer, accept_with, differs, digests, round_end};
use peerbridge::internals::{Message, PartId};

const MIB: u32 = 1 << 20;

#[test]
fn a_sender_takes_no_claims_that_cannot_be() {
    let bad = [
        (
            "a part that is not there",
            accept_with(MIB, 1, &[], &[(1, 2)]),
        ),
        (
            "both there and claimed",
            accept_with(MIB, 1, &[(0, 2)], &[(1, 1)]),
        ),
        (
            "claims that overlap",
            accept_with(MIB, 1, &[], &[(0, 2), (1, 1)]),
        ),
        (
            "nothing claimed at a place",
            accept_with(MIB, 1, &[], &[(0, 0)]),
        ),
    ];
    for (what, accept) in bad {
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&accept);
        at.expect_end(NOT_VERIFIED, what);
    }
    let mut at = AtSender::new(Ground::small());
    at.peer.say(&accept_with(MIB, 1, &[], &[(0, 1)]));
    at.expect_end(NOT_VERIFIED, "claims of what went along with the offer");
}

#[test]
fn a_sender_takes_each_difference_once_and_only_of_what_is_claimed() {
    for (what, named) in [
        ("a part that was not claimed", vec![differs(&[(1, 1)])]),
        ("a part twice", vec![differs(&[(0, 1)]), differs(&[(0, 1)])]),
        ("parts without end", vec![differs(&[(0, 1), (3, 1 << 20)])]),
        ("two ends", vec![differs(&[]), differs(&[])]),
        (
            "a part behind the end",
            vec![differs(&[]), differs(&[(0, 1)])],
        ),
    ] {
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&accept_with(MIB, 1, &[], &[(0, 1)]));
        named.iter().for_each(|message| at.peer.say(message));
        at.expect_end(NOT_VERIFIED, what);
    }
    let mut at = AtSender::new(Ground::two_parts());
    at.peer.say(&accept_with(MIB, 1, &[], &[]));
    at.peer.say(&differs(&[]));
    at.expect_end(NOT_VERIFIED, "the end of a comparison of nothing");
}

/// The sender sends digests of claimed parts, and such a part only after a Differs names it. The round ends
/// after the comparison.
#[test]
fn a_sender_digests_what_is_claimed_and_sends_what_differs() {
    let mut at = AtSender::new(Ground::two_parts());
    at.peer.say(&accept_with(MIB, 1, &[], &[(0, 2)]));
    let mut count = 0;
    while count < 2 {
        match at.peer.hear() {
            Some(Message::Digests(digests)) => count += digests.len(),
            heard => panic!("{heard:?}"),
        }
    }
    at.peer.say(&differs(&[(0, 1)]));
    at.peer.say(&differs(&[]));
    let heard = std::iter::from_fn(|| at.peer.hear())
        .find(|message| matches!(message, Message::RoundEnd(_)));
    assert!(matches!(heard, Some(Message::RoundEnd(end)) if end.checks.len() == 1));
    at.peer.say(&crate::wire::done(1));
    at.sender_ends_well();
}

#[test]
fn figures_of_a_receiver_are_bounded_by_the_offer() {
    let done = |figures: [u64; 6]| {
        let raw = figures
            .iter()
            .fold(Raw::kind(11), |raw, figure| raw.u64(*figure));
        raw.u32(0).0
    };
    let most = u64::MAX;
    for figures in [
        [4, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, most],
        [2, 0, most, 0, 0, 2],
        [1, u64::from(MIB) + 1001, 0, 0, 0, 0],
        [0, 0, 0, most, 0, 0],
    ] {
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&crate::wire::accept(MIB, 1, &[(0, 2)]));
        at.round_is_over();
        at.peer.say(&done(figures));
        at.expect_end(NOT_VERIFIED, &format!("{figures:?}"));
    }
}

#[test]
fn a_receiver_takes_no_digests_of_what_it_does_not_claim() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(3 * u64::from(PART)).to_bytes());
    at.accepted();
    at.peer.say(&digests(&[[7; 16]]));
    at.expect_end(NOT_VERIFIED, "digests of nothing");
}

#[test]
fn a_receiver_takes_no_part_of_a_later_round() {
    let mut at = AtReceiver::new();
    at.peer.say(&RawOffer::file(3 * u64::from(PART)).to_bytes());
    at.accepted();
    let later = PartId { round: 1, index: 0 };
    let frame = at.peer.part_in(1, 0, 0, later, &vec![1; PART as usize]);
    at.peer.line.send(&frame);
    at.expect_end(NOT_VERIFIED, "round 1 in round 0");
}

#[test]
fn a_dry_run_brings_nothing() {
    let mut at = AtReceiver::new();
    let mut offer = RawOffer::file(3 * u64::from(PART));
    offer.flags = 8;
    at.peer.say(&offer.to_bytes());
    at.accepted();
    at.peer.say(&round_end(0, &[], &[]));
    at.expect_end(NOT_VERIFIED, "parts after a dry run");
}
