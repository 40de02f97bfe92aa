//! Copies on other file systems: an entry below a mount point is first copied beside its final path, under a
//! temporary name. The staging folder lists these copies, so that those of a killed run are found and removed.

use super::tree::{remove_if_there, remove_tree};
use crate::disk::destination::{Destination, Way};
use crate::disk::error::DiskError;
use crate::model::{EntryIndex, WirePath};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The list in the staging folder. For each copy it has the number of the entry, a blank, the path of the entry
/// below the destination, and a NUL.
const LIST: &str = "copies";

/// The longest list that is read, in bytes: longer than that of any transfer.
const LIST_BYTES: u64 = 512 << 20;

/// The path for the copy of an entry whose final path is `target`. It is noted in the staging folder before the
/// copy is made.
///
/// # Errors
/// The list cannot be written.
pub(crate) fn note_copy(
    staging: &Path,
    entry: EntryIndex,
    path: WirePath<'_>,
    target: &Path,
) -> Result<PathBuf, DiskError> {
    let list = staging.join(LIST);
    let number = entry.get();
    let mut line = format!("{number} ").into_bytes();
    line.extend_from_slice(path.as_bytes());
    line.push(0);
    let opened = OpenOptions::new().append(true).create(true).open(&list);
    opened
        .and_then(|mut list| list.write_all(&line))
        .map_err(DiskError::at("write", &list))?;
    Ok(target.with_file_name(name_of(staging, number)))
}

/// The existing copies of a staging folder. Copies behind a link are ignored.
pub(crate) fn copies_of(staging: &Path) -> Vec<PathBuf> {
    let mut list = Vec::new();
    let read = File::open(staging.join(LIST))
        .and_then(|file| file.take(LIST_BYTES).read_to_end(&mut list));
    let destination = staging.parent().map(Destination::locate);
    let (Ok(_), Some(Ok(destination))) = (read, destination) else {
        return Vec::new();
    };
    let lines = list.split(|&byte| byte == 0);
    let mut copies: Vec<PathBuf> = lines
        .filter_map(|line| place_of(staging, &destination, line))
        .filter(|copy| fs::symlink_metadata(copy).is_ok())
        .collect();
    copies.sort();
    copies.dedup();
    copies
}

/// Removes the copies of a staging folder.
///
/// # Errors
/// The system's error.
pub(super) fn remove_copies(staging: &Path) -> Result<(), DiskError> {
    copies_of(staging)
        .iter()
        .try_for_each(|copy| remove_any(copy))
}

/// Removes an entry of any kind. A missing one is not an error.
///
/// # Errors
/// The system's error.
pub(crate) fn remove_any(path: &Path) -> Result<(), DiskError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => remove_tree(path),
        _ => remove_if_there(path),
    }
}

/// A name that no transfer can contain, and that belongs to this staging folder alone.
fn name_of(staging: &Path, number: usize) -> OsString {
    let mut name = staging.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    name
}

fn place_of(staging: &Path, destination: &Destination, line: &[u8]) -> Option<PathBuf> {
    let blank = line.iter().position(|&byte| byte == b' ')?;
    let number: usize = std::str::from_utf8(&line[..blank]).ok()?.parse().ok()?;
    let path = WirePath::parse(&line[blank + 1..]).ok()?;
    let is_clear = destination.way_to(path).ok()? == Way::Clear;
    let target = destination.disk_path(path).ok()?;
    is_clear.then(|| target.with_file_name(name_of(staging, number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fixture::Sample;

    #[test]
    fn only_copies_that_were_noted_are_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let destination = crate::disk::platform::canonicalize(folder.path()).unwrap();
        let staging = destination.join(format!(".peerbridge-{}", "a".repeat(32)));
        fs::create_dir_all(destination.join("m")).unwrap();
        fs::create_dir(&staging).unwrap();
        let transfer = Sample::new().folder("m").file("m/x", b"1").finish();
        let entry = transfer.index("m/x");
        let path = WirePath::parse(b"m/x").unwrap();
        let note = || note_copy(&staging, entry, path, &destination.join("m/x")).unwrap();
        let copy = note();
        assert!(copies_of(&staging).is_empty());
        fs::write(&copy, b"half").unwrap();
        let strangers = ["m/x", "m/.peerbridge-b-1"].map(|name| destination.join(name));
        for stranger in &strangers {
            fs::write(stranger, b"mine").unwrap();
        }
        assert_eq!(note(), copy);
        assert_eq!(copies_of(&staging), std::slice::from_ref(&copy));
        remove_copies(&staging).unwrap();
        assert!(!copy.exists() && strangers.iter().all(|path| path.exists()));
        // A damaged list names no copies.
        for line in [&b"1 ../x\0"[..], b"x m/x\0", b"\0\0", b"1\0", b"1 /etc/x\0"] {
            fs::write(staging.join(LIST), line).unwrap();
            fs::write(&copy, b"half").unwrap();
            assert!(copies_of(&staging).is_empty(), "{line:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_is_not_looked_for_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let destination = crate::disk::platform::canonicalize(folder.path()).unwrap();
        let staging = destination.join(format!(".peerbridge-{}", "a".repeat(32)));
        fs::create_dir(&staging).unwrap();
        fs::create_dir(destination.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", destination.join("m")).unwrap();
        let transfer = Sample::new().folder("m").file("m/x", b"1").finish();
        let path = WirePath::parse(b"m/x").unwrap();
        let target = destination.join("m/x");
        let copy = note_copy(&staging, transfer.index("m/x"), path, &target).unwrap();
        fs::write(&copy, b"theirs").unwrap();
        assert!(copies_of(&staging).is_empty());
    }
}
