//! What an eavesdropper learns.

use crate::harness::proxy::{self, Proxy};
use crate::real::{SECRET, Side};
use crate::tree::Ground;
use crate::wire::frames;
use peerbridge::internals::FrameKind;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// SHA-1 of the secret and of the file's name, computed by coreutils.
const SHA1_OF_SECRET: &str = "2f9e53523b62abc141a2b4d6019d23cba835dbd0";
const SHA1_OF_NAME: &str = "12eeaa961647c2f12869b33e71cb790ddb50370e";

const NAME: &str = "a name that nobody else has.txt";
const CONTENTS: &[u8] = b"contents that nobody else has: 8d1f62a0c377";

fn record() -> proxy::Recording {
    let ground = Ground::small();
    std::fs::write(ground.source.join(NAME), CONTENTS).unwrap();
    std::fs::remove_file(ground.source.join("small")).unwrap();
    let receiver = Side::default().receive_listening(&ground.destination);
    let proxy = Proxy::by(receiver.port, proxy::PASS);
    let sender = Side::default().send_dialling(&ground.source, proxy.port());
    sender.end().expect("the proxy only listens");
    receiver.end().expect("the proxy only listens");
    ground.expect_whole();
    proxy.recording()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn a_recording_has_no_name_no_secret_and_no_hash_of_them() {
    let recording = record();
    let all = [recording.to_listener, recording.to_dialler].concat();
    let mut telling = vec![
        CONTENTS.to_vec(),
        unhex(SHA1_OF_SECRET),
        unhex(SHA1_OF_NAME),
    ];
    for text in [SECRET, NAME, "tree"] {
        let crc = crc32fast::hash(text.as_bytes());
        telling.push(text.into());
        telling.push(Sha256::digest(text).to_vec());
        telling.push(crc.to_be_bytes().into());
        telling.push(crc.to_le_bytes().into());
    }
    let crc = crc32fast::hash(CONTENTS);
    telling.push(crc.to_be_bytes().into());
    telling.push(crc.to_le_bytes().into());
    telling.push(Sha256::digest(CONTENTS).to_vec());
    for bytes in telling {
        let is_there = all.windows(bytes.len()).any(|window| window == bytes);
        assert!(!is_there, "{}", bytes.escape_ascii());
    }
}

/// Everything in a recording that should be random: nonces, shares, proofs, salts, verifiers,
/// ciphertext, tags.
fn random_pieces(recording: &proxy::Recording) -> Vec<Vec<u8>> {
    const SEALED_HEAD: usize = 9;
    const ARCHIVE_HEAD: usize = 45;
    const ARCHIVE_TAIL: usize = 99;
    let mut pieces = Vec::new();
    for (bytes, hello_head) in [(&recording.to_listener, 11), (&recording.to_dialler, 10)] {
        for (kind, body) in frames(bytes) {
            let (envelope, archive) = match kind {
                kind if kind == FrameKind::Hello as u8 && hello_head == 11 => {
                    pieces.push(body[11..43].to_vec());
                    pieces.push(body[59..].to_vec());
                    continue;
                }
                kind if kind == FrameKind::Hello as u8 => {
                    pieces.push(body[hello_head..].to_vec());
                    continue;
                }
                kind if kind == FrameKind::Confirm as u8 => {
                    pieces.push(body.to_vec());
                    continue;
                }
                kind if kind == FrameKind::Part as u8 => body[8..].split_at(41),
                _ => body.split_at(41),
            };
            pieces.push(envelope[SEALED_HEAD..].to_vec());
            pieces.push(archive[ARCHIVE_HEAD..archive.len() - ARCHIVE_TAIL].to_vec());
        }
    }
    pieces
}

#[test]
fn two_sessions_of_one_secret_share_nothing() {
    const RUN: usize = 8;
    let [first, second] = [record(), record()].map(|recording| random_pieces(&recording));
    assert!(first.len() > 10, "{}", first.len());
    let seen: HashSet<&[u8]> = first.iter().flat_map(|piece| piece.windows(RUN)).collect();
    let again = second.iter().flat_map(|piece| piece.windows(RUN));
    for run in again {
        assert!(!seen.contains(run), "{}", run.escape_ascii());
    }
    // Nothing repeats within one session either, as a reused salt or keystream would.
    let all: Vec<_> = first.iter().flat_map(|piece| piece.windows(RUN)).collect();
    assert_eq!(seen.len(), all.len());
}
