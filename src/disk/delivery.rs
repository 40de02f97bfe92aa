//! Staged entries into place.
//!
//! 1. Prepare, in staging: every file, link and new folder gets its final form, the deepest first.
//! 2. Move: a folder that is not there yet goes with all it holds in one rename; into folders that are
//!    there, entry by entry. What appeared at the destination since the plan was made is left alone.
//! 3. Settle: times of the folders that were there, and modes that would have hindered the move.
//! 4. Remove the staging folder.
//!
//! Killed anywhere, the same transfer again finds what was moved identical and the rest in staging.

mod mover;
mod prepare;
mod settle;

use crate::disk::destination::Destination;
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::plan::{Decision, IsBeside};
use crate::disk::staging::{Mark, Staging, StagingMode};
use crate::model::{EntryFailure, EntryIndex, EntryKind, FailureReason, Manifest, WirePath};
use std::borrow::Cow;
use std::path::PathBuf;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// It is at the destination now.
    Delivered,
    /// It was there before.
    Identical,
    /// The policy left it out.
    Skipped,
    /// It is not there.
    Failed(FailureReason),
}

/// Is called once for each entry, in the manifest's order, with its result and its path at the destination where
/// that is another than the manifest's.
pub type DeliveryCallback<'a> = dyn FnMut(EntryIndex, DeliveryResult, Option<&[u8]>) + 'a;

/// What a transfer brought to its destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Files delivered; identical ones don't count.
    pub files: u64,
    /// Files that were there already.
    pub same: u64,
    /// Folders created.
    pub folders: u64,
    /// Links made.
    pub links: u64,
    /// Contents of the delivered files, in bytes.
    pub bytes: u64,
    /// Entries that are not there, in manifest order.
    pub failures: Vec<EntryFailure>,
    /// Where the outermost entries are, as absolute paths: those delivered and those that were there.
    pub tops: Vec<PathBuf>,
    /// The staging folder, where it is still there: because entries in it could not be put in their
    /// place, so that the same transfer again need not send them, or because it cannot be removed.
    pub kept: Option<PathBuf>,
}

impl Staging {
    /// Puts everything in its place. The entries in `failed` are left out (with what is below them); all
    /// other parts must be there. Calls `report` once for each entry of the manifest, in its order.
    ///
    /// # Errors
    /// When a needed part is missing, staging fails, or the destination is full or read-only: then
    /// some entries may be delivered, the rest is kept, and the same transfer again goes on from there. What
    /// concerns single entries is told in [`Delivery::failures`].
    pub fn deliver(
        self,
        failed: &[EntryFailure],
        report: &mut DeliveryCallback<'_>,
    ) -> Result<Delivery, DiskError> {
        let mut run = Run::begin(&self, failed)?;
        run.prepare()?;
        run.move_all(report)?;
        run.settle()?;
        let mut delivery = run.summary()?;
        let (path, stays) = (self.path().to_owned(), run.left_behind);
        if stays || self.remove().is_err() {
            delivery.kept = Some(path);
        }
        Ok(delivery)
    }
}

/// One delivery on its way.
struct Run<'a> {
    staging: &'a Staging,
    manifest: &'a Manifest,
    destination: &'a Destination,
    outcomes: Vec<Option<DeliveryResult>>,
    /// Whether something complete could not be moved.
    left_behind: bool,
}

impl<'a> Run<'a> {
    fn begin(staging: &'a Staging, failed: &[EntryFailure]) -> Result<Self, DiskError> {
        let manifest: &Manifest = &staging.manifest;
        let mut outcomes = vec![None; manifest.len()];
        for failure in failed {
            outcomes[failure.entry.get()] = Some(DeliveryResult::Failed(failure.reason));
        }
        for (index, _) in manifest.entries() {
            let parent = staging.plan.parent(manifest, index);
            let above = parent.and_then(|parent| outcomes[parent.get()]);
            outcomes[index.get()] = match (staging.decision(index), above) {
                (Decision::Skip, _) if staging.is_refused(index) => {
                    Some(DeliveryResult::Failed(FailureReason::Differs))
                }
                (Decision::Identical, _) => Some(DeliveryResult::Identical),
                (Decision::Skip, _) => Some(DeliveryResult::Skipped),
                (_, Some(DeliveryResult::Failed(reason))) => Some(DeliveryResult::Failed(reason)),
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

    /// No file may be delivered of which something is missing: that would be a bug of the session.
    fn check_complete(&self) -> Result<(), DiskError> {
        let (layout, present) = (self.staging.layout(), self.staging.present());
        let is_wanted = |entry: EntryIndex| self.is_pending(entry);
        let is_lacking = match layout.total() {
            _ if self.staging.filling == StagingMode::Files => self.lacks_a_file(),
            None => self.manifest.entries().any(|(index, _)| is_wanted(index)),
            Some(_) => present
                .gaps(layout.count())
                .flat_map(|gap| gap.start..gap.start + gap.length)
                .map_while(|number| layout.part(number).ok())
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

    /// Where the entry goes.
    fn target(&self, entry: EntryIndex) -> Result<PathBuf, DiskError> {
        self.with_delivered_path(entry, |path| self.destination.disk_path(path))
    }

    /// The entry's path below the destination, new names included.
    fn delivered_path(&self, entry: EntryIndex) -> Cow<'a, [u8]> {
        let is_beside = self.staging.marks().has(entry, Mark::Differs);
        let plan = &self.staging.plan;
        plan.delivered_path(self.manifest, entry, IsBeside(is_beside))
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
                "a new name in it is no valid one",
            )),
        }
    }

    /// Whether the entry is moved by itself, and not with a folder above it.
    fn is_root(&self, entry: EntryIndex) -> bool {
        let plan = &self.staging.plan;
        let parent = plan.parent(self.manifest, entry);
        parent.is_none_or(|parent| plan.decision(parent) != Decision::Create)
    }

    fn is_pending(&self, entry: EntryIndex) -> bool {
        self.outcomes[entry.get()].is_none()
    }

    fn fail(&mut self, entry: EntryIndex, reason: FailureReason) {
        self.outcomes[entry.get()] = Some(DeliveryResult::Failed(reason));
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
                Some(DeliveryResult::Failed(reason)) => {
                    let failure = EntryFailure {
                        entry: index,
                        reason,
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
