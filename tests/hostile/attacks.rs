//! Hostile peers of a drop box. Each does the most that one limit allows. An attack returns connections to keep open
//! until everything is measured, and the number of bytes sent.

use crate::budgets::part_without_its_end;
use crate::harness::{Running, is_long};
use crate::peer::{Line, Peer, hello};
use crate::tree::Ground;
use crate::wire::{Entries, PART, Raw, RawOffer, digests, ping, round_end};
use peerbridge::internals::{
    Compression, DiallerRole, FrameKind, Message, Position, Role, Sealer, frame, limits,
    message_head,
};

pub fn dial(at: &Running, count: usize, first: &[u8]) -> Vec<Line> {
    let lines = (0..count).map(|_| {
        let mut line = Line::dial(at.port());
        line.send(first);
        line
    });
    lines.collect()
}

/// Each answered Hello costs the listener two multiplications.
pub fn hellos(at: &Running) -> (Vec<Line>, u64) {
    let mut lines = dial(at, 60, &[]);
    for line in lines.iter_mut().take(2) {
        hello(line, DiallerRole::Transfer(Role::Send));
    }
    let body = [&b"PEERBRDG\x01\x02\x01"[..], &[7; 80]].concat();
    for line in lines.iter_mut().skip(2) {
        line.send(&frame(FrameKind::Hello, &body));
    }
    (lines, 60 * 96)
}

/// `count` proven peers, each of which does `act`.
pub fn sessions(at: &Running, count: usize, act: fn(&mut Peer)) -> (Vec<Line>, u64) {
    let peers = (0..count).map(|_| {
        let mut peer = Peer::dial(at.port(), Role::Send);
        act(&mut peer);
        peer
    });
    let peers: Vec<_> = peers.collect();
    let sent = peers.iter().map(|peer| peer.sent).sum();
    (peers.into_iter().map(|peer| peer.line).collect(), sent)
}

/// Heartbeats with 256 KiB of zeros, which travel in a few hundred bytes.
pub fn zstd_bombs(at: &Running) -> (Vec<Line>, u64) {
    sessions(at, 1, |peer| {
        let padding = vec![0; peerbridge::internals::PADDING_BYTES];
        let raw = Raw::kind(14).u64(0).u32(0).u32(padding.len() as u32);
        let raw = raw.bytes(&padding).0;
        let mut sealer = Sealer::new();
        for _ in 0..300 {
            let position = Position::Message {
                stream: 0,
                sequence: peer.said,
            };
            peer.said += 1;
            let sealed = sealer
                .seal(
                    &peer.keys.sealing_keys(),
                    position,
                    &raw,
                    Compression::Zstd(3),
                )
                .expect("it can be sealed");
            let frame = [&message_head(&sealed.envelope)[..], sealed.archive].concat();
            peer.sent += frame.len() as u64;
            peer.line.send(&frame);
        }
        answered(peer);
    })
}

/// Waits until the program has read everything that was sent before.
pub fn answered(peer: &mut Peer) {
    peer.say(&ping(1, 0));
    let mut heard = std::iter::from_fn(|| peer.hear());
    assert!(heard.any(|message| matches!(message, Message::Pong { .. })));
}

pub fn offer_folders(peer: &mut Peer) {
    let folders = (0..5000_u32).fold(Entries::default(), |entries, number| {
        entries.folder(number.to_string().as_bytes())
    });
    peer.say(&RawOffer::of(&folders.file(b"x", 10)).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
}

/// The drop box takes some of them, and hangs up on the others.
pub fn pings(at: &Running) -> (Vec<Line>, u64) {
    let lines = (0..40).map(|_| {
        let mut line = Line::dial(at.port());
        let (_, confirm) = hello(&mut line, DiallerRole::Ping);
        line.send_frame(FrameKind::Confirm as u8, &confirm);
        line
    });
    (lines.collect(), 40 * 150)
}

/// A file where there is a folder.
pub fn declined_offers(peer: &mut Peer) {
    for transfer in 0..200 {
        let mut offer = RawOffer::of(&Entries::default().file(b"tree", 1));
        offer.transfer = transfer;
        peer.say(&offer.to_bytes());
        assert!(matches!(peer.hear(), Some(Message::Decline(_))));
    }
}

pub fn early_part(peer: &mut Peer) {
    let size = limits::EARLY_PART_BYTES;
    let mut offer = RawOffer::file(size.into()).early(0, &[]);
    offer.part_size = size;
    peer.say(&offer.to_bytes());
    let frame = part_without_its_end(size);
    peer.line.send(&frame);
    peer.sent += frame.len() as u64;
}

pub fn parts_on_all_streams(at: &Running) -> (Vec<Line>, u64) {
    let part = limits::PARTS_IN_FLIGHT_BYTES / u32::from(limits::STREAMS);
    let mut peer = Peer::dial(at.port(), Role::Send);
    let mut offer = RawOffer::file(limits::PARTS_IN_FLIGHT_BYTES.into());
    (offer.part_size, offer.streams) = (part, limits::STREAMS);
    peer.say(&offer.to_bytes());
    let Some(Message::Accept(accept)) = peer.hear() else {
        panic!("it is not accepted");
    };
    let joined = (1..accept.streams).map(|number| peer.join(at.port(), number));
    let joined: Vec<_> = joined.map(|stream| stream.expect("it may join")).collect();
    let mut lines: Vec<_> = joined.into_iter().map(|stream| stream.line).collect();
    lines.push(peer.line);
    let frame = part_without_its_end(part);
    lines.iter_mut().for_each(|line| line.send(&frame));
    let sent = lines.len() * frame.len();
    (lines, sent as u64)
}

/// Each folder is in the one before.
pub fn offer_levels(peer: &mut Peer) {
    let entry = |level: usize, kind: u8, own: &[u8]| {
        let raw = Raw::kind(kind).u16((2 * level).saturating_sub(1) as u16);
        raw.u16(own.len() as u16).bytes(own)
    };
    let last = limits::PATH_LEVELS - 1;
    let folders = (0..last).flat_map(|level| {
        let own: &[u8] = if level == 0 { b"d" } else { b"/d" };
        entry(level, 3, own).bytes(&[0; 14]).0
    });
    let file = entry(last, 1, b"/d").u64(1).bytes(&[0; 14]).0;
    let mut offer = RawOffer::file(1);
    offer.count = limits::PATH_LEVELS as u32;
    offer.entries = folders.chain(file).collect();
    peer.say(&offer.to_bytes());
    let heard = peer.hear();
    assert!(matches!(heard, Some(Message::Accept(_))), "{heard:?}");
}

pub fn empty_round(peer: &mut Peer) {
    offer_all_parts(peer);
    peer.say(&round_end(0, &[], &[]));
    assert!(matches!(peer.hear(), Some(Message::Missing(_))));
}

pub fn unneeded_parts(peer: &mut Peer) {
    offer_all_parts(peer);
    peer.say(&round_end(0, &[], &[]));
    assert!(matches!(peer.hear(), Some(Message::Done(_))));
}

/// One file of as many parts as there may be.
fn offer_all_parts(peer: &mut Peer) {
    let size = u64::from(PART) * limits::PARTS;
    peer.say(&RawOffer::file(size).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
}

/// Files that the offer of [`many_ranges`] has, none of which is needed: it lies between two that are.
pub fn every_second_file(ground: &Ground) {
    for number in (0..2 * limits::RANGES).step_by(2) {
        let name = ground.destination.join(format!("{number:05}"));
        std::fs::write(name, b"").expect("it is writable");
    }
}

/// As many ranges in the Accept and in each Missing as there may be, in as many rounds as there may be.
pub fn many_ranges(peer: &mut Peer) {
    offer_files(peer, 2 * limits::RANGES, PART);
    let Some(Message::Accept(accept)) = peer.hear() else {
        panic!("it is not accepted");
    };
    assert_eq!(accept.have.len(), limits::RANGES);
    for round in 0..limits::ROUNDS - 1 {
        peer.say(&round_end(round, &[], &[]));
        let heard = peer.hear();
        assert!(
            matches!(&heard, Some(Message::Missing(missing)) if missing.ranges.len() == limits::RANGES),
            "{heard:?}"
        );
    }
}

/// An old file of more parts than may be claimed. It takes no room on the disk.
pub fn large_old_file(ground: &Ground) {
    let old = std::fs::File::create(ground.destination.join("x")).expect("it is writable");
    let size = 2 * limits::CLAIMED_PIECES * u64::from(PART);
    old.set_len(size).expect("a sparse file");
}

/// As many digests as a receiver may claim pieces, in messages of as many digests as there may be.
pub fn digests_of_all_claims(peer: &mut Peer) {
    let size = 2 * limits::CLAIMED_PIECES * u64::from(PART);
    peer.say(&RawOffer::file(size + 1).to_bytes());
    let Some(Message::Accept(accept)) = peer.hear() else {
        panic!("it is not accepted");
    };
    let claimed: u64 = accept.claims.iter().map(|range| range.length).sum();
    assert_eq!(claimed, limits::CLAIMED_PIECES);
    let message = digests(&[[7; 16]; limits::DIGESTS]);
    let count = limits::DIGESTS as u64;
    (0..claimed / count).for_each(|_| peer.say(&message));
    answered(peer);
}

/// As many parts of a stream of unknown length without a check as there may be. Without `PEERBRIDGE_TEST_LONG=1`
/// 512 of them, because both sides derive the keys of each.
pub fn parts_without_checks(peer: &mut Peer) {
    peer.say(&RawOffer::stream().to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    let raw = vec![0; PART as usize];
    let most = limits::CHECKS_OWED as u64;
    for index in 0..if is_long() { most } else { 512 } {
        peer.packed_part(index, &raw);
    }
    answered(peer);
}

/// Checks of parts that never come, until there is no memory for more.
pub fn checks_without_parts(peer: &mut Peer) {
    offer_all_parts(peer);
    let count = limits::CHECKS as u64;
    let most = limits::OFFERS_MEMORY_BYTES / 2 / limits::UNCHECKED_PART_MEMORY_BYTES;
    let messages = (most + limits::CHECKS_OWED as u64) / count + 1;
    for message in 0..messages {
        let raw = Raw::kind(8).u32(limits::CHECKS as u32);
        let checks = (0..count).fold(raw, |raw, index| raw.u64(message * count + index).u32(7));
        peer.say(&checks.0);
    }
    let heard = peer.hear();
    assert!(matches!(heard, Some(Message::Abort { .. })), "{heard:?}");
}

/// Files that [`failures`] offers.
pub const FAILURES: usize = 100_000;

/// Says of each file of an offer that it cannot be read.
pub fn failures(peer: &mut Peer) {
    offer_files(peer, FAILURES, 0);
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    let numbers: Vec<_> = (0..FAILURES as u32).collect();
    for numbers in numbers.chunks(limits::FAILURES) {
        let raw = Raw::kind(9).u32(numbers.len() as u32);
        let failures = numbers
            .iter()
            .fold(raw, |raw, number| raw.u32(*number).u8(1));
        peer.say(&failures.0);
    }
    answered(peer);
}

/// Offers files of `size` bytes with numbers for names.
fn offer_files(peer: &mut Peer, count: usize, size: u32) {
    const CHUNK: usize = 4096;
    let chunk = |first: usize| {
        let numbers = first..count.min(first + CHUNK);
        numbers.fold(Entries::default(), |files, number| {
            files.file(format!("{number:05}").as_bytes(), size.into())
        })
    };
    let mut offer = RawOffer::of(&chunk(0));
    offer.count = count as u32;
    peer.say(&offer.to_bytes());
    for first in (0..count).step_by(CHUNK).skip(1) {
        let entries = chunk(first).bytes.0;
        peer.say(&Raw::kind(3).u32(entries.len() as u32).bytes(&entries).0);
    }
}
