//! The folder in which a transfer is put together: `DIR/.peerbridge-<id>/`, mode 0700.
//!
//! ```text
//! lock      held while a process receives this transfer here
//! journal   which parts are there
//! copies    where entries were copied that go below a mount
//! tree/     mirrors the manifest; only what is needed, under the manifest's own names
//! ```
//!
//! It is consistent at any instant: after a kill, the same transfer resumes from it.
//!
//! Invariant: a file is in `tree/` if and only if its mark says so. So if a new file's name is taken, two names
//! of the transfer are the same on this file system.

mod abandoned;
mod checker;
mod claims;
mod copies;
mod kept;
mod lock;
mod marks;
mod refused;
mod resume;
mod runs;
mod tree;
mod whole;
mod writer;

use crate::disk::destination::{Destination, disk_path};
use crate::disk::error::{DiskError, DiskErrorKind};
use crate::disk::journal::{FoundJournal, Journal, JournalFault, JournalMark, JournalRecord};
use crate::disk::plan::Plan;
use crate::disk::refusal::EntryRefusal;
use crate::model::{
    EntryIndex, EntryKind, FileSize, LayoutError, Manifest, PartIndex, PartLayout, PartRange,
    PartSet, TransferId, WirePath, limits,
};
use kept::Kept;
use lock::Lock;
use marks::Marks;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use abandoned::remove_abandoned;
pub(super) use abandoned::remove_staging;
pub use checker::{Checked, ClaimChecker};
pub use claims::Preview;
pub(super) use copies::{copies_of, note_copy, remove_any};
pub(super) use marks::Mark;
pub use runs::RunLedger;
pub(super) use tree::{remove_if_there, remove_tree};
pub use whole::FileWriter;
pub use writer::StagingWriter;
pub(super) use writer::{set_mtime, write_sparse};

/// Whether delivered contents survive a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The system writes them to the disk by itself, within seconds.
    #[default]
    Normal,
    /// Every file, the journal and every folder are synced before they count as delivered.
    Fsync,
}

/// Number of locks for files that are written piece by piece: enough that two files rarely share a lock.
const WRITE_LOCKS: usize = 16;

/// How contents arrive, which decides when they are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StagingMode {
    /// Part by part: complete when all needed parts are present.
    Parts,
    /// File by file: complete when each needed file is marked as complete.
    Files,
}

/// A transfer in progress. Threads share it by reference; each writes through its own [`StagingWriter`].
#[derive(Debug)]
pub struct Staging {
    pub(super) destination: Destination,
    pub(super) manifest: Arc<Manifest>,
    pub(super) plan: Plan,
    pub(super) durability: Durability,
    pub(super) journal: Journal,
    pub(super) umask: u32,
    pub(super) filling: StagingMode,
    /// Folders at the destination that an earlier run of this transfer created.
    pub(super) created_folders: HashSet<EntryIndex>,
    path: PathBuf,
    tree: PathBuf,
    marks: Marks,
    /// The entries that the disk refused when they were created, and why.
    refusals: Mutex<HashMap<EntryIndex, EntryRefusal>>,
    kept: Kept,
    creation: Mutex<()>,
    /// Whether the folders exist. They are created for the first file, so an offer without data creates none.
    has_folders: Mutex<bool>,
    /// Striped locks: all writers of an entry share one of these.
    write_locks: [Mutex<()>; WRITE_LOCKS],
    progress: Mutex<StagingProgress>,
    journal_fault: Option<JournalFault>,
    /// Whether an earlier run left parts here.
    has_earlier_parts: bool,
    /// Held until everything else is dropped.
    lock: Lock,
}

#[derive(Debug)]
struct StagingProgress {
    layout: PartLayout,
    /// Parts that need not be sent: written or compared in this run, or without a needed byte.
    present: PartSet,
    /// Parts whose needed bytes are in the staging folder, according to the journal.
    recorded: PartSet,
    /// Parts that counted as present until a file in them turned out to differ from the old one.
    unsettled: PartSet,
    /// The number of the old file with which an entry is compared, if it is not the first.
    old_files: HashMap<EntryIndex, usize>,
    writing: Vec<PartIndex>,
    /// End of the last part of the stream that has arrived, in bytes.
    stream_end: u64,
    /// The part of an open stream that was not full, and its end, which is the end of the stream.
    short: Option<(PartIndex, u64)>,
}

impl Staging {
    /// Creates the destination if it is missing, and the staging folder in it. If an earlier run left a staging
    /// folder, its part size stays, and its parts become claims. Of a stream of unknown size nothing is reused,
    /// because it cannot be sent again.
    ///
    /// # Errors
    /// [`DiskErrorKind::Locked`] while another process receives this transfer here, or the system's error.
    pub fn open(
        destination: &Destination,
        id: TransferId,
        manifest: Arc<Manifest>,
        mut plan: Plan,
        proposed_part_size: u32,
        durability: Durability,
    ) -> Result<Staging, DiskError> {
        destination.create()?;
        let path = staging_path(destination, id, &plan);
        let lock = Lock::acquire(&path)?;
        let umask = tree::probe_umask(&path)?;
        plan.leave_out(&manifest, refused::refused_names(&path, &manifest, &plan)?);
        let (earlier, journal_fault) = earlier_run(&path, id, &manifest)?;
        let (journal, layout, recorded) = match earlier {
            Some(earlier) => earlier,
            None => {
                let part_size = claims::part_size(&manifest, &plan, proposed_part_size);
                let layout =
                    layout_of(&manifest, part_size).map_err(|fault| bad_part_size(&path, fault))?;
                let begun = tree::start_anew(&path)
                    .and_then(|()| Journal::create(&path.join("journal"), id, part_size));
                let journal = match begun {
                    Err(error) if journal_fault.is_none() => {
                        abandon(&path);
                        return Err(error);
                    }
                    other => other?,
                };
                (journal, layout, Default::default())
            }
        };
        let mut staging = Staging {
            destination: destination.clone(),
            tree: path.join("tree"),
            marks: Marks::new(manifest.len()),
            refusals: Mutex::default(),
            kept: Kept::default(),
            creation: Mutex::new(()),
            has_folders: Mutex::new(false),
            write_locks: Default::default(),
            progress: Mutex::new(StagingProgress {
                layout,
                present: plan.unneeded_parts(&manifest, &layout),
                recorded: PartSet::new(),
                unsettled: PartSet::new(),
                old_files: HashMap::new(),
                writing: Vec::new(),
                stream_end: 0,
                short: None,
            }),
            created_folders: HashSet::new(),
            has_earlier_parts: false,
            path,
            manifest,
            plan,
            durability,
            journal,
            umask,
            filling: StagingMode::Parts,
            journal_fault,
            lock,
        };
        resume::take_over(&mut staging, &recorded)?;
        Ok(staging)
    }

    /// The staging folder. It is kept after any error, and the same transfer resumes from it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether only this user can enter the staging folder. Some disks keep no permissions.
    pub fn is_private(&self) -> bool {
        self.lock.is_private()
    }

    /// How the stream is cut into parts. [`Staging::close_stream`] changes it.
    pub fn layout(&self) -> PartLayout {
        self.progress().layout
    }

    /// The parts that need not be sent: written or compared in this run, or without a needed byte.
    pub fn present(&self) -> PartSet {
        self.progress().present.clone()
    }

    /// Why the journal of an earlier run was rejected; `None` if it was not. The journal is kept as
    /// `journal.unreadable` until the delivery, and the transfer starts over.
    pub fn journal_fault(&self) -> Option<JournalFault> {
        self.journal_fault
    }

    /// The ranges of missing parts below `end`, ascending; at most [`limits::RANGES`] of them.
    pub fn missing(&self, end: u64) -> Vec<PartRange> {
        let progress = self.progress();
        let end = end.min(progress.layout.count());
        progress.present.gaps(end).take(limits::RANGES).collect()
    }

    /// Whether all needed parts are present. Never true for an open stream, unless nothing of it is needed.
    pub fn is_complete(&self) -> bool {
        let progress = self.progress();
        match progress.layout.total() {
            Some(_) => progress.present.len() == progress.layout.count(),
            None => !self.files().any(|(index, _)| self.is_needed(index)),
        }
    }

    /// A writer for one thread.
    pub fn writer(&self) -> StagingWriter<'_> {
        StagingWriter::new(self)
    }

    /// Records that the source of a file failed. Later parts do not have the real contents of the file, so they
    /// are not recorded, and a later run of the same transfer asks for them again.
    pub fn note_failed(&self, entry: EntryIndex) {
        self.marks.set(entry, Mark::Failed);
    }

    /// Revokes a part whose contents turned out to be wrong.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn forget_part(&self, part: PartIndex) -> Result<(), DiskError> {
        self.distrust_holes(part);
        let mut progress = self.progress();
        progress.present.remove(part);
        progress.recorded.remove(part);
        progress.short.take_if(|(short, _)| *short == part);
        drop(progress);
        self.journal.append(JournalRecord::Revoked(part))
    }

    /// Sets the length of a stream of unknown size to `total` bytes, the authenticated end of the stream.
    /// Needed parts before the end may still be missing.
    ///
    /// # Errors
    /// The stream was closed before, or a part lies beyond `total`.
    pub fn close_stream(&self, total: u64) -> Result<(), DiskError> {
        let mut progress = self.progress();
        let closed = PartLayout::known(total, progress.layout.part_size());
        let (None, Ok(layout)) = (progress.layout.total(), closed) else {
            return Err(self.misuse("close stream", "its length is known or out of bounds"));
        };
        let is_end = progress.short.is_none_or(|(_, end)| end == total);
        if progress.stream_end > total || !is_end {
            return Err(self.misuse("close stream", "its parts end elsewhere"));
        }
        progress.layout = layout;
        drop(progress);
        for (index, _) in self.files() {
            if self.marks.has(index, Mark::There) {
                let path = self.staged_path(index)?;
                let opened = fs::OpenOptions::new().write(true).open(&path);
                opened
                    .and_then(|file| file.set_len(total))
                    .map_err(DiskError::at("set length of", &path))?;
            }
        }
        Ok(())
    }

    /// Makes the needed folders, once. A folder that the disk refuses is left out with everything below it.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn make_folders(&self) -> Result<(), DiskError> {
        let mut has_folders = self
            .has_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*has_folders {
            self.for_each_folder(tree::make_new)?;
            *has_folders = true;
        }
        Ok(())
    }

    /// Ends an interrupted transfer. If nothing is recorded for a later run, removes the staging folder and the
    /// folders that were created for it. Returns whether the staging folder is kept.
    ///
    /// # Errors
    /// The system's error.
    pub fn keep_what_is_recorded(self) -> Result<bool, DiskError> {
        match self.journal.is_empty() {
            true => self.discard().map(|()| false),
            false => Ok(true),
        }
    }

    /// Removes the staging folder, unless it holds data of an earlier run.
    ///
    /// # Errors
    /// The system's error.
    pub fn discard_if_new(self) -> Result<(), DiskError> {
        match self.has_earlier_parts {
            false => self.remove(),
            true => Ok(()),
        }
    }

    /// Removes the staging folder, the lock last, so that no other process can enter meanwhile.
    pub(super) fn remove(self) -> Result<(), DiskError> {
        let path = self.path.clone();
        abandoned::empty(&path)?;
        drop(self);
        fs::remove_dir(&path).map_err(DiskError::at("remove", &path))
    }

    /// The entry's path in the staging tree.
    pub(super) fn staged_path(&self, entry: EntryIndex) -> Result<PathBuf, DiskError> {
        let path = self.plan.staged_path(&self.manifest, entry);
        match WirePath::parse(&path) {
            Ok(path) => disk_path(&self.tree, path),
            Err(_) => Err(self.misuse("name", "a new name in it is not valid")),
        }
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Length of a file, in bytes; 0 for other entries and for a stream that is not closed.
    pub(super) fn size_of(&self, entry: EntryIndex) -> u64 {
        match self.manifest.entry(entry).kind {
            EntryKind::File(FileSize::Known(size)) => size,
            EntryKind::File(FileSize::Unknown) => self.layout().total().unwrap_or(0),
            EntryKind::Folder | EntryKind::Link(_) => 0,
        }
    }

    /// The files of the manifest.
    fn files(&self) -> impl Iterator<Item = (EntryIndex, crate::model::Entry<'_>)> {
        self.manifest
            .entries()
            .filter(|(_, entry)| matches!(entry.kind, EntryKind::File(_)))
    }

    /// Marks the files of a part as written before: from now on, runs of zeros in them must be written, too.
    fn distrust_holes(&self, part: PartIndex) {
        for segment in self.layout().segments(&self.manifest, part) {
            self.marks.unset(segment.entry, Mark::Sparse);
        }
    }

    fn misuse(&self, operation: &'static str, why: &'static str) -> DiskError {
        DiskError::refused(DiskErrorKind::Other, operation, &self.path, why)
    }

    fn progress(&self) -> MutexGuard<'_, StagingProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Earlier = (Journal, PartLayout, crate::disk::journal::Recorded);

/// The journal of an earlier run, if the transfer can resume from it, or the reason why it cannot.
fn earlier_run(
    path: &Path,
    id: TransferId,
    manifest: &Manifest,
) -> Result<(Option<Earlier>, Option<JournalFault>), DiskError> {
    let journal_path = path.join("journal");
    let fault = match Journal::open(&journal_path, id)? {
        FoundJournal::Nothing => None,
        FoundJournal::Good(..) if manifest.total().is_none() => None,
        FoundJournal::Good(journal, recorded) => match layout_of(manifest, recorded.part_size) {
            Ok(layout) => return Ok((Some((journal, layout, recorded)), None)),
            Err(_) => Some(JournalFault::Damaged),
        },
        FoundJournal::Faulty(fault) => Some(fault),
    };
    let aside = path.join("journal.unreadable");
    match fs::rename(&journal_path, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DiskError::at("put aside journal", &journal_path)(error))
        }
        _ => Ok((None, fault)),
    }
}

/// The staging folder of a transfer. With portable names it is another folder, because an earlier run without
/// them staged the entries under other names.
fn staging_path(destination: &Destination, mut id: TransferId, plan: &Plan) -> PathBuf {
    id.0[0] ^= u8::from(plan.has_portable_names());
    destination.path().join(format!(".peerbridge-{id}"))
}

fn layout_of(manifest: &Manifest, part_size: u32) -> Result<PartLayout, LayoutError> {
    match manifest.total() {
        Some(total) => PartLayout::known(total, part_size),
        None => PartLayout::open(part_size),
    }
}

/// Removes a staging folder that could not be set up. Errors of the removal are ignored: the first error is the
/// one to report.
fn abandon(path: &Path) {
    let _ = remove_tree(&path.join("tree"))
        .and_then(|()| remove_if_there(&path.join("journal")))
        .and_then(|()| remove_if_there(&path.join(lock::NAME)))
        .map(|()| fs::remove_dir(path));
}

fn bad_part_size(path: &Path, fault: LayoutError) -> DiskError {
    let why = match fault {
        LayoutError::TooLarge => "the transfer has too many parts",
        LayoutError::PartSize | LayoutError::NoSuchPart => "the part size is out of bounds",
    };
    DiskError::refused(DiskErrorKind::Other, "write into", path, why)
}

#[cfg(test)]
mod tests;
