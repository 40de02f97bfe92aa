//! SIGKILL at random times, of either side and of both, again and again.

use crate::harness::chance::Chance;
use crate::harness::trees::{self, Entry, MIB};
use crate::harness::{LISTEN, Scene};
use crate::sides;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PART: u64 = MIB as u64;

/// Number of kills, unless `PEERBRIDGE_CRASH_ROUNDS` sets it.
const ROUNDS: u64 = 200;

/// Number of streams with which the tree below is sent in parts of [`PART`] bytes.
const STREAMS: &str = "4";

const LOOPS: u64 = 3;

/// The source of one loop, and its destination.
struct Victims {
    scene: Scene,
    new: BTreeMap<PathBuf, Entry>,
    total: u64,
    chance: Chance,
    /// The duration of a transfer without kills.
    usual: Duration,
    /// Whether to stop killing.
    is_peaceful: bool,
    /// How often a transfer was killed in each phase: nothing recorded, some parts, all parts, something
    /// delivered.
    phases: [u64; 4],
}

impl Victims {
    fn new(seed: u64) -> Victims {
        let scene = Scene::new();
        let source = scene.path("tree");
        trees::make_mixed(&source, 7 * MIB + 4321, seed);
        let mut victims = Victims {
            new: trees::look_below(&source),
            total: trees::total_bytes(&source),
            scene,
            chance: Chance::new(seed),
            usual: Duration::ZERO,
            is_peaceful: true,
            phases: [0; 4],
        };
        let into = victims.destination(false);
        assert_eq!(victims.attempt(&into, "fail"), None);
        victims.is_peaceful = false;
        victims
    }

    fn source(&self) -> PathBuf {
        self.scene.path("tree")
    }

    /// A destination: empty, or with older files of the same names and one file that must not be touched.
    fn destination(&mut self, is_old: bool) -> PathBuf {
        let into = self.scene.path("into");
        let _ = fs::remove_dir_all(&into);
        fs::create_dir(&into).unwrap();
        if is_old {
            fs::create_dir_all(into.join("tree/sub")).unwrap();
            trees::write(&into.join("tree/a large one"), &trees::noise(7, 2 * MIB));
            trees::write(&into.join("tree/sub/small 3"), &trees::noise(8, 900));
            trees::write(&into.join("tree/sub/not sent"), &trees::noise(9, 500));
        }
        into
    }

    /// One attempt. `None` if it ran to its end undisturbed, else the number of killed processes.
    fn attempt(&mut self, into: &Path, existing: &str) -> Option<u64> {
        let receiver_listens = self.chance.below(2) == 0;
        let receive = |rest: &[&str]| {
            sides::receive(into, rest).args(["--existing", existing, "--retry", "0"])
        };
        let send = |rest: &[&str]| {
            let rest = [rest, &["-n", STREAMS, "-z", "0", "--retry", "0"]].concat();
            sides::send(&self.source(), &rest)
        };
        let before = trees::recorded_bytes(into, self.total, PART);
        let mut listener = match receiver_listens {
            true => receive(&LISTEN).start(),
            false => send(&[&LISTEN[..], &["--listen"]].concat()).start(),
        };
        let port = listener.port();
        let begun = Instant::now();
        let mut dialler = match receiver_listens {
            true => send(&["--to", "@"]).to(port).start(),
            false => receive(&["--from", "@"]).to(port).start(),
        };
        let most = self.usual.as_micros() as u64 * 5 / 4;
        let delay = Duration::from_micros(self.chance.below(most));
        let victims = self.chance.below(3);
        while (self.is_peaceful || begun.elapsed() < delay)
            && !(listener.is_over() && dialler.is_over())
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut killed = 0;
        if victims != 0 {
            killed += u64::from(listener.kill());
        }
        if victims != 1 {
            killed += u64::from(dialler.kill());
        }
        if killed == 0 {
            // Follows changes in the load of the machine.
            self.usual = (self.usual + begun.elapsed()) / 2;
        } else {
            self.usual += self.usual / 100;
        }
        // A surviving side notices by itself, unless it waits for a peer that never came.
        let grace = if killed == 0 { 30_000 } else { 1_500 };
        for side in [&mut listener, &mut dialler] {
            if !side.ends_within(Duration::from_millis(grace)) {
                side.kill();
            }
        }
        let (listener, dialler) = (listener.ends(), dialler.ends());
        // A listener that is killed before its first byte looks like a tunnel that leads nowhere (exit 11).
        let is_listener_silent = listener.code().is_none() && dialler.code() == Some(11);
        for side in [&listener, &dialler] {
            if let Some(code) = side.code() {
                let is_expected = matches!(code, 0 | 3 | 4 | 5 | 12) || is_listener_silent;
                assert!(is_expected, "{side:?}");
            }
        }
        let receiver = if receiver_listens {
            &listener
        } else {
            &dialler
        };
        if receiver.code() == Some(0) {
            let (wire, resumed) = (
                receiver.total("wire_bytes"),
                receiver.total("resumed_bytes"),
            );
            let most = (self.total - before) + (self.total - before) / 100 + 128 * 1024;
            assert!(
                wire <= most,
                "{before} of {} were there, {receiver:?}",
                self.total
            );
            assert!(resumed <= before, "{receiver:?}");
        }
        let codes = (listener.code(), dialler.code());
        (codes != (Some(0), Some(0))).then_some(killed)
    }

    fn note_phase(&mut self, into: &Path, old: &BTreeMap<PathBuf, Entry>) {
        let recorded = trees::recorded_bytes(into, self.total, PART);
        let is_delivering = trees::look_below(into) != *old;
        let phase = match recorded {
            _ if is_delivering => 3,
            0 => 0,
            some if some < self.total => 1,
            _ => 2,
        };
        self.phases[phase] += 1;
    }

    /// Every name at the destination is a complete new entry, or unchanged.
    fn check(&self, into: &Path, old: &BTreeMap<PathBuf, Entry>) {
        for (path, item) in trees::look_below(into) {
            let name = path.strip_prefix("tree").unwrap();
            let is_new = self.new.get(name) == Some(&item);
            let is_old = old.get(&path) == Some(&item);
            // Existing folders get their times last.
            let is_folder = into.join(&path).is_dir();
            assert!(is_new || is_old || is_folder, "{path:?} is {item:?}");
        }
        for path in old.keys() {
            assert!(into.join(path).exists(), "{path:?} is gone");
        }
    }
}

#[test]
fn killed_at_any_time_the_same_commands_end_whole() {
    let seed = Chance::seed();
    let rounds = std::env::var("PEERBRIDGE_CRASH_ROUNDS").ok();
    let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let (kills, ended) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..LOOPS {
            let (kills, ended) = (&kills, &ended);
            scope.spawn(move || {
                let mut victims = Victims::new(seed.wrapping_add(number));
                while kills.load(Ordering::SeqCst) < rounds {
                    let is_old = victims.chance.below(2) == 0;
                    one_transfer(&mut victims, is_old, kills, rounds);
                    ended.fetch_add(1, Ordering::SeqCst);
                }
                println!("killed how far on: {:?}", victims.phases);
            });
        }
    });
    let (kills, ended) = (kills.into_inner(), ended.into_inner());
    println!("{kills} kills, {ended} transfers ended whole");
}

/// Kills until the transfer completes anyway, or until the rounds are used up; after that it runs undisturbed.
fn one_transfer(victims: &mut Victims, is_old: bool, kills: &AtomicU64, rounds: u64) {
    let into = victims.destination(is_old);
    let old = trees::look_below(&into);
    let existing = if is_old { "overwrite" } else { "fail" };
    while let Some(killed) = victims.attempt(&into, existing) {
        kills.fetch_add(killed, Ordering::SeqCst);
        victims.check(&into, &old);
        victims.note_phase(&into, &old);
        victims.is_peaceful = kills.load(Ordering::SeqCst) >= rounds;
    }
    if is_old {
        fs::remove_file(into.join("tree/sub/not sent")).unwrap();
        // That changed the folder's time.
        trees::set_modified(&into.join("tree/sub"), 0, 0);
        trees::set_modified(&victims.source().join("sub"), 0, 0);
    }
    assert_eq!(trees::stagings(&into), Vec::<PathBuf>::new());
    trees::assert_same(&victims.source(), &into.join("tree"));
}
