//! If people compare the phrase, nothing continues before both have confirmed it.

use crate::real::Side;
use crate::sender_states::AtSender;
use crate::states::AtReceiver;
use crate::tree::Ground;
use crate::wire::{PART, RawOffer, one_of_each};
use peerbridge::internals::Message;

/// The only kind that the peer may send before it has confirmed. (A receiver may decline as well.)
const PING: u8 = 14;
const DECLINE: u8 = 5;
const CONFIRMED: u8 = 17;

fn code_after(kind: u8) -> u8 {
    match kind {
        16 => 12,
        _ => 10,
    }
}

#[test]
fn a_receiver_takes_nothing_before_the_sender_has_confirmed() {
    for (kind, message) in one_of_each() {
        if [PING, CONFIRMED].contains(&kind) {
            continue;
        }
        let mut at = AtReceiver::new();
        let mut offer = RawOffer::file(u64::from(PART));
        offer.flags = 1;
        at.peer.say(&offer.to_bytes());
        assert!(matches!(at.peer.hear(), Some(Message::Confirmed)));
        at.peer.say(&message);
        at.expect_end(code_after(kind), &format!("kind {kind}"));
    }
}

#[test]
fn a_sender_sends_nothing_before_the_receiver_has_confirmed() {
    let verifying = Side {
        verify: true,
        ..Side::default()
    };
    for (kind, message) in one_of_each() {
        if [PING, DECLINE, CONFIRMED].contains(&kind) {
            continue;
        }
        let mut at = AtSender::with(Ground::small(), &verifying);
        assert!(matches!(at.peer.hear(), Some(Message::Confirmed)));
        at.peer.say(&message);
        at.expect_end(code_after(kind), &format!("kind {kind}"));
    }
}
