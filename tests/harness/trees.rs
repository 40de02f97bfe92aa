//! Makes, reads and compares trees of files.

use super::chance::Chance;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes of a MiB.
pub const MIB: usize = 1024 * 1024;

/// The properties of an entry that must be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file, with the hash of its contents.
    File {
        /// Permissions.
        mode: u32,
        /// Seconds since 1970, and nanoseconds.
        modified: (i64, i64),
        /// Size in bytes.
        size: u64,
        /// Hash of the contents, in hexadecimal.
        sha256: String,
    },
    /// A folder, without its contents.
    Folder {
        /// Permissions.
        mode: u32,
        /// Seconds since 1970, and nanoseconds.
        modified: (i64, i64),
    },
    /// A symbolic link.
    Link {
        /// The text of the link.
        target: PathBuf,
    },
    /// A pipe, a socket or a device.
    Other,
}

impl Entry {
    /// Reads the properties of an entry, without following links.
    pub fn of(path: &Path) -> Entry {
        let metadata = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let mode = metadata.mode() & 0o7777;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        if metadata.is_dir() {
            Entry::Folder { mode, modified }
        } else if metadata.is_symlink() {
            let target = fs::read_link(path).expect("a link");
            Entry::Link { target }
        } else if metadata.is_file() {
            Entry::File {
                mode,
                modified,
                size: metadata.len(),
                sha256: hash(path),
            }
        } else {
            Entry::Other
        }
    }

    /// Applies a umask to the permissions.
    pub fn mask(&mut self, umask: u32) {
        if let Entry::File { mode, .. } | Entry::Folder { mode, .. } = self {
            *mode &= !umask;
        }
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        matches!(self, Entry::Folder { .. })
    }
}

/// The paths of everything below `top`, relative to it: folders before their contents.
pub fn paths(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for child in fs::read_dir(top.join(&folder)).into_iter().flatten() {
            let child = child.expect("an entry");
            let path = folder.join(child.file_name());
            if child.file_type().expect("a type").is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Everything below `top`, and `top` itself as the empty path.
pub fn look(top: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = look_below(top);
    found.insert(PathBuf::new(), Entry::of(top));
    found
}

/// Everything below `top`, without staging folders.
pub fn look_below(top: &Path) -> BTreeMap<PathBuf, Entry> {
    let paths = paths(top).into_iter().filter(|path| !is_staging(path));
    let entry = |path: PathBuf| {
        let entry = Entry::of(&top.join(&path));
        (path, entry)
    };
    paths.map(entry).collect()
}

/// Every path below `top`, with the contents of files.
pub fn contents(top: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let content = |path: PathBuf| {
        let full = top.join(&path);
        let is_folder = full.is_dir() && !full.is_symlink();
        let content = (!is_folder).then(|| fs::read(full).unwrap_or_default());
        (path, content)
    };
    paths(top).into_iter().map(content).collect()
}

fn hash(path: &Path) -> String {
    let mut file = File::open(path).expect("a file");
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).expect("a readable file") {
            0 => {
                return hash
                    .finalize()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
            }
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Fails unless both are the same in everything that a transfer carries; names the difference.
#[track_caller]
pub fn assert_same(one: &Path, other: &Path) {
    assert_same_entries(&look(one), &look(other));
}

/// The same for entries that were read before.
#[track_caller]
pub fn assert_same_entries(one: &BTreeMap<PathBuf, Entry>, other: &BTreeMap<PathBuf, Entry>) {
    let paths: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let mut differences = Vec::new();
    for path in paths {
        let (left, right) = (one.get(path), other.get(path));
        if left != right {
            differences.push(format!("{path:?}: {left:?} became {right:?}"));
        }
    }
    let count = differences.len();
    differences.truncate(20);
    assert!(count == 0, "{count} differ:\n{}", differences.join("\n"));
}

/// Bytes that no compressor shrinks, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    Chance::new(seed).bytes(length)
}

/// Names that break careless shells, terminals and programs.
pub const ODD_NAMES: [&[u8]; 16] = [
    b"-rf",
    b"--yes",
    b"two  words ",
    b"it's \"quoted\"",
    b"$(id)",
    b"`id`;id|id&",
    b"*?[a]{b}",
    b"back\\slash",
    b"new\nline",
    b"carriage\rreturn",
    b"esc\x1b[2Jape",
    b"\xff\xfe no utf-8",
    b".hidden",
    b"...",
    b"\xe2\x80\xae reversed",
    b"\xc3\xbcn\xc3\xaf \xe6\x97\xa5\xe6\x9c\xac",
];

/// Makes a tree with entries of every kind, of several megabytes.
pub fn make_odd(top: &Path) {
    fs::create_dir_all(top.join("folder/deep/er")).expect("folders");
    fs::create_dir_all(top.join("empty/also empty")).expect("folders");
    for (seed, name) in ODD_NAMES.iter().enumerate() {
        let name = OsStr::from_bytes(name);
        write(&top.join(name), &noise(seed as u64, seed * 7));
        fs::create_dir(top.join("folder").join(name)).expect("a folder");
        write(&top.join("folder").join(name).join(name), name.as_bytes());
    }
    write(&top.join("folder/none"), b"");
    write(&top.join("folder/large"), &noise(99, 9_000_000));
    write(&top.join("folder/deep/er/zeros"), &[0; 1_500_000]);
    write(&top.join("folder/text"), &b"all the same\n".repeat(40_000));
    symlink("folder/large", top.join("link")).expect("a link");
    symlink("../link", top.join("folder/link to a link")).expect("a link");
    symlink("nowhere", top.join("broken link")).expect("a link");
    symlink("folder", top.join("link to a folder")).expect("a link");
    set_mode(&top.join("folder/none"), 0o600);
    set_mode(&top.join("folder/text"), 0o755);
    set_mode(&top.join("folder/large"), 0o444);
    set_mode(&top.join("empty"), 0o700);
    set_modified(&top.join("folder/text"), 1, 1);
    set_modified(&top.join("folder/none"), 4_000_000_000, 999_999_999);
    set_modified(&top.join("empty"), 1_000_000_000, 123_456_789);
    set_modified(&top.join("folder"), 1_200_000_000, 5);
}

/// Makes a tree with a file of `large` bytes in several parts, small files, an empty one, folders and a link,
/// each with its own time to the nanosecond.
pub fn make_mixed(top: &Path, large: usize, seed: u64) {
    let mut chance = Chance::new(seed);
    fs::create_dir_all(top.join("sub/deep/empty folder")).expect("folders");
    write(&top.join("a large one"), &noise(seed, large));
    write(&top.join("none"), b"");
    for number in 0..24 {
        let folder = if number % 3 == 0 { "sub" } else { "sub/deep" };
        let path = top.join(folder).join(format!("small {number}"));
        let length = chance.below(20_000) as usize;
        write(&path, &noise(seed + number, length));
    }
    symlink("../a large one", top.join("sub/link")).expect("a link");
    for (number, path) in (1..).zip(paths(top).iter().rev()) {
        if !top.join(path).is_symlink() {
            set_modified(&top.join(path), 1_600_000_000 + number, 123_456_789);
        }
    }
    set_modified(top, 1_600_000_000, 1);
}

/// Writes a file.
pub fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

/// Sets the permissions.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// The permissions, with the set-id bits.
pub fn mode(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    metadata.mode() & 0o7777
}

/// Sets the time of the last change, of a file or folder.
pub fn set_modified(path: &Path, seconds: u64, nanoseconds: u32) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let file = File::open(path).expect("a file");
    file.set_modified(time).expect("a time");
}

/// The staging folders in a destination.
pub fn stagings(destination: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(destination).into_iter().flatten();
    let names = items.map(|item| item.expect("an entry").file_name());
    let stagings = names.filter(|name| is_staging(Path::new(name)));
    stagings.map(|name| destination.join(name)).collect()
}

fn is_staging(path: &Path) -> bool {
    let top = path.iter().next().unwrap_or_default();
    top.as_bytes().starts_with(b".peerbridge-")
}

/// Bytes of the parts that the journal in the only staging folder records, for a stream of `total` bytes in
/// parts of `part` bytes. `src/disk/journal.rs` documents the layout: a header of 34 bytes, records of 13
/// bytes, kind 1 for a part, followed by its index.
pub fn recorded_bytes(destination: &Path, total: u64, part: u64) -> u64 {
    let stagings = stagings(destination);
    let journal = stagings
        .first()
        .and_then(|path| fs::read(path.join("journal")).ok());
    let journal = journal.unwrap_or_default();
    let records = journal.get(34..).unwrap_or_default().chunks_exact(13);
    let parts = records.filter(|record| record[0] == 1);
    let indexes: BTreeSet<u64> = parts
        .map(|record| u64::from_be_bytes(record[1..9].try_into().expect("eight bytes")))
        .collect();
    let lengths = indexes.iter().map(|index| (total - index * part).min(part));
    lengths.sum()
}

/// Bytes of all files below a folder.
pub fn total_bytes(top: &Path) -> u64 {
    let entries = look_below(top).into_values();
    let sizes = entries.map(|entry| match entry {
        Entry::File { size, .. } => size,
        _ => 0,
    });
    sizes.sum()
}
