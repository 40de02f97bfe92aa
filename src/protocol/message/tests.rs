mod refused;

use super::*;
use crate::protocol::manifest_code::CHUNK_BYTES;
use crate::protocol::test_random::Random;

fn one_of_each() -> Vec<Message> {
    let checks: PartChecks = list([(0, 7), (u64::MAX, u32::MAX)].map(check));
    let failures: Failures = list([PeerFailure {
        entry: 3,
        reason: FailureReason::SourceChanged,
    }]);
    let mut messages = vec![
        Message::Ready,
        Message::Offer(Offer {
            transfer: limits::TRANSFERS - 1,
            run: RunId([7; 16]),
            part_size: limits::PART_BYTES_MAX,
            streams: limits::STREAMS,
            verify: true,
            checksum: true,
            dry_run: true,
            entry_count: limits::ENTRIES as u32,
            entries: ManifestChunk::from_peer(b"entries"),
            early: None,
        }),
        Message::Offer(Offer {
            transfer: 0,
            run: RunId([0; 16]),
            part_size: limits::PART_BYTES_MIN,
            streams: 1,
            verify: false,
            checksum: false,
            dry_run: false,
            entry_count: 1,
            entries: ManifestChunk::from_peer(b"entry"),
            early: Some(EarlyRound {
                crc32: u32::MAX,
                failures: failures.clone(),
            }),
        }),
        Message::Entries(ManifestChunk::from_peer(b"more")),
        Message::Accept(Accept {
            part_size: limits::PART_BYTES_MIN,
            streams: 1,
            have: list([(0, 1), (2, 1), (12, limits::PARTS - 12)].map(range)),
            claims: list([(1, 1), (3, 9)].map(range)),
        }),
        Message::Digests(list([PieceDigest::UNREADABLE, PieceDigest([7; 16])])),
        Message::Differs(list([(0, 1), (5, 5)].map(range))),
        Message::StreamEnd {
            round: limits::ROUNDS - 1,
        },
        Message::Checks(checks.clone()),
        Message::SourceFailed(failures.clone()),
        Message::Missing(Missing {
            round: 1,
            ranges: list([(5, 5)].map(range)),
        }),
        Message::Done(Done {
            files: 1,
            bytes: u64::MAX,
            same: 2,
            skipped: 3,
            held: u64::MAX,
            failed: 9,
            failures,
            skips: list([PeerEntry(1), PeerEntry(4)]),
            new_names: list(NewName::new(PeerEntry(2), b"a (1)\xff")),
        }),
        Message::Next,
        Message::Bye,
        Message::Ping(Ping {
            token: 1,
            answer_padding: PADDING_BYTES as u32,
            padding: vec![1, 2],
        }),
        Message::Pong {
            token: u64::MAX,
            padding: vec![3],
        },
        Message::Abort {
            code: 12,
            text: PeerText::new("größer"),
        },
        Message::Confirmed,
        Message::CodeWanted,
        Message::Code { code: *b"012345" },
    ];
    messages.extend((1..=7).map(|code| {
        Message::Decline(Decline {
            reason: DeclineReason::from_code(code).unwrap(),
            text: PeerText::default(),
        })
    }));
    messages.extend([None, Some(limits::STREAM_BYTES)].map(|total| {
        Message::RoundEnd(RoundEnd {
            round: 0,
            total,
            streams: list([1, 2, 63].map(|number| StreamNumber::joined(number).unwrap())),
            checks: checks.clone(),
        })
    }));
    messages
}

fn check((index, crc32): (u64, u32)) -> PartCheck {
    PartCheck { index, crc32 }
}

fn range((start, length): (u64, u64)) -> PartRange {
    PartRange { start, length }
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::take_from(&mut items.into_iter())
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

#[test]
fn messages_survive_encoding() {
    for message in one_of_each() {
        assert_eq!(Message::decode(&encoded(&message)), Ok(message));
    }
}

#[test]
fn every_truncation_and_every_leftover_is_an_error() {
    for message in one_of_each() {
        let mut bytes = encoded(&message);
        for end in 0..bytes.len() {
            assert_eq!(
                Message::decode(&bytes[..end]),
                Err(MessageError::Codec(CodecError::Short)),
                "{message:?} cut at {end}"
            );
        }
        bytes.push(0);
        assert_eq!(
            Message::decode(&bytes),
            Err(MessageError::Codec(CodecError::Leftover)),
            "{message:?}"
        );
    }
}

#[test]
fn the_fullest_messages_fit() {
    let checks = || list((0..limits::CHECKS as u64).map(|index| check((index, 0))));
    let failure = PeerFailure {
        entry: 0,
        reason: FailureReason::NotWritten,
    };
    let chunk = || ManifestChunk::from_peer(&vec![0; CHUNK_BYTES]);
    let fullest = [
        Message::Offer(Offer {
            transfer: 0,
            run: RunId([0; 16]),
            part_size: limits::PART_BYTES_MIN,
            streams: 1,
            verify: false,
            checksum: false,
            dry_run: false,
            entry_count: 1,
            entries: chunk(),
            early: Some(EarlyRound {
                crc32: 0,
                failures: list(std::iter::repeat_n(failure, limits::FAILURES)),
            }),
        }),
        Message::Entries(chunk()),
        Message::Accept(Accept {
            part_size: limits::PART_BYTES_MIN,
            streams: 1,
            have: list((0..limits::RANGES as u64 / 2).map(|index| range((index * 4, 1)))),
            claims: list((0..limits::RANGES as u64 / 2).map(|index| range((index * 4 + 2, 1)))),
        }),
        Message::Digests(list(std::iter::repeat_n(
            PieceDigest([7; 16]),
            limits::DIGESTS,
        ))),
        Message::Differs(list(
            (0..limits::RANGES as u64).map(|index| range((index * 2, 1))),
        )),
        Message::RoundEnd(RoundEnd {
            round: 0,
            total: Some(0),
            streams: list((1..limits::STREAMS).map(|number| StreamNumber::joined(number).unwrap())),
            checks: checks(),
        }),
        Message::Checks(checks()),
        Message::Done(Done {
            files: 0,
            bytes: 0,
            same: 0,
            skipped: u64::MAX,
            held: 0,
            failed: u64::MAX,
            failures: list(std::iter::repeat_n(failure, limits::FAILURES)),
            skips: list(std::iter::repeat_n(PeerEntry(7), limits::SKIPS)),
            new_names: list(std::iter::repeat_n(
                NewName::new(PeerEntry(7), &[b'x'; limits::COMPONENT_BYTES]).unwrap(),
                limits::NEW_NAMES,
            )),
        }),
        Message::Ping(Ping {
            padding: vec![0; PADDING_BYTES],
            ..Ping::default()
        }),
        Message::Abort {
            code: 0,
            text: PeerText::new(&"x".repeat(limits::TEXT_BYTES)),
        },
    ];
    for message in fullest {
        let bytes = encoded(&message);
        assert!(bytes.len() <= limits::MESSAGE_BYTES);
        assert!(Message::decode(&bytes) == Ok(message));
    }
}

#[test]
fn padding_beyond_the_limit_is_not_sent() {
    let ping = Message::Ping(Ping {
        token: 0,
        answer_padding: u32::MAX,
        padding: vec![0; PADDING_BYTES + 1],
    });
    let Ok(Message::Ping(ping)) = Message::decode(&encoded(&ping)) else {
        panic!("it is a ping");
    };
    assert_eq!(ping.padding.len(), PADDING_BYTES);
    assert_eq!(ping.answer_padding as usize, PADDING_BYTES);
}

#[test]
fn a_done_names_no_more_than_it_counts_and_only_names() {
    let done = |skipped: u64, skips: &[u32], name: &[u8]| {
        let mut bytes = vec![kind::DONE];
        for figure in [0, 0, 0, skipped, 0, 0] {
            bytes.extend(figure.to_be_bytes());
        }
        bytes.extend(0_u32.to_be_bytes());
        bytes.extend((skips.len() as u32).to_be_bytes());
        skips
            .iter()
            .for_each(|skip| bytes.extend(skip.to_be_bytes()));
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(7_u32.to_be_bytes());
        bytes.extend((name.len() as u16).to_be_bytes());
        bytes.extend(name);
        Message::decode(&bytes)
    };
    assert!(done(1, &[3], b"a (1)").is_ok());
    let more = MessageError::Value("more entries than there are");
    assert_eq!(done(0, &[3], b"a (1)"), Err(more));
    let none = MessageError::Value("a new name that is none");
    for name in [&b""[..], b"a/b", b"..", b"a\0", &[b'x'; 256]] {
        assert_eq!(done(1, &[3], name), Err(none), "{name:?}");
    }
}

#[test]
fn a_message_too_long_is_refused_unread() {
    let bytes = vec![kind::READY; limits::MESSAGE_BYTES + 1];
    assert_eq!(
        Message::decode(&bytes),
        Err(MessageError::Limit("the length of a message"))
    );
}

/// The place of a count or number in a message, and its largest allowed value.
#[test]
fn numbers_beyond_their_limit_are_refused() {
    const PART_MAX: u32 = limits::PART_BYTES_MAX;
    let cases: &[(&[u8], usize, u32)] = &[
        (&[kind::OFFER], 0, limits::TRANSFERS - 1),
        (&[kind::OFFER], 20, PART_MAX),
        (&[kind::OFFER], 27, limits::ENTRIES as u32),
        (&[kind::ACCEPT], 0, PART_MAX),
        (&[kind::ACCEPT], 6, limits::RANGES as u32),
        (&[kind::ACCEPT], 10, limits::RANGES as u32),
        (&[kind::DIGESTS], 0, limits::DIGESTS as u32),
        (&[kind::DIFFERS], 0, limits::RANGES as u32),
        (&[kind::STREAM_END], 0, limits::ROUNDS - 1),
        (&[kind::ROUND_END], 0, limits::ROUNDS - 1),
        (&[kind::ROUND_END], 5, u32::from(limits::STREAMS)),
        (&[kind::ROUND_END], 9, limits::CHECKS as u32),
        (&[kind::CHECKS], 0, limits::CHECKS as u32),
        (&[kind::SOURCE_FAILED], 0, limits::FAILURES as u32),
        (&[kind::MISSING], 0, limits::ROUNDS - 1),
        (&[kind::MISSING], 4, limits::RANGES as u32),
        (&[kind::DONE], 48, limits::FAILURES as u32),
        (&[kind::PING], 8, PADDING_BYTES as u32),
    ];
    for &(head, offset, max) in cases {
        for (number, is_limit) in [
            (max, false),
            (max + 1, true),
            (i32::MAX as u32, true),
            (u32::MAX, true),
        ] {
            let mut bytes = head.to_vec();
            bytes.extend_from_slice(&plausible(head[0])[..offset]);
            bytes.extend_from_slice(&number.to_be_bytes());
            let result = Message::decode(&bytes);
            assert_eq!(
                matches!(result, Err(MessageError::Limit(_))),
                is_limit,
                "{head:?} at {offset}: {number} gives {result:?}"
            );
        }
    }
}

/// The fields of a message of this kind, up to the last count, each with an allowed value.
fn plausible(kind: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let part_size = limits::PART_BYTES_MIN.to_be_bytes();
    match kind {
        kind::OFFER => {
            bytes.extend_from_slice(&[0; 20]);
            bytes.extend_from_slice(&part_size);
            bytes.extend_from_slice(&[0, 1, 0]);
        }
        kind::ACCEPT => {
            bytes.extend_from_slice(&part_size);
            bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        }
        kind::MISSING => bytes.extend_from_slice(&[0, 0, 0, 1]),
        _ => bytes.resize(64, 0),
    }
    bytes
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::from_clock();
    let samples: Vec<_> = one_of_each().iter().map(encoded).collect();
    for _ in 0..20_000 {
        let mut bytes = random.bytes(64);
        if let Some(kind) = bytes.first_mut() {
            *kind %= 20;
        }
        let _ = Message::decode(&bytes);
        let mut edited = samples[random.below(samples.len())].clone();
        let place = random.below(edited.len());
        edited[place] ^= 1 << random.below(8);
        if let Ok(message) = Message::decode(&edited) {
            assert_eq!(encoded(&message), edited, "two encodings of {message:?}");
        }
    }
}

#[test]
fn failures_are_checked_against_the_manifest() {
    let failure = PeerFailure {
        entry: 0,
        reason: FailureReason::InTheWay,
    };
    assert_eq!(failure.check(&Manifest::default()), None);
    let mut builder = crate::model::ManifestBuilder::new();
    let mode = crate::model::Mode::from_bits(0o755);
    builder.push_folder(b"d", Default::default(), mode).unwrap();
    let manifest = builder.finish().unwrap();
    let checked = failure.check(&manifest).unwrap();
    assert_eq!(PeerFailure::from(checked), failure);
}

#[test]
fn a_code_has_digits_only() {
    for code in [
        &b"01234a"[..],
        b"01234",
        b"0123456",
        b"\xd9\xa0\xd9\xa1\xd9\xa2",
    ] {
        let bytes = [&[kind::CODE], code].concat();
        assert!(Message::decode(&bytes).is_err(), "{}", code.escape_ascii());
    }
}
