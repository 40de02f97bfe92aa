//! Attacks by somebody on the network without keys.

use super::*;

#[test]
fn every_flipped_bit_is_noticed() {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        let genuine = sealed_bytes(&text(150), compression);
        assert!(open_bytes(HERE, &genuine).is_ok());
        for place in 0..genuine.len() {
            let mut flipped = genuine.clone();
            flipped[place] ^= 1 << (place % 8);
            let result = open_bytes(HERE, &flipped);
            assert!(result.is_err(), "byte {place}, {compression:?}");
            // After the lengths and the method, every change causes the same error.
            if place >= 9 {
                assert_eq!(
                    result,
                    Err(OpenError::NotAuthentic),
                    "byte {place}, {compression:?}"
                );
            }
        }
    }
}

/// The tag follows all of the ciphertext: contents that were opened before it fails must not stay.
#[test]
fn a_flipped_bit_in_many_slices_leaves_no_contents() {
    let mut genuine = sealed_bytes(&random(200_000), Compression::Stored);
    assert!(open_bytes(HERE, &genuine).is_ok());
    let last = ENVELOPE_LENGTH + LOCAL_HEADER_LENGTH + 18 + 199_999;
    genuine[last] ^= 1;
    assert_eq!(open_bytes(HERE, &genuine), Err(OpenError::NotAuthentic));
}

/// The decompressor must not get unauthenticated bytes: the envelope alone finds the change.
#[test]
fn a_flipped_bit_of_compressed_data_is_noticed_before_it_is_decompressed() {
    let mut sealer = Sealer::new();
    let sealed = sealer
        .seal(&keys_of(0).0, HERE, &text(150), Compression::Zstd(3))
        .unwrap();
    let keys = keys_of(0).1.at(HERE);
    let mut archive = sealed.archive.to_vec();
    assert!(sealed.envelope.verify(&keys, HERE, &archive).is_ok());
    for place in Layout::of(archive.len()).unwrap().ciphertext {
        archive[place] ^= 1;
        assert!(sealed.envelope.verify(&keys, HERE, &archive).is_err());
        archive[place] ^= 1;
    }
}

#[test]
fn every_other_length_is_noticed() {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        let genuine = sealed_bytes(&text(150), compression);
        for length in 0..genuine.len() {
            assert!(
                open_bytes(HERE, &genuine[..length]).is_err(),
                "{length} bytes"
            );
        }
        assert!(open_bytes(HERE, &[&genuine[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_true_part_opens_at_its_own_place_only() {
    let genuine = sealed_bytes(b"contents", Compression::Stored);
    for elsewhere in [
        Position::Part {
            transfer: 1,
            round: 0,
            index: 3,
        },
        Position::Part {
            transfer: 2,
            round: 0,
            index: 2,
        },
        Position::Part {
            transfer: 2,
            round: 0,
            index: 1,
        },
        Position::Part {
            transfer: 1,
            round: 1,
            index: 2,
        },
        Position::Message {
            stream: 1,
            sequence: 2,
        },
    ] {
        assert_eq!(
            open_bytes(elsewhere, &genuine),
            Err(OpenError::NotAuthentic)
        );
    }
}

#[test]
fn a_true_part_opens_in_its_own_session_and_direction_only() {
    let mut sealer = Sealer::new();
    let sealed = sealer
        .seal(&keys_of(0).0, HERE, b"contents", Compression::Stored)
        .unwrap();
    let open = |keys: &OpeningKeys| {
        Opener::new()
            .open(keys, HERE, &sealed.envelope, sealed.archive)
            .map(<[u8]>::to_vec)
    };
    assert!(open(&keys_of(0).1).is_ok());
    assert_eq!(open(&keys_of(1).1), Err(OpenError::NotAuthentic));
    let sent_back = schedule_of(0).opening_keys(Side::Listener);
    assert_eq!(open(&sent_back), Err(OpenError::NotAuthentic));
}

#[test]
fn lengths_out_of_bounds_are_refused_before_anything_else() {
    let envelope = |raw_length: u32, method: u8, sealed_length: u32| {
        let mut bytes = [0; ENVELOPE_LENGTH];
        bytes[..4].copy_from_slice(&raw_length.to_be_bytes());
        bytes[4] = method;
        bytes[5..9].copy_from_slice(&sealed_length.to_be_bytes());
        Envelope::from_bytes(&bytes, 1000).map(|envelope| envelope.sealed_length())
    };
    assert_eq!(envelope(1000, 0, 1172), Ok(1172));
    assert_eq!(envelope(1000, 93, 1171), Ok(1171));
    assert_eq!(envelope(1001, 0, 1173), Err(OpenError::TooLong));
    assert_eq!(envelope(u32::MAX, 0, 171), Err(OpenError::TooLong));
    assert_eq!(envelope(u32::MAX, 93, u32::MAX), Err(OpenError::TooLong));
    for (raw_length, method, sealed_length) in [
        (1000, 0, 1171),
        (1000, 0, 1173),
        (1000, 0, u32::MAX),
        (1000, 93, 1172),
        (1000, 93, 171),
        (1000, 93, 0),
        (0, 93, 172),
        (1000, 8, 1172),
        (1000, 99, 1171),
    ] {
        let result = envelope(raw_length, method, sealed_length);
        assert_eq!(
            result,
            Err(OpenError::NotAsAgreed),
            "{raw_length} {method} {sealed_length}"
        );
    }
    let limitless = Envelope::from_bytes(&[0xff; ENVELOPE_LENGTH], u32::MAX);
    assert_eq!(limitless.unwrap_err(), OpenError::TooLong);
}
