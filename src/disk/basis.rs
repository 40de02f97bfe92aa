//! Old files at the destination, whose bytes may be the same as those of new files. Digests decide.

use crate::disk::platform;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// A file that was at the destination when the plan was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis {
    identity: (u64, u64),
    length: u64,
}

impl Basis {
    /// An old file at `path` from its metadata, which was read without following links; `None` if it is not a
    /// file, or if the system gives it no identity.
    pub(super) fn of(path: &Path, found: &Metadata) -> Option<Basis> {
        let identity = platform::identity_at(path, found).ok()?;
        found.is_file().then_some(Basis {
            identity,
            length: found.len(),
        })
    }

    /// Its length in bytes.
    pub(super) fn length(self) -> u64 {
        self.length
    }

    /// Opens it if it is still the same file.
    ///
    /// # Errors
    /// The system's error, or an error if another file has taken its place.
    pub(super) fn open(self, path: &Path) -> io::Result<File> {
        let file = platform::open_source(path)?;
        let is_file = file.metadata()?.is_file();
        match is_file && platform::identity_of_open(&file)? == self.identity {
            true => Ok(file),
            false => Err(io::Error::other("another file has taken its place")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_the_file_that_was_found_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["old", "other"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::write(&other, "other").unwrap();
        let basis = Basis::of(&path, &fs::symlink_metadata(&path).unwrap()).unwrap();
        assert_eq!(basis.length(), 3);
        assert!(basis.open(&path).is_ok());
        fs::rename(&other, &path).unwrap();
        assert!(basis.open(&path).is_err());
        let found = fs::symlink_metadata(folder.path()).unwrap();
        assert!(Basis::of(folder.path(), &found).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["old", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Basis::of(&link, &fs::symlink_metadata(&link).unwrap()).is_none());
    }
}
