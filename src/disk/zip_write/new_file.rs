//! A new archive: written beside its final place, and renamed when it is complete.

use crate::disk::destination::is_absent;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::place::{Moved, move_file_where_free};
use crate::disk::plan::free_name;
use crate::disk::platform;
use crate::disk::zip_write::ArchiveSink;
use crate::model::STAGING_PREFIX;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Follows [`STAGING_PREFIX`] in the name of an unfinished archive, and distinguishes it from a staging folder.
pub(crate) const ARCHIVE_PREFIX: &[u8] = b"zip-";

/// Size of the write buffer, in bytes. It collects headers, which are small.
const BUFFER_BYTES: usize = 256 * 1024;

/// Attempts to get a temporary file that another process is renaming.
const ATTEMPTS: u32 = 16;

/// The temporary file. It is locked, and removed if it is dropped before it was placed.
///
/// Its name follows from the archive's name, so the next run removes the file of a killed run.
#[derive(Debug)]
pub struct NewArchive {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    is_placed: bool,
}

/// What to do with an existing file of the archive's name when the archive is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// Keep it, and fail.
    WhereFree,
    /// Replace it.
    Over,
}

impl NewArchive {
    /// Begins an archive for `target`, readable by this user only.
    ///
    /// # Errors
    /// [`DiskError`] if nothing can be written there, or another process makes the same archive.
    pub fn begin(target: &Path) -> Result<NewArchive, DiskError> {
        let temporary = temporary_of(target)?;
        for _ in 0..ATTEMPTS {
            if let Some(file) = acquire(&temporary, target)? {
                return Ok(NewArchive {
                    file,
                    temporary,
                    target: target.to_owned(),
                    is_placed: false,
                });
            }
        }
        Err(locked(target))
    }

    /// Canonical paths of files that belong to no source: an old archive of this name, and the temporary file.
    pub fn own_paths(&self) -> Vec<PathBuf> {
        let paths = [&self.temporary, &self.target];
        // A missing file is in no source either.
        let paths = paths.into_iter().filter_map(|path| real_path(path).ok());
        paths.collect()
    }

    /// The path of the archive.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The sink for its bytes.
    pub fn sink(&self) -> impl ArchiveSink {
        BufWriter::with_capacity(BUFFER_BYTES, &self.file)
    }

    /// The error for a failed write.
    pub fn write_failed(&self, error: io::Error) -> DiskError {
        DiskError::at("write", &self.target)(error)
    }

    /// Puts the archive into its place. Returns the error if its temporary name stays as a second one.
    ///
    /// # Errors
    /// [`DiskError`]. The archive is gone then, and the existing file is unchanged.
    pub fn place(mut self, placing: Placing) -> Result<Option<DiskError>, DiskError> {
        let failed = DiskError::at("move into place", &self.target);
        let moved = match placing {
            Placing::Over => fs::rename(&self.temporary, &self.target).map(|()| Moved::Away),
            Placing::WhereFree => move_file_where_free(&self.temporary, &self.target),
        };
        let moved = moved.map_err(failed)?;
        self.is_placed = true;
        Ok(match moved {
            Moved::Away => None,
            Moved::OldNameStays(error) => Some(DiskError::at("remove", &self.temporary)(error)),
        })
    }
}

impl ArchiveSink for BufWriter<&File> {
    fn cut_back(&mut self, length: u64) -> io::Result<bool> {
        self.seek(SeekFrom::Start(length))?;
        self.get_ref().set_len(length)?;
        Ok(true)
    }
}

impl Drop for NewArchive {
    fn drop(&mut self) {
        if !self.is_placed {
            // The first error is reported; the next run removes the leftover.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The metadata of this name, without following a link; `None` if nothing has it.
///
/// # Errors
/// [`DiskError`] if the look-up fails, for example because no file can have that name.
pub fn look_up(path: &Path) -> Result<Option<Metadata>, DiskError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(DiskError::at("create", path)(error)),
    }
}

/// A free name beside `path`: `backup (1).zip`; `None` if thousands are taken.
///
/// # Errors
/// [`DiskError`] if a look-up fails.
pub fn free_path_beside(path: &Path) -> Result<Option<PathBuf>, DiskError> {
    let name = path.file_name().unwrap_or_default();
    let Some(name) = platform::bytes_from_name(name) else {
        return Ok(None);
    };
    for number in 1..=free_name::TRIES {
        let numbered = free_name::numbered(&name, false, number);
        let Some(numbered) = platform::name_from_bytes(&numbered) else {
            return Ok(None);
        };
        let candidate = path.with_file_name(numbered);
        if look_up(&candidate)?.is_none() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn temporary_of(target: &Path) -> Result<PathBuf, DiskError> {
    let Some(name) = target.file_name() else {
        return Err(DiskError::refused(
            DiskErrorKind::Name,
            "create",
            target,
            "it is a folder",
        ));
    };
    // The archive's name may be as long as the system allows, which leaves no room to extend it.
    let digest = crc32fast::hash(name.as_encoded_bytes());
    let prefix = [STAGING_PREFIX, ARCHIVE_PREFIX].concat();
    let own = format!("{}{digest:08x}", String::from_utf8_lossy(&prefix));
    Ok(target.with_file_name(own))
}

/// A new file, locked. `None` if one existed: another process has renamed or removed it, or a dead process left
/// it, and this removes it. An existing file is never written to: it may be a second name of a complete
/// archive, or readable by others.
fn acquire(temporary: &Path, target: &Path) -> Result<Option<File>, DiskError> {
    // The archive's name means more to a person than the temporary one.
    let failed = |error| DiskError::at("create", target)(error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    platform::create_with_mode(&mut options, 0o600);
    let (file, is_new) = match options.open(temporary) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(temporary);
            if found.is_ok_and(|found| !found.is_file()) {
                return Err(failed(error));
            }
            match OpenOptions::new().write(true).open(temporary) {
                Ok(file) => (file, false),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(error)),
            }
        }
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(target)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // A lock on a file that was renamed or removed is worthless.
    let held = platform::identity_of_open(&file).map_err(failed)?;
    let named = fs::symlink_metadata(temporary);
    match named.and_then(|found| platform::identity_at(temporary, &found)) {
        Ok(named) if named != held => Ok(None),
        Ok(_) if is_new => Ok(Some(file)),
        Ok(_) => {
            let removed = fs::remove_file(temporary);
            removed.map_err(DiskError::at("remove", temporary))?;
            Ok(None)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// The path without links and dots, except a link at its end, which would be replaced.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = platform::canonicalize(parent)?;
    Ok(parent.join(path.file_name().unwrap_or_default()))
}

fn locked(target: &Path) -> DiskError {
    DiskError::refused(
        DiskErrorKind::Locked,
        "create",
        target,
        "another peerbridge is making this archive",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_has_the_name_before_it_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let archive = NewArchive::begin(&target).unwrap();
        archive.sink().write_all(b"contents").unwrap();
        assert!(!target.exists());
        archive.place(Placing::WhereFree).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"contents");
        assert_eq!(names(folder.path()), ["a.zip"]);
    }

    #[test]
    fn an_archive_that_is_not_placed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let archive = NewArchive::begin(&folder.path().join("a.zip")).unwrap();
        archive.sink().write_all(b"contents").unwrap();
        drop(archive);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_is_cut_back_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let archive = NewArchive::begin(&target).unwrap();
        let mut sink = archive.sink();
        let large = vec![b'x'; 2 * BUFFER_BYTES + 1];
        for contents in [&b"stays"[..], &large] {
            sink.write_all(contents).unwrap();
        }
        assert!(sink.cut_back(5).unwrap());
        sink.write_all(b", and goes on").unwrap();
        drop(sink);
        archive.place(Placing::WhereFree).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"stays, and goes on");
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let archive = NewArchive::begin(&target).unwrap();
        fs::write(&target, b"other").unwrap();
        assert!(archive.place(Placing::WhereFree).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"other");
        assert_eq!(names(folder.path()), ["a.zip"]);
        let archive = NewArchive::begin(&target).unwrap();
        archive.place(Placing::Over).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
    }

    #[test]
    fn two_at_once_do_not_write_into_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let first = NewArchive::begin(&target).unwrap();
        let error = NewArchive::begin(&target).unwrap_err();
        assert_eq!(error.kind(), DiskErrorKind::Locked);
        assert!(NewArchive::begin(&folder.path().join("b.zip")).is_ok());
        drop(first);
        assert!(NewArchive::begin(&target).is_ok());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let [target, whole] = ["a.zip", "whole.zip"].map(|name| folder.path().join(name));
        let left = temporary_of(&target).unwrap();
        fs::write(&left, b"a whole archive").unwrap();
        fs::hard_link(&left, &whole).unwrap();
        let archive = NewArchive::begin(&target).unwrap();
        archive.sink().write_all(b"new").unwrap();
        assert!(archive.place(Placing::WhereFree).unwrap().is_none());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::read(&whole).unwrap(), b"a whole archive");
        assert_eq!(names(folder.path()), ["a.zip", "whole.zip"]);
    }

    #[test]
    fn free_names_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        fs::write(folder.path().join("a (1).zip"), b"").unwrap();
        let free = free_path_beside(&path).unwrap().unwrap();
        assert_eq!(free, folder.path().join("a (2).zip"));
    }
}
