//! Compares the schedule with values that another implementation (Python's hmac and hashlib) derived from the
//! shared key of CPace's own test vectors.

use super::*;
use crate::crypto::hex::{unhex, unhex_array};

fn schedule() -> KeySchedule {
    let shared = SharedKey::from_bytes(unhex_array(
        "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd
         2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447",
    ));
    KeySchedule::new(
        &shared,
        &TranscriptHash::of(b"dialler hello", b"listener hello"),
    )
}

#[test]
fn every_key_is_derived_as_documented() {
    use Side::{Dialler, Listener};
    let expected = [
        (
            Purpose::Confirm(Dialler),
            "670f4988ca2942b517fd934058343cf4b9578e83471b671a54271b5f26c099b0",
        ),
        (
            Purpose::Confirm(Listener),
            "9dd9eebf6c387d0d64b878262973adc5b347501fbc16f253fb33382561b40c53",
        ),
        (
            Purpose::Join,
            "d9fffebbb832e55f39b686492b4fd66d72807fcaf6e9b80ed1db7ef8eae2cf67",
        ),
        (
            Purpose::SessionId,
            "c24577207f17d0a8cc8ff1b1c542a639d6802141d4f24ac7864e9db00b69f900",
        ),
        (
            Purpose::Messages(Dialler),
            "0b361bbba8b70debba0c21ba6d0eaeb459c61e175cd0861fb50b7557db649979",
        ),
        (
            Purpose::Messages(Listener),
            "3f363ca8367a4ac4f43134f5262152a763903c3ae6209f48ccd3e0242f471212",
        ),
        (
            Purpose::Parts(Dialler),
            "3cb705d790a2c51377ba2c07235433448c18cfa8612648a7e9dc3c25c6d57fc4",
        ),
        (
            Purpose::Parts(Listener),
            "9b11819e783a897250d7aad40ccb5cccb3e6f62c5646d59ece8da85bd21dee71",
        ),
        (
            Purpose::Phrase,
            "07e2e672925a067754804f3ee101f31a06dfd834859aad9183932090eedcd3ea",
        ),
        (
            Purpose::Digests,
            "528099b14b1df155cc8e70ac6f70d2395457b1925628c85fbb7f7ed839fa8002",
        ),
    ];
    for (purpose, key) in expected {
        assert_eq!(
            schedule().key::<32>(purpose).to_vec(),
            unhex(key),
            "{}",
            purpose.label()
        );
        assert_eq!(
            schedule().key::<8>(purpose).to_vec(),
            unhex(&key[..16]),
            "{}",
            purpose.label()
        );
    }
}

#[test]
fn every_position_is_keyed_as_documented() {
    let message = schedule()
        .sealing_keys(Side::Dialler)
        .at(Position::Message {
            stream: 3,
            sequence: 5,
        });
    assert_eq!(
        &*message.password,
        b"42a3508a1cf2945ff4e4e91baeee44d9113a5f490d039615b5923e950962fbab"
    );
    assert_eq!(
        message.mac.to_vec(),
        unhex("af61cb4b10a361dda977b198c92a9b9ac0dd610d88904cad74739ade11473761")
    );
    let part = schedule().opening_keys(Side::Listener).at(Position::Part {
        transfer: 7,
        round: 8,
        index: 9,
    });
    assert_eq!(
        &*part.password,
        b"6bc8d0b8be92de2d77110124aa0caef8091d46b6bf56c49b606d865ade7dcb6d"
    );
    assert_eq!(
        part.mac.to_vec(),
        unhex("72bdf10be694a9a2ba3dd6cee479234e6feb9635a753c5dc232ffadfa3f305a7")
    );
}

#[test]
fn both_ends_of_a_direction_have_the_same_keys_and_the_directions_differ() {
    let position = Position::Part {
        transfer: 0,
        round: 0,
        index: 0,
    };
    let sealing = schedule().sealing_keys(Side::Dialler).at(position);
    assert_eq!(
        *sealing.password,
        *schedule().opening_keys(Side::Dialler).at(position).password
    );
    assert_ne!(
        *sealing.password,
        *schedule()
            .opening_keys(Side::Listener)
            .at(position)
            .password
    );
}
