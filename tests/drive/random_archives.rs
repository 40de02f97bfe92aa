//! Random archives, from a generator of odd but legal ones and from other programs: `unzip` and other programs
//! restore the same names, contents, modes and times.
//!
//! `PEERBRIDGE_TEST_SEED` repeats a run, `PEERBRIDGE_RANDOM_ARCHIVES` sets how many archives there are.

use super::agreement::{ZONE, found};
use super::archives::{WORD, unzip};
use crate::harness::Scene;
use crate::harness::archive_builder::{
    self, Entry, deflate64_zeros, deflated_zeros, descriptor, field, zip_crypto,
};
use crate::harness::chance::Chance;
use crate::harness::tools::has_tool;
use crate::harness::trees::{self, set_mode, set_modified};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Archives of each of the two tests, unless `PEERBRIDGE_RANDOM_ARCHIVES` sets the number.
const ARCHIVES: u64 = 12;
const OPENERS: [&str; 4] = ["7zz", "bsdtar", "unzip", "python3"];
const UNIX: u8 = 3;
const DOS: u8 = 0;
const DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const DEFLATED: u16 = 8;
const DEFLATE64: u16 = 9;
/// Stands for a size that is in the zip64 field.
const ELSEWHERE: u64 = u32::MAX as u64;

fn archives() -> u64 {
    let number = std::env::var("PEERBRIDGE_RANDOM_ARCHIVES").ok();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(ARCHIVES)
}

/// Python reads unmarked names in code page 437, unless it is given another one.
const PYTHON: &str = "
import sys, zipfile
word, into, archive = sys.argv[1:]
zipfile.ZipFile(archive, metadata_encoding='utf-8').extractall(into, pwd=word.encode())
";

/// Leaves out what Python's zipfile does not restore: it sets neither modes nor times, and makes a file of a
/// link.
fn leave_out_for_python(
    ours: &mut BTreeMap<PathBuf, trees::Entry>,
    theirs: &mut BTreeMap<PathBuf, trees::Entry>,
) {
    ours.retain(|path, entry| match entry {
        trees::Entry::Link { .. } => {
            let theirs = theirs.remove(path);
            let is_file = matches!(theirs, Some(trees::Entry::File { .. }));
            assert!(is_file, "{path:?}: {theirs:?}");
            false
        }
        _ => true,
    });
    for entry in ours.values_mut().chain(theirs.values_mut()) {
        if let trees::Entry::File { modified, mode, .. } | trees::Entry::Folder { modified, mode } =
            entry
        {
            (*modified, *mode) = ((0, 0), 0);
        }
    }
}

/// Opens `archive` with `tool` into a new folder.
fn open_with(tool: &str, scene: &Scene, archive: &str) -> PathBuf {
    let into = scene.folder(format!("{tool}-{archive}"));
    let mut command = Command::new(tool);
    match tool {
        // Without a type, 7-Zip refuses an archive behind other bytes whose name ends in .zip.
        "7zz" => command
            .args(["x", "-y", "-bd", "-tzip"])
            .arg(format!("-p{WORD}"))
            .arg(format!("-o{}", into.display())),
        "bsdtar" => command
            .args(["--passphrase", WORD])
            .arg("-C")
            .arg(&into)
            .arg("-xf"),
        "python3" => command.args(["-c", PYTHON, WORD]).arg(&into),
        _ => command.args(["-q", "-o", "-P", WORD, "-d"]).arg(&into),
    };
    let command = command.arg(scene.path(archive));
    let output = command.env("TZ", ZONE).env("LC_ALL", "C.UTF-8").output();
    let output = output.unwrap();
    // For 7-Zip and Info-ZIP, 1 is a warning, for example about bytes before or behind the archive.
    let has_warned = ["7zz", "unzip"].contains(&tool) && output.status.code() == Some(1);
    assert!(
        output.status.success() || has_warned,
        "{tool} {archive}: {output:?}"
    );
    into
}

/// Every tool must restore the same entries, after `leave_out` has removed its known differences.
fn compare(
    scene: &Scene,
    archive: &str,
    tools: &[&str],
    leave_out: impl Fn(&str, &mut BTreeMap<PathBuf, trees::Entry>),
) {
    let into = format!("ours-{archive}");
    let opened = unzip(scene, &format!("{archive} {into}"));
    opened.env("TZ", ZONE).ends().exits(0);
    for tool in tools.iter().filter(|tool| has_tool(tool)) {
        let mut ours = found(&scene.path(&into));
        assert!(!ours.is_empty());
        let theirs_at = open_with(tool, scene, archive);
        let mut theirs = found(&theirs_at);
        if *tool == "python3" {
            leave_out_for_python(&mut ours, &mut theirs);
        }
        leave_out(tool, &mut ours);
        leave_out(tool, &mut theirs);
        ours.retain(|path, entry| match theirs.get(path) == Some(entry) {
            true => theirs.remove(path).is_none(),
            false => true,
        });
        assert_eq!(ours, theirs, "{archive}, here and by {tool}");
        // Info-ZIP sets no times of links, and Python makes none.
        if !["unzip", "python3"].contains(tool) {
            let times = [scene.path(&into), theirs_at].map(|top| link_times(&top));
            assert_eq!(times[0], times[1], "{archive}, here and by {tool}");
        }
    }
}

/// When each link below `top` was changed, in seconds since 1970.
fn link_times(top: &Path) -> Vec<(PathBuf, i64)> {
    let links = trees::paths(top).into_iter().filter_map(|path| {
        let found = fs::symlink_metadata(top.join(&path)).unwrap();
        found.is_symlink().then(|| (path, found.mtime()))
    });
    links.collect()
}

/// A generated archive, and the entries that some programs read differently.
struct Made {
    bytes: Vec<u8>,
    tools: Vec<&'static str>,
    /// Entries with an NTFS field, which only 7-Zip reads.
    ntfs: Vec<PathBuf>,
    /// Entries made on DOS, for which libarchive uses mode 0664.
    dos: Vec<PathBuf>,
}

/// Makes archives of random features.
struct Generator {
    chance: Chance,
    made: Made,
}

impl Generator {
    fn new(seed: u64) -> Generator {
        Generator {
            chance: Chance::new(seed),
            made: Made {
                bytes: Vec::new(),
                tools: OPENERS.to_vec(),
                ntfs: Vec::new(),
                dos: Vec::new(),
            },
        }
    }

    /// True once in `many` calls.
    fn once_in(&mut self, many: u64) -> bool {
        self.chance.below(many) == 0
    }

    fn archive(mut self) -> Made {
        let mut entries: Vec<Entry> = (0..1 + self.chance.below(8))
            .map(|number| self.entry(number))
            .collect();
        if self.once_in(2) {
            entries.push(Entry {
                attributes: 0o040_750 << 16,
                ..Entry::file("d/", b"")
            });
        }
        if self.once_in(3) {
            let entry = Entry::link("d/link", "0-plain.txt");
            entries.push(entry);
        }
        let mut bytes = archive_builder::archive(&entries);
        if self.once_in(3) {
            let comment = vec![b'c'; 1 + self.chance.place(300)];
            let length = bytes.len();
            bytes[length - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
            bytes.extend(comment);
        } else if self.once_in(3) {
            bytes.extend(vec![0; self.chance.place(12_000)]);
        }
        if self.once_in(4) {
            let length = 1 + self.chance.place(5_000);
            bytes.splice(0..0, vec![b'#'; length]);
        }
        self.made.bytes = bytes;
        self.made
    }

    fn entry(&mut self, number: u64) -> Entry {
        let host = if self.once_in(4) { DOS } else { UNIX };
        let ending = ["plain.txt", "ünï.txt", "日本", "with blank", "-rf"][self.chance.place(5)];
        let folder = ["", "d/", "d/e/", "./", "./d/"][self.chance.place(5)];
        let name = format!("{folder}{number}-{ending}");
        let path = PathBuf::from(name.trim_start_matches("./"));
        // Other programs read unmarked names from DOS in code page 437.
        let is_marked = !name.is_ascii() && (host == DOS || self.once_in(2));
        // Modes that the umask does not change, because other programs don't apply it.
        let mode = [0o644, 0o755, 0o600, 0o400][self.chance.place(4)];
        let (attributes, dos) = match host {
            UNIX => ((0o100_000 | mode) << 16, None),
            _ => (self.chance.below(2) as u32, Some(path.clone())),
        };
        self.made.dos.extend(dos);
        // From 2000 to 2049, in May.
        let date = (20 + self.chance.below(50) as u16) << 9 | 5 << 5 | 17;
        let entry = self.contents(Entry {
            host,
            attributes,
            flags: if is_marked { UTF8 } else { 0 },
            date,
            time: 13 << 11 | 7 << 5,
            ..Entry::file(&name, b"")
        });
        let entry = self.with_fields(entry, path);
        self.with_sizes_elsewhere(entry)
    }

    /// Contents, compressed and encrypted in some way.
    fn contents(&mut self, entry: Entry) -> Entry {
        let length = self.chance.place(3_000);
        let contents = self.chance.bytes(length);
        let runs = self.chance.below(200);
        let zeros = vec![0; 1 + 258 * runs as usize];
        let packed = |method, packed: Vec<u8>| Entry {
            method,
            size: zeros.len() as u64,
            crc: crc32fast::hash(&zeros),
            compressed: packed.len() as u64,
            contents: packed,
            ..entry.clone()
        };
        let entry = match self.chance.below(5) {
            0 | 1 => packed(DEFLATED, deflated_zeros(zeros.len() as u64)),
            2 => {
                // libarchive and Python do not support it.
                self.made
                    .tools
                    .retain(|tool| !["bsdtar", "python3"].contains(tool));
                packed(DEFLATE64, deflate64_zeros(zeros.len() as u64))
            }
            _ => Entry {
                size: contents.len() as u64,
                compressed: contents.len() as u64,
                crc: crc32fast::hash(&contents),
                contents,
                ..entry.clone()
            },
        };
        match self.once_in(5) {
            true => {
                let check = (entry.crc >> 24) as u8;
                zip_crypto(entry, WORD, check)
            }
            false => entry,
        }
    }

    /// Puts the sizes behind the contents or into a zip64 field, as programs that write to a pipe do.
    fn with_sizes_elsewhere(&mut self, entry: Entry) -> Entry {
        let is_encrypted = entry.flags & 1 != 0;
        match self.chance.below(4) {
            0 if !is_encrypted => {
                let behind = descriptor(&entry);
                let is_signed = self.once_in(2);
                Entry {
                    flags: entry.flags | DESCRIPTOR,
                    behind: behind[if is_signed { 0 } else { 4 }..].to_vec(),
                    twist: |header| header[14..26].fill(0),
                    ..entry
                }
            }
            1 => {
                let sizes = [entry.size.to_le_bytes(), entry.compressed.to_le_bytes()];
                let zip64 = field(1, sizes.as_flattened());
                Entry {
                    size: ELSEWHERE,
                    compressed: ELSEWHERE,
                    extra: [zip64.clone(), entry.extra].concat(),
                    local_extra: [zip64, entry.local_extra].concat(),
                    ..entry
                }
            }
            _ => entry,
        }
    }
}

impl Generator {
    /// Adds extra fields: times, and some without a use.
    fn with_fields(&mut self, entry: Entry, path: PathBuf) -> Entry {
        let mut extra = Vec::new();
        // From 1980 to 2037.
        let seconds = 315_600_000 + self.chance.below(1_820_000_000);
        if self.once_in(2) {
            let seconds = (seconds as u32).to_le_bytes();
            extra.extend(field(0x5455, &[&[1], &seconds[..]].concat()));
        }
        // Without any field, Info-ZIP does not check whether a name from DOS is marked as UTF-8.
        let is_needed = entry.host == DOS && !entry.name.is_ascii();
        if is_needed || self.once_in(3) {
            extra.extend(field(0x7875, &[1, 4, 232, 3, 0, 0, 4, 232, 3, 0, 0]));
        }
        if self.once_in(6) {
            let ticks = ((seconds + 11_644_473_600) * 10_000_000 + 7).to_le_bytes();
            let times = [&[0, 0, 0, 0, 1, 0, 24, 0], &ticks[..], &ticks, &ticks].concat();
            extra.extend(field(0x000a, &times));
            self.made.ntfs.push(path);
        }
        if self.once_in(3) {
            let length = self.chance.place(40);
            let bytes = self.chance.bytes(length);
            extra.extend(field(0xcafe, &bytes));
        }
        Entry {
            extra: extra.clone(),
            local_extra: extra,
            ..entry
        }
    }
}

#[test]
fn other_programs_agree_on_archives_of_random_features() {
    let seed = Chance::seed();
    for number in 0..archives() {
        let made = Generator::new(seed ^ number << 20).archive();
        let scene = Scene::new();
        let archive = format!("{seed}-{number}.zip");
        scene.file(&archive, &made.bytes);
        compare(&scene, &archive, &made.tools, |tool, entries| {
            for (path, entry) in entries {
                let (trees::Entry::File { modified, mode, .. }
                | trees::Entry::Folder { modified, mode }) = entry
                else {
                    continue;
                };
                // Info-ZIP does not change a folder that it created for an earlier entry.
                if tool == "unzip" && path == Path::new("d") {
                    *mode = 0;
                }
                if tool != "7zz" && made.ntfs.contains(path) {
                    *modified = (0, 0);
                }
                if tool == "bsdtar" && made.dos.contains(path) {
                    *mode = 0;
                }
            }
        });
    }
}

/// Commands that make archives of the tree `tree`, in several ways.
const MAKERS: [&[&str]; 16] = [
    &["7zz", "a", "-tzip", "-mx=0", "-snl"],
    &["7zz", "a", "-tzip", "-mx=1"],
    &["7zz", "a", "-tzip", "-mx=9", "-snl", "-mtc=on"],
    &["7zz", "a", "-tzip", "-mm=Deflate64"],
    &["7zz", "a", "-tzip", "-mem=AES128", "-pPASSWORD"],
    &["7zz", "a", "-tzip", "-mem=AES256", "-pPASSWORD"],
    &["7zz", "a", "-tzip", "-mem=ZipCrypto", "-pPASSWORD"],
    &["bsdtar", "--format=zip", "-cf"],
    &[
        "bsdtar",
        "--format=zip",
        "--options=compression=store",
        "-cf",
    ],
    &[
        "bsdtar",
        "--format=zip",
        "--options=encryption=aes128",
        "--passphrase=PASSWORD",
        "-cf",
    ],
    &[
        "bsdtar",
        "--format=zip",
        "--options=encryption=aes256",
        "--passphrase=PASSWORD",
        "-cf",
    ],
    &[
        "bsdtar",
        "--format=zip",
        "--options=encryption=traditional",
        "--passphrase=PASSWORD",
        "-cf",
    ],
    &["zip", "-q", "-r", "-y"],
    &["zip", "-q", "-r", "-0", "-y", "-X"],
    &["zip", "-q", "-r", "-9", "-P", "PASSWORD"],
    &["python3", "-m", "zipfile", "-c"],
];

/// A tree of files of random modes and times, and a link.
fn random_tree(scene: &Scene, chance: &mut Chance) {
    for number in 0..3 + chance.below(12) {
        let folder = ["", "a/", "a/b/", "ünï/", "a b/"][chance.place(5)];
        let name = ["file", "日本", "-x", "q'u*o?te", "UPPER"][chance.place(5)];
        let length = [0, 1, 100, 70_000][chance.place(4)];
        let contents = match chance.below(2) {
            0 => chance.bytes(length),
            _ => vec![b'x'; length],
        };
        let path = scene.file(format!("tree/{folder}{name}{number}"), contents);
        set_mode(&path, [0o644, 0o755, 0o600, 0o640, 0o444][chance.place(5)]);
        // From 1980 to 2037, in even seconds, because other programs don't read the field in which 7-Zip stores
        // finer times.
        let seconds = 315_600_000 + 2 * chance.below(910_000_000);
        set_modified(&path, seconds, 0);
    }
    scene.folder("tree/empty");
    std::os::unix::fs::symlink("empty", scene.path("tree/link")).unwrap();
    let stamp = format!("@{}", 315_600_000 + 2 * chance.below(910_000_000));
    let touched = Command::new("touch")
        .args(["-h", "-d", &stamp])
        .arg(scene.path("tree/link"))
        .status();
    assert!(touched.unwrap().success());
}

#[test]
fn other_programs_agree_on_archives_of_other_programs() {
    let seed = Chance::seed();
    let makers = MAKERS.into_iter().filter(|maker| has_tool(maker[0]));
    for (number, maker) in makers.enumerate() {
        let scene = Scene::new();
        random_tree(&scene, &mut Chance::new(seed ^ (number as u64) << 20));
        let archive = format!("{seed}-{number}.zip");
        let words = maker.iter().map(|word| word.replace("PASSWORD", WORD));
        let words: Vec<String> = words.chain([archive.clone(), "tree".into()]).collect();
        let made = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(scene.path(""))
            .env("TZ", ZONE)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(made.status.success(), "{words:?}: {made:?}");
        let is_able = |tool: &&str| {
            let unknown: &[&str] = match *tool {
                "bsdtar" => &["-mm=deflate64"],
                "unzip" => &["aes"],
                "python3" => &["-mm=deflate64", "aes"],
                _ => return true,
            };
            let words = maker.iter().map(|word| word.to_lowercase());
            let mut words = words.flat_map(|word| unknown.iter().map(move |no| word.contains(no)));
            !words.any(|is_unknown| is_unknown)
        };
        let tools: Vec<&str> = OPENERS.into_iter().filter(is_able).collect();
        compare(&scene, &archive, &tools, |_, _| {});
    }
}
