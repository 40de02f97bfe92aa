//! Decides what happens to each entry.

use super::compare::{ExistingEntry, meet};
use super::free_name::{self, FreeNames};
use super::portable::portable_names;
use super::{
    Decision, DeliveredName, EntryVerdict, NO_PARENT, NameRule, OldFile, Plan, PlanError,
    PlanRules, SameFiles,
};
use crate::disk::basis::Basis;
use crate::disk::destination::{Destination, is_absent};
use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::disk::refusal::{EntryRefusal, may_concern_one};
use crate::model::{
    Entry, EntryIndex, EntryKind, Existing, FailureReason, LinkRule, Manifest, WirePath, len32,
};
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Most conflicts that [`PlanError::InTheWay`] names; it counts the others.
const CONFLICTS_NAMED: usize = 8;

/// Most old files with which one new file is compared: under [`Existing::Rename`] the latest ones.
const OLD_FILES: usize = 16;

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
        rules: PlanRules,
    ) -> Result<Plan, PlanError> {
        Decider::new(manifest, destination, rules).decide()
    }
}

/// Compares each entry with whatever has its name.
struct Decider<'a> {
    manifest: &'a Manifest,
    destination: &'a Destination,
    same_files: SameFiles,
    links: LinkRule,
    plan: Plan,
    conflicts: Vec<PathBuf>,
    count: usize,
    free_names: FreeNames<'a>,
}

impl<'a> Decider<'a> {
    fn new(manifest: &'a Manifest, destination: &'a Destination, rules: PlanRules) -> Self {
        let portable = match rules.names {
            NameRule::Own => HashMap::new(),
            NameRule::Portable => portable_names(manifest),
        };
        Decider {
            manifest,
            destination,
            same_files: rules.same_files,
            links: rules.links,
            conflicts: Vec::new(),
            count: 0,
            free_names: FreeNames::new(manifest, &portable),
            plan: Plan {
                existing: rules.existing,
                portable,
                ..Plan::default()
            },
        }
    }

    /// # Errors
    /// As [`Plan::decide`].
    fn decide(mut self) -> Result<Plan, PlanError> {
        self.decide_all()?;
        match self.count {
            0 => Ok(self.plan),
            count => Err(PlanError::InTheWay {
                first: self.conflicts,
                count,
            }),
        }
    }

    fn decide_all(&mut self) -> Result<(), PlanError> {
        let mut folders: HashMap<&'a [u8], u32> = HashMap::new();
        for (index, entry) in self.manifest.entries() {
            let parent = entry.path.parent();
            let parent = parent.and_then(|path| folders.get(path.as_bytes()).copied());
            self.plan.parents.push(parent.unwrap_or(NO_PARENT));
            if entry.kind == EntryKind::Folder {
                folders.insert(entry.path.as_bytes(), len32(index.get()));
            }
            let decision = match self.decide_one(index, &entry) {
                Err(PlanError::Disk(error)) if may_concern_one(&error) => {
                    self.refuse(index, EntryRefusal::of(&error))
                }
                other => other?,
            };
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
        if let EntryKind::Link(target) = entry.kind
            && target.leads_outside()
            && self.links == LinkRule::Inside
        {
            return Ok(self.refuse(index, FailureReason::LinkOutside.into()));
        }
        let parent = self.plan.parent(self.manifest, index);
        match parent.map(|parent| self.plan.decision(parent)) {
            Some(Decision::Skip) => {
                let refusal = parent.and_then(|parent| self.plan.refusal(parent));
                return Ok(match refusal {
                    Some(refusal) => self.refuse(index, refusal),
                    None => Decision::Skip,
                });
            }
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
                if entry.mtime.is_after(platform::mtime_of(&found)) {
                    Decision::Replace
                } else {
                    Decision::Skip
                }
            }
            (ExistingEntry::Differs, Existing::Fail) | (ExistingEntry::Blocks, _) => {
                self.conflict(&path)
            }
        };
        if let Decision::Replace | Decision::Compare = decision
            && let Some(basis) = Basis::of(&path, &found)
        {
            let old = OldFile { name: None, basis };
            self.plan.old_files.insert(index.get(), vec![old]);
        }
        Ok(decision)
    }

    /// Whether to compare the contents of an existing file of the same size and mtime. Empty files are the same
    /// without that.
    fn is_compared(&self, index: EntryIndex, entry: &Entry<'_>) -> bool {
        self.same_files == SameFiles::Compared
            && matches!(entry.kind, EntryKind::File(_))
            && !self.manifest.stream_range(index).is_empty()
    }

    /// Tries `name (1)`, `name (2)` and so on until a name is free, or belongs to an identical entry. If
    /// contents are compared, every file that may be identical becomes an old file, and the free name is for
    /// the case that the new file differs from all of them. `found` is the existing entry with the entry's own
    /// name.
    fn rename(
        &mut self,
        index: EntryIndex,
        entry: &Entry<'_>,
        found: &Metadata,
    ) -> Result<Decision, PlanError> {
        let path = self.path_of(index, DeliveredName::Planned)?;
        let mut old_files = Vec::new();
        if meet(entry, found, &path)? == ExistingEntry::Same {
            let basis = Basis::of(&path, found);
            old_files.extend(basis.map(|basis| OldFile { name: None, basis }));
        }
        for number in 1..=free_name::TRIES {
            let own = self.plan.staged_name(self.manifest, index);
            let Some(name) = self.free_names.candidate(entry, own, number) else {
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
                    let (name, basis) = (Some(name), Basis::of(&path, &found));
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

    /// Uses a free name: for the entry, or, if old files may be identical, in case the entry differs from them.
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
        // The latest file is the most likely to be identical.
        old_files.reverse();
        old_files.truncate(OLD_FILES);
        self.plan.old_files.insert(index.get(), old_files);
        Decision::Compare
    }

    fn refuse(&mut self, index: EntryIndex, refusal: EntryRefusal) -> Decision {
        self.plan.refusals.insert(index.get(), refusal);
        Decision::Skip
    }

    /// Counts a conflict. Entries below it are not counted again.
    fn conflict(&mut self, path: &Path) -> Decision {
        self.count += 1;
        if self.conflicts.len() < CONFLICTS_NAMED {
            self.conflicts.push(path.to_owned());
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
