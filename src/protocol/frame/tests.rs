use super::*;
use crate::protocol::test_random::Random;

const HANDSHAKE: [FrameKind; 4] = [
    FrameKind::Hello,
    FrameKind::Join,
    FrameKind::Refuse,
    FrameKind::Confirm,
];

/// The stage of a transfer with the largest parts.
const PROVEN: Stage = Stage::Proven(FrameBounds {
    message: limits::MESSAGE_BYTES,
    part: limits::PART_BYTES_MAX,
});
const SEALED: [FrameKind; 2] = [FrameKind::Message, FrameKind::Part];

fn parse(length: u32, kind: u8, stage: Stage) -> Result<FrameHeader, FrameError> {
    let [a, b, c, d] = length.to_be_bytes();
    FrameHeader::parse([a, b, c, d, kind], stage)
}

/// An envelope of stored contents of that length, as a peer might send it.
fn envelope(raw_length: u32) -> [u8; ENVELOPE_LENGTH] {
    let sealed_length = raw_length + crate::crypto::SEALED_OVERHEAD;
    joined(&[
        &raw_length.to_be_bytes(),
        &[0],
        &sealed_length.to_be_bytes(),
        &[7; 32],
    ])
}

#[test]
fn each_kind_has_its_stage() {
    for kind in HANDSHAKE {
        let header = FrameHeader { kind, length: 3 };
        assert_eq!(
            FrameHeader::parse(header.to_bytes(), Stage::Unproven),
            Ok(header)
        );
        assert_eq!(
            FrameHeader::parse(header.to_bytes(), PROVEN),
            Err(FrameError::Unexpected(kind))
        );
    }
    for kind in SEALED {
        let header = FrameHeader { kind, length: 3 };
        assert_eq!(FrameHeader::parse(header.to_bytes(), PROVEN), Ok(header));
        assert_eq!(
            FrameHeader::parse(header.to_bytes(), Stage::Unproven),
            Err(FrameError::Unexpected(kind))
        );
    }
    for kind in [0, 7, 255] {
        assert_eq!(
            parse(0, kind, Stage::Unproven),
            Err(FrameError::NotPeerbridge)
        );
        assert_eq!(parse(0, kind, PROVEN), Err(FrameError::UnknownKind(kind)));
    }
}

#[test]
fn lengths_are_bounded_by_the_stage() {
    let cases = [
        (FrameKind::Hello, Stage::Unproven, 512),
        (FrameKind::Part, PROVEN, limits::PART_BYTES_MAX + 1024),
    ];
    for (kind, stage, most) in cases {
        for length in [0, 1, most] {
            let header = parse(length, kind as u8, stage).unwrap();
            assert_eq!(header.length, length as usize);
        }
        for length in [most + 1, i32::MAX as u32, u32::MAX] {
            let expected = match stage {
                Stage::Unproven => FrameError::NotPeerbridge,
                Stage::Proven(_) => FrameError::TooLong(length),
            };
            assert_eq!(parse(length, kind as u8, stage), Err(expected));
        }
    }
}

#[test]
fn frames_of_a_peer_are_as_long_as_the_transfer_needs() {
    let first = FrameBounds::FIRST_STREAM;
    let joined = FrameBounds::JOINED_STREAM;
    for (bounds, message, part) in [
        (first, 256 << 10, 1 << 20),
        (first.with_parts_of(64 << 10), 256 << 10, 64 << 10),
        (joined, 8 << 10, 0),
        (joined.with_parts_of(2 << 20), 8 << 10, 2 << 20),
    ] {
        for (kind, raw) in [(FrameKind::Message, message), (FrameKind::Part, part)] {
            let stage = Stage::Proven(bounds);
            let most = raw + 1024;
            assert!(parse(most, kind as u8, stage).is_ok());
            let too_long = Err(FrameError::TooLong(most + 1));
            assert_eq!(parse(most + 1, kind as u8, stage), too_long);
            let mut head = envelope(raw + 1).to_vec();
            if kind == FrameKind::Part {
                head.splice(0..0, [0; 12]);
            }
            let length = head.len() + (raw + 1 + crate::crypto::SEALED_OVERHEAD) as usize;
            let checked = FrameHeader { kind, length }.check_head(&head, stage);
            assert_eq!(checked, Err(FrameError::Envelope(OpenError::TooLong)));
        }
    }
}

#[test]
fn strangers_are_told_apart_from_peers() {
    for start in [b"GET /", b"SSH-2", b"\x16\x03\x01\x02\0", b"\0\0\0\0\0"] {
        assert_eq!(
            FrameHeader::parse(*start, Stage::Unproven),
            Err(FrameError::NotPeerbridge)
        );
    }
}

#[test]
fn sealed_bodies_split_as_they_were_joined() {
    const LAST: PartId = PartId {
        round: u32::MAX - 1,
        index: u64::MAX - 1,
    };
    let sealed = crate::crypto::Envelope::from_bytes(&envelope(2), 2).unwrap();
    let archive = vec![9; sealed.sealed_length() as usize];

    let message = [&message_head(&sealed)[..], &archive].concat();
    let (head, body) = message.split_first_chunk().unwrap();
    let header = FrameHeader::parse(*head, PROVEN).unwrap();
    assert_eq!(
        (header.kind, header.length),
        (FrameKind::Message, body.len())
    );
    let (envelope, found) = split_message(body).unwrap();
    assert_eq!(envelope.to_bytes(), sealed.to_bytes());
    assert_eq!(found, archive);

    let part = [&part_head(LAST, &sealed)[..], &archive].concat();
    let (head, body) = part.split_first_chunk().unwrap();
    let header = FrameHeader::parse(*head, PROVEN).unwrap();
    assert_eq!((header.kind, header.length), (FrameKind::Part, body.len()));
    let (part, envelope, found) = split_part(body).unwrap();
    assert_eq!(part, LAST);
    assert_eq!(envelope.to_bytes(), sealed.to_bytes());
    assert_eq!(found, archive);
}

#[test]
fn a_sealed_body_of_another_length_is_refused() {
    let sealed = crate::crypto::Envelope::from_bytes(&envelope(2), 2).unwrap();
    let archive = vec![9; sealed.sealed_length() as usize];
    let mut body = [&[5; 12][..], &envelope(2), &archive].concat();
    assert!(split_part(&body).is_ok());
    for end in 0..body.len() {
        assert_eq!(
            split_part(&body[..end]).err(),
            Some(FrameError::Codec(CodecError::Short))
        );
    }
    body.push(0);
    assert_eq!(
        split_part(&body).err(),
        Some(FrameError::Codec(CodecError::Leftover))
    );
    assert_eq!(
        split_message(&body[12..]).err(),
        Some(FrameError::Codec(CodecError::Leftover))
    );
}

#[test]
fn raw_lengths_are_bounded_by_what_is_sealed() {
    let too_long = Some(FrameError::Envelope(OpenError::TooLong));
    let short = Some(FrameError::Codec(CodecError::Short));
    let message = limits::MESSAGE_BYTES as u32;
    assert_eq!(split_message(&envelope(message)).err(), short);
    assert_eq!(split_message(&envelope(message + 1)).err(), too_long);
    let part = |raw_length| split_part(&[&[0; 12][..], &envelope(raw_length)].concat()).err();
    assert_eq!(part(limits::PART_BYTES_MAX), short);
    assert_eq!(part(limits::PART_BYTES_MAX + 1), too_long);
    assert_eq!(part(i32::MAX as u32), too_long);
}

#[test]
fn the_largest_part_fits_into_a_frame() {
    let sealed = limits::PART_BYTES_MAX + crate::crypto::SEALED_OVERHEAD;
    assert!(PART_ID_LENGTH + ENVELOPE_LENGTH + sealed as usize <= limits::FRAME_BYTES);
}

/// They are refused before the rest is read, which may never come.
#[test]
fn a_head_and_a_frame_that_differ_in_length_are_refused() {
    let sealed = 100 + crate::crypto::SEALED_OVERHEAD as usize;
    let part = [&[0; 12][..], &envelope(100)].concat();
    for (kind, head) in [
        (FrameKind::Message, envelope(100).to_vec()),
        (FrameKind::Part, part),
    ] {
        let check = |length| FrameHeader { kind, length }.check_head(&head, PROVEN);
        let right = head.len() + sealed;
        assert_eq!(head.len(), FrameHeader { kind, length: 0 }.head_length());
        assert_eq!(check(right), Ok(()));
        for bit in 0..32 {
            assert!(check(right ^ (1 << bit)).is_err(), "{kind:?} {bit}");
        }
        let header = FrameHeader {
            kind,
            length: right,
        };
        let short = Err(FrameError::Codec(CodecError::Short));
        assert_eq!(header.check_head(&head[..20], PROVEN), short);
    }
    let hello = FrameHeader {
        kind: FrameKind::Hello,
        length: 91,
    };
    assert_eq!(
        (hello.head_length(), hello.check_head(&[], Stage::Unproven)),
        (0, Ok(()))
    );
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::from_clock();
    for _ in 0..20_000 {
        let bytes = random.bytes(300);
        let _ = split_message(&bytes);
        let _ = split_part(&bytes);
        if let Some(head) = bytes.first_chunk() {
            let _ = FrameHeader::parse(*head, Stage::Unproven);
            let _ = FrameHeader::parse(*head, PROVEN);
        }
    }
}
