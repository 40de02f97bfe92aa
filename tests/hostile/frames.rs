//! Bytes grouped in any way, and frames of any length.

use crate::harness::proxy::{self, Proxy, Way};
use crate::peer::{Line, Peer};
use crate::real::{Side, exit_code};
use crate::tree::Ground;
use crate::wire::RawOffer;
use peerbridge::internals::{FrameKind, MESSAGE_HEAD_LENGTH, Role, limits};
use std::time::Duration;

/// Lengths at which something might break.
pub const LENGTHS: [u32; 9] = [
    0,
    1,
    limits::UNPROVEN_FRAME_BYTES as u32,
    limits::UNPROVEN_FRAME_BYTES as u32 + 1,
    limits::FRAME_BYTES as u32,
    limits::FRAME_BYTES as u32 + 1,
    (1 << 31) - 1,
    1 << 31,
    u32::MAX,
];

/// The start of a frame of that length, without the rest.
pub fn begun(length: u32, kind: u8) -> Vec<u8> {
    [&length.to_be_bytes()[..], &[kind], &[0; 200]].concat()
}

#[test]
fn single_bytes_and_large_pieces_have_the_same_result() {
    // Single bytes for the handshake, the offer and some of the rest.
    let ways = [Way::Single(3000), Way::Gathered(Duration::from_millis(30))];
    for way in ways {
        let ground = Ground::small();
        let receiver = Side::default().receive_listening(&ground.destination);
        let line = proxy::Line {
            to_listener: way,
            to_dialler: way,
        };
        let proxy = Proxy::by(receiver.port, line);
        let sender = Side::default().send_dialling(&ground.source, proxy.port());
        sender.end().expect("no byte is missing");
        receiver.end().expect("no byte is missing");
        ground.expect_whole();
    }
}

#[test]
fn a_bad_length_is_refused_at_once_before_the_proof() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    for length in LENGTHS {
        for kind in 0..8 {
            let waits = length as usize <= limits::UNPROVEN_FRAME_BYTES;
            if waits && length > 200 && (1..5).contains(&kind) {
                // A valid length, whose rest may still come.
                continue;
            }
            let mut line = Line::dial(receiver.port);
            line.send(&begun(length, kind));
            assert!(line.read_to_end().is_empty(), "{length} {kind}");
        }
    }
    let sender = Side::default().send_dialling(&ground.source, receiver.port);
    sender.end().expect("the right peer is served");
    receiver.end().expect("the right peer is served");
    assert_eq!(receiver.failed_proofs(), 0);
}

#[test]
fn a_bad_length_is_refused_at_once_after_the_proof() {
    let kinds = [FrameKind::Message as u8, FrameKind::Part as u8];
    for (length, kind) in LENGTHS.into_iter().flat_map(|l| kinds.map(|k| (l, k))) {
        let ground = Ground::small();
        let receiver = Side::default().receive_listening(&ground.destination);
        let mut peer = Peer::dial(receiver.port, Role::Send);
        peer.line.send(&begun(length, kind));
        peer.given_up();
        assert_eq!(exit_code(receiver.end()), 10, "{length} {kind}");
        ground.expect_untouched();
    }
}

/// A length that is damaged on the way is noticed at once. Otherwise heartbeats would keep both sides waiting.
#[test]
fn a_damaged_length_is_not_waited_for() {
    for bit in (0..32).step_by(3) {
        let ground = Ground::small();
        let receiver = Side::default().receive_listening(&ground.destination);
        let mut peer = Peer::dial(receiver.port, Role::Send);
        let mut frame = peer.sealed(&RawOffer::file(1).to_bytes());
        frame[bit / 8] ^= 1 << (bit % 8);
        peer.line.send(&frame[..MESSAGE_HEAD_LENGTH]);
        peer.given_up();
        assert_eq!(exit_code(receiver.end()), 10, "{bit}");
    }
}
