//! The walk over a tree, without recursion and with at most two open folders.

use super::ahead::{Asked, Lookahead};
use super::argument::{Root, Top};
use super::lister::{Folder, Lister, append};
use super::listing::{Facts, FoundKind, Listing};
use super::not_carried::ExtendedEntries;
use super::{LeftOut, LeftOutReason, Links, NotCarried, Source, SourceError, SourceOptions};
use crate::disk::platform;
use crate::model::{FileSize, ManifestBuilder, ManifestError, WirePath, limits};
use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

/// From this length on, in bytes, the system may be unable to open a path that it has listed. 1024 is the
/// smallest PATH_MAX in use.
const LONG_PATH_BYTES: usize = 1000;

/// A walk over the arguments, one after the other.
pub(super) struct Walk<'a> {
    lister: Lister<'a>,
    ahead: Lookahead<'a>,
    builder: ManifestBuilder,
    identities: Vec<(u64, u64)>,
    left_out: Vec<LeftOut>,
    not_carried: NotCarried,
    extended: ExtendedEntries,
    /// Wire path of the current entry.
    wire: Vec<u8>,
    /// The folder being walked, and those above it.
    levels: Vec<WalkLevel>,
}

/// A folder whose subfolders are not walked yet.
struct WalkLevel {
    identity: (u64, u64),
    wire_length: usize,
    folders: Listing,
    next: usize,
    /// The next subfolder, if the second thread lists it.
    asked: Option<Asked>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(options: &'a SourceOptions) -> Self {
        Walk {
            lister: Lister::new(options),
            ahead: Lookahead::new(options),
            builder: ManifestBuilder::new(),
            identities: Vec::new(),
            left_out: Vec::new(),
            not_carried: NotCarried::default(),
            extended: ExtendedEntries::default(),
            wire: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// How many entries were found.
    pub(super) fn len(&self) -> usize {
        self.builder.len()
    }

    /// Adds an argument and everything in it.
    pub(super) fn argument(&mut self, root: &Root, facts: Facts) -> Result<(), SourceError> {
        self.wire.clear();
        if let Top::Named(name) = &root.top {
            self.wire.extend_from_slice(name);
            if self.lister.excludes(&self.wire, facts.kind) {
                return Ok(());
            }
        }
        if facts.kind != FoundKind::Folder {
            return self.take(root, facts);
        }
        self.enter(root, facts, None)?;
        while let Some(level) = self.levels.last_mut() {
            self.wire.truncate(level.wire_length);
            let Some((name, facts)) = level.folders.get(level.next) else {
                self.levels.pop();
                continue;
            };
            level.next += 1;
            let asked = level.asked.take();
            // This thread lists every other folder, the second thread the one after it.
            if asked.is_none()
                && let Some((name, _)) = level.folders.get(level.next)
            {
                append(&mut self.wire, name);
                let room = limits::ENTRIES - self.builder.len();
                level.asked = self.ahead.ask(Folder::at(root, &self.wire, room));
                self.wire.truncate(level.wire_length);
            }
            append(&mut self.wire, name);
            self.enter(root, facts, asked)?;
        }
        Ok(())
    }

    /// Checks the manifest as a whole.
    pub(super) fn finish(mut self, roots: Vec<Root>) -> Result<Source, SourceError> {
        let manifest = self.builder.finish();
        let manifest = manifest.map_err(|error| same_name(&roots, error))?;
        self.identities.shrink_to_fit();
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Source {
            manifest,
            identities: self.identities,
            roots,
            left_out: self.left_out,
            not_carried: self.not_carried,
            extended: self.extended,
        })
    }

    /// Adds the folder at `wire` and its entries, except subfolders, which become levels of their own.
    fn enter(
        &mut self,
        root: &Root,
        facts: Facts,
        asked: Option<Asked>,
    ) -> Result<(), SourceError> {
        let path = root.disk_path(&self.wire);
        if self.leads_back(facts) {
            self.leave_out(path, LeftOutReason::Loop);
            return Ok(());
        }
        if !self.wire.is_empty()
            && let Err(fault) = WirePath::parse(&self.wire)
        {
            self.leave_out(path, LeftOutReason::Name(fault));
            return Ok(());
        }
        let listed = match asked.and_then(|asked| self.ahead.listed(asked)) {
            Some(listed) => listed?,
            None => {
                let room = limits::ENTRIES - self.builder.len();
                self.lister.list(Folder::at(root, &self.wire, room))?
            }
        };
        let mut folders = match listed {
            Ok(listed) => {
                self.left_out.extend(listed.left_out);
                listed.listing
            }
            Err(error) => {
                self.leave_out(path, LeftOutReason::Unreadable(error.kind()));
                return Ok(());
            }
        };
        if !self.wire.is_empty() {
            self.take(root, facts)?;
        }
        let wire_length = self.wire.len();
        let mut number = 0;
        while let Some((name, facts)) = folders.get(number) {
            number += 1;
            if facts.kind != FoundKind::Folder {
                append(&mut self.wire, name);
                self.take(root, facts)?;
                self.wire.truncate(wire_length);
            }
        }
        folders.keep_folders();
        self.levels.push(WalkLevel {
            identity: facts.identity,
            wire_length,
            folders,
            next: 0,
            asked: None,
        });
        Ok(())
    }

    /// Adds the entry at `wire` to the manifest, or leaves it out.
    fn take(&mut self, root: &Root, facts: Facts) -> Result<(), SourceError> {
        let long = root.path.as_os_str().len() + self.wire.len() >= LONG_PATH_BYTES;
        let wire = &self.wire;
        let (mtime, mode) = (facts.mtime, facts.mode);
        let pushed = match facts.kind {
            FoundKind::Folder => self.builder.push_folder(wire, mtime, mode),
            FoundKind::File => {
                if long && let Err(error) = fs::metadata(root.disk_path(wire)) {
                    let why = LeftOutReason::Unreadable(error.kind());
                    self.leave_out(root.disk_path(&self.wire), why);
                    return Ok(());
                }
                let size = FileSize::Known(facts.size);
                self.builder.push_file(wire, size, mtime, mode)
            }
            FoundKind::Link => return self.take_link(root, facts),
            FoundKind::Special(special) => {
                self.leave_out(root.disk_path(&self.wire), LeftOutReason::Special(special));
                return Ok(());
            }
        };
        self.settle(root, facts, pushed)
    }

    fn take_link(&mut self, root: &Root, facts: Facts) -> Result<(), SourceError> {
        let path = root.disk_path(&self.wire);
        let target = match fs::read_link(&path) {
            Ok(target) => target,
            Err(error) => {
                self.leave_out(path, LeftOutReason::Unreadable(error.kind()));
                return Ok(());
            }
        };
        let Some(target) = platform::bytes_from_link_text(&target) else {
            self.leave_out(path, LeftOutReason::NotUnicode);
            return Ok(());
        };
        let pushed = self
            .carried_target(root, &target)
            .and_then(|target| self.builder.push_link(&self.wire, &target, facts.mtime));
        self.settle(root, facts, pushed)
    }

    /// The text with which the link at `wire` is carried: without detours through real folders of its root.
    fn carried_target<'t>(
        &self,
        root: &Root,
        target: &'t [u8],
    ) -> Result<Cow<'t, [u8]>, ManifestError> {
        let link = WirePath::parse(&self.wire)?;
        let rule = self.lister.options.links.rule();
        let carried = rule.carried(link, target, |path| {
            let is_own = match &root.top {
                Top::Named(name) => path.split(|&byte| byte == b'/').next() == Some(&**name),
                Top::Contents => true,
            };
            let found = fs::symlink_metadata(root.disk_path(path));
            is_own && found.is_ok_and(|found| found.is_dir())
        });
        Ok(carried?)
    }

    fn settle(
        &mut self,
        root: &Root,
        facts: Facts,
        pushed: Result<(), ManifestError>,
    ) -> Result<(), SourceError> {
        let why = match pushed {
            Ok(()) => {
                self.identities.push(facts.identity);
                self.note_uncarried(root, facts);
                return Ok(());
            }
            Err(ManifestError::Path(fault)) => LeftOutReason::Name(fault),
            Err(ManifestError::Link(fault)) => LeftOutReason::Link(fault),
            Err(error) => return Err(SourceError::Manifest(error)),
        };
        self.leave_out(root.disk_path(&self.wire), why);
        Ok(())
    }

    /// Counts the properties of the last added entry that no transfer carries. Attributes of files are read
    /// later, when the files are open anyway.
    fn note_uncarried(&mut self, root: &Root, facts: Facts) {
        self.not_carried.owners += u64::from(facts.is_of_others);
        self.not_carried.hard_links += u64::from(facts.has_other_names);
        if facts.kind == FoundKind::Folder
            && let Some(entry) = self.builder.last()
        {
            let extended = platform::extended_at(&root.disk_path(&self.wire));
            self.extended.note(entry, extended);
        }
    }

    /// Whether a folder is one of its own ancestors, which only a followed link can cause.
    fn leads_back(&self, facts: Facts) -> bool {
        let mut above = self.levels.iter().map(|level| level.identity);
        self.lister.options.links == Links::Follow
            && facts.identity != (0, 0)
            && above.any(|identity| identity == facts.identity)
    }

    fn leave_out(&mut self, path: PathBuf, why: LeftOutReason) {
        self.left_out.push(LeftOut { path, why });
    }
}

/// Names the two arguments with the same name. The first duplicate that the manifest finds is always an
/// outermost name, because a name inside sorts after its folder's.
fn same_name(roots: &[Root], error: ManifestError) -> SourceError {
    if let ManifestError::Twice(name) = &error {
        let mut owners = roots.iter().filter_map(|root| root.owns(name));
        if let (Some(first), Some(second)) = (owners.next(), owners.next()) {
            return SourceError::SameName(first, second);
        }
    }
    SourceError::Manifest(error)
}
