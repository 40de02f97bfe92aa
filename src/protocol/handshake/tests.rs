use super::hello::{DiallerHello, ListenerHello};
use super::version::{MAGIC, VERSION};
use super::*;
use crate::crypto::{Compression, Opener, Position, Sealer, Secret, SessionKeys};
use crate::model::limits;
use crate::protocol::test_random::Random;

/// Asserts an error of this kind, where the success value has no `Debug` because it holds keys.
macro_rules! assert_error {
    ($result:expr, $error:pat $(if $guard:expr)?) => {
        match $result {
            Err($error) $(if $guard)? => {}
            Err(other) => panic!("another error: {other:?}"),
            Ok(_) => panic!("no error"),
        }
    };
}

mod join;

const SEND: DiallerRole = DiallerRole::Transfer(Role::Send);
const RECEIVE: DiallerRole = DiallerRole::Transfer(Role::Receive);

/// Where the fields of the two Hello bodies begin.
mod at {
    pub(super) const DIALLER_VERSION: usize = 9;
    pub(super) const DIALLER_ROLE: usize = 10;
    pub(super) const DIALLER_NONCE: usize = 11;
    pub(super) const NAME_TAG: usize = 43;
    pub(super) const DIALLER_SHARE: usize = 59;
    pub(super) const LISTENER_VERSION: usize = 8;
    pub(super) const LISTENER_ROLE: usize = 9;
    pub(super) const LISTENER_SHARE: usize = 42;
}

fn secret(text: &str) -> Secret {
    Secret::from_text(text).unwrap()
}

fn dial(text: &str, role: DiallerRole) -> (DiallerWaitsForHello, Vec<u8>) {
    DiallerWaitsForHello::start(&secret(text), role, None).unwrap()
}

fn answer(
    text: &str,
    role: Role,
    hello: &[u8],
) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
    let secret = secret(text);
    let heard = ListenerStart::new(role).on_hello(hello)?;
    heard.answer(Some(&secret))
}

/// Both sides after their Hellos, and the dialler's confirmation.
fn both_unproven(dialler: &str, listener: &str) -> (DiallerUnproven, ListenerUnproven, [u8; 32]) {
    let (waiting, hello) = dial(dialler, SEND);
    let (listener, hello) = answer(listener, Role::Receive, &hello).unwrap();
    let (dialler, confirm) = waiting.on_hello(&hello).unwrap();
    (dialler, listener, confirm)
}

fn both_proven() -> (SessionKeys, SessionKeys) {
    let (dialler, listener, confirm) = both_unproven("word", "word");
    let (listener, confirm) = listener.on_confirm(&confirm).unwrap();
    (dialler.on_confirm(&confirm).unwrap(), listener)
}

#[test]
fn one_secret_brings_both_sides_together() {
    let (dialler, listener, confirm) = both_unproven("word", "word");
    assert_eq!(listener.dialler_role(), SEND);
    let early = Position::Message {
        stream: 0,
        sequence: 0,
    };
    let mut sealer = Sealer::new();
    let sealed = sealer
        .seal(
            &dialler.sealing_keys(),
            early,
            b"offer",
            Compression::Stored,
        )
        .unwrap();
    let (listener, confirm) = listener.on_confirm(&confirm).unwrap();
    let mut opener = Opener::new();
    let opened = opener.open(
        &listener.opening_keys(),
        early,
        &sealed.envelope,
        sealed.archive,
    );
    assert_eq!(opened, Ok(&b"offer"[..]));
    let dialler = dialler.on_confirm(&confirm).unwrap();
    assert_eq!(dialler.session_id(), listener.session_id());
    assert_eq!(dialler.phrase(), listener.phrase());
}

#[test]
fn the_listener_says_nothing_about_the_secret_before_the_dialler_has_proven_itself() {
    let (_, hello) = dial("word", SEND);
    let (_, right) = answer("word", Role::Receive, &hello).unwrap();
    let (_, wrong) = answer("another", Role::Receive, &hello).unwrap();
    assert_eq!(right.len(), wrong.len());
    assert_eq!(right[..10], wrong[..10]);
}

#[test]
fn every_run_is_fresh() {
    let (_, one) = dial("word", SEND);
    let (_, two) = dial("word", SEND);
    assert_ne!(one[at::DIALLER_NONCE..43], two[at::DIALLER_NONCE..43]);
    assert_ne!(one[at::DIALLER_SHARE..], two[at::DIALLER_SHARE..]);
    let (_, three) = answer("word", Role::Receive, &one).unwrap();
    let (_, four) = answer("word", Role::Receive, &one).unwrap();
    assert_ne!(three[10..42], four[10..42]);
    assert_ne!(three[at::LISTENER_SHARE..], four[at::LISTENER_SHARE..]);
}

#[test]
fn near_misses_of_the_secret_prove_nothing_to_either_side() {
    for miss in ["Word", "word ", " word", "wor", "wordword", "w\u{f6}rd"] {
        let (dialler, listener, confirm) = both_unproven("word", miss);
        assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
        // What the other listener would send next if it had accepted the dialler's proof.
        let (_, other, confirm) = both_unproven(miss, miss);
        let (_, confirm) = other.on_confirm(&confirm).unwrap();
        assert_error!(dialler.on_confirm(&confirm), HandshakeError::Unproven);
    }
}

#[test]
fn what_is_sent_back_proves_nothing() {
    let (waiting, hello) = dial("word", SEND);
    assert!(waiting.on_hello(&hello).is_err(), "a Hello sent back");
    let (dialler, _, confirm) = both_unproven("word", "word");
    assert_error!(dialler.on_confirm(&confirm), HandshakeError::Unproven);
    // A man in the middle that sends the listener a share of its own making.
    let (waiting, hello) = dial("word", SEND);
    let (_, listener_hello) = answer("word", Role::Receive, &hello).unwrap();
    let mut turned = hello.clone();
    turned[at::DIALLER_SHARE..].copy_from_slice(&listener_hello[at::LISTENER_SHARE..]);
    let (listener, _) = answer("word", Role::Receive, &turned).unwrap();
    let (_, confirm) = waiting.on_hello(&listener_hello).unwrap();
    assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
}

#[test]
fn swapped_zeroed_shortened_and_lengthened_confirmations_are_refused() {
    type Spoil = fn(&[u8; 32]) -> Vec<u8>;
    let bad: [Spoil; 6] = [
        |_| Vec::new(),
        |_| vec![0; 32],
        |genuine| genuine[..31].to_vec(),
        |genuine| [&genuine[..], &[0]].concat(),
        |genuine| genuine.iter().rev().copied().collect(),
        |genuine| {
            let mut flipped = genuine.to_vec();
            flipped[31] ^= 1;
            flipped
        },
    ];
    for make in bad {
        let (dialler, listener, confirm) = both_unproven("word", "word");
        assert_error!(
            listener.on_confirm(&make(&confirm)),
            HandshakeError::Unproven
        );
        let genuine = {
            let (_, listener, confirm) = both_unproven("word", "word");
            listener.on_confirm(&confirm).unwrap().1
        };
        assert_error!(
            dialler.on_confirm(&make(&genuine)),
            HandshakeError::Unproven
        );
    }
}

#[test]
fn a_recorded_session_proves_nothing_in_another() {
    let (waiting, recorded_hello) = dial("word", SEND);
    let (_, listener_hello) = answer("word", Role::Receive, &recorded_hello).unwrap();
    let (_, recorded_confirm) = waiting.on_hello(&listener_hello).unwrap();
    let (listener, _) = answer("word", Role::Receive, &recorded_hello).unwrap();
    assert_error!(
        listener.on_confirm(&recorded_confirm),
        HandshakeError::Unproven
    );
    // The listener's recorded Hello and Confirm, sent to a dialler in a new handshake.
    let (_, listener, confirm) = both_unproven("word", "word");
    let (_, recorded_confirm) = listener.on_confirm(&confirm).unwrap();
    let (dialler, _) = dial("word", SEND).0.on_hello(&listener_hello).unwrap();
    assert_error!(
        dialler.on_confirm(&recorded_confirm),
        HandshakeError::Unproven
    );
}

#[test]
fn edited_hellos_never_end_in_proof() {
    let (_, hello) = dial("word", SEND);
    for place in 0..hello.len() {
        let (waiting, mut edited) = dial("word", SEND);
        edited[place] ^= 1;
        let Ok((listener, answer)) = answer("word", Role::Receive, &edited) else {
            continue;
        };
        let (_, confirm) = waiting.on_hello(&answer).unwrap();
        assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
    }
    let (_, answered) = answer("word", Role::Receive, &hello).unwrap();
    for place in 0..answered.len() {
        let (waiting, hello) = dial("word", SEND);
        let (listener, mut edited) = answer("word", Role::Receive, &hello).unwrap();
        edited[place] ^= 1;
        let Ok((_, confirm)) = waiting.on_hello(&edited) else {
            continue;
        };
        assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
    }
}

#[test]
fn an_edited_role_is_not_taken_for_the_true_one() {
    let (waiting, mut hello) = dial("word", RECEIVE);
    hello[at::DIALLER_ROLE] = DiallerRole::Ping.number();
    let (listener, listener_hello) = answer("word", Role::Send, &hello).unwrap();
    let (_, confirm) = waiting.on_hello(&listener_hello).unwrap();
    assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
    let (waiting, hello) = dial("word", DiallerRole::Ping);
    let (listener, mut listener_hello) = answer("word", Role::Send, &hello).unwrap();
    listener_hello[at::LISTENER_ROLE] = Role::Receive as u8;
    let (_, confirm) = waiting.on_hello(&listener_hello).unwrap();
    assert_error!(listener.on_confirm(&confirm), HandshakeError::Unproven);
}

#[test]
fn versions_that_are_not_shared_are_told_in_the_clear() {
    let (_, mut hello) = dial("word", SEND);
    hello[at::DIALLER_VERSION] = 3;
    let result = answer("word", Role::Receive, &hello);
    assert_error!(&result, HandshakeError::Version { theirs } if theirs == &[3]);
    let refusal = result.err().unwrap().refusal().unwrap();
    let told = HandshakeError::refused(&refusal);
    assert!(matches!(told, HandshakeError::Version { theirs } if theirs == [VERSION]));

    let (waiting, hello) = dial("word", SEND);
    let (_, mut hello) = answer("word", Role::Receive, &hello).unwrap();
    hello[at::LISTENER_VERSION] = 3;
    assert_error!(
        waiting.on_hello(&hello),
        HandshakeError::Version { theirs } if theirs == [3]
    );
}

#[test]
fn a_hello_of_more_versions_is_taken_when_this_one_is_among_them() {
    let (_, hello) = dial("word", SEND);
    let with = |versions: &[u8]| {
        let body = [
            &hello[..8],
            &[versions.len() as u8],
            versions,
            &hello[at::DIALLER_ROLE..],
        ];
        answer("word", Role::Receive, &body.concat())
    };
    assert!(with(&[VERSION + 1, VERSION]).is_ok());
    assert!(with(&[VERSION; limits::VERSIONS]).is_ok());
    assert_error!(
        with(&[VERSION; limits::VERSIONS + 1]),
        HandshakeError::Malformed
    );
    assert_error!(with(&[]), HandshakeError::Malformed);
    let later = [&hello[..8], &[2, 1, 3], b"laid out in another way"].concat();
    assert_error!(
        answer("word", Role::Receive, &later),
        HandshakeError::Version { theirs } if theirs == [1, 3]
    );
}

#[test]
fn equal_roles_are_refused_and_a_ping_fits_both() {
    for role in [Role::Send, Role::Receive] {
        let (_, hello) = dial("word", DiallerRole::Transfer(role));
        let result = answer("word", role, &hello);
        assert_error!(&result, HandshakeError::SameRole { theirs } if *theirs == role);
        let refusal = result.err().unwrap().refusal().unwrap();
        let told = HandshakeError::refused(&refusal);
        assert!(matches!(told, HandshakeError::SameRole { theirs } if theirs == role));

        let (waiting, hello) = dial("word", DiallerRole::Ping);
        let (_, hello) = answer("word", role, &hello).unwrap();
        assert!(waiting.on_hello(&hello).is_ok());
    }
    // A listener answers a role that it should have refused.
    let (_, hello) = dial("word", RECEIVE);
    let (_, hello) = answer("word", Role::Send, &hello).unwrap();
    assert_error!(
        dial("word", SEND).0.on_hello(&hello),
        HandshakeError::SameRole { theirs: Role::Send }
    );
}

#[test]
fn shares_that_no_honest_peer_sends_are_refused_by_each_role() {
    let mut negative = [0; 32];
    negative[0] = 1;
    for share in [[0; 32], [0xff; 32], negative] {
        let (waiting, mut hello) = dial("word", SEND);
        let (_, mut listener_hello) = answer("word", Role::Receive, &hello).unwrap();
        hello[at::DIALLER_SHARE..].copy_from_slice(&share);
        assert_error!(
            answer("word", Role::Receive, &hello),
            HandshakeError::InvalidShare
        );
        listener_hello[at::LISTENER_SHARE..].copy_from_slice(&share);
        assert_error!(
            waiting.on_hello(&listener_hello),
            HandshakeError::InvalidShare
        );
    }
}

#[test]
fn strangers_are_told_from_peers_that_break_the_protocol() {
    let (_, hello) = dial("word", SEND);
    let mut stranger = hello.clone();
    stranger[0] = b'X';
    assert_error!(
        answer("word", Role::Receive, &stranger),
        HandshakeError::NotPeerbridge
    );
    for end in 0..hello.len() {
        let result = answer("word", Role::Receive, &hello[..end]);
        if end < 8 {
            assert_error!(result, HandshakeError::NotPeerbridge);
        } else {
            assert_error!(result, HandshakeError::Malformed);
        }
    }
    let long = [&hello[..], &[0]].concat();
    assert_error!(
        answer("word", Role::Receive, &long),
        HandshakeError::Malformed
    );
    let (_, listener_hello) = answer("word", Role::Receive, &hello).unwrap();
    for end in 0..listener_hello.len() {
        assert!(
            dial("word", SEND)
                .0
                .on_hello(&listener_hello[..end])
                .is_err()
        );
    }
    for number in [0, 4, 255] {
        let mut other = hello.clone();
        other[at::DIALLER_ROLE] = number;
        assert_error!(
            answer("word", Role::Receive, &other),
            HandshakeError::Malformed
        );
    }
    let mut pings = listener_hello;
    pings[at::LISTENER_ROLE] = 3;
    assert_error!(
        dial("word", SEND).0.on_hello(&pings),
        HandshakeError::Malformed
    );
}

#[test]
fn a_name_finds_its_secret() {
    let alice = secret("hers");
    let named = |name: Option<&str>, text: &str| {
        let (waiting, hello) = DiallerWaitsForHello::start(&secret(text), SEND, name).unwrap();
        let heard = ListenerStart::new(Role::Receive).on_hello(&hello).unwrap();
        let absent = heard.name().is_absent();
        let found = heard.name().is("alice").then_some(&alice);
        let (listener, hello) = heard.answer(found).unwrap();
        let (_, confirm) = waiting.on_hello(&hello).unwrap();
        (listener.on_confirm(&confirm).is_ok(), absent)
    };
    assert_eq!(named(Some("alice"), "hers"), (true, false));
    assert_eq!(named(Some("alice"), "other"), (false, false));
    assert_eq!(named(Some("Alice"), "hers"), (false, false));
    assert_eq!(named(Some("bob"), "hers"), (false, false));
    assert_eq!(named(Some(""), "hers"), (false, false));
    assert_eq!(named(None, "hers"), (false, true));
}

#[test]
fn a_name_does_not_show() {
    let (_, one) = DiallerWaitsForHello::start(&secret("word"), SEND, Some("alice")).unwrap();
    let (_, two) = DiallerWaitsForHello::start(&secret("word"), SEND, Some("alice")).unwrap();
    let tag = at::NAME_TAG..at::DIALLER_SHARE;
    assert_ne!(one[tag.clone()], two[tag]);
    assert!(!one.windows(5).any(|window| window == b"alice"));
}

#[test]
fn refusals_survive_encoding() {
    let all = [
        HandshakeError::Version {
            theirs: vec![VERSION],
        },
        HandshakeError::SameRole {
            theirs: Role::Receive,
        },
        HandshakeError::Unproven,
        HandshakeError::Busy,
        HandshakeError::NoSession,
    ];
    for error in all {
        let mut body = error.refusal().unwrap();
        let told = HandshakeError::parse(&body).unwrap();
        assert_eq!(told.to_string(), error.to_string());
        for end in 0..body.len() {
            assert!(HandshakeError::parse(&body[..end]).is_err());
        }
        body.push(0);
        assert_error!(HandshakeError::parse(&body), HandshakeError::Malformed);
    }
    let unknown = HandshakeError::refused(b"PEERBRDG\x06");
    assert!(matches!(unknown, HandshakeError::Malformed));
    let more = HandshakeError::refused(b"PEERBRDG\x01\x02\x01\x09");
    assert!(matches!(more, HandshakeError::Version { theirs } if theirs == [1, 9]));
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::from_clock();
    for _ in 0..10_000 {
        let body = [MAGIC, &random.bytes(120)[..]].concat();
        let _ = DiallerHello::parse(&body);
        let _ = ListenerHello::parse(&body);
        let _ = HandshakeError::parse(&body);
        let _ = JoinRequest::parse(&body);
    }
}
