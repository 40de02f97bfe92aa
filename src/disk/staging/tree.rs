//! The folders of a staging tree.

use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::platform;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Removes the tree of an earlier run.
pub(super) fn start_anew(staging: &Path) -> Result<(), DiskError> {
    let tree = staging.join("tree");
    remove_tree(&tree)?;
    platform::create_folder(&tree, 0o700).map_err(DiskError::at("create folder", &tree))
}

/// Creates a folder whose name must be free.
pub(super) fn make_new(path: &Path) -> Result<(), DiskError> {
    platform::create_folder(path, 0o700).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => collision(path),
        _ => DiskError::at("create folder", path)(error),
    })
}

/// Removes a tree, even if an interrupted delivery removed write permission from its folders. A missing tree is
/// not an error.
pub(crate) fn remove_tree(path: &Path) -> Result<(), DiskError> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path).and_then(|()| fs::remove_dir_all(path))
        }
        other => other,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::at("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The umask. std has no call for it, so this creates a file with all permissions and looks at them.
pub(super) fn probe_umask(staging: &Path) -> Result<u32, DiskError> {
    let path = staging.join("probe");
    let failed = |error| DiskError::at("create", &path)(error);
    remove_if_there(&path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    platform::create_with_mode(&mut options, 0o777);
    let file = options.open(&path).map_err(failed)?;
    let mode = platform::mode_of(&file.metadata().map_err(failed)?);
    remove_if_there(&path)?;
    Ok(0o777 & !mode.bits())
}

/// Removes a file or link. A missing one is not an error.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), DiskError> {
    match platform::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::at("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The name of a new file is taken.
pub(super) fn collision(path: &Path) -> DiskError {
    DiskError::refused(
        DiskErrorKind::NameCollision,
        "create",
        path,
        "this file system cannot tell this name from another one",
    )
}

/// Creates a missing folder, or makes one accessible that got its final mode in an interrupted delivery.
pub(super) fn make_usable(folder: &Path) -> Result<(), DiskError> {
    match platform::create_folder(folder, 0o700) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match platform::set_folder_mode(folder, 0o700) {
                Err(error) if platform::is_not_supported(&error) => Ok(()),
                other => other.map_err(DiskError::at("make writable", folder)),
            }
        }
        Err(error) => Err(DiskError::at("create folder", folder)(error)),
    }
}

fn open_up(root: &Path) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        platform::set_mode(&folder, 0o700)?;
        for item in fs::read_dir(&folder)? {
            let item = item?;
            if item.file_type()?.is_dir() {
                folders.push(item.path());
            } else if platform::mode_hinders_moving(platform::mode_of(&item.metadata()?).bits()) {
                platform::set_mode(&item.path(), 0o600)?;
            }
        }
    }
    Ok(())
}
