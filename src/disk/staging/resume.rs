//! Takes over the data of an earlier run. This does not read the data, which is only a claim until it was
//! compared.

use super::{Mark, Staging, tree};
use crate::disk::error::DiskError;
use crate::disk::journal::Recorded;
use crate::disk::platform;
use crate::model::{EntryKind, PartIndex, PartSet};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

/// Takes over recorded parts that may be correct. A new transfer has none.
pub(super) fn take_over(staging: &mut Staging, recorded: &Recorded) -> Result<(), DiskError> {
    if *recorded == Recorded::default() {
        return Ok(());
    }
    tree::make_usable(&staging.tree)?;
    let made = DistinctFolders::default();
    staging.for_each_folder(|path| made.make(path))?;
    staging.has_folders = Mutex::new(true);
    let folders = recorded.folders.iter();
    staging.created_folders = folders
        .filter_map(|&number| staging.manifest.index(usize::try_from(number).ok()?))
        .collect();
    let parts = recorded_parts(staging, recorded);
    mark_files_of(staging, &parts);
    prepare_marked(staging)?;
    remove_unmarked(staging)?;
    let mut present = PartSet::new();
    for &part in &parts {
        present.insert(part);
    }
    staging.has_earlier_parts = !parts.is_empty();
    staging.progress().recorded = present;
    Ok(())
}

/// Folders that were created or found, the outermost first.
#[derive(Default)]
struct DistinctFolders(RefCell<HashSet<(u64, u64)>>);

impl DistinctFolders {
    /// Makes a folder usable, unless the same folder was made before under another name.
    fn make(&self, path: &Path) -> Result<(), DiskError> {
        tree::make_usable(path)?;
        let found = fs::symlink_metadata(path).map_err(DiskError::at("look up", path))?;
        let identity = platform::identity_at(path, &found);
        let identity = identity.map_err(DiskError::at("look up", path))?;
        match self.0.borrow_mut().insert(identity) {
            true => Ok(()),
            false => Err(tree::collision(path)),
        }
    }
}

/// The recorded parts that exist and hold needed bytes.
fn recorded_parts(staging: &Staging, recorded: &Recorded) -> Vec<PartIndex> {
    let layout = staging.layout();
    let unneeded = staging.present();
    let parts = recorded.parts.iter();
    parts
        .filter_map(|&number| layout.part(number).ok())
        .filter(|part| !unneeded.contains(*part))
        .collect()
}

fn mark_files_of(staging: &Staging, parts: &[PartIndex]) {
    let layout = staging.layout();
    for &part in parts {
        for segment in layout.segments(&staging.manifest, part) {
            if staging.plan.is_needed(segment.entry) {
                staging.marks.set(segment.entry, Mark::There);
            }
        }
    }
}

/// Removes needed files without a recorded part, and links that an earlier run made and this run leaves out.
fn remove_unmarked(staging: &Staging) -> Result<(), DiskError> {
    for (index, entry) in staging.manifest.entries() {
        let is_wanted = entry.kind != EntryKind::Folder && staging.plan.concerns(index);
        if is_wanted && !staging.marks.has(index, Mark::There) {
            tree::remove_if_there(&staging.staged_path(index)?)?;
        }
        let is_link = matches!(entry.kind, EntryKind::Link(_));
        // A name that this disk does not allow has no path.
        if is_link
            && staging.plan.refusal(index).is_some()
            && let Ok(path) = staging.staged_path(index)
        {
            tree::remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Makes files readable and writable that got their final modes in an interrupted delivery. A file with a
/// second name has been delivered and must not be written to; a file of the wrong length or kind cannot be
/// compared. Both lose their mark.
fn prepare_marked(staging: &Staging) -> Result<(), DiskError> {
    for (index, _) in staging.manifest.entries() {
        if !staging.marks.has(index, Mark::There) {
            continue;
        }
        let path = staging.staged_path(index)?;
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                staging.marks.unset(index, Mark::There);
                continue;
            }
            Err(error) => return Err(DiskError::at("look up", &path)(error)),
        };
        let is_ours = found.is_file()
            && found.len() == staging.size_of(index)
            && platform::names_of(&path, &found).map_err(DiskError::at("look up", &path))? == 1;
        let bits = platform::mode_of(&found).bits();
        if !is_ours {
            staging.marks.unset(index, Mark::There);
        } else if bits & 0o600 != 0o600 {
            match platform::set_mode(&path, bits | 0o600) {
                Err(error) if platform::is_not_supported(&error) => {}
                other => other.map_err(DiskError::at("make writable", &path))?,
            }
        }
    }
    Ok(())
}
