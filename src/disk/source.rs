//! The sender's side: turns files, folders and links on disk into a manifest and parts of its stream.
//!
//! [`Source::scan`] needs one listing for each folder and one `lstat` for each entry, and opens only the
//! arguments themselves. [`SourceReader`] reads the parts, and reports every file that is no longer the listed
//! one.
//!
//! An entry's path on disk is not stored: it is the path of its argument joined with the components of its wire
//! path. Besides the manifest an entry costs 16 bytes for its device and inode. Two threads list folders, so
//! for each level the listings of the current folder and of the next one are in memory.
//!
//! Limitation: a file counts as unchanged while its device, inode, size and mtime are unchanged. Contents that
//! are replaced in place within the file system's mtime granularity after the scan (a few milliseconds on
//! current file systems, two seconds on FAT), or with the mtime set back, are not noticed. Neither is a folder
//! that is swapped for a link between its parent's listing and its own: users with write access to the tree
//! decide what is sent from it.

mod ahead;
mod argument;
mod error;
mod glob;
mod left_out;
mod lister;
mod listing;
mod not_carried;
mod reader;
mod walk;

pub use error::SourceError;
pub use glob::Glob;
pub(crate) use glob::GlobShape;
pub use left_out::{LeftOut, LeftOutReason};
pub use not_carried::NotCarried;
pub use reader::SourceReader;

use crate::disk::platform;
use crate::model::{
    EntryFailure, EntryIndex, EntryKind, FailureReason, FileSize, LinkRule, Manifest,
    ManifestBuilder, Mode, PathFault, WirePath,
};
use argument::{Root, Top};
use not_carried::ExtendedEntries;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Everything that one command sends: the manifest, and each entry's place on disk.
#[derive(Debug)]
pub struct Source {
    manifest: Manifest,
    /// Parallel to the manifest: the [`platform::identity_of`] each entry at the scan.
    identities: Vec<(u64, u64)>,
    roots: Vec<Root>,
    left_out: Vec<LeftOut>,
    not_carried: NotCarried,
    extended: ExtendedEntries,
}

/// How to scan a source.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// What to do with symbolic links inside the arguments.
    pub links: Links,
    /// Patterns of entries that are not sent. An excluded folder is not walked, and excluded entries do not
    /// count as left out.
    pub exclude: Vec<Glob>,
    /// Canonical paths of files that this scan skips: an archive that is being made from the source.
    pub omit: Vec<PathBuf>,
}

impl SourceOptions {
    /// Whether one of the files to omit has this name. Checked first, because it needs no system call.
    fn omits_name(&self, name: &OsStr) -> bool {
        let mut omitted = self.omit.iter();
        omitted.any(|path| path.file_name() == Some(name))
    }

    /// Whether this is one of the files to omit.
    fn omits(&self, path: &Path) -> bool {
        !self.omit.is_empty()
            && platform::canonicalize(path).is_ok_and(|path| self.omit.contains(&path))
    }
}

/// What to do with symbolic links below the arguments. An argument that is itself a link is always
/// followed, and keeps the link's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Send links as links if they stay inside the transfer; leave out the others.
    #[default]
    Inside,
    /// Send all links as links, with the text that they have.
    Keep,
    /// Send the targets of links. Dangling links, and links that lead back to a folder above them, are left
    /// out. On Windows every link to a folder is left out, because a loop cannot be detected there.
    Follow,
}

impl Links {
    /// Which links are carried as links.
    fn rule(self) -> LinkRule {
        match self {
            Links::Keep => LinkRule::All,
            Links::Inside | Links::Follow => LinkRule::Inside,
        }
    }
}

impl Source {
    /// Lists everything at `paths`.
    ///
    /// `DIR` and `DIR/` send the folder under its last name. A path that ends in `.` or `..`, or has no name
    /// (`/`), sends the contents of the folder, each under its own name, without an entry for the folder
    /// itself. Within a folder, files and links come first, then folders, each sorted by the bytes of their
    /// names, so the same tree gives the same manifest.
    ///
    /// Entries inside a folder that cannot be sent are left out, see [`Source::left_out`].
    ///
    /// # Errors
    /// [`SourceError`]: an argument is missing, unreadable or not sendable, two entries would have the same
    /// name at the peer, or there are more entries than one transfer can hold.
    pub fn scan(paths: &[PathBuf], options: &SourceOptions) -> Result<Source, SourceError> {
        let arguments = argument::inspect(paths)?;
        let mut walk = walk::Walk::new(options);
        let mut roots = Vec::with_capacity(arguments.len());
        for (mut root, facts) in arguments {
            if options.omits(&root.path) {
                continue;
            }
            root.first = walk.len();
            walk.argument(&root, facts)?;
            roots.push(root);
        }
        walk.finish(roots)
    }

    /// A single file of unknown length that is not on disk: its contents are produced while it is sent.
    ///
    /// # Errors
    /// [`SourceError::Name`] if `name` is not a plain name.
    pub fn stream(name: &str) -> Result<Source, SourceError> {
        let path = PathBuf::from(name);
        let bytes = name.as_bytes();
        let fault = match WirePath::parse(bytes) {
            Ok(wire) if wire.depth() == 0 => None,
            Ok(_) => Some(PathFault::TooDeep),
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            return Err(SourceError::Name(path, fault));
        }
        let mut builder = ManifestBuilder::new();
        let (now, mode) = (platform::now(), Mode::from_bits(0o666));
        let pushed = builder.push_file(bytes, FileSize::Unknown, now, mode);
        let manifest = pushed.and_then(|()| builder.finish());
        Ok(Source {
            manifest: manifest.map_err(SourceError::Manifest)?,
            identities: vec![(0, 0)],
            roots: vec![Root {
                path,
                first: 0,
                top: Top::Named(bytes.into()),
            }],
            left_out: Vec::new(),
            not_carried: NotCarried::default(),
            extended: ExtendedEntries::default(),
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Entries that the scan found but cannot send, sorted by path.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The number of entries so far with properties that no transfer carries. Attributes of files are counted
    /// when the files are read.
    pub fn not_carried(&self) -> NotCarried {
        self.extended.add_to(self.not_carried)
    }

    /// The entry's path on disk, relative if its argument was.
    ///
    /// # Panics
    /// When the index is of another, longer manifest: a bug.
    pub fn disk_path(&self, entry: EntryIndex) -> PathBuf {
        let wire = self.manifest.entry(entry).path;
        let after = self.roots.partition_point(|root| root.first <= entry.get());
        self.roots[after - 1].disk_path(wire.as_bytes())
    }

    /// Checks that a file is still the one that was scanned. Folders and links always pass.
    ///
    /// [`SourceReader`] does this for every file that it reads. It never reads an empty file, so only this
    /// check notices that an empty file was written to.
    ///
    /// # Errors
    /// The file vanished, is unreadable or changed.
    ///
    /// # Panics
    /// When the index is of another, longer manifest: a bug.
    pub fn verify_unchanged(&self, entry: EntryIndex) -> Result<(), FailureReason> {
        let EntryKind::File(_) = self.manifest.entry(entry).kind else {
            return Ok(());
        };
        let metadata = fs::metadata(self.disk_path(entry)).map_err(|e| open_failure(&e))?;
        self.compare(entry, &metadata)
    }

    /// The empty files that have changed since the scan. They are in no part, so no [`SourceReader`] reads
    /// them.
    pub fn changed_empty_files(&self) -> Vec<EntryFailure> {
        let entries = self.manifest.entries();
        let empty = entries.filter(|(_, entry)| entry.kind == EntryKind::File(FileSize::Known(0)));
        let changed = empty.filter_map(|(entry, _)| {
            let reason = self.verify_unchanged(entry).err()?;
            Some(EntryFailure { entry, reason })
        });
        changed.collect()
    }

    /// Whether `metadata` belongs to the scanned file.
    fn compare(&self, entry: EntryIndex, metadata: &Metadata) -> Result<(), FailureReason> {
        let scanned = self.manifest.entry(entry);
        let same = metadata.is_file()
            && scanned.kind == EntryKind::File(FileSize::Known(metadata.len()))
            && scanned.mtime == platform::mtime_of(metadata)
            && self.identities[entry.get()] == platform::identity_of(metadata);
        same.then_some(()).ok_or(FailureReason::SourceChanged)
    }
}

/// The reason that follows from an error when a scanned file is opened.
fn open_failure(error: &io::Error) -> FailureReason {
    match error.kind() {
        // If a parent is a file now, the entry is gone.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FailureReason::SourceVanished,
        _ => FailureReason::SourceUnreadable,
    }
}

#[cfg(test)]
mod tests;
