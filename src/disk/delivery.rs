//! Moves staged entries to their final names.
//!
//! 1. Prepare, in staging: every file, link and new folder gets its final form, the deepest first.
//! 2. Move: a new folder moves with its contents in one rename; into existing folders, entry by entry. Files that
//!    appeared at the destination after the plan was made are left alone.
//! 3. Settle: times of existing folders, and modes that would have prevented the move.
//! 4. Remove the staging folder.
//!
//! After a kill, the same transfer finds moved entries identical and the others in staging.

mod mover;
mod prepare;
mod settle;

use crate::disk::destination::Destination;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::plan::Decision;
use crate::disk::refusal::EntryRefusal;
use crate::disk::staging::{Mark, Staging, StagingMode};
use crate::model::{
    EntryFailure, EntryIndex, EntryKind, FailureReason, Manifest, PartLayout, WirePath,
};
use std::borrow::Cow;
use std::path::PathBuf;

/// The result for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// It was delivered.
    Delivered,
    /// An identical entry was at the destination.
    Identical,
    /// The policy left it out.
    Skipped,
    /// It could not be delivered.
    Failed(EntryRefusal),
}

/// Called once for each entry, in the manifest's order, with the entry's result, and with its path at the
/// destination if that differs from the manifest's.
pub type DeliveryCallback<'a> = dyn FnMut(EntryIndex, DeliveryResult, Option<&[u8]>) + 'a;

/// Everything that a transfer delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Files delivered; identical ones don't count.
    pub files: u64,
    /// Identical files that were at the destination.
    pub same: u64,
    /// Folders created.
    pub folders: u64,
    /// Links made.
    pub links: u64,
    /// Contents of the delivered files, in bytes.
    pub bytes: u64,
    /// Entries that could not be delivered, in manifest order.
    pub failures: Vec<EntryFailure>,
    /// Absolute paths of the outermost entries, delivered or identical.
    pub tops: Vec<PathBuf>,
    /// The staging folder, if it still exists: either it holds entries that could not be moved, so that the
    /// same transfer need not send them again, or it could not be removed.
    pub kept: Option<PathBuf>,
    /// Whether the disk keeps no modification times.
    pub loses_times: bool,
    /// Whether the disk keeps no permissions.
    pub loses_modes: bool,
}

impl Staging {
    /// Moves everything to its final name. The entries in `failed`, and entries below them, are left out; all
    /// other parts must be present. Calls `report` once for each entry of the manifest, in its order.
    ///
    /// # Errors
    /// A needed part is missing, staging fails, or the destination is full or read-only. Some entries may have
    /// been delivered; the others are kept, and the same transfer resumes from them. Failures of single entries
    /// are in [`Delivery::failures`].
    pub fn deliver(
        self,
        failed: &[EntryFailure],
        report: &mut DeliveryCallback<'_>,
    ) -> Result<Delivery, DiskError> {
        self.make_folders()?;
        let mut run = Run::begin(&self, failed)?;
        run.prepare()?;
        run.move_all(report)?;
        run.settle()?;
        let mut delivery = run.summary()?;
        delivery.loses_times = self.loses_times();
        delivery.loses_modes = self.loses_modes();
        let (path, stays) = (self.path().to_owned(), run.left_behind);
        if stays || self.remove().is_err() {
            delivery.kept = Some(path);
        }
        Ok(delivery)
    }
}

/// A delivery in progress.
struct Run<'a> {
    staging: &'a Staging,
    manifest: &'a Manifest,
    destination: &'a Destination,
    outcomes: Vec<Option<DeliveryResult>>,
    /// Whether a complete entry could not be moved.
    left_behind: bool,
}

impl<'a> Run<'a> {
    fn begin(staging: &'a Staging, failed: &[EntryFailure]) -> Result<Self, DiskError> {
        let manifest: &Manifest = &staging.manifest;
        let mut outcomes = vec![None; manifest.len()];
        for failure in failed {
            outcomes[failure.entry.get()] = Some(DeliveryResult::Failed(failure.reason.into()));
        }
        for (index, _) in manifest.entries() {
            let parent = staging.plan.parent(manifest, index);
            let above = parent.and_then(|parent| outcomes[parent.get()]);
            outcomes[index.get()] = match (staging.decision(index), above) {
                (Decision::Skip, _) if staging.is_refused(index) => {
                    Some(DeliveryResult::Failed(FailureReason::Differs.into()))
                }
                (Decision::Identical, _) => Some(DeliveryResult::Identical),
                (Decision::Skip, _) => Some(match staging.refusal(index) {
                    Some(refusal) => DeliveryResult::Failed(refusal),
                    None => DeliveryResult::Skipped,
                }),
                (_, Some(DeliveryResult::Failed(above))) => Some(DeliveryResult::Failed(above)),
                _ => outcomes[index.get()],
            };
        }
        let run = Run {
            destination: &staging.destination,
            staging,
            manifest,
            outcomes,
            left_behind: false,
        };
        run.check_complete()?;
        Ok(run)
    }

    /// Refuses to deliver a file with a missing part, which would be a bug of the session.
    fn check_complete(&self) -> Result<(), DiskError> {
        let (layout, present) = (self.staging.layout(), self.staging.present());
        let is_wanted = |entry: EntryIndex| self.is_pending(entry);
        let is_lacking = match layout.total() {
            _ if self.staging.filling == StagingMode::Files => self.lacks_a_file(),
            None => self.manifest.entries().any(|(index, _)| is_wanted(index)),
            Some(_) => present
                .gaps(layout.count())
                .flat_map(|gap| layout.run(gap))
                .flat_map(PartLayout::each)
                .flat_map(|part| layout.segments(self.manifest, part))
                .any(|segment| is_wanted(segment.entry)),
        };
        if is_lacking {
            let path = self.staging.path();
            let why = "parts are missing";
            return Err(DiskError::refused(
                DiskErrorKind::Other,
                "deliver",
                path,
                why,
            ));
        }
        Ok(())
    }

    fn lacks_a_file(&self) -> bool {
        self.manifest.entries().any(|(index, entry)| {
            matches!(entry.kind, EntryKind::File(_))
                && self.is_pending(index)
                && !self.staging.marks().has(index, Mark::Whole)
        })
    }

    /// The entry's final path on disk.
    fn target(&self, entry: EntryIndex) -> Result<PathBuf, DiskError> {
        self.with_delivered_path(entry, |path| self.destination.disk_path(path))
    }

    /// The entry's path below the destination, new names included.
    fn delivered_path(&self, entry: EntryIndex) -> Cow<'a, [u8]> {
        let name = self.staging.delivered_name(entry);
        let plan = &self.staging.plan;
        plan.delivered_path(self.manifest, entry, name)
    }

    fn with_delivered_path<T>(
        &self,
        entry: EntryIndex,
        act: impl FnOnce(WirePath<'_>) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        let bytes = self.delivered_path(entry);
        match WirePath::parse(&bytes) {
            Ok(path) => act(path),
            Err(_) => Err(DiskError::refused(
                DiskErrorKind::Name,
                "name",
                self.destination.path(),
                "a new name in it is not valid",
            )),
        }
    }

    /// Whether the entry is moved on its own, not with a folder above it.
    fn is_root(&self, entry: EntryIndex) -> bool {
        let plan = &self.staging.plan;
        let parent = plan.parent(self.manifest, entry);
        parent.is_none_or(|parent| plan.decision(parent) != Decision::Create)
    }

    fn is_pending(&self, entry: EntryIndex) -> bool {
        self.outcomes[entry.get()].is_none()
    }

    fn fail(&mut self, entry: EntryIndex, refusal: EntryRefusal) {
        self.outcomes[entry.get()] = Some(DeliveryResult::Failed(refusal));
    }

    fn summary(&self) -> Result<Delivery, DiskError> {
        let mut delivery = Delivery::default();
        for (index, entry) in self.manifest.entries() {
            match self.outcomes[index.get()] {
                Some(DeliveryResult::Delivered) => match entry.kind {
                    EntryKind::File(_) => {
                        delivery.files += 1;
                        delivery.bytes += self.staging.size_of(index);
                    }
                    EntryKind::Folder => delivery.folders += 1,
                    EntryKind::Link(_) => delivery.links += 1,
                },
                Some(DeliveryResult::Failed(refusal)) => {
                    let failure = EntryFailure {
                        entry: index,
                        reason: refusal.reason(),
                    };
                    delivery.failures.push(failure);
                    continue;
                }
                Some(DeliveryResult::Identical) => {
                    delivery.same += u64::from(matches!(entry.kind, EntryKind::File(_)));
                }
                Some(DeliveryResult::Skipped) | None => continue,
            }
            if entry.path.depth() == 0 {
                delivery.tops.push(self.target(index)?);
            }
        }
        Ok(delivery)
    }
}

#[cfg(test)]
mod tests;
