//! Decides what happens to each entry of an offer before anything is created.

mod compare;
pub(super) mod free_name;

use crate::disk::basis::Basis;
use crate::disk::destination::{Destination, is_absent};
use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::model::{
    Entry, EntryIndex, EntryKind, Existing, Manifest, PartLayout, PartSet, WirePath, len32,
};
use compare::{ExistingEntry, meet};
use free_name::FreeNames;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::path::PathBuf;

/// Most conflicts that [`PlanError::InTheWay`] names; it counts the others.
const CONFLICTS_NAMED: usize = 8;

/// Old files that one new file is compared with, at most: those that came last under [`Existing::Rename`].
const OLD_FILES: usize = 16;

/// The parent of an entry at the top.
const NO_PARENT: u32 = u32::MAX;

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does not exist and will be delivered, under its own name or a free one.
    Create,
    /// It will replace an existing entry, once it is complete.
    Replace,
    /// It exists: a file of the same size and mtime, a link with the same target, a folder.
    Identical,
    /// A file of the same size and mtime exists, and its contents will be compared.
    Compare,
    /// The policy skips it or a folder above it.
    Skip,
}

/// What an existing file of the same size and mtime counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameFiles {
    /// The same.
    #[default]
    Believed,
    /// Unknown: its contents are compared.
    Compared,
}

/// The decision for each entry of a manifest: 8 bytes an entry, plus new names and old files.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    existing: Existing,
    verdicts: Vec<EntryVerdict>,
    parents: Vec<u32>,
    renames: HashMap<usize, Box<[u8]>>,
    /// New names for compared files, in case they differ.
    names_beside: HashMap<usize, Box<[u8]>>,
    /// The old files of those that are replaced or compared, in the order in which they are tried.
    old_files: HashMap<usize, Vec<OldFile>>,
}

/// A file that is there, and may hold what is offered.
#[derive(Clone, Debug)]
struct OldFile {
    /// Its name, where that is not the entry's.
    name: Option<Box<[u8]>>,
    basis: Basis,
}

/// Which of its names an entry has at the destination.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeliveredName {
    /// Its own, or the new one that the policy gave it.
    Planned,
    /// That of a file that was compared and differs from all others: beside them.
    Beside,
    /// That of an old file, by its number.
    Old(usize),
}

#[derive(Clone, Copy, Debug)]
struct EntryVerdict {
    decision: Decision,
    staged: bool,
}

impl Plan {
    /// Looks up each entry at the destination and decides. Every policy merges into an existing folder; a folder
    /// never replaces anything, and nothing replaces a folder. With [`Existing::Rename`] an identical copy
    /// under the new name counts as existing, so that an interrupted transfer leaves no second copy.
    ///
    /// # Errors
    /// [`PlanError`]: an entry is in the way, or cannot be named or looked up. Nothing was created.
    pub fn decide(
        manifest: &Manifest,
        destination: &Destination,
        existing: Existing,
        same_files: SameFiles,
    ) -> Result<Plan, PlanError> {
        let mut decider = Decider {
            manifest,
            destination,
            same_files,
            plan: Plan {
                existing,
                ..Plan::default()
            },
            conflicts: Vec::new(),
            count: 0,
            free_names: FreeNames::new(manifest),
        };
        decider.decide_all()?;
        if decider.count > 0 {
            return Err(PlanError::InTheWay {
                first: decider.conflicts,
                count: decider.count,
            });
        }
        Ok(decider.plan)
    }

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
    /// When the index is of another, longer manifest: a bug.
    pub fn decision(&self, entry: EntryIndex) -> Decision {
        self.verdicts[entry.get()].decision
    }

    /// Whether the entry will be delivered, so that its contents are needed.
    pub fn is_needed(&self, entry: EntryIndex) -> bool {
        matches!(self.decision(entry), Decision::Create | Decision::Replace)
    }

    /// Whether it will or may be delivered.
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

    /// Whether the operator wants to know of each file that is in the way.
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

    /// The parts without a byte of a file that is or may be needed: they count as present. Empty for an open
    /// layout.
    pub fn unneeded_parts(&self, manifest: &Manifest, layout: &PartLayout) -> PartSet {
        let mut unneeded = PartSet::new();
        if layout.total().is_none() {
            return unneeded;
        }
        let mut needed = PartSet::new();
        let size = u64::from(layout.part_size());
        for (index, _) in manifest.entries() {
            let range = manifest.stream_range(index);
            if range.is_empty() || !self.concerns(index) {
                continue;
            }
            for number in range.start / size..range.end.div_ceil(size) {
                if let Ok(part) = layout.part(number) {
                    needed.insert(part);
                }
            }
        }
        for gap in needed.gaps(layout.count()) {
            for part in (gap.start..gap.start + gap.length).filter_map(|n| layout.part(n).ok()) {
                unneeded.insert(part);
            }
        }
        unneeded
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
        let own = manifest.entry(entry).path;
        let last = match name {
            DeliveredName::Planned => self.renames.get(&entry.get()),
            DeliveredName::Beside => self.names_beside.get(&entry.get()),
            DeliveredName::Old(number) => {
                let old = self.old_files.get(&entry.get());
                old.and_then(|old| old.get(number)?.name.as_ref())
            }
        };
        if self.renames.is_empty() && last.is_none() {
            return Cow::Borrowed(own.as_bytes());
        }
        let mut names: Vec<&[u8]> = own.components().collect();
        let mut ancestor = Some(entry);
        for name in names.iter_mut().rev() {
            let Some(current) = ancestor else { break };
            let new = match current == entry {
                true => last,
                false => self.renames.get(&current.get()),
            };
            if let Some(new) = new {
                *name = new;
            }
            ancestor = self.parent(manifest, current);
        }
        Cow::Owned(names.join(&b'/'))
    }
}

/// Why an offer cannot be accepted as it is. Nothing was created.
#[derive(Debug)]
pub enum PlanError {
    /// Existing entries are in the way, and the policy does not replace them.
    InTheWay {
        /// The first few, as paths at the destination.
        first: Vec<PathBuf>,
        /// How many there are.
        count: usize,
    },
    /// The policy needs a new name, but it would be too long, or none is free.
    NoFreeName(PathBuf),
    /// The destination cannot be looked up, or cannot have such a name.
    Disk(DiskError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::InTheWay { first, count } => {
                for (number, path) in first.iter().enumerate() {
                    write!(f, "{}{path:?}", if number > 0 { ", " } else { "" })?;
                }
                let more = count - first.len();
                if more > 0 {
                    write!(f, " and {more} more")?;
                }
                f.write_str(if *count == 1 {
                    " is in the way"
                } else {
                    " are in the way"
                })
            }
            PlanError::NoFreeName(path) => write!(f, "there is no free name beside {path:?}"),
            PlanError::Disk(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlanError::Disk(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DiskError> for PlanError {
    fn from(error: DiskError) -> Self {
        PlanError::Disk(error)
    }
}

struct Decider<'a> {
    manifest: &'a Manifest,
    destination: &'a Destination,
    same_files: SameFiles,
    plan: Plan,
    conflicts: Vec<PathBuf>,
    count: usize,
    free_names: FreeNames<'a>,
}

impl<'a> Decider<'a> {
    fn decide_all(&mut self) -> Result<(), PlanError> {
        let mut folders: HashMap<&'a [u8], u32> = HashMap::new();
        for (index, entry) in self.manifest.entries() {
            let parent = entry.path.parent();
            let parent = parent.and_then(|path| folders.get(path.as_bytes()).copied());
            self.plan.parents.push(parent.unwrap_or(NO_PARENT));
            if entry.kind == EntryKind::Folder {
                folders.insert(entry.path.as_bytes(), len32(index.get()));
            }
            let decision = self.decide_one(index, &entry)?;
            self.plan.verdicts.push(EntryVerdict {
                decision,
                staged: false,
            });
            let may_be_needed =
                decision == Decision::Compare && self.plan.if_different() != Decision::Skip;
            if may_be_needed || self.plan.is_needed(index) {
                self.mark_staged(index);
            }
        }
        Ok(())
    }

    fn decide_one(&mut self, index: EntryIndex, entry: &Entry<'_>) -> Result<Decision, PlanError> {
        let parent = self.plan.parent(self.manifest, index);
        match parent.map(|parent| self.plan.decision(parent)) {
            Some(Decision::Skip) => return Ok(Decision::Skip),
            // A missing folder is empty; the name must still be valid here.
            Some(Decision::Create) => {
                self.path_of(index, DeliveredName::Planned)?;
                return Ok(Decision::Create);
            }
            _ => {}
        }
        let path = self.path_of(index, DeliveredName::Planned)?;
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(Decision::Create),
            Err(error) => return Err(DiskError::at("look up", &path)(error).into()),
        };
        let meeting = meet(entry, &found, &path)?;
        let decision = match (meeting, self.plan.existing) {
            (ExistingEntry::Same, _) if !self.is_compared(index, entry) => Decision::Identical,
            (ExistingEntry::Same, Existing::Rename) => return self.rename(index, entry, &found),
            (ExistingEntry::Same, _) => Decision::Compare,
            (_, Existing::Skip) => Decision::Skip,
            (_, Existing::Rename) => return self.rename(index, entry, &found),
            (ExistingEntry::Differs, Existing::Overwrite) => Decision::Replace,
            (ExistingEntry::Differs, Existing::Newer) => {
                if entry.mtime > platform::mtime_of(&found) {
                    Decision::Replace
                } else {
                    Decision::Skip
                }
            }
            (ExistingEntry::Differs, Existing::Fail) | (ExistingEntry::Blocks, _) => {
                self.conflict(path)
            }
        };
        if let Decision::Replace | Decision::Compare = decision
            && let Some(basis) = Basis::of(&found)
        {
            let old = OldFile { name: None, basis };
            self.plan.old_files.insert(index.get(), vec![old]);
        }
        Ok(decision)
    }

    /// Whether the contents of an existing file of the same size and mtime are compared. Empty files are the
    /// same.
    fn is_compared(&self, index: EntryIndex, entry: &Entry<'_>) -> bool {
        self.same_files == SameFiles::Compared
            && matches!(entry.kind, EntryKind::File(_))
            && !self.manifest.stream_range(index).is_empty()
    }

    /// Tries `name (1)`, `name (2)` and so on until one is free, or taken by what would be put there. Where
    /// contents are compared, all that may be the same are: then the free name is for a file that differs from
    /// each of them. `found` has the entry's own name.
    fn rename(
        &mut self,
        index: EntryIndex,
        entry: &Entry<'_>,
        found: &Metadata,
    ) -> Result<Decision, PlanError> {
        let path = self.path_of(index, DeliveredName::Planned)?;
        let mut old_files = Vec::new();
        if meet(entry, found, &path)? == ExistingEntry::Same {
            let basis = Basis::of(found);
            old_files.extend(basis.map(|basis| OldFile { name: None, basis }));
        }
        for number in 1..=free_name::TRIES {
            let Some(name) = self.free_names.candidate(entry, number) else {
                continue;
            };
            self.plan.renames.insert(index.get(), name.clone());
            let path = self.path_of(index, DeliveredName::Planned)?;
            match fs::symlink_metadata(&path) {
                Err(error) if is_absent(&error) => {
                    self.free_names.take(entry, &name);
                    return Ok(self.take_free_name(index, name, old_files));
                }
                Err(error) => return Err(DiskError::at("look up", &path)(error).into()),
                Ok(found) if meet(entry, &found, &path)? == ExistingEntry::Same => {
                    self.free_names.take(entry, &name);
                    if !self.is_compared(index, entry) {
                        return Ok(Decision::Identical);
                    }
                    let (name, basis) = (Some(name), Basis::of(&found));
                    old_files.extend(basis.map(|basis| OldFile { name, basis }));
                }
                Ok(_) => {}
            }
        }
        self.plan.renames.remove(&index.get());
        Err(PlanError::NoFreeName(
            self.path_of(index, DeliveredName::Planned)?,
        ))
    }

    /// A name is free: for the entry, or, where old files may be the same, for an entry that differs from them.
    fn take_free_name(
        &mut self,
        index: EntryIndex,
        name: Box<[u8]>,
        mut old_files: Vec<OldFile>,
    ) -> Decision {
        if old_files.is_empty() {
            return Decision::Create;
        }
        self.plan.renames.remove(&index.get());
        self.plan.names_beside.insert(index.get(), name);
        // What came last is the most likely to be the same.
        old_files.reverse();
        old_files.truncate(OLD_FILES);
        self.plan.old_files.insert(index.get(), old_files);
        Decision::Compare
    }

    /// Counts a conflict. Entries below it are not counted again.
    fn conflict(&mut self, path: PathBuf) -> Decision {
        self.count += 1;
        if self.conflicts.len() < CONFLICTS_NAMED {
            self.conflicts.push(path);
        }
        Decision::Skip
    }

    fn mark_staged(&mut self, index: EntryIndex) {
        let mut next = Some(index);
        while let Some(current) = next {
            let verdict = &mut self.plan.verdicts[current.get()];
            if std::mem::replace(&mut verdict.staged, true) {
                break;
            }
            next = self.plan.parent(self.manifest, current);
        }
    }

    fn path_of(&self, index: EntryIndex, name: DeliveredName) -> Result<PathBuf, PlanError> {
        let bytes = self.plan.delivered_path(self.manifest, index, name);
        let path = WirePath::parse(&bytes)
            .map_err(|_| PlanError::NoFreeName(self.destination.path().to_owned()))?;
        Ok(self.destination.disk_path(path)?)
    }
}

#[cfg(test)]
mod tests;
