//! Parts that may be present before anything is sent: an earlier run left them in the staging folder, or older
//! files have them at the same offset. Each is a claim, and counts as present only after its contents were
//! compared.

use super::{Mark, Staging, StagingProgress};
use crate::disk::destination::Destination;
use crate::disk::error::DiskError;
use crate::disk::journal::{self, Recorded};
use crate::disk::plan::{Decision, DeliveredName, Plan};
use crate::model::{
    EntryIndex, Manifest, PartIndex, PartLayout, PartSet, Segment, TransferId, limits,
};

/// Shortest piece of an old file that is claimed, in bytes. With shorter pieces, a sender could check guesses
/// at a few bytes of a private file.
const OLD_PIECE_BYTES_MIN: usize = 64 * 1024;

/// Approximate number of parts of a transfer that compares old files.
const PARTS_TO_COMPARE: u64 = 16384;

/// Smallest part of a transfer that compares old files, in bytes.
const COMPARED_PART_BYTES_MIN: u64 = 128 * 1024;

/// Where a piece of a file may already exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceSource {
    /// In the staging folder.
    Staged,
    /// In an old file at the destination, by its number.
    Old(usize),
}

/// Facts about a transfer before its parts are compared.
#[derive(Clone, Copy)]
pub(super) struct Guesses<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) plan: &'a Plan,
    pub(super) layout: PartLayout,
    /// Parts that need neither be sent nor compared.
    pub(super) present: &'a PartSet,
    /// Parts in the staging folder, according to the journal.
    pub(super) recorded: &'a PartSet,
}

impl Guesses<'_> {
    /// The parts whose pieces may all exist here, as far as they are or may be needed; up to the limit of
    /// claims.
    pub(super) fn claims(&self, is_staged: impl Fn(EntryIndex) -> bool) -> PartSet {
        let mut claims = PartSet::new();
        if self.layout.total().is_none() {
            return claims;
        }
        let mut pieces = 0;
        for part in self.candidates().parts(self.layout) {
            if self.present.contains(part) {
                continue;
            }
            let Some(count) = self.claimed_pieces(part, &is_staged) else {
                continue;
            };
            pieces += count;
            if pieces > limits::CLAIMED_PIECES {
                return claims;
            }
            claims.insert(part);
        }
        claims
    }

    /// The parts of which this disk has something. Every claim is one of these, so claims cost what is here and not
    /// what is offered.
    fn candidates(&self) -> PartSet {
        let over_old_files = self.plan.parts_over_old_files(self.manifest, &self.layout);
        self.recorded.union(&over_old_files)
    }

    /// Number of pieces in the part; `None` if one of them certainly does not exist here.
    fn claimed_pieces(
        &self,
        part: PartIndex,
        is_staged: impl Fn(EntryIndex) -> bool,
    ) -> Option<u64> {
        let is_recorded = self.recorded.contains(part);
        let mut count = 0;
        for segment in self.layout.segments(self.manifest, part) {
            let is_here = match self.plan.decision(segment.entry) {
                Decision::Identical | Decision::Skip | Decision::Compare => true,
                Decision::Create | Decision::Replace => {
                    (is_recorded && is_staged(segment.entry)) || self.is_in_old_file(&segment)
                }
            };
            if !is_here {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    fn is_in_old_file(&self, segment: &Segment) -> bool {
        let end = segment.file_offset + segment.length as u64;
        let basis = self.plan.basis(segment.entry, 0);
        segment.length >= OLD_PIECE_BYTES_MIN && basis.is_some_and(|basis| end <= basis.length())
    }
}

/// The part size of a transfer, in bytes. It is small if most needed bytes may be in old files, so that
/// scattered changes cost little. If most bytes are new, smaller parts would only need more keys.
pub(super) fn part_size(manifest: &Manifest, plan: &Plan, proposed: u32) -> u32 {
    let Some(total) = manifest.total() else {
        return proposed;
    };
    if plan.bytes_in_bases(manifest) * 2 < plan.needed_bytes(manifest).max(1) {
        return proposed;
    }
    let share = total.div_ceil(PARTS_TO_COMPARE).next_power_of_two();
    let share = share.max(COMPARED_PART_BYTES_MIN);
    u32::try_from(share).map_or(proposed, |share| share.min(proposed))
}

impl Staging {
    /// The claimed parts: an earlier run recorded them, or older files may have the same bytes.
    pub fn claims(&self) -> PartSet {
        let progress = self.progress();
        let guesses = Guesses {
            manifest: &self.manifest,
            plan: &self.plan,
            layout: progress.layout,
            present: &progress.present,
            recorded: &progress.recorded,
        };
        guesses.claims(|entry| self.marks.has(entry, Mark::There))
    }

    /// Bytes that remain to be written: those of parts that are neither present nor claimed from staging.
    pub fn bytes_to_write(&self) -> Option<u64> {
        let progress = self.progress();
        let staged = progress.present.union(&progress.recorded);
        Some(progress.layout.total()? - progress.layout.bytes_of(staged.ranges()))
    }

    /// The decision for the entry as known so far: a compared file counts as identical until it turns out to
    /// differ.
    pub(crate) fn decision(&self, entry: EntryIndex) -> Decision {
        match self.plan.decision(entry) {
            Decision::Compare if self.marks.has(entry, Mark::Refused) => Decision::Skip,
            Decision::Compare if self.marks.has(entry, Mark::Differs) => self.plan.if_different(),
            Decision::Compare => Decision::Identical,
            _ if self.marks.has(entry, Mark::Refused) => Decision::Skip,
            other => other,
        }
    }

    /// Whether the entry will be delivered, as known so far.
    pub(crate) fn is_needed(&self, entry: EntryIndex) -> bool {
        matches!(self.decision(entry), Decision::Create | Decision::Replace)
    }

    /// Whether the entry is a file that was compared and differs, under a policy by which that is a failure.
    pub(crate) fn is_refused(&self, entry: EntryIndex) -> bool {
        self.plan.fails_when_in_the_way() && self.marks.has(entry, Mark::Differs)
    }

    /// Notes that a file differs from its old file with this number. Returns whether it will be compared with
    /// another old file. If so, or if the file is now needed, parts with bytes of this file no longer count as
    /// present, because those bytes are only in the old file.
    pub(super) fn note_different(&self, entry: EntryIndex, number: usize) -> bool {
        let mut progress = self.progress();
        if self.marks.has(entry, Mark::Differs) {
            return false;
        }
        if progress.old_file(entry) != number {
            // Another thread has noted it already.
            return true;
        }
        let has_next = self.plan.basis(entry, number + 1).is_some();
        if has_next {
            progress.old_files.insert(entry, number + 1);
        } else {
            self.marks.set(entry, Mark::Differs);
        }
        if !has_next && !self.is_needed(entry) {
            return false;
        }
        let layout = progress.layout;
        let parts = layout.holding(self.manifest.stream_range(entry));
        for part in parts.into_iter().flat_map(PartLayout::each) {
            if progress.present.remove(part) || progress.writing.contains(&part) {
                progress.unsettled.insert(part);
            }
        }
        has_next
    }

    /// The number of the old file with which the entry is compared.
    pub(super) fn old_file(&self, entry: EntryIndex) -> usize {
        self.progress().old_file(entry)
    }

    /// The name of the entry at the destination, as known so far.
    pub(in crate::disk) fn delivered_name(&self, entry: EntryIndex) -> DeliveredName {
        match self.plan.decision(entry) {
            Decision::Compare if self.marks.has(entry, Mark::Differs) => DeliveredName::Beside,
            Decision::Compare => DeliveredName::Old(self.old_file(entry)),
            _ => DeliveredName::Planned,
        }
    }

    /// The parts that stopped counting as present since the last call, because a file in them turned out to
    /// differ from the old one. Unless they are compared again, they count as missing.
    pub fn take_unsettled(&self) -> PartSet {
        std::mem::take(&mut self.progress().unsettled)
    }

    /// Where the piece may exist; `None` if its bytes are not needed.
    pub(super) fn source_of(&self, segment: &Segment, is_recorded: bool) -> Option<PieceSource> {
        match (
            self.plan.decision(segment.entry),
            self.decision(segment.entry),
        ) {
            (_, Decision::Skip) => None,
            (Decision::Compare, _) => Some(PieceSource::Old(self.old_file(segment.entry))),
            (Decision::Create | Decision::Replace, _) => Some(match is_recorded {
                true if self.marks.has(segment.entry, Mark::There) => PieceSource::Staged,
                _ => PieceSource::Old(0),
            }),
            (Decision::Identical | Decision::Skip, _) => None,
        }
    }
}

impl StagingProgress {
    fn old_file(&self, entry: EntryIndex) -> usize {
        self.old_files.get(&entry).copied().unwrap_or(0)
    }

    /// Notes that the part is present, unless a file in it turned out to differ while it was written.
    pub(super) fn arrived(&mut self, part: PartIndex) {
        if !self.unsettled.contains(part) {
            self.present.insert(part);
        }
    }
}

/// The state that a transfer would find at the destination, without creating or locking anything.
#[derive(Clone, Debug)]
pub struct Preview {
    /// How the stream would be cut into parts.
    pub layout: PartLayout,
    /// The unneeded parts.
    pub present: PartSet,
    /// The parts that may be present.
    pub claims: PartSet,
}

impl Preview {
    /// Looks at the destination and the staging folder.
    ///
    /// # Errors
    /// A part size out of bounds.
    pub fn of(
        destination: &Destination,
        id: TransferId,
        manifest: &Manifest,
        plan: &Plan,
        proposed_part_size: u32,
    ) -> Result<Preview, DiskError> {
        let path = super::staging_path(destination, id, plan);
        let recorded = match manifest.total() {
            Some(_) => journal::peek(&path.join("journal"), id).unwrap_or_default(),
            None => Recorded::default(),
        };
        let own = part_size(manifest, plan, proposed_part_size);
        let size = match recorded.part_size {
            0 => own,
            earlier => earlier,
        };
        let layout = super::layout_of(manifest, size)
            .or_else(|_| super::layout_of(manifest, own))
            .map_err(|fault| super::bad_part_size(&path, fault))?;
        let present = plan.unneeded_parts(manifest, &layout);
        let mut staged = PartSet::new();
        for part in recorded
            .parts
            .iter()
            .filter_map(|&number| layout.part(number).ok())
        {
            staged.insert(part);
        }
        let guesses = Guesses {
            manifest,
            plan,
            layout,
            present: &present,
            recorded: &staged,
        };
        let claims = guesses.claims(|_| true);
        Ok(Preview {
            layout,
            present,
            claims,
        })
    }
}

#[cfg(test)]
mod tests;
