//! Temporary folders that only this user can open. They are removed when the process ends.

use crate::cli::platform::{self, DropGuard};
use crate::crypto::random_bytes;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const PREFIX: &str = "peerbridge-web-";
/// The file that a running process keeps locked.
const LOCK: &str = "lock";
/// How often to try again if another process removes the new folder as abandoned before it is locked.
const TRIES: usize = 20;

/// A folder that is removed when this is dropped or the process is gone.
pub(super) struct PrivateFolder {
    path: PathBuf,
    lock: Option<File>,
    _guard: Option<DropGuard>,
}

impl PrivateFolder {
    /// Creates one among the system's temporary files.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn create() -> io::Result<PrivateFolder> {
        let place = std::path::absolute(std::env::temp_dir())?;
        let (path, lock) = locked_folder(&place)?;
        let guard = platform::guard_folder(&path);
        Ok(PrivateFolder {
            path,
            lock: Some(lock),
            _guard: guard,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Windows cannot remove an open file.
        drop(self.lock.take());
        // What cannot be removed now is removed at the next start.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn locked_folder(place: &Path) -> io::Result<(PathBuf, File)> {
    for _ in 0..TRIES {
        let random: [u8; 8] =
            random_bytes().map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!("{PREFIX}{:016x}", u64::from_be_bytes(random));
        let path = place.join(name);
        platform::create_private_folder(&path)?;
        if let Some(lock) = lock(&path)? {
            return Ok((path, lock));
        }
    }
    Err(ErrorKind::ResourceBusy.into())
}

/// Creates and locks the lock file of a new folder; `None` if [`remove_abandoned`] of another process was faster.
/// That removes a folder only while it holds the lock. So if the file is still in its place after it was locked
/// here, the folder is safe.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let lock = match platform::create_private_file(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            return Ok(None);
        }
        created => created?,
    };
    lock.lock()?;
    Ok(path.try_exists()?.then_some(lock))
}

/// Removes the folders of processes that were killed. Folders that cannot be removed stay: they belong to another
/// user, or are in use.
pub(super) fn remove_abandoned() {
    remove_abandoned_in(&std::env::temp_dir());
}

fn remove_abandoned_in(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|found| {
                found.is_dir() && platform::exposure(&found, None, false).is_none()
            });
        if !is_ours {
            continue;
        }
        let path = entry.path().join(LOCK);
        // A process that was killed early left no lock file.
        let lock = File::open(&path).or_else(|_| platform::create_private_file(&path));
        // Held until the folder is gone, so that a process that waits for the lock then finds it gone. Windows
        // cannot remove an open file.
        if let Some(held) = lock.ok().filter(|lock| lock.try_lock().is_ok()) {
            let _held = (!cfg!(windows)).then_some(held);
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_folder_in_use_stays_and_goes_with_its_owner() {
        let folder = PrivateFolder::create().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        remove_abandoned();
        assert!(path.join("file").exists());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_killed_processes_left_goes() {
        let place = tempfile::tempdir().unwrap();
        let (with_lock, lock) = locked_folder(place.path()).unwrap();
        drop(lock);
        let without = place.path().join(format!("{PREFIX}0"));
        platform::create_private_folder(&without).unwrap();
        remove_abandoned_in(place.path());
        assert!(!with_lock.exists() && !without.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_nobody_elses_to_remove() {
        let place = tempfile::tempdir().unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::SeqCst) {
                        remove_abandoned_in(place.path());
                    }
                });
            }
            for _ in 0..500 {
                let (path, lock) = locked_folder(place.path()).unwrap();
                let written = fs::write(path.join("file"), "x");
                let is_there = written.is_ok() && path.join(LOCK).exists();
                drop(lock);
                if !is_there {
                    is_over.store(true, Ordering::SeqCst);
                }
                assert!(is_there, "removed while it was in use");
            }
            is_over.store(true, Ordering::SeqCst);
        });
    }
}
