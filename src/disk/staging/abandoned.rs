//! Removes abandoned staging folders.

use super::copies::remove_copies;
use super::lock::{self, Lock};
use super::tree::{remove_if_there, remove_tree};
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::model::STAGING_PREFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Removes the staging folders in `folder` whose journals were not written to for `age`, except those in use.
/// Returns the paths of the removed folders.
///
/// # Errors
/// The folder cannot be listed, or a staging folder cannot be removed.
pub fn remove_abandoned(folder: &Path, age: Duration) -> Result<Vec<PathBuf>, DiskError> {
    let failed = |error| DiskError::at("list", folder)(error);
    let mut gone = Vec::new();
    for item in fs::read_dir(folder).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        if is_staging(&path) && is_old(&path, age) && remove_one(&path, age)? {
            gone.push(path);
        }
    }
    Ok(gone)
}

/// Removes a staging folder; false if another process uses it, or it no longer exists.
///
/// # Errors
/// It cannot be removed.
pub fn remove_staging(path: &Path) -> Result<bool, DiskError> {
    remove_one(path, Duration::ZERO)
}

/// Removes everything in a staging folder and its copies elsewhere. The lock is removed last, so that no other
/// process can enter meanwhile.
pub(super) fn empty(path: &Path) -> Result<(), DiskError> {
    let failed = |error| DiskError::at("remove", path)(error);
    remove_copies(path)?;
    for item in fs::read_dir(path).map_err(failed)? {
        let item = item.map_err(failed)?;
        if item.file_type().map_err(failed)?.is_dir() {
            remove_tree(&item.path())?;
        } else if item.file_name() != lock::NAME {
            remove_if_there(&item.path())?;
        }
    }
    remove_if_there(&path.join(lock::NAME))
}

/// Checks the age under the lock, because the folder may have been used meanwhile.
fn remove_one(path: &Path, age: Duration) -> Result<bool, DiskError> {
    let lock = match Lock::of_existing(path) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(false),
        Err(error) if error.kind() == DiskErrorKind::Locked => return Ok(false),
        Err(error) => return Err(error),
    };
    if !is_old(path, age) {
        return Ok(false);
    }
    empty(path)?;
    drop(lock);
    fs::remove_dir(path).map_err(DiskError::at("remove", path))?;
    Ok(true)
}

/// Whether this is a folder, not a link, with the name of a staging folder.
fn is_staging(path: &Path) -> bool {
    let id = path
        .file_name()
        .and_then(|name| name.as_encoded_bytes().strip_prefix(STAGING_PREFIX));
    let is_named = id.is_some_and(|id| id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit));
    is_named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether nothing was recorded for this long. A transfer without a journal never got beyond its start, and is
/// old.
fn is_old(path: &Path, age: Duration) -> bool {
    let journal = fs::symlink_metadata(path.join("journal"));
    let written = journal.or_else(|_| fs::symlink_metadata(path));
    let written = written.and_then(|found| found.modified());
    written.is_ok_and(|then| then.elapsed().is_ok_and(|elapsed| elapsed >= age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// A staging folder whose journal was written `age` ago.
    fn staged(folder: &Path, name: &str, age: Duration) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.join("tree/a")).unwrap();
        fs::write(path.join("tree/a/file"), b"half").unwrap();
        File::create(path.join("lock")).unwrap();
        let journal = File::create(path.join("journal")).unwrap();
        journal.set_modified(SystemTime::now() - age).unwrap();
        path
    }

    #[test]
    fn what_is_old_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let id = |digit: char| format!(".peerbridge-{}", digit.to_string().repeat(32));
        let old = staged(folder, &id('a'), 15 * DAY);
        let new = staged(folder, &id('b'), 13 * DAY);
        let in_use = staged(folder, &id('c'), 15 * DAY);
        let lock = File::open(in_use.join("lock")).unwrap();
        lock.lock().unwrap();
        let others = [".peerbridge-zip-1", ".peerbridge-0", "aaaaaaaaaaaa"];
        let others = others.map(|name| staged(folder, name, 15 * DAY));
        let gone = remove_abandoned(folder, 14 * DAY).unwrap();
        assert_eq!(gone, std::slice::from_ref(&old));
        assert!(!old.exists() && new.exists() && in_use.exists());
        assert!(
            others
                .iter()
                .all(|other| other.join("tree/a/file").exists())
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_staging_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = staged(folder.path(), "elsewhere", 15 * DAY);
        let name = format!(".peerbridge-{}", "a".repeat(32));
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(name)).unwrap();
        let gone = remove_abandoned(folder.path(), 14 * DAY).unwrap();
        assert!(gone.is_empty() && elsewhere.join("journal").exists());
    }
}
