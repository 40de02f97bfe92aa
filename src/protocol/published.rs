//! What `docs/PROTOCOL.md` says is what the code does.

use super::PADDING_BYTES;
use crate::crypto::{ENVELOPE_LENGTH, MAX_SECRET_LENGTH, SEALED_OVERHEAD};
use crate::model::limits;

const PAGE: &str = include_str!("../../docs/PROTOCOL.md");

#[test]
fn the_limits_are_as_published() {
    let limits: [(&str, u64); 23] = [
        (
            "body of an unproven frame, bytes",
            limits::UNPROVEN_FRAME_BYTES as u64,
        ),
        ("whole handshake, seconds", limits::HANDSHAKE_SECONDS),
        ("versions in a Hello", limits::VERSIONS as u64),
        ("secret, bytes", MAX_SECRET_LENGTH as u64),
        ("raw message, bytes", limits::MESSAGE_BYTES as u64),
        ("padding of a Ping or Pong, bytes", PADDING_BYTES as u64),
        ("part size, bytes, at least", limits::PART_BYTES_MIN.into()),
        ("part size, bytes, at most", limits::PART_BYTES_MAX.into()),
        ("body of a proven frame, bytes", limits::FRAME_BYTES as u64),
        ("parts in a transfer", limits::PARTS),
        ("bytes in a stream", limits::STREAM_BYTES),
        ("entries in a manifest", limits::ENTRIES as u64),
        (
            "paths and link targets of a manifest together, bytes",
            limits::NAMES_BYTES as u64,
        ),
        ("path or link target, bytes", limits::PATH_BYTES as u64),
        ("component of a path, bytes", limits::COMPONENT_BYTES as u64),
        ("components of a path", limits::PATH_LEVELS as u64),
        ("streams of a session", limits::STREAMS.into()),
        ("ranges in a message", limits::RANGES as u64),
        ("checks in a message", limits::CHECKS as u64),
        ("failures in a message", limits::FAILURES as u64),
        ("text, bytes", limits::TEXT_BYTES as u64),
        ("rounds of a transfer", limits::ROUNDS.into()),
        ("transfers of a session", limits::TRANSFERS.into()),
    ];
    for (what, limit) in limits {
        let line = format!("| {what} | {limit} |");
        assert!(PAGE.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn the_lengths_of_what_is_sealed_are_as_published() {
    assert_eq!(SEALED_OVERHEAD, 172);
    assert_eq!(ENVELOPE_LENGTH, 41);
}
