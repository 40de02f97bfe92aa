//! Data from the network, before and after it is opened.

use crate::fuzz;
use peerbridge::Secret;
use peerbridge::internals::{
    DiallerRole, DiallerWaitsForHello, HandshakeError, JoinRequest, ListenerStart, ManifestDecoder,
    ManifestEncoder, Message, Role, limits,
};

/// A valid message has one encoding only.
#[test]
fn message() {
    fuzz("message", |input| {
        if let Ok(message) = Message::decode(input) {
            let mut written = Vec::new();
            message.encode(&mut written);
            assert_eq!(written, input, "{message:?}");
        }
    });
}

/// An accepted manifest stays the same when it is encoded again, and no path in it leads outside.
#[test]
fn manifest() {
    fuzz("manifest", |input| {
        let length = (input.len() as u32).to_be_bytes();
        let Ok(Message::Entries(chunk)) = Message::decode(&[&[3], &length[..], input].concat())
        else {
            panic!("a chunk is any bytes");
        };
        for count in 1..=4 {
            let mut decoder = ManifestDecoder::new(count).expect("few");
            let mut asked = 0;
            let mut allow = |_| {
                asked += 1;
                asked < 100
            };
            if decoder.push_chunk(&chunk, &mut allow).is_err() {
                continue;
            }
            let Ok(manifest) = decoder.finish() else {
                continue;
            };
            for (_, entry) in manifest.entries() {
                let path = entry.path.as_bytes();
                let parts = path.split(|byte| *byte == b'/');
                assert!(
                    parts
                        .clone()
                        .all(|part| !matches!(part, b"" | b"." | b".."))
                );
                assert!(path.len() <= limits::PATH_BYTES && parts.count() <= limits::PATH_LEVELS);
            }
            let mut again = ManifestDecoder::new(count).expect("few");
            for chunk in ManifestEncoder::new(&manifest) {
                again
                    .push_chunk(&chunk, &mut |_| true)
                    .expect("it was taken before");
            }
            assert!(again.finish().is_ok_and(|again| again == manifest));
        }
    });
}

/// Only a genuine Hello, Join, Refuse or Confirm is accepted.
#[test]
fn handshake() {
    let secret = Secret::from_text("correct horse").expect("a secret");
    let role = DiallerRole::Transfer(Role::Send);
    fuzz("handshake", |input| {
        let heard = ListenerStart::new(Role::Receive).on_hello(input);
        if let Ok(answering) = heard.and_then(|heard| heard.answer(Some(&secret))) {
            let (listener, _) = answering;
            assert!(listener.on_confirm(input).is_err());
        }
        let (dialler, _) = DiallerWaitsForHello::start(&secret, role, None).expect("random bytes");
        if let Ok((dialler, _)) = dialler.on_hello(input) {
            assert!(dialler.on_confirm(input).is_err());
        }
        let _ = HandshakeError::refused(input).to_string();
        let _ = JoinRequest::parse(input);
    });
}
