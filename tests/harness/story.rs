//! A source that changes and is sent to one destination again and again. Everything that a run delivers is of
//! one version, the one sent last. An existing file of the same size and time may differ only if no side asked
//! for a comparison.

use super::chance::Chance;
use peerbridge::Existing;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Transfers into one destination before a fresh one is used.
const RUNS_OF_A_STORY: u64 = 12;

/// Size of a file of at least three parts, in bytes.
const LARGE: usize = 2_200_000;

/// How the source is sent in one run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The receiver's policy for existing files.
    pub existing: Existing,
    /// Whether the sender asks for a comparison of contents.
    pub sender_compares: bool,
    /// Whether the receiver asks for it.
    pub receiver_compares: bool,
    /// Number of connections.
    pub streams: u16,
}

impl Settings {
    fn is_compared(self) -> bool {
        self.sender_compares || self.receiver_compares
    }
}

/// What a receiver reports about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was delivered.
    Delivered,
    /// It existed already.
    Identical,
    /// It was left as it was.
    Untouched,
}

/// How a run ended.
pub struct RunEnd {
    /// The report about each file of the tree.
    pub told: BTreeMap<PathBuf, Told>,
    /// Whether both sides ended well.
    pub is_complete: bool,
}

/// A source that changes and is sent to one destination again and again.
pub struct Story {
    chance: Chance,
    name: String,
    work: tempfile::TempDir,
    /// All contents that a name ever had, on either side.
    versions: BTreeMap<PathBuf, Vec<Vec<u8>>>,
}

/// Runs stories in `lanes` threads until `usual` transfers have been made, or as many as
/// `PEERBRIDGE_RANDOM_RUNS` says.
pub fn tell_stories(
    usual: u64,
    lanes: u64,
    transfer: impl Fn(&Path, &Path, Settings, Option<&mut Chance>) -> RunEnd + Sync,
) {
    let runs = std::env::var("PEERBRIDGE_RANDOM_RUNS").ok();
    let runs = runs.and_then(|runs| runs.parse().ok()).unwrap_or(usual);
    let seed = Chance::seed();
    let begun = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let number = begun.fetch_add(RUNS_OF_A_STORY, Ordering::Relaxed);
                    if number >= runs {
                        break;
                    }
                    let story = Story::new(seed ^ number << 20, format!("{seed}, story {number}"));
                    story.tell(RUNS_OF_A_STORY, &transfer);
                }
            });
        }
    });
}

impl Story {
    /// A story that `seed` determines; `name` is for messages.
    fn new(seed: u64, name: String) -> Story {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir_all(work.path().join("from/tree/sub")).unwrap();
        fs::create_dir(work.path().join("into")).unwrap();
        Story {
            chance: Chance::new(seed),
            name,
            work,
            versions: BTreeMap::new(),
        }
    }

    /// Makes the source, then changes it and sends it, `runs` times. `transfer` gets the source, the
    /// destination, and whether it must run undisturbed.
    fn tell(
        mut self,
        runs: u64,
        mut transfer: impl FnMut(&Path, &Path, Settings, Option<&mut Chance>) -> RunEnd,
    ) {
        for name in ["one", "two", "sub/three", "sub/four", "sub/five"] {
            let length = self.length();
            self.create(name, length);
        }
        // A file of several parts, of which an earlier one may be unchanged and a later one not.
        let length = LARGE + self.chance.place(LARGE);
        self.create("sub/large", length);
        for _ in 0..runs {
            for _ in 0..self.chance.below(3) {
                self.edit();
            }
            self.run(&mut transfer);
        }
    }

    fn source(&self) -> PathBuf {
        self.work.path().join("from/tree")
    }

    fn target(&self) -> PathBuf {
        self.work.path().join("into/tree")
    }

    /// Lengths around the shortest claimed piece, and around a part.
    fn length(&mut self) -> usize {
        let most = [1, 60_000, 200_000, 700_000, 1_500_000][self.chance.below(5) as usize];
        self.chance.below(most) as usize
    }

    fn create(&mut self, name: &str, length: usize) {
        let bytes = self.chance.bytes(length);
        let path = self.source().join(name);
        fs::write(&path, &bytes).unwrap();
        set_time(&path, self.chance.below(1_000_000));
        self.remember(name.into(), bytes);
    }

    fn remember(&mut self, name: PathBuf, bytes: Vec<u8>) {
        self.versions
            .entry(original(&name))
            .or_default()
            .push(bytes);
    }

    /// Changes one file of the source or, more rarely, of the destination.
    fn edit(&mut self) {
        let here = match self.chance.below(4) {
            0 => self.target(),
            _ => self.source(),
        };
        let names: Vec<PathBuf> = files_below(&here).into_keys().collect();
        let Some(name) = names.get(self.chance.below(names.len() as u64) as usize) else {
            return;
        };
        let path = here.join(name);
        let mut bytes = fs::read(&path).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut is_same_time = false;
        match self.chance.below(6) {
            0 | 1 => {
                self.scatter(&mut bytes);
                is_same_time = true;
            }
            2 => self.scatter(&mut bytes),
            3 => {
                let more = self.length();
                bytes.extend(self.chance.bytes(more));
            }
            4 => bytes.truncate(self.chance.below(bytes.len() as u64) as usize),
            _ => {}
        }
        fs::write(&path, &bytes).unwrap();
        match is_same_time {
            true => fs::File::open(&path).unwrap().set_modified(before).unwrap(),
            false => set_time(&path, 2_000_000 + self.chance.below(1_000_000)),
        }
        self.remember(name.clone(), bytes);
    }

    fn scatter(&mut self, bytes: &mut [u8]) {
        for _ in 0..1 + self.chance.below(3) {
            let at = self.chance.place(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 + self.chance.below(255) as u8;
            }
        }
    }

    fn run(
        &mut self,
        transfer: &mut impl FnMut(&Path, &Path, Settings, Option<&mut Chance>) -> RunEnd,
    ) {
        let (sender_compares, receiver_compares) =
            [(false, false), (false, false), (true, false), (false, true)][self.chance.place(4)];
        let settings = Settings {
            existing: Existing::ALL[self.chance.place(5)],
            sender_compares,
            receiver_compares,
            streams: 1 + self.chance.below(3) as u16,
        };
        let (from, into) = (self.source(), self.work.path().join("into"));
        let before = files_below(&self.target());
        let end = transfer(&from, &into, settings, Some(&mut self.chance));
        self.check(settings, &before, &end);
        if end.is_complete && self.chance.below(3) == 0 {
            let before = files_below(&self.target());
            let again = transfer(&from, &into, settings, None);
            let is_unchanged = files_below(&self.target()) == before;
            let name = &self.name;
            assert!(
                again.is_complete && is_unchanged,
                "seed {name}, {settings:?}: the same again did something"
            );
        }
    }

    fn check(&self, settings: Settings, before: &BTreeMap<PathBuf, Vec<u8>>, end: &RunEnd) {
        let what = format!("seed {}, {settings:?}", self.name);
        let sent = files_below(&self.source());
        let there = files_below(&self.target());
        for (name, bytes) in &there {
            let known = self.versions.get(&original(name));
            let is_known = known.is_some_and(|versions| versions.contains(bytes));
            assert!(is_known, "{what}: {name:?} is of no version");
        }
        for (name, told) in &end.told {
            let Some(bytes) = sent.get(name) else {
                continue;
            };
            let is_somewhere = || there.values().any(|other| other == bytes);
            let is_so = match told {
                Told::Delivered if settings.existing == Existing::Rename => is_somewhere(),
                Told::Delivered => there.get(name) == Some(bytes),
                Told::Identical if settings.is_compared() => is_somewhere(),
                Told::Identical => there.values().any(|other| other.len() == bytes.len()),
                Told::Untouched => there.get(name) == before.get(name),
            };
            assert!(is_so, "{what}: {name:?} is not {told:?}");
        }
        if end.is_complete {
            let told = sent.keys().filter(|name| end.told.contains_key(*name));
            assert_eq!(told.count(), sent.len(), "{what}: not all was told");
        }
    }
}

/// The original of a name that `rename` has made.
fn original(name: &Path) -> PathBuf {
    let name = name.to_str().unwrap();
    name.split(" (").next().unwrap().into()
}

fn set_time(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(1_500_000_000 + seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// The contents of all files below a folder, including those in renamed folders.
pub fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(items) = fs::read_dir(&next) else {
            continue;
        };
        for path in items.map(|item| item.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}
