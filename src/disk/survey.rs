//! Tries out what a folder supports, and finds leftovers of broken transfers and archives in it.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::disk::staging::{copies_of, remove_any, remove_staging, remove_tree};
use crate::disk::zip_write::new_file::ARCHIVE_PREFIX;
use crate::model::STAGING_PREFIX;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Digits of the id in the name of a staging folder.
const ID_DIGITS: usize = 32;

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
    /// Copies of its entries on other file systems, below mount points. They are removed with it.
    pub copies: Vec<PathBuf>,
}

/// What left it behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverKind {
    /// A transfer, or the opening of an archive: its staging folder.
    Transfer,
    /// A transfer: a copy of an entry below a mount point.
    Copy,
    /// The making of an archive: its temporary file.
    Archive,
}

/// Whether a leftover is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverState {
    /// A process is writing to it.
    InUse,
    /// Unused: the same command resumes from it, or starts over.
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
        // A leftover that vanishes meanwhile is skipped.
        found.extend(leftover(item.map_err(failed)?.path()));
    }
    Ok(found)
}

/// Removes a leftover; false if a process is using it, or it no longer exists.
///
/// # Errors
/// The system's error, if it cannot be removed.
pub fn remove_leftover(leftover: &Leftover) -> Result<bool, DiskError> {
    let path = &leftover.path;
    match leftover.kind {
        LeftoverKind::Transfer => remove_staging(path),
        LeftoverKind::Copy if state_of_copy(path) == LeftoverState::InUse => Ok(false),
        LeftoverKind::Copy => remove_any(path).map(|()| true),
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
    let (kind, state) = match metadata.is_dir() {
        _ if is_copy_name(named) => (LeftoverKind::Copy, state_of_copy(&path)),
        true => (LeftoverKind::Transfer, state_of(&path.join("lock"))),
        false if metadata.is_file() && named.starts_with(ARCHIVE_PREFIX) => {
            (LeftoverKind::Archive, state_of(&path))
        }
        false => return None,
    };
    let written = match kind {
        LeftoverKind::Transfer => fs::symlink_metadata(path.join("journal")).unwrap_or(metadata),
        LeftoverKind::Copy | LeftoverKind::Archive => metadata,
    };
    let written = written.modified().ok();
    let age = written.and_then(|then| then.elapsed().ok());
    let copies = match kind {
        LeftoverKind::Transfer => copies_of(&path),
        LeftoverKind::Copy | LeftoverKind::Archive => Vec::new(),
    };
    Some(Leftover {
        copies,
        age: age.unwrap_or_default(),
        kind,
        state,
        path,
    })
}

/// Whether this is the rest of a copy's name after its prefix: the id of its staging folder, and a number.
fn is_copy_name(named: &[u8]) -> bool {
    let (id, number) = named.split_at(named.len().min(ID_DIGITS));
    let number = number.strip_prefix(b"-").unwrap_or_default();
    id.len() == ID_DIGITS
        && id.iter().all(u8::is_ascii_hexdigit)
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

/// The state of a copy: in use while its transfer is, whose staging folder is in a folder above. If that cannot
/// be found out, it counts as in use. The copy itself is locked while it is made, because its disk may be mounted
/// elsewhere, too.
fn state_of_copy(copy: &Path) -> LeftoverState {
    let is_link = fs::symlink_metadata(copy).is_ok_and(|found| found.is_symlink());
    if !is_link && state_of(copy) == LeftoverState::InUse {
        return LeftoverState::InUse;
    }
    let name = copy.file_name().unwrap_or_default().to_string_lossy();
    let staging = name.rsplit_once('-').map_or("", |(staging, _)| staging);
    let folder = copy.parent().map(platform::canonicalize);
    let folder = folder.and_then(Result::ok).unwrap_or_default();
    let mut locks = folder
        .ancestors()
        .map(|above| above.join(staging).join("lock"));
    let is_in_use = |lock: PathBuf| match lock.try_exists() {
        Ok(is_there) => is_there && state_of(&lock) == LeftoverState::InUse,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    };
    match locks.any(is_in_use) {
        true => LeftoverState::InUse,
        false => LeftoverState::Abandoned,
    }
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
    #[cfg(unix)]
    use crate::disk::carry::copy_all;
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
    fn copies_are_in_use_while_their_transfer_is() {
        let folder = tempfile::tempdir().unwrap();
        let staging = format!(".peerbridge-{}", "a".repeat(32));
        let below = folder.path().join("m");
        fs::create_dir_all(folder.path().join(&staging)).unwrap();
        fs::create_dir_all(below.join(format!("{staging}-2/d"))).unwrap();
        fs::write(below.join(format!("{staging}-1")), b"half").unwrap();
        for own in [format!("{staging}-"), format!("{staging}-x"), "a-1".into()] {
            fs::write(below.join(own), b"mine").unwrap();
        }
        let lock = File::create(folder.path().join(&staging).join("lock")).unwrap();
        lock.lock().unwrap();
        let found = leftovers(&below).unwrap();
        assert_eq!(found.len(), 2);
        for copy in &found {
            assert_eq!(
                (copy.kind, copy.state),
                (LeftoverKind::Copy, LeftoverState::InUse)
            );
            assert!(!remove_leftover(copy).unwrap());
        }
        drop(lock);
        for copy in leftovers(&below).unwrap() {
            assert_eq!(copy.state, LeftoverState::Abandoned);
            assert!(remove_leftover(&copy).unwrap());
        }
        assert!(leftovers(&below).unwrap().is_empty());
        assert_eq!(fs::read_dir(&below).unwrap().count(), 3);
    }

    /// As from another place at which its disk is mounted: no folder above has anything of the transfer.
    #[cfg(unix)]
    #[test]
    fn a_copy_that_is_being_made_is_in_use_wherever_it_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs::create_dir_all(source.join("folder/deep")).unwrap();
        fs::write(source.join("file"), b"contents").unwrap();
        let below = folder.path().join("m");
        fs::create_dir(&below).unwrap();
        for name in ["file", "folder"] {
            let copy = below.join(format!(".peerbridge-{}-1", "a".repeat(32)));
            let carried = copy_all(&source.join(name), &copy).unwrap();
            let found = leftovers(&below).unwrap();
            assert_eq!(found[0].state, LeftoverState::InUse, "{name}");
            assert!(!remove_leftover(&found[0]).unwrap());
            drop(carried);
            let found = leftovers(&below).unwrap();
            assert_eq!(found[0].state, LeftoverState::Abandoned, "{name}");
            assert!(remove_leftover(&found[0]).unwrap());
        }
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
