//! Trees to send, and how two compare.

use super::chance::Chance;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

pub const MIB: usize = 1024 * 1024;

/// Writes a file with contents that don't compress.
pub fn noise(path: &Path, length: usize, seed: u64) {
    fs::write(path, Chance::new(seed).bytes(length)).unwrap();
}

/// A tree with everything: one file of `large` bytes over several parts, small ones, an empty one, folders,
/// a link.
pub fn mixed(at: &Path, large: usize, seed: u64) {
    let mut chance = Chance::new(seed);
    fs::create_dir_all(at.join("sub/deep/empty folder")).unwrap();
    noise(&at.join("a large one"), large, seed);
    fs::write(at.join("none"), "").unwrap();
    for number in 0..24 {
        let folder = if number % 3 == 0 { "sub" } else { "sub/deep" };
        let length = chance.below(20_000) as usize;
        noise(
            &at.join(folder).join(format!("small {number}")),
            length,
            seed + number,
        );
    }
    symlink("../a large one", at.join("sub/link")).unwrap();
    // Not the time of creation, so that times must be carried; to the nanosecond.
    let mut number = 0;
    each_below(at, &mut |path| {
        number += 1;
        set_time(path, 1_600_000_000 + number, 123_456_789);
    });
    set_time(at, 1_600_000_000, 1);
}

/// Gives a file or folder a modification time.
pub fn set_time(path: &Path, seconds: u64, nanoseconds: u32) {
    if !fs::symlink_metadata(path).unwrap().is_symlink() {
        let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let file = fs::File::open(path).unwrap();
        file.set_modified(time).unwrap();
    }
}

/// Calls for everything below a folder, what is deepest first. Staging folders are passed over.
pub fn each_below(folder: &Path, call: &mut dyn FnMut(&Path)) {
    let mut items: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| !is_staging(path))
        .collect();
    items.sort();
    for path in items {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            each_below(&path, call);
        }
        call(&path);
    }
}

/// What a comparison looks at: kind, contents or target, permissions, time (not of links).
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    kind: &'static str,
    contents: Vec<u8>,
    mode: u32,
    time: (i64, i64),
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let crc = crc32fast::hash(&self.contents);
        let length = self.contents.len();
        write!(
            f,
            "{} {length} {crc:08x} {:o} {:?}",
            self.kind, self.mode, self.time
        )
    }
}

impl Item {
    pub fn is_folder(&self) -> bool {
        self.kind == "folder"
    }

    pub fn of(path: &Path) -> Item {
        use std::os::unix::ffi::OsStrExt;
        let found = fs::symlink_metadata(path).unwrap();
        let (kind, contents) = if found.is_dir() {
            ("folder", Vec::new())
        } else if found.is_symlink() {
            let target = fs::read_link(path).unwrap();
            return Item {
                kind: "link",
                contents: target.as_os_str().as_bytes().to_vec(),
                mode: 0,
                time: (0, 0),
            };
        } else {
            ("file", fs::read(path).unwrap())
        };
        Item {
            kind,
            contents,
            mode: found.permissions().mode() & 0o7777,
            time: (found.mtime(), found.mtime_nsec()),
        }
    }
}

/// Everything below a folder, by path.
pub fn items(folder: &Path) -> BTreeMap<PathBuf, Item> {
    let mut items = BTreeMap::new();
    each_below(folder, &mut |path| {
        items.insert(
            path.strip_prefix(folder).unwrap().to_owned(),
            Item::of(path),
        );
    });
    items
}

/// That both hold the same.
#[track_caller]
pub fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (items(one), items(other));
    for (path, item) in &one {
        assert_eq!(Some(item), other.get(path), "{path:?}");
    }
    assert_eq!(one.len(), other.len(), "{:?}", other.keys());
}

/// The staging folders in a destination.
pub fn stagings(destination: &Path) -> Vec<PathBuf> {
    let Ok(items) = fs::read_dir(destination) else {
        return Vec::new();
    };
    let paths = items.map(|item| item.unwrap().path());
    paths.filter(|path| is_staging(path)).collect()
}

fn is_staging(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.starts_with(".peerbridge-")
}

/// Bytes of the parts that the journal in the one staging folder records, of a stream of `total` bytes in
/// parts of `part` bytes. Its layout is documented in `src/disk/journal.rs`: 34 bytes of header, records of
/// 17 bytes, kind 1 for a part, its index behind it.
pub fn recorded_bytes(destination: &Path, total: u64, part: u64) -> u64 {
    let stagings = stagings(destination);
    let Some(journal) = stagings
        .first()
        .and_then(|path| fs::read(path.join("journal")).ok())
    else {
        return 0;
    };
    let records = journal.get(34..).unwrap_or_default().chunks_exact(17);
    let indexes: std::collections::BTreeSet<u64> = records
        .filter(|record| record[0] == 1)
        .map(|record| u64::from_be_bytes(record[1..9].try_into().unwrap()))
        .collect();
    let lengths = indexes.iter().map(|index| (total - index * part).min(part));
    lengths.sum()
}

/// Bytes of all files below a folder.
pub fn total_bytes(folder: &Path) -> u64 {
    let items = items(folder);
    let files = items.values().filter(|item| item.kind == "file");
    files.map(|item| item.contents.len() as u64).sum()
}
