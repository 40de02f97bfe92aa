//! Moves something to a free name.

use crate::disk::destination::is_absent;
use crate::disk::platform;
use std::fs;
use std::io;
use std::path::Path;

/// What a move left behind.
#[derive(Debug)]
pub(super) enum Moved {
    /// Nothing.
    Away,
    /// The old name, which is now a second name of the file, and the error of its removal.
    OldNameStays(io::Error),
}

/// Moves a file by a hard link, which never replaces a file that appears meanwhile. Without hard links it
/// checks that the name is free, and then renames.
///
/// # Errors
/// As [`move_where_free`].
pub(super) fn move_file_where_free(from: &Path, to: &Path) -> io::Result<Moved> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            Ok(platform::remove_file(from).map_or_else(Moved::OldNameStays, |()| Moved::Away))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => move_where_free(from, to).map(|()| Moved::Away),
    }
}

/// Moves an entry of any kind. std has no rename that never replaces, so this checks the name first.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken, or the system's error. Nothing has changed then.
pub(super) fn move_where_free(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if is_absent(&error) => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to, link] = ["from", "to", "link"].map(|name| folder.path().join(name));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let refused = [
            move_file_where_free(&from, &to).map(drop),
            move_where_free(&from, &to),
        ];
        for moved in refused {
            assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read(&to).unwrap(), b"old");
        move_where_free(&to, &link).unwrap();
        assert!(matches!(move_file_where_free(&from, &to), Ok(Moved::Away)));
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_not_there_is_no_file_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "no/to"].map(|name| folder.path().join(name));
        fs::write(&from, "new").unwrap();
        let moved = move_file_where_free(&from, &to);
        assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(from.exists());
    }
}
