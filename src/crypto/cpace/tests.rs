//! The draft's test vectors for this cipher suite, and shares that must be refused.

use super::*;
use crate::crypto::hex::{unhex, unhex_array};
use crate::crypto::mac::hmac_sha256;
use hmac::Mac;

const SECRET: &[u8] = b"Password";
const CHANNEL: &str = "0b415f696e69746961746f720b425f726573706f6e646572";
const SESSION_ID: &str = "7e4b4791d6a8ef019b936c79fb7f2c57";
const DIALLER_SCALAR: &str = "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08";
const DIALLER_SHARE: &str = "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
const LISTENER_SCALAR: &str = "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d";
const LISTENER_SHARE: &str = "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258";
const SHARED_KEY: &str = "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd
    2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447";

fn scalar(text: &str) -> Zeroizing<Scalar> {
    let scalar: Option<Scalar> = Scalar::from_canonical_bytes(unhex_array(text)).into();
    Zeroizing::new(scalar.expect("a canonical scalar"))
}

fn start_with(scalar_text: &str) -> Cpace {
    let secret = Secret::from_text(SECRET).unwrap();
    Cpace::with_scalar(
        scalar(scalar_text),
        &secret,
        &unhex(CHANNEL),
        &unhex(SESSION_ID),
    )
}

fn key(result: Result<SharedKey, InvalidShare>) -> Vec<u8> {
    result.expect("a valid share").as_bytes().to_vec()
}

#[test]
fn lengths_are_prefixed_as_in_the_draft() {
    assert_eq!(*prefixed(&[b""]), unhex("00"));
    assert_eq!(*prefixed(&[b"1234"]), unhex("0431323334"));
    let bytes: Vec<u8> = (0..=127).collect();
    assert_eq!(
        *prefixed(&[&bytes[..127]]),
        [&[0x7f], &bytes[..127]].concat()
    );
    assert_eq!(*prefixed(&[&bytes]), [&[0x80, 0x01], &bytes[..]].concat());
    assert_eq!(
        *prefixed(&[b"1234", b"5", b"", b"678"]),
        unhex("043132333401350003363738")
    );
}

#[test]
fn generator_as_in_the_draft() {
    let expected = [
        unhex("11"),
        DOMAIN.to_vec(),
        unhex("08"),
        SECRET.to_vec(),
        unhex("64"),
        vec![0; 100],
        unhex("18"),
        unhex(CHANNEL),
        unhex("10"),
        unhex(SESSION_ID),
    ]
    .concat();
    let text = generator_string(SECRET, &unhex(CHANNEL), &unhex(SESSION_ID));
    assert_eq!(expected.len(), 170);
    assert_eq!(*text, expected);
    assert_eq!(
        Sha512::digest(&*text).to_vec(),
        unhex(
            "da6d3ddc8802fca9058755ffd3ebde08a9c2c74945901a258482a288b6663af0
             6bf645c93cd1c51512307199c80e84908916d983b34af77205f90851a657ee27"
        )
    );
    let point = generator(SECRET, &unhex(CHANNEL), &unhex(SESSION_ID));
    assert_eq!(
        point.compress().to_bytes().to_vec(),
        unhex("222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56")
    );
}

#[test]
fn shares_as_in_the_draft() {
    assert_eq!(
        start_with(DIALLER_SCALAR).share().to_vec(),
        unhex(DIALLER_SHARE)
    );
    assert_eq!(
        start_with(LISTENER_SCALAR).share().to_vec(),
        unhex(LISTENER_SHARE)
    );
}

#[test]
fn products_as_in_the_draft() {
    let expected = unhex("80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f");
    for (own, peer) in [
        (DIALLER_SCALAR, LISTENER_SHARE),
        (LISTENER_SCALAR, DIALLER_SHARE),
    ] {
        let product = multiply_verified(&scalar(own), &unhex_array(peer)).unwrap();
        assert_eq!(product.to_vec(), expected);
    }
    let product = multiply_verified(
        &scalar("7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05"),
        &unhex_array("2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"),
    );
    assert_eq!(
        product.unwrap().to_vec(),
        unhex("7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e")
    );
}

#[test]
fn both_sides_end_with_the_draft_s_key() {
    let dialler = start_with(DIALLER_SCALAR);
    let listener = start_with(LISTENER_SCALAR);
    let listener_key = listener.finish(Side::Listener, dialler.share(), b"ADa", b"ADb");
    let dialler_key = dialler.finish(Side::Dialler, &unhex_array(LISTENER_SHARE), b"ADa", b"ADb");
    assert_eq!(key(dialler_key), unhex(SHARED_KEY));
    assert_eq!(key(listener_key), unhex(SHARED_KEY));
}

/// The draft derives another value from the same transcript, which shows that the order is the draft's.
#[test]
fn transcript_as_in_the_draft() {
    let (dialler, listener) = (unhex(DIALLER_SHARE), unhex(LISTENER_SHARE));
    let transcript = prefixed(&[&dialler, b"ADa", &listener, b"ADb"]);
    assert_eq!(
        Sha512::digest([b"CPaceSidOutput", &transcript[..]].concat()).to_vec(),
        unhex(
            "bb1c449b35f0ea79a65c209f329a693d475e0ce2387bed9fe4b78f60b2a27c21
             9813fb2cfe175ef40d2222d9261e66da7d78f7c55a303b1b8611dcdfab880c47"
        )
    );
    let mac_key =
        Sha512::digest([b"CPaceMac", &unhex(SESSION_ID)[..], &unhex(SHARED_KEY)].concat());
    for (share, data, expected) in [
        (
            dialler,
            b"ADa",
            "4e052cdc2549a72f238677d2de4396dfbc94fdf276b5bf35732d63dc078a014a",
        ),
        (
            listener,
            b"ADb",
            "867636b67a640c48f50b11ba55b45734f02cedce32a6c2011257346b5eddc0aa",
        ),
    ] {
        let mut mac = hmac_sha256(&mac_key);
        mac.update(&prefixed(&[&share, data]));
        assert_eq!(mac.finalize().into_bytes().to_vec(), unhex(expected));
    }
}

#[test]
fn invalid_shares_are_refused_on_either_side() {
    let invalid = [
        // The draft's own examples: not a point, and the identity.
        unhex_array("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"),
        [0; SHARE_LENGTH],
        // Not canonical (RFC 9496, appendix A.2): the identity's and another field element plus the
        // prime, the top bit set, a negative element.
        unhex_array("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        unhex_array("f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        unhex_array("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        unhex_array("0100000000000000000000000000000000000000000000000000000000000000"),
    ];
    for share in invalid {
        for side in [Side::Dialler, Side::Listener] {
            let result = start_with(DIALLER_SCALAR).finish(side, &share, b"", b"");
            assert!(result.is_err(), "{share:02x?}");
        }
    }
}

#[test]
fn fresh_exchanges_agree_and_share_no_byte_of_key() {
    let run = || {
        let secret = Secret::from_text("word").unwrap();
        let dialler = Cpace::start(&secret, b"channel", b"session").unwrap();
        let listener = Cpace::start(&secret, b"channel", b"session").unwrap();
        let share = *dialler.share();
        let one = key(dialler.finish(Side::Dialler, listener.share(), b"a", b"b"));
        assert_eq!(
            one,
            key(listener.finish(Side::Listener, &share, b"a", b"b"))
        );
        (share, one)
    };
    let (first, second) = (run(), run());
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn anything_that_differs_gives_another_key() {
    struct Said(
        &'static str,
        &'static [u8],
        &'static [u8],
        &'static [u8],
        &'static [u8],
    );
    let same = Said("word", b"channel", b"session", b"a", b"b");
    let others = [
        Said("Word", b"channel", b"session", b"a", b"b"),
        Said("word ", b"channel", b"session", b"a", b"b"),
        Said("word", b"channe", b"lsession", b"a", b"b"),
        Said("word", b"channel", b"Session", b"a", b"b"),
        Said("word", b"channel", b"session", b"ab", b""),
        Said("word", b"channel", b"session", b"b", b"a"),
    ];
    let start = |said: &Said| {
        let secret = Secret::from_text(said.0).unwrap();
        Cpace::start(&secret, said.1, said.2).unwrap()
    };
    for other in others {
        let (dialler, listener) = (start(&same), start(&other));
        let share = *dialler.share();
        let one = key(dialler.finish(Side::Dialler, listener.share(), same.3, same.4));
        let two = key(listener.finish(Side::Listener, &share, other.3, other.4));
        assert_ne!(one, two);
    }
}

#[test]
fn the_longest_secret_is_taken_whole() {
    let long = |last: u8| {
        let mut text = vec![b'x'; crate::crypto::MAX_SECRET_LENGTH];
        *text.last_mut().unwrap() = last;
        generator(&text, b"", b"").compress()
    };
    assert_ne!(long(b'x'), long(b'y'));
}
