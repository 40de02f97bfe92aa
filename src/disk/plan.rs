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
use std::fs;
use std::path::PathBuf;

/// Most conflicts that [`PlanError::InTheWay`] names; it counts the others.
const CONFLICTS_NAMED: usize = 8;

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
    /// The old files of those that are replaced or compared.
    bases: HashMap<usize, Basis>,
}

/// Whether a file was compared and differs, so that it is put beside the old one.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsBeside(pub(super) bool);

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

    /// The old file of a replaced or compared entry.
    pub(super) fn basis(&self, entry: EntryIndex) -> Option<Basis> {
        self.bases.get(&entry.get()).copied()
    }

    /// How many needed bytes may be in old files: for each file the length of the shorter of the two.
    pub(super) fn bytes_in_bases(&self, manifest: &Manifest) -> u64 {
        let bases = self.bases.iter();
        let bytes = bases.filter_map(|(&number, basis)| {
            let entry = manifest.index(number)?;
            let range = manifest.stream_range(entry);
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
        is_beside: IsBeside,
    ) -> Cow<'a, [u8]> {
        let own = manifest.entry(entry).path;
        let beside = self.names_beside.get(&entry.get()).filter(|_| is_beside.0);
        if self.renames.is_empty() && beside.is_none() {
            return Cow::Borrowed(own.as_bytes());
        }
        let mut names: Vec<&[u8]> = own.components().collect();
        let mut ancestor = Some(entry);
        for name in names.iter_mut().rev() {
            let Some(current) = ancestor else { break };
            let beside = beside.filter(|_| current == entry);
            if let Some(new) = beside.or_else(|| self.renames.get(&current.get())) {
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
                self.path_of(index, IsBeside(false))?;
                return Ok(Decision::Create);
            }
            _ => {}
        }
        let path = self.path_of(index, IsBeside(false))?;
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(Decision::Create),
            Err(error) => return Err(DiskError::at("look up", &path)(error).into()),
        };
        let meeting = meet(entry, &found, &path)?;
        let decision = match (meeting, self.plan.existing) {
            (ExistingEntry::Same, _) if self.is_compared(index, entry) => {
                if self.plan.existing == Existing::Rename {
                    self.choose_name_beside(index, entry)?;
                }
                Decision::Compare
            }
            (ExistingEntry::Same, _) => Decision::Identical,
            (_, Existing::Skip) => Decision::Skip,
            (_, Existing::Rename) => return self.rename(index, entry),
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
            self.plan.bases.insert(index.get(), basis);
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

    /// A free name for a compared file, in case it differs.
    fn choose_name_beside(
        &mut self,
        index: EntryIndex,
        entry: &Entry<'_>,
    ) -> Result<(), PlanError> {
        for number in 1..=free_name::TRIES {
            let Some(name) = self.free_names.candidate(entry, number) else {
                continue;
            };
            self.plan.names_beside.insert(index.get(), name);
            let path = self.path_of(index, IsBeside(true))?;
            match fs::symlink_metadata(&path) {
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(DiskError::at("look up", &path)(error).into()),
                Ok(_) => continue,
            }
            if let Some(name) = self.plan.names_beside.get(&index.get()) {
                self.free_names.take(entry, name);
            }
            return Ok(());
        }
        Err(PlanError::NoFreeName(self.path_of(index, IsBeside(false))?))
    }

    /// Tries `name (1)`, `name (2)` and so on until a name is free, or an identical entry has it.
    fn rename(&mut self, index: EntryIndex, entry: &Entry<'_>) -> Result<Decision, PlanError> {
        for number in 1..=free_name::TRIES {
            let Some(name) = self.free_names.candidate(entry, number) else {
                continue;
            };
            self.plan.renames.insert(index.get(), name);
            let path = self.path_of(index, IsBeside(false))?;
            let decision = match fs::symlink_metadata(&path) {
                Err(error) if is_absent(&error) => Decision::Create,
                Err(error) => return Err(DiskError::at("look up", &path)(error).into()),
                Ok(found) => match meet(entry, &found, &path)? {
                    ExistingEntry::Same if self.is_compared(index, entry) => {
                        let basis = Basis::of(&found);
                        basis.map(|basis| self.plan.bases.insert(index.get(), basis));
                        Decision::Compare
                    }
                    ExistingEntry::Same => Decision::Identical,
                    ExistingEntry::Differs | ExistingEntry::Blocks => continue,
                },
            };
            if let Some(name) = self.plan.renames.get(&index.get()) {
                self.free_names.take(entry, name);
            }
            if decision == Decision::Compare {
                self.choose_name_beside(index, entry)?;
            }
            return Ok(decision);
        }
        self.plan.renames.remove(&index.get());
        Err(PlanError::NoFreeName(self.path_of(index, IsBeside(false))?))
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

    fn path_of(&self, index: EntryIndex, is_beside: IsBeside) -> Result<PathBuf, PlanError> {
        let bytes = self.plan.delivered_path(self.manifest, index, is_beside);
        let path = WirePath::parse(&bytes)
            .map_err(|_| PlanError::NoFreeName(self.destination.path().to_owned()))?;
        Ok(self.destination.disk_path(path)?)
    }
}

#[cfg(test)]
mod tests;
