//! Gives all entries their final form while they are in staging.

use super::Run;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::platform;
use crate::disk::refusal::EntryRefusal;
use crate::disk::staging::{Durability, Mark, remove_if_there, remove_tree};
use crate::model::{EntryIndex, EntryKind, FailureReason, LinkTarget};
use std::fs::OpenOptions;
use std::path::Path;

impl Run<'_> {
    pub(super) fn prepare(&mut self) -> Result<(), DiskError> {
        let manifest = self.manifest;
        for (index, entry) in manifest.entries() {
            if matches!(entry.kind, EntryKind::File(_)) && self.staging.is_needed(index) {
                self.prepare_file(index)?;
            }
        }
        for (index, entry) in manifest.entries() {
            if let EntryKind::Link(target) = entry.kind
                && self.is_pending(index)
            {
                self.prepare_link(index, target)?;
            }
        }
        // Backwards, children come before their folder, whose time they would change.
        for (index, entry) in manifest.entries().rev() {
            if entry.kind == EntryKind::Folder && self.staging.is_needed(index) {
                self.prepare_folder(index)?;
            }
        }
        if self.staging.durability == Durability::Fsync {
            self.staging.journal.sync()?;
        }
        Ok(())
    }

    /// A failed entry must not move along with the folder above it.
    fn prepare_file(&mut self, index: EntryIndex) -> Result<(), DiskError> {
        let staging = self.staging;
        if !self.is_pending(index) {
            if staging.marks().has(index, Mark::There) {
                remove_if_there(&staging.staged_path(index)?)?;
            }
            return Ok(());
        }
        if !staging.marks().has(index, Mark::There) {
            staging.write_whole(index, &[])?;
            if let Some(refusal) = staging.refusal(index) {
                self.fail(index, refusal);
                return Ok(());
            }
        }
        if staging.marks().has(index, Mark::Finished) {
            return Ok(());
        }
        self.finish_file(index, &staging.staged_path(index)?)
    }

    fn finish_file(&self, index: EntryIndex, path: &Path) -> Result<(), DiskError> {
        let entry = self.manifest.entry(index);
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(DiskError::at("open", path))?;
        self.staging.set_time(&file, entry.mtime, path)?;
        if !self.has_mode_after_move(index) {
            self.set_file_mode(index, path)?;
        }
        if self.staging.durability == Durability::Fsync {
            platform::sync(&file).map_err(DiskError::at("sync", path))?;
        }
        Ok(())
    }

    fn prepare_link(&mut self, index: EntryIndex, target: LinkTarget<'_>) -> Result<(), DiskError> {
        let Some(text) = platform::link_text_from_bytes(target.as_bytes()) else {
            self.fail(index, FailureReason::NotWritten.into());
            return Ok(());
        };
        let path = self.staging.staged_path(index)?;
        match platform::make_link(&text, &path, &self.target(index)?) {
            Ok(()) => {
                let mtime = self.manifest.entry(index).mtime;
                match platform::set_link_time(&path, mtime) {
                    // Some file systems keep no times of links, and the link itself is complete.
                    Err(error) if platform::is_not_supported(&error) => Ok(()),
                    set => set.map_err(DiskError::at("set time of", &path)),
                }
            }
            Err(error) => {
                let error = DiskError::at("create link", &path)(error);
                match error.kind() {
                    DiskErrorKind::Full | DiskErrorKind::ReadOnly => Err(error),
                    // Some systems and file systems have no links, or allow them to some users only.
                    _ => {
                        self.fail(index, EntryRefusal::of_link(&error));
                        Ok(())
                    }
                }
            }
        }
    }

    fn prepare_folder(&mut self, index: EntryIndex) -> Result<(), DiskError> {
        let path = self.staging.staged_path(index)?;
        if !self.is_pending(index) {
            return remove_tree(&path);
        }
        let folder = platform::open_folder(&path).map_err(DiskError::at("open folder", &path))?;
        let entry = self.manifest.entry(index);
        self.staging.set_time(&folder, entry.mtime, &path)?;
        if !self.has_late_mode(index) {
            self.set_folder_mode(index, &path)?;
        }
        if self.staging.durability == Durability::Fsync {
            platform::sync_folder(&folder).map_err(DiskError::at("sync", &path))?;
        }
        Ok(())
    }

    /// Whether a folder gets its mode only after the move: its owner cannot move a folder without write
    /// permission, and cannot set the time of a folder without read permission.
    pub(super) fn has_late_mode(&self, folder: EntryIndex) -> bool {
        self.final_mode(folder) & 0o600 != 0o600 && self.is_root(folder)
    }

    pub(super) fn set_folder_mode(&self, index: EntryIndex, path: &Path) -> Result<(), DiskError> {
        let set = platform::set_folder_mode(path, self.final_mode(index));
        self.staging.unless_modes_are_refused(set, path)
    }

    /// Whether a file gets its mode only after the move.
    pub(super) fn has_mode_after_move(&self, file: EntryIndex) -> bool {
        platform::mode_hinders_moving(self.final_mode(file))
    }

    pub(super) fn set_file_mode(&self, index: EntryIndex, path: &Path) -> Result<(), DiskError> {
        let set = platform::set_mode(path, self.final_mode(index));
        self.staging.unless_modes_are_refused(set, path)
    }

    /// The manifest's mode less the umask.
    fn final_mode(&self, index: EntryIndex) -> u32 {
        self.manifest.entry(index).mode.bits() & !self.staging.umask
    }
}
