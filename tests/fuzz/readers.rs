//! Readers of data from disks and people: journals, archives, lists of secrets, patterns, addresses.

use crate::fuzz;
use peerbridge::internals::{Glob, TransferId, count_names, is_address, recorded_parts};
use peerbridge::{ArchivePassword, Unattended, UnzipOptions};
use std::fs;

/// A journal is accepted, cut at a torn tail, or put aside. Afterwards it can be read again.
#[test]
fn journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let id = TransferId([7; 16]);
    fuzz("journal", |input| {
        fs::write(&path, input).expect("it is writable");
        if let Some(parts) = recorded_parts(&path, id).expect("it can be read") {
            assert!(parts * 17 <= input.len());
            let again = recorded_parts(&path, id).expect("it can be read");
            assert_eq!(again, Some(parts));
        }
    });
}

/// Directory and contents: whatever an archive says, entries are only put into the folder, and none if anything
/// is wrong.
#[test]
fn archive() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("archive.zip");
    let to = folder.path().join("to");
    fuzz("archive", |input| {
        fs::write(&path, input).expect("it is writable");
        let mut options = UnzipOptions::new(path.clone(), to.clone());
        options.password = Some(ArchivePassword::from_text("pw").expect("a password"));
        let done = peerbridge::unzip(&options, &Unattended);
        if done.is_err() {
            let is_empty = |folder: fs::ReadDir| folder.count() == 0;
            assert!(fs::read_dir(&to).map_or(true, is_empty), "{done:?}");
        }
        if to.exists() {
            fs::remove_dir_all(&to).expect("it can be removed");
        }
        let names = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(names, 1, "only the archive is beside it");
    });
}

/// A fault is reported with the number of its line, and never with text that may be a secret.
#[test]
fn secrets_file() {
    fuzz("secrets_file", |input| {
        if let Err(fault) = count_names(input) {
            assert!(!fault.contains("correct horse"), "{fault}");
        }
    });
}

#[test]
fn glob() {
    fuzz("glob", |input| {
        if let Ok(glob) = Glob::parse(input) {
            for path in [&b"a"[..], b"a/b/c.tmp", b"x/y/z-\xff/[", input] {
                let _ = glob.matches_file(path);
            }
        }
    });
}

/// An accepted address has no character that could confuse a terminal or a resolver.
#[test]
fn address() {
    fuzz("address", |input| {
        let text = String::from_utf8_lossy(input);
        if is_address(&text) {
            assert!(!text.contains(char::is_control) && !text.contains(char::is_whitespace));
        }
    });
}
