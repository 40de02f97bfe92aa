//! Every kind of message at every time, sent to a sender; as in `states`.

use crate::harness::is_long;
use crate::peer::Peer;
use crate::real::{Running, Side, exit_code};
use crate::states::NOT_VERIFIED;
use crate::tree::Ground;
use crate::wire::{PART, Raw, abort, accept, done, missing, one_of_each};
use peerbridge::Summary;
use peerbridge::internals::{Message, Role, limits};
use std::net::TcpListener;
use std::time::Duration;

/// A real sender that dials, and a hostile receiver that has proven itself and read the offer.
pub struct AtSender {
    ground: Ground,
    sender: Running<Summary>,
    pub peer: Peer,
}

impl AtSender {
    pub fn new(ground: Ground) -> AtSender {
        AtSender::with(ground, &Side::default())
    }

    pub fn with(ground: Ground, side: &Side) -> AtSender {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sender = side.send_dialling(&ground.source, port);
        let mut peer = Peer::accept(&listener, Role::Receive);
        let heard = peer.hear();
        assert!(matches!(heard, Some(Message::Offer(_))), "{heard:?}");
        AtSender {
            ground,
            sender,
            peer,
        }
    }

    pub fn expect_end(self, code: u8, what: &str) {
        self.peer.given_up();
        let result = self.sender.end();
        let shown = format!("{result:?}");
        assert_eq!(exit_code(result), code, "{what}: {shown}");
        self.ground.expect_untouched();
    }

    pub fn sender_ends_well(self) {
        self.sender.end().expect("its Done is its word");
    }

    pub fn round_is_over(&mut self) {
        let over = std::iter::from_fn(|| self.peer.hear())
            .any(|message| matches!(message, Message::RoundEnd(_)));
        assert!(over);
    }
}

const MIB: u32 = 1 << 20;

#[test]
fn a_sender_takes_no_message_at_the_wrong_time() {
    for (kind, message) in one_of_each() {
        if [5, 14].contains(&kind) {
            continue;
        }
        let code = if kind == 16 { 12 } else { NOT_VERIFIED };
        if kind != 4 {
            let mut at = AtSender::new(Ground::two_parts());
            at.peer.say(&message);
            at.expect_end(code, &format!("kind {kind} in place of an answer"));
        }
        // A slow side, so that it is in the middle of the parts when the message comes.
        let mut at = AtSender::with(Ground::two_parts(), &Side::slow());
        at.peer.say(&accept(MIB, 1, &[]));
        at.peer.say(&message);
        at.expect_end(code, &format!("kind {kind} within the parts"));
        if kind == 11 || kind == 10 {
            continue;
        }
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&accept(MIB, 1, &[]));
        at.round_is_over();
        at.peer.say(&message);
        at.expect_end(code, &format!("kind {kind} in place of a verdict"));
    }
}

#[test]
fn answers_that_are_absurd_end_the_session() {
    let answers = [
        accept(0, 1, &[]),
        accept(PART - 1, 1, &[]),
        accept(u32::MAX, 1, &[]),
        accept(MIB, 0, &[]),
        accept(MIB, 2, &[]),
        accept(MIB, u16::MAX, &[]),
        accept(MIB, 1, &[(0, 0)]),
        accept(MIB, 1, &[(0, u64::MAX)]),
        accept(MIB, 1, &[(u64::MAX, u64::MAX)]),
        accept(MIB, 1, &[(1, 2)]),
        accept(MIB, 1, &[(1, 1), (0, 1)]),
        accept(MIB, 1, &[(0, 1), (1, 1)]),
        Raw::kind(4).u32(MIB).u16(1).u32(u32::MAX).0,
        Raw::kind(5).u8(0).u16(0).0,
        Raw::kind(5).u8(1).u16(9).0,
    ];
    for answer in answers {
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&answer);
        let what = answer.escape_ascii().to_string();
        at.expect_end(NOT_VERIFIED, &what);
    }
}

#[test]
fn verdicts_that_are_absurd_end_the_session() {
    let verdicts = [
        missing(0, &[(0, 1)]),
        missing(2, &[(0, 1)]),
        missing(64, &[(0, 1)]),
        missing(1, &[]),
        missing(1, &[(0, 0)]),
        missing(1, &[(2, 1)]),
        missing(1, &[(0, u64::MAX)]),
        missing(1, &[(1, 1), (0, 1)]),
        Raw::kind(11).u64(1).u64(1).u64(0).u32(1).u32(0).u8(1).0,
        Raw::kind(11).u64(1).u64(1).u64(2).u32(u32::MAX).0,
    ];
    for verdict in verdicts {
        let mut at = AtSender::new(Ground::two_parts());
        at.peer.say(&accept(MIB, 1, &[]));
        at.round_is_over();
        at.peer.say(&verdict);
        let what = verdict.escape_ascii().to_string();
        at.expect_end(NOT_VERIFIED, &what);
    }
}

/// So that neither side keeps the checks of all parts. With `PEERBRIDGE_TEST_LONG=1`, because the sender derives the
/// keys of 16,000 parts.
#[test]
fn a_sender_sends_checks_as_soon_as_they_fill_a_message() {
    if !is_long() {
        return;
    }
    let ground = Ground::small();
    let hole = std::fs::File::create(ground.source.join("hole")).unwrap();
    hole.set_len((limits::CHECKS as u64 + 9) * u64::from(PART))
        .unwrap();
    let patient = Side {
        idle: Duration::from_secs(600),
        ..Side::default()
    };
    let mut at = AtSender::with(ground, &patient);
    at.peer.say(&accept(PART, 1, &[]));
    let heard = at.peer.hear();
    assert!(
        matches!(&heard, Some(Message::Checks(checks)) if checks.len() == limits::CHECKS),
        "{heard:?}"
    );
    assert_eq!(at.peer.parts, limits::CHECKS as u64);
    let heard = at.peer.hear();
    assert!(
        matches!(&heard, Some(Message::RoundEnd(end)) if end.checks.len() == 10),
        "{heard:?}"
    );
    at.peer.say(&done(1));
    at.sender_ends_well();
}

#[test]
fn a_receiver_that_lacks_the_same_for_ever_is_given_up() {
    let mut at = AtSender::new(Ground::two_parts());
    at.peer.say(&accept(MIB, 1, &[]));
    at.round_is_over();
    for round in 1..64 {
        at.peer.say(&missing(round, &[(0, 1)]));
        at.round_is_over();
    }
    at.peer.say(&missing(64, &[(0, 1)]));
    at.expect_end(NOT_VERIFIED, "64 rounds");
}

#[test]
fn a_receiver_that_has_it_all_is_believed_only_with_a_done() {
    let mut at = AtSender::new(Ground::two_parts());
    at.peer.say(&accept(MIB, 1, &[(0, 2)]));
    at.round_is_over();
    drop(at.peer);
    assert_eq!(exit_code(at.sender.end()), 12);

    let mut at = AtSender::new(Ground::two_parts());
    at.peer.say(&accept(MIB, 1, &[(0, 2)]));
    at.round_is_over();
    at.peer.say(&done(1));
    at.sender.end().expect("its Done is its word");
}

#[test]
fn what_a_peer_says_is_escaped() {
    let mut at = AtSender::new(Ground::small());
    at.peer
        .say(&abort(1, "\u{1b}[31m\r\n\u{202e}evil".as_bytes()));
    let error = at.sender.end().expect_err("it gave up");
    let shown = error.to_string();
    assert!(
        !shown.chars().any(char::is_control) && !shown.contains('\u{202e}'),
        "{shown:?}"
    );

    let mut at = AtSender::new(Ground::small());
    let text = b"\x1b[2Jno\n";
    at.peer
        .say(&Raw::kind(5).u8(1).u16(text.len() as u16).bytes(text).0);
    let error = at.sender.end().expect_err("it declined");
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

#[test]
fn a_listening_sender_waits_for_ready_and_nothing_else() {
    for (kind, message) in one_of_each() {
        if [1, 14].contains(&kind) {
            continue;
        }
        let ground = Ground::small();
        let sender = Side::default().send_listening(&ground.source);
        let mut peer = Peer::dial(sender.port, Role::Receive);
        peer.say(&message);
        let said = peer.given_up();
        assert!(
            !said.iter().any(|m| matches!(m, Message::Offer(_))),
            "kind {kind}"
        );
        let code = if kind == 16 { 12 } else { NOT_VERIFIED };
        assert_eq!(exit_code(sender.end()), code, "kind {kind}");
    }
}
