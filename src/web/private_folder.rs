//! Temporary folders that only this user can open, and that go with the process.

use crate::cli::platform;
use crate::crypto::random_bytes;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "peerbridge-web-";
/// The file that a living process holds locked.
const LOCK: &str = "lock";

/// A folder that is removed when this is dropped.
pub(super) struct PrivateFolder {
    path: PathBuf,
    lock: Option<File>,
}

impl PrivateFolder {
    /// Makes one among the system's temporary files.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn create() -> io::Result<PrivateFolder> {
        let random: [u8; 8] =
            random_bytes().map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!("{PREFIX}{:016x}", u64::from_be_bytes(random));
        let path = std::env::temp_dir().join(name);
        platform::create_private_folder(&path)?;
        let lock = platform::create_private_file(&path.join(LOCK))?;
        lock.lock()?;
        Ok(PrivateFolder {
            path,
            lock: Some(lock),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Windows removes no file that is open.
        drop(self.lock.take());
        // What cannot be removed now is removed when the page is started again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of processes that were killed. What cannot be removed stays: it is another user's, or in use.
pub(super) fn remove_abandoned() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
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
        let is_free = || {
            let lock = File::open(entry.path().join(LOCK));
            lock.is_ok_and(|lock| lock.try_lock().is_ok())
        };
        if is_ours && is_free() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
