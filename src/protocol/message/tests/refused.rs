//! Messages that no peer may send.

use super::*;

#[test]
fn lengths_beyond_the_bytes_that_are_there_are_refused() {
    for length in [1, limits::MESSAGE_BYTES as u32, i32::MAX as u32, u32::MAX] {
        let bytes = [&[kind::ENTRIES][..], &length.to_be_bytes()].concat();
        assert_eq!(
            Message::decode(&bytes),
            Err(MessageError::Codec(CodecError::Short))
        );
    }
    let bytes = [&[kind::ABORT, 1][..], &1025u16.to_be_bytes()].concat();
    assert_eq!(
        Message::decode(&bytes),
        Err(MessageError::Limit("the length of a text"))
    );
}

#[test]
fn ranges_must_ascend_apart_and_within_the_limit() {
    let decode = |ranges: &[(u64, u64)]| {
        let ranges = list(ranges.iter().copied().map(range));
        Message::decode(&encoded(&Message::Missing(Missing { round: 1, ranges })))
    };
    let apart = "ranges that are empty or not apart";
    let parts = "the number of parts";
    assert!(decode(&[(0, 3), (4, 1)]).is_ok());
    assert!(decode(&[(limits::PARTS - 1, 1)]).is_ok());
    assert_eq!(
        decode(&[(0, 3), (3, 1)]),
        Err(MessageError::Value(apart)),
        "they touch"
    );
    assert_eq!(
        decode(&[(0, 3), (2, 1)]),
        Err(MessageError::Value(apart)),
        "they overlap"
    );
    assert_eq!(
        decode(&[(4, 1), (0, 3)]),
        Err(MessageError::Value(apart)),
        "they descend"
    );
    assert_eq!(decode(&[(4, 0)]), Err(MessageError::Value(apart)), "empty");
    assert_eq!(
        decode(&[(limits::PARTS, 1)]),
        Err(MessageError::Limit(parts))
    );
    assert_eq!(
        decode(&[(1, limits::PARTS)]),
        Err(MessageError::Limit(parts))
    );
    assert_eq!(
        decode(&[(u64::MAX, u64::MAX)]),
        Err(MessageError::Limit(parts)),
        "they overflow"
    );
    assert!(decode(&[]).is_err());
}

#[test]
fn have_and_claims_are_disjoint_and_bounded_together() {
    let decode = |have: &[(u64, u64)], claims: &[(u64, u64)]| {
        let ranges = |ranges: &[(u64, u64)]| list(ranges.iter().copied().map(range));
        Message::decode(&encoded(&Message::Accept(Accept {
            part_size: limits::PART_BYTES_MIN,
            streams: 1,
            have: ranges(have),
            claims: ranges(claims),
        })))
    };
    assert!(decode(&[(0, 2), (5, 1)], &[(2, 3), (6, 9)]).is_ok());
    let both = Err(MessageError::Value("parts both there and claimed"));
    for (have, claims) in [
        (&[(0, 3)][..], &[(2, 1)][..]),
        (&[(2, 1)], &[(0, 3)]),
        (&[(0, 1), (9, 9)], &[(3, 1), (17, 1)]),
    ] {
        assert_eq!(decode(have, claims), both);
    }
    let many: Vec<_> = (0..limits::RANGES as u64)
        .map(|index| (index * 2, 1))
        .collect();
    assert!(decode(&many, &[]).is_ok());
    let too_many = Err(MessageError::Limit("the number of ranges"));
    assert_eq!(decode(&many, &[(1, 1)]), too_many);
}

#[test]
fn impossible_values_are_refused() {
    let cases: &[&[u8]] = &[
        &[kind::DECLINE, 0, 0, 0],
        &[kind::DECLINE, 8, 0, 0],
        &[kind::DECLINE, 1, 0, 1, 0xff],
        &[kind::SOURCE_FAILED, 0, 0, 0, 1, 0, 0, 0, 0, 255],
        &[kind::ROUND_END, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        &[kind::ROUND_END, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        &[kind::ROUND_END, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        &[
            kind::ROUND_END,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            2,
            0,
            1,
            0,
            1,
            0,
            0,
            0,
            0,
        ],
    ];
    for bytes in cases {
        let result = Message::decode(bytes);
        assert!(matches!(result, Err(MessageError::Value(_))), "{result:?}");
    }
    let mut offer = encoded(&one_of_each()[1]);
    assert_eq!(offer[27], FLAG_VERIFY | FLAG_CHECKSUM | FLAG_DRY_RUN);
    offer[27] = 16;
    assert_eq!(
        Message::decode(&offer),
        Err(MessageError::Value("an unknown flag"))
    );
    offer[27] = FLAG_EARLY | FLAG_DRY_RUN;
    assert_eq!(
        Message::decode(&offer),
        Err(MessageError::Value("a question that brings contents"))
    );
    offer[27] = 0;
    offer[25..27].copy_from_slice(&[0, 0]);
    assert!(matches!(
        Message::decode(&offer),
        Err(MessageError::Limit(_))
    ));
    offer[25..27].copy_from_slice(&[0, 65]);
    assert!(matches!(
        Message::decode(&offer),
        Err(MessageError::Limit(_))
    ));
    for unknown in [0, 22, 255] {
        assert_eq!(
            Message::decode(&[unknown]),
            Err(MessageError::UnknownKind(unknown))
        );
    }
}
