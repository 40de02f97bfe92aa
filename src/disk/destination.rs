//! The folder that the user named, and the one way from a peer's path to a path below it.

use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::platform;
use crate::model::WirePath;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder that a transfer is received into. Its own path may run through links, as the user chose;
/// below it no link is ever followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    path: PathBuf,
    anchor: PathBuf,
}

/// What lies between the destination and an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Each component above the entry is a real folder.
    Clear,
    /// A component is missing, or is a link or something else that is not a folder.
    Blocked,
}

impl Destination {
    /// Finds the folder at `path`, and resolves links in `path` once. The folder may be missing, see
    /// [`Destination::create`]. This creates nothing.
    ///
    /// # Errors
    /// Something other than a folder has this path, or the look-up fails.
    pub fn locate(path: &Path) -> Result<Self, DiskError> {
        match platform::canonicalize(path) {
            Ok(real) => Destination::existing(real),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Destination::missing(path, error)
            }
            Err(error) => Err(DiskError::at("open folder", path)(error)),
        }
    }

    /// The folder's absolute path, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The deepest existing folder on the path: the folder itself if it exists.
    pub fn anchor(&self) -> &Path {
        &self.anchor
    }

    /// Checks that the folder exists or can be created: creates and removes the first missing folder of its
    /// path.
    ///
    /// # Errors
    /// The system's error for creating it.
    pub fn check(&self) -> Result<(), DiskError> {
        let Ok(missing) = self.path.strip_prefix(&self.anchor) else {
            return Ok(());
        };
        let Some(first) = missing.components().next() else {
            return Ok(());
        };
        let folder = self.anchor.join(first);
        match fs::create_dir(&folder) {
            Ok(()) => {
                // If somebody has put something into it meanwhile, it must stay.
                let _ = fs::remove_dir(&folder);
                Ok(())
            }
            // A dangling link has that name, so no folder can be created.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = fs::metadata(&folder).map(drop);
                there.map_err(DiskError::at("follow the link", &folder))
            }
            Err(error) => Err(DiskError::at("create folder", &folder)(error)),
        }
    }

    /// Creates the folder and those above it that are missing, as `mkdir -p` does.
    ///
    /// # Errors
    /// The system's error.
    pub fn create(&self) -> Result<(), DiskError> {
        fs::create_dir_all(&self.path).map_err(DiskError::at("create folder", &self.path))
    }

    /// The path of an entry below this folder.
    ///
    /// # Errors
    /// [`DiskErrorKind::Name`] if this system does not allow such a name.
    pub(crate) fn disk_path(&self, path: WirePath<'_>) -> Result<PathBuf, DiskError> {
        disk_path(&self.path, path)
    }

    /// Looks at each component above the entry, without following links.
    ///
    /// # Errors
    /// The system's error, if a component cannot be looked up.
    pub(super) fn way_to(&self, path: WirePath<'_>) -> Result<Way, DiskError> {
        let mut folder = self.path.clone();
        let mut names: Vec<&[u8]> = path.components().collect();
        names.pop();
        for name in names {
            push_name(&mut folder, name)?;
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Ok(Way::Blocked),
                Err(error) if is_absent(&error) => return Ok(Way::Blocked),
                Err(error) => return Err(DiskError::at("look up", &folder)(error)),
            }
        }
        Ok(Way::Clear)
    }

    /// The folders whose listings changed when this one was created: from this folder up to the deepest one
    /// that existed before.
    pub(super) fn created_chain(&self) -> impl Iterator<Item = &Path> {
        let levels = self.path.components().count() - self.anchor.components().count();
        self.path.ancestors().take(levels + 1)
    }

    /// Removes the folders that [`Destination::create`] made, if they are empty.
    pub(super) fn remove_created(&self) {
        let created = self.created_chain().filter(|folder| *folder != self.anchor);
        for folder in created {
            // A folder that has contents by now stays, with those above it.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }

    fn existing(real: PathBuf) -> Result<Self, DiskError> {
        let metadata = fs::metadata(&real).map_err(DiskError::at("open folder", &real))?;
        if !metadata.is_dir() {
            return Err(not_a_folder(&real));
        }
        Ok(Destination {
            anchor: real.clone(),
            path: real,
        })
    }

    fn missing(path: &Path, error: io::Error) -> Result<Self, DiskError> {
        for ancestor in path.ancestors().skip(1) {
            let looked_up = if ancestor.as_os_str().is_empty() {
                Path::new(".")
            } else {
                ancestor
            };
            let Ok(anchor) = platform::canonicalize(looked_up) else {
                continue;
            };
            // Windows reports a path below a file as absent.
            if !anchor.is_dir() {
                return Err(not_a_folder(&anchor));
            }
            let rest = path.strip_prefix(ancestor).unwrap_or(path);
            if !rest.components().all(|c| matches!(c, Component::Normal(_))) {
                break;
            }
            return Ok(Destination {
                path: anchor.join(rest),
                anchor,
            });
        }
        Err(DiskError::at("open folder", path)(error))
    }
}

fn not_a_folder(path: &Path) -> DiskError {
    DiskError::refused(
        DiskErrorKind::NotAFolder,
        "write into",
        path,
        "it is not a folder",
    )
}

/// The one function that turns a peer's path into a path on disk, below `base`. On Unix the bytes are kept; on
/// Windows only Unicode without reserved names is allowed.
///
/// # Errors
/// [`DiskErrorKind::Name`] if this system does not allow such a name.
pub(super) fn disk_path(base: &Path, path: WirePath<'_>) -> Result<PathBuf, DiskError> {
    let mut full = PathBuf::with_capacity(base.as_os_str().len() + path.as_bytes().len() + 1);
    full.push(base);
    for name in path.components() {
        push_name(&mut full, name)?;
    }
    Ok(full)
}

/// Whether an error means that nothing has that name.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn push_name(path: &mut PathBuf, name: &[u8]) -> Result<(), DiskError> {
    let Some(name) = platform::name_from_bytes(name) else {
        path.push(String::from_utf8_lossy(name).as_ref());
        return Err(DiskError::refused(
            DiskErrorKind::Name,
            "name",
            path,
            "this system does not allow such a name",
        ));
    };
    path.push(name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn wire(bytes: &[u8]) -> WirePath<'_> {
        WirePath::parse(bytes).unwrap()
    }

    #[test]
    fn missing_folders_are_created_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("a/b/c");
        let destination = Destination::locate(&wanted).unwrap();
        assert!(!dir.path().join("a").exists());
        destination.create().unwrap();
        assert!(wanted.is_dir());
        assert_eq!(destination.path(), platform::canonicalize(&wanted).unwrap());
        assert_eq!(destination.created_chain().count(), 4);
        let again = Destination::locate(&wanted).unwrap();
        assert_eq!(again.created_chain().count(), 1);
    }

    #[test]
    fn files_and_dots_behind_missing_folders_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "x").unwrap();
        assert!(Destination::locate(&dir.path().join("file")).is_err());
        assert!(Destination::locate(&dir.path().join("file/below")).is_err());
        // Windows resolves `..` before it looks anything up.
        let above = Destination::locate(&dir.path().join("none/../.."));
        assert!(cfg!(windows) || above.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_may_be_a_link_but_nothing_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        std::fs::create_dir_all(real.join("sub/deep")).unwrap();
        std::os::unix::fs::symlink(&real, dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("sub", real.join("alias")).unwrap();
        let destination = Destination::locate(&dir.path().join("link")).unwrap();
        assert_eq!(destination.path(), real.canonicalize().unwrap());
        assert_eq!(destination.way_to(wire(b"sub/deep/x")).unwrap(), Way::Clear);
        assert_eq!(destination.way_to(wire(b"x")).unwrap(), Way::Clear);
        assert_eq!(
            destination.way_to(wire(b"alias/deep/x")).unwrap(),
            Way::Blocked
        );
        assert_eq!(destination.way_to(wire(b"none/x")).unwrap(), Way::Blocked);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_survive_as_they_are() {
        use std::os::unix::ffi::OsStrExt;
        let path = disk_path(Path::new("/base"), wire(b"a/\xff\x1b b")).unwrap();
        assert_eq!(path.as_os_str().as_bytes(), b"/base/a/\xff\x1b b");
    }
}
