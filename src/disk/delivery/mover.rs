//! Moves entries from staging to the destination.

use super::{DeliveryCallback, DeliveryResult, Run};
use crate::disk::carry::copy_all;
use crate::disk::destination::{Way, is_absent};
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::journal::JournalRecord;
use crate::disk::place::{Moved, move_file_where_free, move_where_free};
use crate::disk::plan::Decision;
use crate::disk::platform;
use crate::disk::refusal::EntryRefusal;
use crate::disk::staging::{Durability, note_copy, remove_any};
use crate::model::{EntryIndex, EntryKind, FailureReason};
use std::fs;
use std::io;
use std::path::Path;

/// Why one entry stays behind, or why the whole delivery ends.
enum Hindrance {
    Entry(EntryRefusal),
    /// The target is on another file system, so a rename is impossible.
    OtherDisk,
    Whole(DiskError),
}

impl From<DiskError> for Hindrance {
    /// A full or read-only disk ends the delivery; any other error concerns this entry only.
    fn from(error: DiskError) -> Self {
        match error.kind() {
            _ if error.io().kind() == io::ErrorKind::CrossesDevices => Hindrance::OtherDisk,
            DiskErrorKind::Full | DiskErrorKind::ReadOnly => Hindrance::Whole(error),
            _ => Hindrance::Entry(EntryRefusal::of(&error)),
        }
    }
}

impl Run<'_> {
    /// Moves in manifest order, but links last: a folder comes before what it holds.
    pub(super) fn move_all(&mut self, report: &mut DeliveryCallback<'_>) -> Result<(), DiskError> {
        self.move_roots(|kind| !matches!(kind, EntryKind::Link(_)))?;
        self.move_roots(|kind| matches!(kind, EntryKind::Link(_)))?;
        for (index, _) in self.manifest.entries() {
            // A pending entry moved with the folder above it, or stayed with it.
            let outcome = self.outcomes[index.get()].or_else(|| {
                let parent = self.staging.plan.parent(self.manifest, index)?;
                self.outcomes[parent.get()]
            });
            let outcome =
                outcome.unwrap_or(DeliveryResult::Failed(FailureReason::NotWritten.into()));
            self.outcomes[index.get()] = Some(outcome);
            let path = self.delivered_path(index);
            let is_there = matches!(
                outcome,
                DeliveryResult::Delivered | DeliveryResult::Identical
            );
            let has_moved = is_there && *path != *self.manifest.entry(index).path.as_bytes();
            report(index, outcome, has_moved.then_some(&path));
        }
        Ok(())
    }

    fn move_roots(&mut self, is_turn: impl Fn(EntryKind<'_>) -> bool) -> Result<(), DiskError> {
        for (index, entry) in self.manifest.entries() {
            if is_turn(entry.kind) && self.is_pending(index) && self.is_root(index) {
                let outcome = match self.move_root(index, entry.kind) {
                    Ok(()) => DeliveryResult::Delivered,
                    Err(Hindrance::Entry(refusal)) => {
                        self.left_behind |= !matches!(entry.kind, EntryKind::Link(_));
                        DeliveryResult::Failed(refusal)
                    }
                    Err(Hindrance::OtherDisk) => {
                        self.left_behind = true;
                        DeliveryResult::Failed(FailureReason::NotWritten.into())
                    }
                    Err(Hindrance::Whole(error)) => return Err(error),
                };
                self.outcomes[index.get()] = Some(outcome);
            }
        }
        Ok(())
    }

    fn move_root(&self, index: EntryIndex, kind: EntryKind<'_>) -> Result<(), Hindrance> {
        let way = self.with_delivered_path(index, |path| self.destination.way_to(path))?;
        if way == Way::Blocked {
            return Err(in_the_way());
        }
        let from = self.staging.staged_path(index)?;
        let to = self.target(index)?;
        let moved = match (self.staging.decision(index), kind) {
            (Decision::Replace, _) => replace(&from, &to),
            (_, EntryKind::File(_)) => place_file(&from, &to),
            (_, EntryKind::Link(_)) => place(&from, &to),
            (_, EntryKind::Folder) => {
                if self.has_late_mode(index) {
                    let journal = &self.staging.journal;
                    journal.append(JournalRecord::FolderCreated(index))?;
                    if self.staging.durability == Durability::Fsync {
                        journal.sync()?;
                    }
                }
                place(&from, &to)
            }
        };
        match moved {
            Err(Hindrance::OtherDisk) => self.carry_over(index, &from, &to),
            other => other,
        }
    }

    /// Delivers an entry below a mount point: copies it beside its final path, and renames the complete copy.
    fn carry_over(&self, index: EntryIndex, from: &Path, to: &Path) -> Result<(), Hindrance> {
        let staging = self.staging.path();
        let beside = self.with_delivered_path(index, |path| note_copy(staging, index, path, to))?;
        // Removes what an interrupted run left.
        remove_any(&beside)?;
        let is_replaced = self.staging.decision(index) == Decision::Replace;
        let is_file = matches!(self.manifest.entry(index).kind, EntryKind::File(_));
        let carried = copy_all(from, &beside)
            .map_err(Hindrance::from)
            .and_then(|_copy| match (is_replaced, is_file) {
                (true, _) => replace(&beside, to),
                (false, true) => place_file(&beside, to),
                (false, false) => place(&beside, to),
            });
        match carried {
            // Anything that remains is removed with the staging folder.
            Ok(()) => Ok(remove_any(from)?),
            Err(error) => {
                // If this fails as well, the first error is the one to report.
                let _ = remove_any(&beside);
                Err(error)
            }
        }
    }
}

/// Renames over the existing entry, unless it has become a folder.
fn replace(from: &Path, to: &Path) -> Result<(), Hindrance> {
    match fs::symlink_metadata(to) {
        Ok(found) if found.is_dir() => Err(in_the_way()),
        Ok(_) => rename(from, to),
        Err(error) if is_absent(&error) => rename(from, to),
        Err(error) => Err(DiskError::at("look up", to)(error).into()),
    }
}

fn place_file(from: &Path, to: &Path) -> Result<(), Hindrance> {
    match move_file_where_free(from, to) {
        // It was moved. The leftover name is removed with the staging folder, or reported with it.
        Ok(Moved::Away | Moved::OldNameStays(_)) => Ok(()),
        Err(error) => Err(not_moved(error, to)),
    }
}

fn place(from: &Path, to: &Path) -> Result<(), Hindrance> {
    move_where_free(from, to).map_err(|error| not_moved(error, to))
}

fn not_moved(error: io::Error, to: &Path) -> Hindrance {
    match error.kind() {
        io::ErrorKind::AlreadyExists => in_the_way(),
        _ => DiskError::at("move into place", to)(error).into(),
    }
}

fn in_the_way() -> Hindrance {
    Hindrance::Entry(FailureReason::InTheWay.into())
}

fn rename(from: &Path, to: &Path) -> Result<(), Hindrance> {
    Ok(platform::rename_over(from, to).map_err(DiskError::at("move into place", to))?)
}
