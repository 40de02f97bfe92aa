//! A table of hostile peers and budgets: what each peer may cost a drop box in each limited resource.

use crate::attacks::{
    FAILURES, answered, checks_without_parts, declined_offers, dial, digests_of_all_claims,
    early_part, empty_round, every_second_file, failures, hellos, large_old_file, many_ranges,
    offer_folders, offer_levels, parts_on_all_streams, parts_without_checks, pings, sessions,
    unneeded_parts, zstd_bombs,
};
use crate::budgets::{MIB, offer_names, serve};
use crate::frames::begun;
use crate::harness::Running;
use crate::harness::trees::paths;
use crate::peer::{Line, Peer};
use crate::real::{comes_true, wait_until};
use crate::tree::Ground;
use crate::wire::ping;
use peerbridge::internals::{Role, limits};
use std::time::Duration;

const UNPROVEN: usize = limits::UNPROVEN_CONNECTIONS;

/// One hostile peer, or many. Returns connections to keep open until everything is measured, and the number of
/// bytes sent.
type Attack = fn(&Running) -> (Vec<Line>, u64);

/// The most that an attack may cost, beyond what the process used before.
struct Budget {
    what: &'static str,
    attack: Attack,
    /// Options of the drop box.
    options: &'static str,
    /// Prepares the destination.
    given: fn(&Ground),
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

const TABLE: [Budget; 21] = [
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
        resident: 2 * MIB,
        ticks: 100,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "an offer of as many parts as there may be, of which none is needed",
        attack: |at| sessions(at, 1, unneeded_parts),
        options: "--existing skip",
        given: |ground| std::fs::write(ground.destination.join("x"), b"").expect("writable"),
        // The set of parts is a bitmap of 8 MiB, which is copied.
        resident: 32 * MIB,
        ..Budget::SMALL
    },
    Budget {
        what: "as many ranges as there may be, in each of as many rounds as there may be",
        attack: |at| sessions(at, 1, many_ranges),
        options: "--existing skip",
        given: every_second_file,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "digests of as many pieces as may be claimed",
        attack: |at| sessions(at, 1, digests_of_all_claims),
        options: "--existing overwrite",
        given: large_old_file,
        resident: limits::CLAIMED_PIECES * 16 + 16 * MIB,
        threads: 8,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "as many parts without checks as there may be",
        attack: |at| sessions(at, 1, parts_without_checks),
        // The keys of each part take milliseconds of an unoptimised build.
        ticks_per_mib: 20_000,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
    Budget {
        what: "checks of parts that never come",
        attack: |at| sessions(at, 1, checks_without_parts),
        resident: limits::OFFERS_MEMORY_BYTES / 2 + 16 * MIB,
        ..Budget::SMALL
    },
    Budget {
        what: "an offer of many files, each of which is said to be unreadable",
        attack: |at| sessions(at, 1, failures),
        resident: FAILURES as u64 * 200 + 8 * MIB,
        names: 6,
        disk: 64 * 1024,
        ..Budget::SMALL
    },
];

impl Budget {
    const NOTHING: Budget = Budget {
        what: "",
        attack: |_| (Vec::new(), 0),
        options: "",
        given: |_| {},
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
        let program = serve(&ground, row.options);
        (row.given)(&ground);
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
