//! Trees of files: made, looked at, compared.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What must be the same of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    File {
        mode: u32,
        modified: (i64, i64),
        size: u64,
        sha256: String,
    },
    Folder {
        mode: u32,
        modified: (i64, i64),
    },
    Link {
        target: PathBuf,
    },
    Other,
}

impl Entry {
    /// Takes away what the umask takes from whatever is created.
    pub fn mask(&mut self, umask: u32) {
        if let Entry::File { mode, .. } | Entry::Folder { mode, .. } = self {
            *mode &= !umask;
        }
    }
}

/// Everything below `top`, and itself as the empty path.
pub fn look(top: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    look_into(top, Path::new(""), &mut found);
    found
}

fn look_into(top: &Path, relative: &Path, found: &mut BTreeMap<PathBuf, Entry>) {
    let path = match relative.as_os_str().is_empty() {
        true => top.to_owned(),
        false => top.join(relative),
    };
    let metadata = fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let mode = metadata.mode() & 0o7777;
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    let entry = if metadata.is_dir() {
        for child in fs::read_dir(&path).expect("a folder") {
            let name = child.expect("an entry").file_name();
            look_into(top, &relative.join(name), found);
        }
        Entry::Folder { mode, modified }
    } else if metadata.is_symlink() {
        let target = fs::read_link(&path).expect("a link");
        Entry::Link { target }
    } else if metadata.is_file() {
        Entry::File {
            mode,
            modified,
            size: metadata.len(),
            sha256: hash(&path),
        }
    } else {
        Entry::Other
    };
    found.insert(relative.to_owned(), entry);
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

/// Fails, naming what differs, unless both are the same in everything that is carried.
#[track_caller]
pub fn assert_same(one: &Path, other: &Path) {
    assert_same_entries(&look(one), &look(other));
}

#[track_caller]
pub fn assert_same_entries(one: &BTreeMap<PathBuf, Entry>, other: &BTreeMap<PathBuf, Entry>) {
    let mut differences = Vec::new();
    for path in one.keys().chain(other.keys()) {
        let (left, right) = (one.get(path), other.get(path));
        if left != right {
            differences.push(format!("{path:?}: {left:?} became {right:?}"));
        }
    }
    differences.dedup();
    let count = differences.len();
    differences.truncate(20);
    assert!(count == 0, "{count} differ:\n{}", differences.join("\n"));
}

/// Bytes that no compressor shrinks, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Names that shells, terminals and careless programs trip over.
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

/// A tree with some of everything, several megabytes of it.
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

pub fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

pub fn mode(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    metadata.mode() & 0o7777
}

pub fn set_modified(path: &Path, seconds: u64, nanoseconds: u32) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let file = File::open(path).expect("a file");
    file.set_modified(time).expect("a time");
}
