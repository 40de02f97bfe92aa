//! Lists one folder. This needs no state of the walk, so two threads can do it.

use super::argument::Root;
use super::glob::{Glob, GlobShape};
use super::listing::{Facts, FoundKind, Listing, has_wrong_size};
use super::{LeftOut, LeftOutReason, Links, SourceError, SourceOptions};
use crate::disk::platform;
use crate::model::ManifestError;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::PathBuf;

/// A folder to list.
pub(super) struct Folder {
    path: PathBuf,
    wire: Vec<u8>,
    /// Room for further entries in the manifest.
    room: usize,
}

impl Folder {
    /// The folder at `wire` below `root`.
    pub(super) fn at(root: &Root, wire: &[u8], room: usize) -> Self {
        Folder {
            path: root.disk_path(wire),
            wire: wire.to_vec(),
            room,
        }
    }
}

/// The entries of a folder, and those that cannot be sent.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) listing: Listing,
    pub(super) left_out: Vec<LeftOut>,
}

/// The outer error ends the scan. The inner one leaves the folder out, because half a folder could pass for a
/// complete one.
pub(super) type FolderOutcome = Result<io::Result<Listed>, SourceError>;

/// Lists folders as the options say.
pub(super) struct Lister<'a> {
    pub(super) options: &'a SourceOptions,
}

impl<'a> Lister<'a> {
    pub(super) fn new(options: &'a SourceOptions) -> Self {
        Lister { options }
    }

    /// Lists a folder, sorted.
    pub(super) fn list(&self, folder: Folder) -> FolderOutcome {
        let Folder {
            path,
            mut wire,
            room,
        } = folder;
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        let mut listed = Listed::default();
        let wire_length = wire.len();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            if listed.listing.len() >= room {
                return Err(SourceError::Manifest(ManifestError::TooLarge));
            }
            self.look(&entry, &mut wire, &mut listed);
            wire.truncate(wire_length);
        }
        listed.listing.sort();
        Ok(Ok(listed))
    }

    /// Whether the entry at `wire` is excluded.
    pub(super) fn excludes(&self, wire: &[u8], kind: FoundKind) -> bool {
        let shape = match kind {
            FoundKind::Folder => GlobShape::Folder,
            FoundKind::File | FoundKind::Link | FoundKind::Special(_) => GlobShape::Other,
        };
        self.excludes_shape(wire, shape)
    }

    fn excludes_shape(&self, wire: &[u8], shape: GlobShape) -> bool {
        Glob::any_matches(&self.options.exclude, wire, shape)
    }

    /// Determines the kind of an entry in the folder at `wire`, and appends the entry's name to `wire`.
    fn look(&self, entry: &DirEntry, wire: &mut Vec<u8>, listed: &mut Listed) {
        let name = entry.file_name();
        if self.options.omits_name(&name) && self.options.omits(&entry.path()) {
            return;
        }
        let mut leave_out = |why| {
            let path = entry.path();
            listed.left_out.push(LeftOut { path, why });
        };
        let Some(name) = platform::bytes_from_name(&name) else {
            return leave_out(LeftOutReason::NotUnicode);
        };
        let is_link = || entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let follow = self.options.links == Links::Follow && is_link();
        let metadata = if follow {
            fs::metadata(entry.path())
        } else {
            entry.metadata()
        };
        append(wire, &name);
        // An excluded entry is not reported as left out, so this comes first.
        let is_excluded = match &metadata {
            Ok(metadata) => self.excludes(wire, Facts::of(metadata).kind),
            Err(_) => self.excludes_shape(wire, GlobShape::Other),
        };
        if is_excluded {
            return;
        }
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(error) if follow && error.kind() == io::ErrorKind::NotFound => {
                return leave_out(LeftOutReason::Dangling);
            }
            Err(error) => return leave_out(LeftOutReason::Unreadable(error.kind())),
        };
        let facts = Facts::of(&metadata);
        if follow && facts.kind == FoundKind::Folder && facts.identity == (0, 0) {
            return leave_out(LeftOutReason::Loop);
        }
        match fault_of(entry, &metadata) {
            None => listed.listing.push(&name, facts),
            Some(why) => leave_out(why),
        }
    }
}

/// Why a file cannot be sent although its size is known.
fn fault_of(entry: &DirEntry, metadata: &Metadata) -> Option<LeftOutReason> {
    if !metadata.is_file() || platform::takes_room(metadata) {
        return None;
    }
    let file = platform::open_source(&entry.path());
    match file.and_then(|file| has_wrong_size(&file, metadata)) {
        Ok(false) => None,
        Ok(true) => Some(LeftOutReason::WrongSize(metadata.len())),
        Err(error) => Some(LeftOutReason::Unreadable(error.kind())),
    }
}

/// Adds a component to a wire path.
pub(super) fn append(wire: &mut Vec<u8>, name: &[u8]) {
    if !wire.is_empty() {
        wire.push(b'/');
    }
    wire.extend_from_slice(name);
}
