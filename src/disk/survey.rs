//! Tries out what a folder supports, and finds leftovers of broken transfers and archives in it.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::disk::staging::{remove_staging, remove_tree};
use crate::disk::zip_write::new_file::ARCHIVE_PREFIX;
use crate::model::STAGING_PREFIX;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a destination supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Whether names that differ only in case are different.
    pub case: CaseRule,
    /// Whether symbolic links can be made.
    pub links: bool,
    /// Difference between the clock of the file system and that of this machine.
    pub clock_difference: Duration,
}

/// How a file system treats names that differ only in case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// As two names.
    Distinguishes,
    /// As one.
    Ignores,
}

/// A staging folder or an unfinished archive that may be abandoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its path.
    pub path: PathBuf,
    /// Its kind.
    pub kind: LeftoverKind,
    /// Time since the last write.
    pub age: Duration,
    /// Whether a process is using it.
    pub state: LeftoverState,
}

/// The kind of work that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverKind {
    /// The staging folder of a transfer, or of an archive that is opened.
    Transfer,
    /// The temporary file of an archive that is made.
    Archive,
}

/// Whether it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverState {
    /// A process is writing to it.
    InUse,
    /// Unused: the same command resumes from it, or begins anew.
    Abandoned,
}

/// Tries out what `folder` supports, in a private folder that is removed afterwards.
///
/// # Errors
/// [`DiskError`] if `folder` cannot be written.
pub fn survey(folder: &Path) -> Result<Survey, DiskError> {
    let name = format!(".peerbridge-survey-{}", std::process::id());
    let trial = folder.join(name);
    platform::create_folder(&trial, 0o700).map_err(DiskError::at("create folder", &trial))?;
    let found = try_out(&trial);
    remove_tree(&trial)?;
    found
}

fn try_out(trial: &Path) -> Result<Survey, DiskError> {
    let lower = trial.join("name");
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).open(&lower);
    let file = file.map_err(DiskError::at("create", &lower))?;
    let failed = DiskError::at("look up", &lower);
    let modified = file.metadata().and_then(|found| found.modified());
    let modified = modified.map_err(failed)?;
    let now = SystemTime::now();
    let difference = now.duration_since(modified);
    Ok(Survey {
        case: match fs::symlink_metadata(trial.join("NAME")) {
            Ok(_) => CaseRule::Ignores,
            Err(_) => CaseRule::Distinguishes,
        },
        links: {
            let link = trial.join("link");
            platform::make_link("name".as_ref(), &link, &link).is_ok()
        },
        clock_difference: difference.unwrap_or_else(|error| error.duration()),
    })
}

/// Leftovers of broken transfers and archives in `folder`, in no order.
///
/// # Errors
/// The folder cannot be listed.
pub fn leftovers(folder: &Path) -> Result<Vec<Leftover>, DiskError> {
    let failed = |error| DiskError::at("list", folder)(error);
    let mut found = Vec::new();
    for item in fs::read_dir(folder).map_err(failed)? {
        // One that vanishes meanwhile does not count.
        found.extend(leftover(item.map_err(failed)?.path()));
    }
    Ok(found)
}

/// Removes what is left of a transfer or an archive; false if somebody is at work in it, or it has gone.
///
/// # Errors
/// It cannot be removed.
pub fn remove_leftover(leftover: &Leftover) -> Result<bool, DiskError> {
    let path = &leftover.path;
    match leftover.kind {
        LeftoverKind::Transfer => remove_staging(path),
        LeftoverKind::Archive if state_of(path) == LeftoverState::InUse => Ok(false),
        LeftoverKind::Archive => match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(DiskError::at("remove", path)(error)),
        },
    }
}

fn leftover(path: PathBuf) -> Option<Leftover> {
    let name = path.file_name()?.as_encoded_bytes();
    let named = name.strip_prefix(STAGING_PREFIX)?;
    let metadata = fs::symlink_metadata(&path).ok()?;
    let (kind, lock) = match metadata.is_dir() {
        true => (LeftoverKind::Transfer, path.join("lock")),
        false if metadata.is_file() && named.starts_with(ARCHIVE_PREFIX) => {
            (LeftoverKind::Archive, path.clone())
        }
        false => return None,
    };
    let written = match kind {
        LeftoverKind::Transfer => fs::symlink_metadata(path.join("journal")).unwrap_or(metadata),
        LeftoverKind::Archive => metadata,
    };
    let written = written.modified().ok();
    let age = written.and_then(|then| then.elapsed().ok());
    Some(Leftover {
        age: age.unwrap_or_default(),
        kind,
        state: state_of(&lock),
        path,
    })
}

fn state_of(lock: &Path) -> LeftoverState {
    match File::open(lock).map(|lock| lock.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => LeftoverState::InUse,
        _ => LeftoverState::Abandoned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::zip_write::new_file::NewArchive;

    #[test]
    fn a_survey_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let found = survey(folder.path()).unwrap();
        assert!(found.clock_difference < Duration::from_secs(3600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(survey(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn archives_that_are_half_made_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let archive = NewArchive::begin(&folder.path().join("a.zip")).unwrap();
        fs::write(folder.path().join(".peerbridge-zip-00000000"), b"half").unwrap();
        fs::create_dir(folder.path().join(".peerbridge-zip-folder")).unwrap();
        let mut found = leftovers(folder.path()).unwrap();
        found.retain(|leftover| leftover.kind == LeftoverKind::Archive);
        found.sort_by_key(|leftover| leftover.state == LeftoverState::InUse);
        let states: Vec<_> = found.iter().map(|leftover| leftover.state).collect();
        assert_eq!(states, [LeftoverState::Abandoned, LeftoverState::InUse]);
        assert!(found[0].path.ends_with(".peerbridge-zip-00000000"));
        drop(archive);
        assert_eq!(leftovers(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn staging_folders_are_found_and_whether_they_are_in_use() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".peerbridge-00", ".peerbridge-11", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join(".peerbridge-22"), b"a file").unwrap();
        let lock = File::create(folder.path().join(".peerbridge-11/lock")).unwrap();
        lock.lock().unwrap();
        let mut found = leftovers(folder.path()).unwrap();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let states: Vec<_> = found.iter().map(|leftover| leftover.state).collect();
        assert_eq!(states, [LeftoverState::Abandoned, LeftoverState::InUse]);
    }
}
