//! A table of hostile peers and budgets: what each peer may cost a drop box in each limited resource.

use crate::budgets::{MIB, offer_names, part_without_its_end, serve};
use crate::frames::begun;
use crate::harness::Running;
use crate::harness::trees::paths;
use crate::peer::{Line, Peer, hello};
use crate::real::{comes_true, wait_until};
use crate::tree::Ground;
use crate::wire::{Entries, PART, Raw, RawOffer, ping, round_end};
use peerbridge::internals::{
    Compression, DiallerRole, FrameKind, Message, Position, Role, Sealer, frame, limits,
    message_head,
};
use std::time::Duration;

const UNPROVEN: usize = limits::UNPROVEN_CONNECTIONS;

/// One hostile peer, or many. Returns connections to keep open until everything is measured, and the number of
/// bytes sent.
type Attack = fn(&Running) -> (Vec<Line>, u64);

/// The most that an attack may cost, beyond what the process used before.
struct Budget {
    what: &'static str,
    attack: Attack,
    /// Peak resident memory, in bytes.
    resident: u64,
    threads: usize,
    descriptors: usize,
    /// Closed connections whose threads have yet to end, at one moment.
    ending: usize,
    /// Files and folders in the destination while the peer is connected.
    names: usize,
    /// Bytes in these files.
    disk: u64,
    /// Processor time for each MiB on the wire, in hundredths of a second, in a build without optimisation.
    ticks_per_mib: u64,
    /// Processor time that an attack costs once, for example for hundreds of handshakes.
    ticks: u64,
}

/// Descriptors that the process itself may have open besides its connections.
const FEW: usize = 8;

const TABLE: [Budget; 15] = [
    Budget {
        what: "600 connections that say nothing",
        attack: |at| (dial(at, 600, &[]), 0),
        resident: 24 * MIB,
        threads: UNPROVEN + FEW,
        descriptors: UNPROVEN + FEW,
        ending: UNPROVEN,
        ..Budget::NOTHING
    },
    Budget {
        what: "300 connections that begin the longest frame",
        attack: |at| (dial(at, 300, &begun(512, 1)), 300 * 205),
        resident: 24 * MIB,
        threads: UNPROVEN + FEW,
        descriptors: UNPROVEN + FEW,
        ending: UNPROVEN,
        ..Budget::NOTHING
    },
    Budget {
        what: "60 handshakes that end at the Hello",
        attack: hellos,
        resident: 24 * MIB,
        threads: 60 + FEW,
        descriptors: 60 + FEW,
        ..Budget::NOTHING
    },
    Budget {
        what: "16 sessions of heartbeats",
        attack: |at| sessions(at, 16, |peer| peer.say(&ping(0, 0))),
        resident: 24 * MIB,
        threads: 40,
        descriptors: 40,
        ..Budget::NOTHING
    },
    Budget {
        what: "300 sessions that end at once, to each of which a peer may return",
        attack: |at| {
            (0..300).for_each(|_| drop(Peer::dial(at.port(), Role::Send)));
            (Vec::new(), 0)
        },
        ending: 64,
        ticks: 1500,
        ..Budget::SMALL
    },
    Budget {
        what: "40 connections that only ping",
        attack: pings,
        resident: 24 * MIB,
        threads: limits::PING_SESSIONS + FEW,
        descriptors: limits::PING_SESSIONS + FEW,
        ending: 40,
        ..Budget::NOTHING
    },
    Budget {
        what: "a flood of pings that all want long answers",
        attack: |at| {
            sessions(at, 1, |peer| {
                for token in 1..200 {
                    peer.say(&ping(token, 1000));
                    assert!(peer.hear().is_some());
                }
            })
        },
        ticks_per_mib: 20_000,
        ..Budget::SMALL
    },
    Budget {
        what: "messages that are far longer than they look",
        attack: zstd_bombs,
        ticks_per_mib: 2000,
        ..Budget::SMALL
    },
    Budget {
        what: "an offer of 100 MB of names that does not end",
        attack: |at| {
            sessions(at, 1, |peer| {
                offer_names(peer, 3, 8000);
                answered(peer);
            })
        },
        resident: 160 * MIB,
        ticks_per_mib: 2000,
        ..Budget::SMALL
    },
    Budget {
        what: "200 offers of one session, each of which is declined",
        attack: |at| sessions(at, 1, declined_offers),
        ticks_per_mib: 20_000,
        ..Budget::SMALL
    },
    Budget {
        what: "16 offers with an early part but for its last byte",
        attack: |at| sessions(at, 16, early_part),
        resident: 40 * MIB,
        threads: 40,
        descriptors: 40,
        ..Budget::NOTHING
    },
    Budget {
        what: "a part of 2 MiB but for its last byte on each of 64 streams",
        attack: parts_on_all_streams,
        resident: limits::PARTS_IN_FLIGHT_BYTES as u64 + 24 * MIB,
        threads: limits::STREAMS as usize + FEW,
        descriptors: limits::STREAMS as usize + FEW,
        names: 6,
        disk: 64 * 1024,
        ..Budget::NOTHING
    },
    Budget {
        what: "an offer of 1,024 levels of which nothing comes",
        attack: |at| sessions(at, 1, offer_levels),
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "an offer of 5,000 folders of which nothing comes",
        attack: |at| sessions(at, 1, offer_folders),
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "an empty round after an offer of as many parts as there may be",
        attack: |at| sessions(at, 1, empty_round),
        // Each of 67 million parts is looked at a few times: half a second with optimisation.
        ticks: 4000,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
];

impl Budget {
    const NOTHING: Budget = Budget {
        what: "",
        attack: |_| (Vec::new(), 0),
        resident: 0,
        threads: 0,
        descriptors: 0,
        ending: 0,
        names: 0,
        disk: 0,
        ticks_per_mib: 400,
        ticks: 300,
    };

    /// The budget of one session.
    const SMALL: Budget = Budget {
        resident: 12 * MIB,
        threads: 6,
        descriptors: 8,
        ..Budget::NOTHING
    };
}

/// The resources that a drop box uses at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    threads: usize,
    descriptors: usize,
    names: usize,
    disk: u64,
}

impl Held {
    fn by(program: &Running, ground: &Ground) -> Held {
        let (names, disk) = names_and_bytes(ground);
        Held {
            threads: program.threads(),
            descriptors: program.descriptors(),
            names,
            disk,
        }
    }

    /// The resources used beyond those used `before`.
    fn beyond(self, before: Held) -> Held {
        Held {
            threads: self.threads.saturating_sub(before.threads),
            descriptors: self.descriptors.saturating_sub(before.descriptors),
            names: self.names.saturating_sub(before.names),
            disk: self.disk.saturating_sub(before.disk),
        }
    }

    fn is_within(self, budget: &Budget) -> bool {
        self.threads <= budget.threads
            && self.descriptors <= budget.descriptors
            && self.names <= budget.names
            && self.disk <= budget.disk
    }
}

#[cfg(target_os = "linux")]
#[test]
fn each_hostile_peer_keeps_within_its_budget() {
    for row in TABLE {
        let ground = Ground::small();
        let program = serve(&ground, "");
        let before = Held::by(&program, &ground);
        let (resident, ticks) = (program.memory("VmHWM"), program.ticks());
        let is_right = |held: Held| held.beyond(before).is_within(&row);
        let (((lines, sent), held), peak) = while_watched(&program, || {
            let attack = (row.attack)(&program);
            (attack, settled(&program, &ground, is_right))
        });
        let held = held.beyond(before);
        let resident = program.memory("VmHWM") - resident;
        let ticks = program.ticks() - ticks;
        println!(
            "{}: {held:?} once settled, {peak} threads at most, {resident} bytes resident at most, \
             {ticks} hundredths of a second, {sent} bytes sent",
            row.what
        );
        assert!(held.is_within(&row), "{}: {held:?} stays", row.what);
        let bounds = [
            (
                "threads at one moment",
                peak.saturating_sub(before.threads) as u64,
                (row.threads + row.ending) as u64,
            ),
            ("resident bytes", resident, row.resident),
            (
                "hundredths of a second",
                ticks,
                row.ticks + row.ticks_per_mib * sent / MIB,
            ),
        ];
        for (of, cost, most) in bounds {
            assert!(cost <= most, "{}: {cost} {of}, {most} allowed", row.what);
        }
        drop(lines);
        wait_until("all of it comes back", || {
            let left = Held::by(&program, &ground).beyond(before);
            left.threads <= 1 && left.descriptors <= 1 && (left.names, left.disk) == (0, 0)
        });
    }
}

/// The resources used once they no longer change and `is_right`, or at the end of the wait. It takes time to
/// accept waiting connections and to end threads.
fn settled(program: &Running, ground: &Ground, is_right: impl Fn(Held) -> bool) -> Held {
    let mut last = Held::by(program, ground);
    comes_true(|| {
        std::thread::sleep(Duration::from_millis(100));
        let held = Held::by(program, ground);
        let is_same = held == std::mem::replace(&mut last, held);
        is_same && is_right(held)
    });
    last
}

/// Runs `attack`. Also returns the highest number of threads that the program had meanwhile.
fn while_watched<T: Send>(program: &Running, attack: impl FnOnce() -> T + Send) -> (T, usize) {
    std::thread::scope(|scope| {
        let attack = scope.spawn(attack);
        let mut peak = 0;
        while !attack.is_finished() {
            peak = peak.max(program.threads());
            std::thread::sleep(Duration::from_millis(1));
        }
        let result = attack.join().expect("an attack");
        (result, peak.max(program.threads()))
    })
}

/// The number of names in the destination, and their size in blocks on the disk.
fn names_and_bytes(ground: &Ground) -> (usize, u64) {
    use std::os::unix::fs::MetadataExt;
    let all = paths(&ground.destination);
    let bytes = all.iter().filter_map(|path| {
        let found = std::fs::symlink_metadata(ground.destination.join(path)).ok()?;
        found.is_file().then(|| found.blocks() * 512)
    });
    (all.len(), bytes.sum())
}

fn dial(at: &Running, count: usize, first: &[u8]) -> Vec<Line> {
    let lines = (0..count).map(|_| {
        let mut line = Line::dial(at.port());
        line.send(first);
        line
    });
    lines.collect()
}

/// Each answered Hello costs the listener two multiplications.
fn hellos(at: &Running) -> (Vec<Line>, u64) {
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
fn sessions(at: &Running, count: usize, act: fn(&mut Peer)) -> (Vec<Line>, u64) {
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
fn zstd_bombs(at: &Running) -> (Vec<Line>, u64) {
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
fn answered(peer: &mut Peer) {
    peer.say(&ping(1, 0));
    assert!(matches!(peer.hear(), Some(Message::Pong { .. })));
}

fn offer_folders(peer: &mut Peer) {
    let folders = (0..5000_u32).fold(Entries::default(), |entries, number| {
        entries.folder(number.to_string().as_bytes())
    });
    peer.say(&RawOffer::of(&folders.file(b"x", 10)).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
}

/// The drop box takes some of them, and hangs up on the others.
fn pings(at: &Running) -> (Vec<Line>, u64) {
    let lines = (0..40).map(|_| {
        let mut line = Line::dial(at.port());
        let (_, confirm) = hello(&mut line, DiallerRole::Ping);
        line.send_frame(FrameKind::Confirm as u8, &confirm);
        line
    });
    (lines.collect(), 40 * 150)
}

/// A file where there is a folder.
fn declined_offers(peer: &mut Peer) {
    for transfer in 0..200 {
        let mut offer = RawOffer::of(&Entries::default().file(b"tree", 1));
        offer.transfer = transfer;
        peer.say(&offer.to_bytes());
        assert!(matches!(peer.hear(), Some(Message::Decline(_))));
    }
}

fn early_part(peer: &mut Peer) {
    let size = limits::EARLY_PART_BYTES;
    let mut offer = RawOffer::file(size.into()).early(0, &[]);
    offer.part_size = size;
    peer.say(&offer.to_bytes());
    let frame = part_without_its_end(size);
    peer.line.send(&frame);
    peer.sent += frame.len() as u64;
}

fn parts_on_all_streams(at: &Running) -> (Vec<Line>, u64) {
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
fn offer_levels(peer: &mut Peer) {
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

fn empty_round(peer: &mut Peer) {
    let size = u64::from(PART) * limits::PARTS;
    peer.say(&RawOffer::file(size).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    peer.say(&round_end(0, &[], &[]));
    assert!(matches!(peer.hear(), Some(Message::Missing(_))));
}
