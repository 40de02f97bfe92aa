//! Work that must wait until everything is in its place.

use super::{DeliveryResult, Run};
use crate::disk::destination::Way;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::plan::Decision;
use crate::disk::platform;
use crate::disk::staging::Durability;
use crate::model::{EntryIndex, EntryKind};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

impl Run<'_> {
    /// Sets times of existing and moved folders, the deepest first, because each change in a folder changes its
    /// time; then the modes that were put off.
    pub(super) fn settle(&self) -> Result<(), DiskError> {
        for (index, entry) in self.manifest.entries() {
            let is_delivered = self.outcomes[index.get()] == Some(DeliveryResult::Delivered);
            let is_file = matches!(entry.kind, EntryKind::File(_));
            if is_file && is_delivered && self.has_mode_after_move(index) {
                self.set_file_mode(index, &self.target(index)?)?;
            }
        }
        for (index, entry) in self.manifest.entries().rev() {
            if entry.kind == EntryKind::Folder && self.is_settled_here(index) {
                self.settle_folder(index)?;
            }
        }
        if self.staging.durability == Durability::Fsync {
            for folder in self.destination.created_chain() {
                sync_folder(folder)?;
            }
            self.sync_what_was_there()?;
        }
        Ok(())
    }

    /// Syncs identical files as well: a killed run, or one without syncing, may have delivered them a moment
    /// ago.
    fn sync_what_was_there(&self) -> Result<(), DiskError> {
        for (index, entry) in self.manifest.entries() {
            let is_file = matches!(entry.kind, EntryKind::File(_));
            if is_file && self.outcomes[index.get()] == Some(DeliveryResult::Identical) {
                let path = self.target(index)?;
                platform::open_to_sync(&path)
                    .and_then(|file| platform::sync(&file))
                    .map_err(DiskError::at("sync", &path))?;
            }
        }
        Ok(())
    }

    /// Folders within one that was moved were settled in staging.
    fn is_settled_here(&self, folder: EntryIndex) -> bool {
        match self.outcomes[folder.get()] {
            Some(DeliveryResult::Delivered) => self.is_root(folder),
            Some(DeliveryResult::Identical) => true,
            _ => false,
        }
    }

    fn settle_folder(&self, index: EntryIndex) -> Result<(), DiskError> {
        let path = self.target(index)?;
        let is_ours = self.staging.decision(index) == Decision::Create
            || self.staging.created_folders.contains(&index);
        // Only its owner may set the time of an existing folder.
        let is_foreign = |error: &DiskError| error.kind() == DiskErrorKind::Permission && !is_ours;
        let is_promised = self.staging.durability == Durability::Fsync;
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(DiskError::at("look up", &path)),
        };
        let found = match found {
            Err(error) if is_foreign(&error) && !is_promised => return Ok(()),
            other => other?,
        };
        if !found.is_dir() {
            // Somebody put a link there. Its target must not be changed.
            return Ok(());
        }
        let needs_nothing = platform::mtime_of(&found) == self.manifest.entry(index).mtime
            && self.staging.durability == Durability::Normal
            && !(is_ours && self.has_late_mode(index));
        if needs_nothing
            || self.with_delivered_path(index, |path| self.destination.way_to(path))?
                == Way::Blocked
        {
            return Ok(());
        }
        let opened = platform::open_folder(&path).map_err(DiskError::at("open folder", &path));
        let folder = match opened {
            Err(error) if is_foreign(&error) && !is_promised => return Ok(()),
            other => other?,
        };
        let mtime = self.manifest.entry(index).mtime;
        match self.staging.set_time(&folder, mtime, &path) {
            Err(error) if is_foreign(&error) => {}
            other => other?,
        }
        if is_ours && self.has_late_mode(index) {
            self.set_folder_mode(index, &path)?;
        }
        if is_promised {
            platform::sync_folder(&folder).map_err(DiskError::at("sync", &path))?;
        }
        Ok(())
    }
}

fn sync_folder(path: &Path) -> Result<(), DiskError> {
    let folder = platform::open_folder(path).map_err(DiskError::at("open folder", path))?;
    platform::sync_folder(&folder).map_err(DiskError::at("sync", path))
}
