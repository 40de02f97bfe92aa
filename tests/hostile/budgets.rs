//! What a hostile peer costs within the limits: memory, threads, descriptors, names and bytes on the disk. Runs
//! the program itself, so that the peer's own resources don't count.

use crate::harness::trees::{noise, paths};
use crate::harness::{Running, is_long};
use crate::peer::{Line, Peer};
use crate::real::{Side, exit_code};
use crate::states::NOT_VERIFIED;
use crate::tree::Ground;
use crate::wire::{Entries, PART, Raw, RawOffer, accept};
use peerbridge::internals::{FrameKind, Message, Role, limits};
use std::convert::Infallible;
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

pub const MIB: u64 = 1 << 20;

/// A drop box after a first session, so that one-time costs of the process are included already. It does not find the
/// program that tells how much room a disk has, so it declines no offer for its size.
pub fn serve(ground: &Ground, options: &str) -> Running {
    let serve = "serve destination --port 0 --bind 127.0.0.1 --max-peers 64 --idle-timeout 120";
    let serve = ground.run(&format!("{serve} {options}"));
    let program = serve.env("PATH", "/nowhere").start();
    let sender = Side::default().send_dialling(&ground.source, program.port());
    sender.end().expect("it is delivered");
    program
}

/// The bytes of an Entries message of `count` folders, each of which has a path of `length` bytes and takes
/// about twenty bytes on the wire.
fn entries(count: u32, length: usize) -> Vec<u8> {
    let path: Vec<u8> = (1..=length)
        .map(|at| if at % 200 == 0 { b'/' } else { b'a' })
        .collect();
    let of = |shared: usize, own: &[u8]| {
        let raw = Raw::kind(3).u16(shared as u16).u16(own.len() as u16);
        raw.bytes(own).bytes(&[0; 14]).0
    };
    let mut bytes = of(0, &path);
    for _ in 1..count {
        bytes.extend(of(length, b""));
    }
    bytes
}

/// Offers this many names, but never sends the last one.
pub fn offer_names(peer: &mut Peer, chunks: u32, a_chunk: u32) {
    let chunk = entries(a_chunk, 3999);
    let mut offer = RawOffer::file(1);
    offer.count = chunks * a_chunk + 1;
    offer.entries = chunk.clone();
    peer.say(&offer.to_bytes());
    for _ in 1..chunks {
        peer.say(&Raw::kind(3).u32(chunk.len() as u32).bytes(&chunk).0);
    }
}

/// A valid head of a part of this length, and the part without its last byte.
pub fn part_without_its_end(raw: u32) -> Vec<u8> {
    let sealed = raw + 172;
    let head = Raw::default().u32(53 + sealed).u8(FrameKind::Part as u8);
    let mut frame = head.u32(0).u64(0).u32(raw).u8(0).u32(sealed).0;
    frame.resize(5 + 52 + sealed as usize, 0);
    frame
}

#[cfg(target_os = "linux")]
#[test]
fn frames_are_as_long_as_the_parts_that_were_agreed() {
    const STREAMS: u16 = 16;
    let ground = Ground::small();
    let program = serve(&ground, "");
    let before = program.memory("VmHWM");
    let mut peer = Peer::dial(program.port(), Role::Send);
    let mut offer = RawOffer::file(1000 * u64::from(PART));
    offer.streams = STREAMS;
    peer.say(&offer.to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    let frame = part_without_its_end(limits::PART_BYTES_MAX);
    let joined: Vec<Peer> = (1..STREAMS)
        .map(|number| peer.join(program.port(), number).expect("it may join"))
        .collect();
    let mut joined = joined;
    joined
        .iter_mut()
        .for_each(|stream| stream.line.send(&frame));
    for stream in &mut joined {
        assert!(stream.line.read_to_end().is_empty());
    }
    let grown = program.memory("VmHWM") - before;
    println!("{grown} bytes for frames beyond parts of 64 KiB");
    assert!(grown < 16 * MIB, "{grown} bytes for parts of 64 KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn names_beyond_the_limit_take_no_memory() {
    let ground = Ground::small();
    let program = serve(&ground, "--max-files 10");
    let before = program.memory("VmHWM");
    let mut peers: Vec<_> = (0..6)
        .map(|_| Peer::dial(program.port(), Role::Send))
        .collect();
    for peer in &mut peers {
        offer_names(peer, 3, 10_000);
        // A complete offer is declined, and the session continues.
        peer.say(&Raw::kind(3).u32(21).bytes(&entries(1, 2)).0);
        let heard = peer.hear();
        assert!(matches!(heard, Some(Message::Decline(_))), "{heard:?}");
        peer.say(&[13]);
        assert!(peer.hear().is_none());
    }
    let grown = program.memory("VmHWM") - before;
    println!("{grown} bytes for refused names");
    assert!(grown < 24 * MIB, "{grown} bytes for refused names");
}

/// Three offers of 120 MB of names each, none of which is completed.
#[cfg(target_os = "linux")]
#[test]
fn one_sender_s_offers_share_their_memory() {
    let ground = Ground::small();
    let program = serve(&ground, "");
    let before = program.memory("VmHWM");
    let mut peers: Vec<_> = (0..3)
        .map(|_| Peer::dial(program.port(), Role::Send))
        .collect();
    for peer in &mut peers {
        offer_names(peer, 3, 10_000);
    }
    // The answer shows that everything before it was read.
    for peer in &mut peers {
        peer.say(&crate::wire::ping(1, 0));
        assert!(matches!(peer.hear(), Some(Message::Pong { .. })));
    }
    let grown = program.memory("VmHWM") - before;
    println!("{grown} bytes for offers that never end");
    assert!(
        grown < limits::OFFERS_MEMORY_BYTES / 2 + 32 * MIB,
        "{grown} bytes"
    );
    // Their memory keeps an honest sender out only if it needs more than the rest.
    drop(peers);
    crate::real::wait_until("the memory is given back", || {
        program.memory("VmRSS") < before + 64 * MIB
    });
}

#[test]
fn a_sender_takes_no_parts_that_all_streams_together_cannot_hold() {
    // A sparse file of a size for which a sender proposes more than 16 streams.
    let ground = Ground::small();
    let hole = std::fs::File::create(ground.source.join("hole")).unwrap();
    hole.set_len(80 * MIB).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Side::with_streams(64).send_dialling(&ground.source, port);
    let mut peer = Peer::accept(&listener, Role::Receive);
    assert!(matches!(peer.hear(), Some(Message::Offer(offer)) if offer.streams > 16));
    peer.say(&accept(limits::PART_BYTES_MAX, 17, &[]));
    let heard = peer.given_up();
    let [Message::Abort { text, .. }] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert!(
        text.to_string()
            .contains("more streams than such large parts allow"),
        "{text}"
    );
    assert_eq!(exit_code(sender.end()), NOT_VERIFIED);
}

#[test]
fn an_early_part_is_small() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    let contents = noise(1, limits::EARLY_PART_BYTES as usize + 1);
    let mut offer = RawOffer::file(contents.len() as u64).early(0, &[]);
    offer.part_size = 2 << 20;
    peer.say(&offer.to_bytes());
    peer.part(0, &contents);
    peer.given_up();
    assert_eq!(exit_code(receiver.end()), NOT_VERIFIED);
    ground.expect_untouched();
}

/// As many names as a small offer can have, from a peer that leaves once they are accepted.
#[test]
fn an_offer_of_folders_alone_leaves_nothing() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    let folders = (0..5000u32).fold(Entries::default(), |entries, number| {
        entries.folder(number.to_string().as_bytes())
    });
    peer.say(&RawOffer::of(&folders.file(b"x", 10)).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    let names = paths(&ground.destination).len();
    assert!(names < 10, "{names} names before the first byte");
    drop(peer);
    assert_eq!(exit_code(receiver.end()), 12);
    ground.expect_untouched();
}

/// Signs of life, and of moving on, from somebody who never comes to an end. With `PEERBRIDGE_TEST_LONG=1`: it
/// takes more than a minute.
#[test]
fn an_offer_that_trickles_is_given_up() {
    if !is_long() {
        return;
    }
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    let mut offer = RawOffer::file(1);
    offer.count = 1000;
    peer.say(&offer.to_bytes());
    let line = peer.line.0.try_clone().unwrap();
    let (stop, is_stopped) = mpsc::channel::<Infallible>();
    let trickle = std::thread::spawn(move || {
        // If nobody gives it up, it hangs up by itself, and the receiver ends with other words.
        for number in 0..limits::OFFER_SECONDS + 60 {
            let pause = is_stopped.recv_timeout(Duration::from_secs(1));
            if pause != Err(RecvTimeoutError::Timeout) {
                break;
            }
            let name = format!("y{number:03}");
            let entry = Entries::default().file(name.as_bytes(), 1).bytes.0;
            peer.say(&Raw::kind(3).u32(entry.len() as u32).bytes(&entry).0);
        }
        // An error means that the receiver has hung up.
        let _ = peer.line.0.shutdown(Shutdown::Both);
    });
    Line::of(line).read_to_end();
    drop(stop);
    trickle.join().unwrap();
    let ended = receiver.end().expect_err("it is given up");
    assert_eq!(ended.to_string(), "declined: the offer comes too slowly");
    ground.expect_untouched();
}

/// As much as a receiver may ask for, on a line of 100 Mbit/s: 64 streams, and parts of 2 MiB.
#[cfg(target_os = "linux")]
#[test]
fn a_sender_holds_the_parts_of_all_streams_and_little_beside() {
    const PART: u32 = 2 << 20;
    const STREAMS: u16 = limits::STREAMS;
    let ground = Ground::small();
    let digits = noise(3, 4 << 20)
        .into_iter()
        .flat_map(|byte| [b'a' + byte / 16, b'a' + byte % 16]);
    let text = ground.source.join("text");
    std::fs::write(&text, digits.collect::<Vec<u8>>()).unwrap();
    for number in 1..64 {
        std::fs::hard_link(&text, ground.source.join(number.to_string())).unwrap();
    }
    // The highest level to which it climbs by itself on as many streams is 1.
    for (level, beside) in [("0", 64 * MIB), ("1", 192 * MIB)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let send =
            format!("send tree --streams {STREAMS} --level {level} --idle-timeout 600 --to @");
        let program = ground.run(&send).to(port).start();
        let mut peer = Peer::accept(&listener, Role::Receive);
        assert!(matches!(peer.hear(), Some(Message::Offer(offer)) if offer.streams == STREAMS));
        peer.say(&accept(PART, STREAMS, &[]));
        let joined = (1..STREAMS).map(|_| peer.let_join(&listener).line);
        let lines: Vec<Line> = joined.collect();
        read_slowly(
            lines.into_iter().chain([peer.line]),
            12_500_000,
            100_000_000,
        );
        let resident = program.memory("VmHWM");
        println!("{resident} bytes at level {level}");
        let parts = u64::from(PART) * u64::from(STREAMS);
        assert!(resident < parts + beside, "{resident} bytes");
        drop(program);
    }
}

/// Reads that many bytes from all lines together, at so many in a second.
fn read_slowly(lines: impl Iterator<Item = Line>, a_second: usize, bytes: usize) {
    let mut lines: Vec<_> = lines.map(|line| line.0).collect();
    for line in &mut lines {
        line.set_nonblocking(true).unwrap();
    }
    let tick = Duration::from_millis(50);
    let mut buffer = vec![0; a_second / 20 / lines.len()];
    let mut read = 0;
    while read < bytes {
        for line in &mut lines {
            read += std::io::Read::read(line, &mut buffer).unwrap_or(0);
        }
        std::thread::sleep(tick);
    }
}
