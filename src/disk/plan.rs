//! Decides what happens to each entry of an offer before anything is created.

mod compare;
mod decider;
mod error;
pub(super) mod free_name;
mod portable;
mod rules;

use crate::disk::basis::Basis;
use crate::disk::refusal::EntryRefusal;
use crate::model::{EntryIndex, Existing, Manifest, PartLayout, PartRange, PartSet};
use std::borrow::Cow;
use std::collections::HashMap;

pub use error::PlanError;
pub use rules::{NameRule, PlanRules, SameFiles};

/// The parent of an entry at the top.
const NO_PARENT: u32 = u32::MAX;

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does not exist and will be delivered, under its own name or a free one.
    Create,
    /// It will replace an existing entry, once it is complete.
    Replace,
    /// It exists: a file of the same size and mtime, a link with the same target, or a folder.
    Identical,
    /// A file of the same size and mtime exists, and its contents will be compared.
    Compare,
    /// It is left out, because the policy or the disk refuses it or a folder above it.
    Skip,
}

/// The decision for each entry of a manifest: 8 bytes an entry, plus new names and old files.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    existing: Existing,
    verdicts: Vec<EntryVerdict>,
    parents: Vec<u32>,
    renames: HashMap<usize, Box<[u8]>>,
    /// New names that every disk can store, used in staging and after delivery.
    portable: HashMap<usize, Box<[u8]>>,
    /// New names for compared files, in case they differ.
    names_beside: HashMap<usize, Box<[u8]>>,
    /// The old files of entries that are replaced or compared, in the order in which they are tried.
    old_files: HashMap<usize, Vec<OldFile>>,
    /// The entries that the disk refuses, and why.
    refusals: HashMap<usize, EntryRefusal>,
}

/// An existing file that may have the offered contents.
#[derive(Clone, Debug)]
struct OldFile {
    /// Its name, if it differs from the entry's.
    name: Option<Box<[u8]>>,
    basis: Basis,
}

/// Which of its possible names an entry has at the destination.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeliveredName {
    /// Its own name, or the new one from the policy.
    Planned,
    /// A new name beside the old files: the entry was compared with them and differs from all.
    Beside,
    /// The name of the old file with this number.
    Old(usize),
}

#[derive(Clone, Copy, Debug)]
struct EntryVerdict {
    decision: Decision,
    staged: bool,
}

impl Plan {
    /// The plan of a manifest of one file that is staged and never delivered.
    pub fn of_one_file() -> Plan {
        Plan {
            verdicts: vec![EntryVerdict {
                decision: Decision::Create,
                staged: true,
            }],
            parents: vec![NO_PARENT],
            ..Plan::default()
        }
    }

    /// The decision for the entry.
    ///
    /// # Panics
    /// If the index comes from another, longer manifest, which is a bug.
    pub fn decision(&self, entry: EntryIndex) -> Decision {
        self.verdicts[entry.get()].decision
    }

    /// Whether the entry will be delivered, so that its contents are needed.
    pub fn is_needed(&self, entry: EntryIndex) -> bool {
        matches!(self.decision(entry), Decision::Create | Decision::Replace)
    }

    /// Whether the entry will or may be delivered.
    pub(super) fn concerns(&self, entry: EntryIndex) -> bool {
        self.is_needed(entry) || self.decision(entry) == Decision::Compare
    }

    /// The decision for a file that was compared and differs: replaced, created beside the old one, or skipped.
    pub(super) fn if_different(&self) -> Decision {
        match self.existing {
            Existing::Overwrite | Existing::Newer => Decision::Replace,
            Existing::Rename => Decision::Create,
            Existing::Skip | Existing::Fail => Decision::Skip,
        }
    }

    /// The entry's name while it is staged.
    pub(super) fn staged_name<'a>(&'a self, manifest: &'a Manifest, entry: EntryIndex) -> &'a [u8] {
        let path = manifest.entry(entry).path.as_bytes();
        let own = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        self.portable.get(&entry.get()).map_or(own, |name| name)
    }

    /// The entry's path below the staging tree.
    pub(super) fn staged_path<'a>(
        &self,
        manifest: &'a Manifest,
        entry: EntryIndex,
    ) -> Cow<'a, [u8]> {
        match self.portable.is_empty() {
            true => Cow::Borrowed(manifest.entry(entry).path.as_bytes()),
            false => self.path_with(manifest, entry, |index| self.portable.get(&index)),
        }
    }

    /// Whether entries are staged under other names than their own.
    pub(super) fn has_portable_names(&self) -> bool {
        !self.portable.is_empty()
    }

    /// Leaves out entries that the disk refuses, with everything below them.
    pub(super) fn leave_out(
        &mut self,
        manifest: &Manifest,
        refused: Vec<(EntryIndex, EntryRefusal)>,
    ) {
        if refused.is_empty() {
            return;
        }
        self.refusals.extend(
            refused
                .iter()
                .map(|(index, refusal)| (index.get(), *refusal)),
        );
        for (index, _) in manifest.entries() {
            let above = self.parent(manifest, index);
            let above = above.and_then(|above| self.refusal(above));
            let Some(refusal) = above.or_else(|| self.refusal(index)) else {
                continue;
            };
            self.refusals.insert(index.get(), refusal);
            self.verdicts[index.get()] = EntryVerdict {
                decision: Decision::Skip,
                staged: false,
            };
        }
    }

    /// Why the disk refuses the entry; `None` if it does not.
    pub fn refusal(&self, entry: EntryIndex) -> Option<EntryRefusal> {
        self.refusals.get(&entry.get()).copied()
    }

    /// Whether each file that is in the way is reported as a failure.
    pub(super) fn fails_when_in_the_way(&self) -> bool {
        self.existing == Existing::Fail
    }

    /// An old file of an entry that is replaced or compared, by its number.
    pub(super) fn basis(&self, entry: EntryIndex, number: usize) -> Option<Basis> {
        let old = self.old_files.get(&entry.get())?.get(number)?;
        Some(old.basis)
    }

    /// How many needed bytes may be in old files: for each file the length of the shorter of the two.
    pub(super) fn bytes_in_bases(&self, manifest: &Manifest) -> u64 {
        let bytes = self.old_files.iter().filter_map(|(&number, old)| {
            let entry = manifest.index(number)?;
            let range = manifest.stream_range(entry);
            let basis = old.first()?.basis;
            self.is_needed(entry)
                .then(|| basis.length().min(range.end - range.start))
        });
        bytes.sum()
    }

    /// Bytes of all files that will be delivered.
    pub(super) fn needed_bytes(&self, manifest: &Manifest) -> u64 {
        let needed = manifest
            .entries()
            .filter(|(index, _)| self.is_needed(*index));
        let bytes = needed.map(|(index, _)| {
            let range = manifest.stream_range(index);
            range.end - range.start
        });
        bytes.sum()
    }

    /// The parts without a byte of a file that is or may be needed. They count as present. Empty for an open
    /// layout.
    pub fn unneeded_parts(&self, manifest: &Manifest, layout: &PartLayout) -> PartSet {
        let mut unneeded = PartSet::new();
        if layout.total().is_none() {
            return unneeded;
        }
        // The first part behind those that are known to be needed.
        let mut start = 0;
        let mut leave_out = |start: u64, end: u64| {
            let length = end.saturating_sub(start);
            if let Ok(parts) = layout.run(PartRange { start, length }) {
                unneeded.insert_run(parts);
            }
        };
        let concerned = manifest
            .entries()
            .filter(|(index, _)| self.concerns(*index));
        for (index, _) in concerned {
            if let Some(parts) = layout.holding(manifest.stream_range(index)) {
                leave_out(start, parts.start().get());
                start = parts.end().get() + 1;
            }
        }
        leave_out(start, layout.count());
        unneeded
    }

    /// The parts that an old file may have: those of each compared entry, and those of each replaced one as far
    /// as its old file reaches.
    pub(super) fn parts_over_old_files(&self, manifest: &Manifest, layout: &PartLayout) -> PartSet {
        let mut parts = PartSet::new();
        for (entry, _) in manifest.entries() {
            let range = manifest.stream_range(entry);
            let length = match self.decision(entry) {
                Decision::Compare => u64::MAX,
                _ => self.basis(entry, 0).map_or(0, Basis::length),
            };
            let end = range.start.saturating_add(length).min(range.end);
            if let Some(over) = layout.holding(range.start..end) {
                parts.insert_run(over);
            }
        }
        parts
    }

    /// Whether the entry belongs in the staging tree: it is needed, or a folder above a needed entry.
    pub(super) fn is_staged(&self, entry: EntryIndex) -> bool {
        self.verdicts[entry.get()].staged
    }

    /// The folder of the manifest that holds the entry; `None` at the top.
    pub(super) fn parent(&self, manifest: &Manifest, entry: EntryIndex) -> Option<EntryIndex> {
        manifest.index(self.parents[entry.get()] as usize)
    }

    /// The entry's path below the destination, new names included.
    pub(super) fn delivered_path<'a>(
        &self,
        manifest: &'a Manifest,
        entry: EntryIndex,
        name: DeliveredName,
    ) -> Cow<'a, [u8]> {
        let last = match name {
            DeliveredName::Planned => self.renames.get(&entry.get()),
            DeliveredName::Beside => self.names_beside.get(&entry.get()),
            DeliveredName::Old(number) => {
                let old = self.old_files.get(&entry.get());
                old.and_then(|old| old.get(number)?.name.as_ref())
            }
        };
        if self.renames.is_empty() && self.portable.is_empty() && last.is_none() {
            return Cow::Borrowed(manifest.entry(entry).path.as_bytes());
        }
        self.path_with(manifest, entry, |index| {
            let new = match index == entry.get() {
                true => last,
                false => self.renames.get(&index),
            };
            new.or_else(|| self.portable.get(&index))
        })
    }

    /// The entry's path with new names of itself and of the folders above it.
    fn path_with<'a, 'n>(
        &'n self,
        manifest: &'n Manifest,
        entry: EntryIndex,
        new_name: impl Fn(usize) -> Option<&'n Box<[u8]>>,
    ) -> Cow<'a, [u8]> {
        let mut names: Vec<&[u8]> = manifest.entry(entry).path.components().collect();
        let mut ancestor = Some(entry);
        for name in names.iter_mut().rev() {
            let Some(current) = ancestor else { break };
            if let Some(new) = new_name(current.get()) {
                *name = new;
            }
            ancestor = self.parent(manifest, current);
        }
        Cow::Owned(names.join(&b'/'))
    }
}

#[cfg(test)]
mod tests;
