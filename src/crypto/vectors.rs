//! Private values that only the protocol's test vectors may set or show.

use super::cpace::{Cpace, SharedKey};
use super::keys::{KeySchedule, Purpose, SealingKeys};
use super::seal::Position;
use super::secret::Secret;
use super::side::Side;
use super::transcript::TranscriptHash;
use curve25519_dalek::scalar::Scalar;
use zeroize::Zeroizing;

/// An exchange whose private scalar is these bytes, little-endian, modulo the group's order.
pub(crate) fn cpace(
    scalar: [u8; 32],
    secret: &Secret,
    channel_identifier: &[u8],
    session_id: &[u8],
) -> Cpace {
    let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(scalar));
    Cpace::with_scalar(scalar, secret, channel_identifier, session_id)
}

/// CPace's key, the transcript hash and every key that the schedule derives from them, with their names.
pub(crate) fn keys(
    shared: &SharedKey,
    transcript: &TranscriptHash,
) -> Vec<(&'static str, Vec<u8>)> {
    use Side::{Dialler, Listener};
    let schedule = KeySchedule::new(shared, transcript);
    let key = |purpose| schedule.key::<32>(purpose).to_vec();
    vec![
        ("shared_key", shared.as_bytes().to_vec()),
        ("transcript_hash", transcript.as_bytes().to_vec()),
        ("confirm_dialler_key", key(Purpose::Confirm(Dialler))),
        ("confirm_listener_key", key(Purpose::Confirm(Listener))),
        ("join_key", key(Purpose::Join)),
        ("messages_dialler_key", key(Purpose::Messages(Dialler))),
        ("messages_listener_key", key(Purpose::Messages(Listener))),
        ("parts_dialler_key", key(Purpose::Parts(Dialler))),
        ("parts_listener_key", key(Purpose::Parts(Listener))),
        ("digests_key", key(Purpose::Digests)),
        ("return_key", key(Purpose::Return)),
        ("return_name_key", key(Purpose::ReturnName)),
        ("phrase_bytes", schedule.key::<8>(Purpose::Phrase).to_vec()),
    ]
}

/// The archive's password, as text, and the envelope's key at a position.
pub(crate) fn position_keys(keys: &SealingKeys, position: Position) -> (String, Vec<u8>) {
    let keys = keys.at(position);
    let password = String::from_utf8(keys.password.to_vec()).expect("hexadecimal digits");
    (password, keys.mac.to_vec())
}

#[test]
fn the_list_of_words_is_as_published() {
    let published = include_str!("../../docs/vectors/words.txt").lines();
    let words = (0..512u16).map(|number| super::words::phrase(&[number.to_be_bytes()]));
    assert!(published.eq(words));
}
