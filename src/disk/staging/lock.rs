//! One receiver at a time in a staging folder.

use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::platform;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// The lock file's name in the staging folder.
pub(super) const NAME: &str = "lock";

/// Attempts to enter a folder that another process is removing.
const ATTEMPTS: u32 = 16;

/// The lock of a staging folder, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    is_private: bool,
}

impl Drop for Lock {
    /// Closing alone is not enough: a child process that is being started at this moment keeps the file open
    /// until it runs its program.
    fn drop(&mut self) {
        // If unlocking fails, closing the file does it.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Creates the staging folder if it is missing, for this user only, and locks it. If the previous holder
    /// removed the lock file meanwhile, the lock is useless, and this tries again.
    pub(super) fn acquire(staging: &Path) -> Result<Lock, DiskError> {
        for _ in 0..ATTEMPTS {
            let is_private = create_private(staging)?;
            if let Some(mut lock) = try_acquire(staging)? {
                lock.is_private = is_private;
                return Ok(lock);
            }
        }
        Err(locked(staging))
    }

    /// Whether only this user can enter the folder. Some disks keep no permissions.
    pub(super) fn is_private(&self) -> bool {
        self.is_private
    }

    /// Locks an existing staging folder; `None` if it is not one, or vanished meanwhile.
    pub(super) fn of_existing(staging: &Path) -> Result<Option<Lock>, DiskError> {
        match staging.join(NAME).exists() {
            true => try_acquire(staging),
            false => Ok(None),
        }
    }
}

/// Creates the folder for this user only. Returns whether it is private.
fn create_private(staging: &Path) -> Result<bool, DiskError> {
    let failed = |error| DiskError::at("create folder", staging)(error);
    let is_new = match platform::create_folder(staging, 0o700) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(failed(error)),
    };
    let found = match fs::symlink_metadata(staging) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    if !found.is_dir() {
        return Err(DiskError::refused(
            DiskErrorKind::Other,
            "create folder",
            staging,
            "something else has its name",
        ));
    }
    // Only the owner can do this, so a folder of another user is refused.
    match platform::set_folder_mode(staging, 0o700) {
        Err(error) if platform::is_not_supported(&error) && (is_new || is_own(staging, &found)) => {
        }
        other => other.map_err(DiskError::at("make private", staging))?,
    }
    fs::symlink_metadata(staging)
        .map(|found| platform::is_private(&found))
        .map_err(failed)
}

/// Whether new files of this user in the folder have the folder's owner.
fn is_own(folder: &Path, found: &Metadata) -> bool {
    let path = folder.join("owner");
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    let created = created.and_then(|file| file.metadata());
    // If this cannot be removed, it goes with the folder.
    let _ = fs::remove_file(&path);
    created.is_ok_and(|created| platform::have_one_owner(&created, found))
}

/// `None` if the folder vanished meanwhile.
fn try_acquire(staging: &Path) -> Result<Option<Lock>, DiskError> {
    let path = staging.join(NAME);
    let failed = |error| DiskError::at("lock", &path)(error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    platform::create_with_mode(&mut options, 0o600);
    let file = match options.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(staging)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let held = platform::identity_of_open(&file).map_err(failed)?;
    let named = fs::symlink_metadata(&path);
    match named.and_then(|found| platform::identity_at(&path, &found)) {
        Ok(named) if named == held => Ok(Some(Lock {
            file,
            is_private: true,
        })),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn locked(staging: &Path) -> DiskError {
    DiskError::refused(
        DiskErrorKind::Locked,
        "lock",
        staging,
        "another peerbridge is receiving this transfer here",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_back_also_while_a_program_that_is_being_started_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(folder.path()).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        assert!(Lock::acquire(folder.path()).is_err());
        drop(lock);
        assert!(Lock::acquire(folder.path()).is_ok());
        drop(inherited);
    }
}
