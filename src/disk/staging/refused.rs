//! Entries that the disk refuses: each is left out by itself, and the others are received.

use super::{Mark, Staging, tree};
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::plan::{Decision, DeliveredName, Plan};
use crate::disk::platform;
use crate::disk::refusal::{EntryRefusal, may_concern_one};
use crate::model::{EntryIndex, EntryKind, FailureReason, Manifest, WirePath};
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

/// Most names that are tried before anything is written. A further one that the disk refuses is noticed when it
/// is created.
const NAMES_TRIED: usize = 1000;

impl Staging {
    /// The entries whose names were refused before anything was written, without entries below them.
    pub fn refused_early(&self) -> impl Iterator<Item = EntryIndex> {
        let is_refused = |entry: EntryIndex| {
            let refusal = self.plan.refusal(entry);
            refusal.is_some_and(|refusal| refusal.reason() != FailureReason::LinkOutside)
        };
        let entries = self.manifest.entries().map(|(index, _)| index);
        entries.filter(move |&index| {
            let parent = self.plan.parent(&self.manifest, index);
            is_refused(index) && !parent.is_some_and(is_refused)
        })
    }

    /// Why the disk refuses the entry or a folder above it; `None` if it does not.
    pub(crate) fn refusal(&self, entry: EntryIndex) -> Option<EntryRefusal> {
        match self.marks.has(entry, Mark::Refused) {
            true => self.refusals().get(&entry).copied(),
            false => self.plan.refusal(entry),
        }
    }

    /// Passes on a success. An error that concerns only this entry becomes `None`, and the entry is left out
    /// from now on.
    ///
    /// # Errors
    /// An error that concerns more than the entry.
    pub(super) fn unless_refused<T>(
        &self,
        entry: EntryIndex,
        path: &Path,
        made: Result<T, DiskError>,
    ) -> Result<Option<T>, DiskError> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) if concerns_one(&error, path) => {
                self.refuse(entry, EntryRefusal::of(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn refuse(&self, entry: EntryIndex, refusal: EntryRefusal) {
        self.refusals().insert(entry, refusal);
        self.marks.set(entry, Mark::Refused);
    }

    /// Calls `make` for each needed folder, the outermost first. Entries below a refused folder are refused
    /// with it.
    pub(super) fn for_each_folder(
        &self,
        make: impl Fn(&Path) -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        for (index, entry) in self.manifest.entries() {
            let parent = self.plan.parent(&self.manifest, index);
            if let Some(above) = parent.filter(|&above| self.marks.has(above, Mark::Refused)) {
                if let Some(refusal) = self.refusal(above) {
                    self.refuse(index, refusal);
                }
            } else if entry.kind == EntryKind::Folder && self.plan.is_staged(index) {
                let path = self.staged_path(index)?;
                let made = self.unless_refused(index, &path, make(&path))?;
                if made.is_some() && self.plan.decision(index) == Decision::Identical {
                    self.inherit_group(index, &path);
                }
            }
        }
        Ok(())
    }

    /// Makes new entries in a staged folder get the group that they would get in the folder at the destination.
    fn inherit_group(&self, folder: EntryIndex, path: &Path) {
        let delivered = self
            .plan
            .delivered_path(&self.manifest, folder, DeliveredName::Planned);
        let target = WirePath::parse(&delivered).ok();
        let target = target.and_then(|target| self.destination.disk_path(target).ok());
        // If this user may not set that group, the group of the process stays.
        let _ = target.map(|target| platform::inherit_group(&target, path));
    }

    fn refusals(&self) -> MutexGuard<'_, HashMap<EntryIndex, EntryRefusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error concerns this name alone, because a file of another name can be created beside it.
fn concerns_one(error: &DiskError, path: &Path) -> bool {
    let is_certain = matches!(error.io().kind(), ErrorKind::FileTooLarge)
        || error.kind() == DiskErrorKind::NameCollision;
    is_certain || may_concern_one(error) && path.parent().is_some_and(takes_files)
}

/// Whether a file can be created in the folder, tried with a name that no entry has.
fn takes_files(folder: &Path) -> bool {
    match create_and_remove(&folder.join(".peerbridge-probe")) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::AlreadyExists,
    }
}

fn create_and_remove(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?;
    fs::remove_file(path)
}

/// The entries whose names this disk refuses, found before anything is written: up to [`NAMES_TRIED`] names
/// that some disk is known to refuse are tried in a folder of their own.
///
/// # Errors
/// An error that concerns more than a name.
pub(super) fn refused_names(
    staging: &Path,
    manifest: &Manifest,
    plan: &Plan,
) -> Result<Vec<(EntryIndex, EntryRefusal)>, DiskError> {
    let doubtful = manifest.entries().filter_map(|(index, _)| {
        let name = plan.staged_name(manifest, index);
        (plan.is_needed(index) && is_doubtful(name)).then_some((index, name))
    });
    let doubtful: Vec<_> = doubtful.take(NAMES_TRIED).collect();
    if doubtful.is_empty() {
        return Ok(Vec::new());
    }
    let folder = staging.join("names");
    tree::remove_tree(&folder)?;
    tree::make_new(&folder)?;
    let mut refused = Vec::new();
    for (index, name) in doubtful {
        let Some(name) = platform::name_from_bytes(name) else {
            continue;
        };
        let path = folder.join(name);
        if let Err(error) = create_and_remove(&path).map_err(DiskError::at("create", &path))
            && concerns_one(&error, &path)
        {
            refused.push((index, EntryRefusal::of(&error)));
        }
    }
    tree::remove_tree(&folder)?;
    Ok(refused)
}

/// Whether some disk is known to refuse such a name: Windows does not allow it, or it is too long for eCryptfs.
fn is_doubtful(name: &[u8]) -> bool {
    const ENCRYPTED_NAME_BYTES: usize = 143;
    let is_plain = std::str::from_utf8(name).is_ok_and(platform::windows_can_have);
    !is_plain || name.len() > ENCRYPTED_NAME_BYTES
}
