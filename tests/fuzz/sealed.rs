//! Sealed frames by a peer that has the keys: a valid envelope and tag around anything.

use crate::chance::Chance;
use crate::mutate::Mutator;
use crate::time;
use hmac::{Hmac, KeyInit, Mac};
use peerbridge::Secret;
use peerbridge::internals::{
    Compression, DiallerRole, DiallerWaitsForHello, Envelope, ListenerStart, Opener, Position,
    Role, Sealer, SessionKeys,
};
use sha1::Sha1;
use std::time::Instant;

type HmacSha1 = Hmac<Sha1>;

/// Bytes before the ciphertext (header, name, field, salt, verifier) and behind it (tag, descriptor,
/// directory).
const BEFORE: usize = 63;
const BEHIND: usize = 109;
const SALT: std::ops::Range<usize> = 45..61;

const POSITION: Position = Position::Part {
    transfer: 0,
    round: 0,
    index: 1,
};

/// The keys of both sides of a session.
fn session() -> (SessionKeys, SessionKeys) {
    let secret = Secret::from_text("correct horse").expect("a secret");
    let role = DiallerRole::Transfer(Role::Send);
    let (dialler, hello) = DiallerWaitsForHello::start(&secret, role, None).expect("random bytes");
    let heard = ListenerStart::new(Role::Receive)
        .on_hello(&hello)
        .expect("a Hello");
    let (listener, hello) = heard.answer(Some(&secret)).expect("a share");
    let (dialler, confirm) = dialler.on_hello(&hello).expect("a Hello");
    let (listener, confirm) = listener.on_confirm(&confirm).expect("one secret");
    (dialler.on_confirm(&confirm).expect("one secret"), listener)
}

/// Bytes 32 to 64 of PBKDF2 with HMAC-SHA1 and 1,000 rounds: the key of the archive's tag.
fn tag_key(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let blocks = (1..=4_u32).flat_map(|block| {
        let start = HmacSha1::new_from_slice(password).expect("any length");
        let of = |bytes: &[&[u8]]| {
            let mut mac = start.clone();
            bytes.iter().for_each(|piece| mac.update(piece));
            <[u8; 20]>::from(mac.finalize().into_bytes())
        };
        let mut last = of(&[salt, &block.to_be_bytes()]);
        let mut all = last;
        for _ in 1..1000 {
            last = of(&[&last]);
            all.iter_mut().zip(last).for_each(|(to, from)| *to ^= from);
        }
        all
    });
    blocks.skip(32).take(32).collect()
}

/// Changes the plaintext, bit by bit through the stream cipher, and anything else in the archive; then corrects
/// envelope and tag.
#[test]
fn sealed_frames() {
    let (ours, theirs) = session();
    let (keys, opening) = (ours.sealing_keys(), theirs.opening_keys());
    let text: Vec<u8> = (0..6000_u32)
        .flat_map(|n| (n / 7).to_string().into_bytes())
        .collect();
    let mut chance = Chance::new(Chance::seed());
    let mut opened = 0_u64;
    let end = Instant::now() + time();
    let mut rounds = 0_u64;
    for compression in [Compression::Zstd(3), Compression::Stored]
        .into_iter()
        .cycle()
    {
        if Instant::now() >= end {
            break;
        }
        let raw = &text[..chance.place(text.len() - 1) + 1];
        let mut sealer = Sealer::new();
        let sealed = sealer
            .seal(&keys, POSITION, raw, compression)
            .expect("it can be sealed");
        let archive = sealed.archive.to_vec();
        let is_compressed = matches!(compression, Compression::Zstd(_));
        let (_, password) = Envelope::forged(&keys, POSITION, 0, is_compressed, &archive);
        let tag_key = tag_key(&password, &archive[SALT]);
        let mut mutator = Mutator::new(Chance::new(chance.number()), vec![archive.clone()]);
        for _ in 0..200 {
            rounds += 1;
            let forged = forge(&archive, &mut mutator, &mut chance, &tag_key);
            let lengths = [
                raw.len(),
                raw.len() + 1,
                0,
                forged.len().saturating_sub(172),
                1 << 20,
            ];
            let length = lengths[chance.place(lengths.len())] as u32;
            let (envelope, _) = Envelope::forged(&keys, POSITION, length, is_compressed, &forged);
            let most = 1 << 20;
            if Envelope::from_bytes(&envelope.to_bytes(), most).is_err() {
                continue;
            }
            let mut opener = Opener::new();
            let found = opener.open(&opening, POSITION, &envelope, &forged);
            if let Ok(found) = found {
                assert_eq!(found.len(), length as usize, "exactly what was promised");
                opened += 1;
            }
        }
    }
    println!("sealed_frames: {rounds} inputs, {opened} of them opened");
}

/// Changes bits of the ciphertext, or anything anywhere.
fn forge(archive: &[u8], mutator: &mut Mutator, chance: &mut Chance, tag_key: &[u8]) -> Vec<u8> {
    let mut forged = archive.to_vec();
    let end = forged.len() - BEHIND;
    match chance.below(4) {
        0 => mutator.change(&mut forged),
        _ => (0..=chance.below(4)).for_each(|_| mutator.flip(&mut forged[BEFORE..end])),
    }
    if forged.len() == archive.len() {
        let mut mac = HmacSha1::new_from_slice(tag_key).expect("any length");
        mac.update(&forged[BEFORE..end]);
        let tag = mac.finalize().into_bytes();
        forged[end..end + 10].copy_from_slice(&tag[..10]);
    }
    forged
}
