//! The folders of a staging tree.

use crate::disk::destination::disk_path;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::plan::Plan;
use crate::disk::platform;
use crate::model::{EntryKind, Manifest};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Removes what an earlier run left.
pub(super) fn start_anew(staging: &Path) -> Result<(), DiskError> {
    let tree = staging.join("tree");
    remove_tree(&tree)?;
    platform::create_folder(&tree, 0o700).map_err(DiskError::at("create folder", &tree))
}

/// Makes the folders that are needed, in a tree that has none.
pub(super) fn make_folders(tree: &Path, manifest: &Manifest, plan: &Plan) -> Result<(), DiskError> {
    for_each_folder(tree, manifest, plan, |path| {
        platform::create_folder(path, 0o700).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => collision(path),
            _ => DiskError::at("create folder", path)(error),
        })
    })
}

/// Makes the folders that are needed and missing, and opens those up that an interrupted delivery gave
/// their final modes, from the outermost in.
pub(super) fn complete(staging: &Path, manifest: &Manifest, plan: &Plan) -> Result<(), DiskError> {
    let tree = staging.join("tree");
    make_usable(&tree)?;
    for_each_folder(&tree, manifest, plan, make_usable)
}

/// Removes a tree, also where an interrupted delivery took the permission to do so from its folders. That
/// there is none is no error.
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

/// Which permissions the system takes from new files. std has no call for it: a file that asks for all of
/// them shows.
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

/// Removes a file or link. That there is none is no error.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::at("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Something has the name of a file that is not there yet.
pub(super) fn collision(path: &Path) -> DiskError {
    DiskError::refused(
        DiskErrorKind::NameCollision,
        "create",
        path,
        "another name of this transfer is the same one on this file system",
    )
}

fn make_usable(folder: &Path) -> Result<(), DiskError> {
    match platform::create_folder(folder, 0o700) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            platform::set_mode(folder, 0o700).map_err(DiskError::at("make writable", folder))
        }
        Err(error) => Err(DiskError::at("create folder", folder)(error)),
    }
}

fn for_each_folder(
    tree: &Path,
    manifest: &Manifest,
    plan: &Plan,
    make: impl Fn(&Path) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    for (index, entry) in manifest.entries() {
        if entry.kind == EntryKind::Folder && plan.is_staged(index) {
            make(&disk_path(tree, entry.path)?)?;
        }
    }
    Ok(())
}

fn open_up(root: &Path) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        platform::set_mode(&folder, 0o700)?;
        for item in fs::read_dir(&folder)? {
            let item = item?;
            if item.file_type()?.is_dir() {
                folders.push(item.path());
            }
        }
    }
    Ok(())
}
