//! The threads that read an archive: each takes the next file, decrypts, decompresses and verifies it. For a
//! small file, deriving the key takes longer than all the rest.

use crate::disk::{
    ArchiveTree, CheckedArchive, DiskError, FileWriter, OpeningBuffers, ReadStopped, Staging,
};
use crate::model::EntryIndex;
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::events::{Event, Operator, Progress};
use crate::session::sync::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// Files from this size on come first, so that no thread is left alone with one at the end.
const LARGE: u64 = 8 * 1024 * 1024;

/// The most threads: beyond that a disk is slower than they are.
const THREADS: usize = 64;

/// What the threads share.
pub(super) struct Workers<'a> {
    pub(super) archive: &'a CheckedArchive,
    pub(super) tree: &'a ArchiveTree,
    /// Where files are written; without it, they are only verified.
    pub(super) staging: Option<&'a Staging>,
    pub(super) password: Option<&'a [u8]>,
    pub(super) cancel: &'a Cancel,
    pub(super) operator: &'a dyn Operator,
}

/// Why the contents of a file were not taken.
enum UnzipHalt {
    Disk(DiskError),
    Cancelled,
}

/// The files that are left to read, and the progress so far.
struct UnzipWork {
    files: Vec<EntryIndex>,
    next: AtomicUsize,
    bytes: AtomicU64,
    total: u64,
    error: Mutex<Option<Error>>,
}

impl Workers<'_> {
    /// Reads these files, each to its end.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub(super) fn read(&self, files: Vec<EntryIndex>) -> Result<(), Error> {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get());
        let threads = threads.min(THREADS).min(files.len());
        let work = UnzipWork::new(self.in_order(files), self.tree);
        thread::scope(|scope| {
            for _ in 1..threads {
                let helper = thread::Builder::new().spawn_scoped(scope, || self.work(&work));
                if helper.is_err() {
                    // Fewer threads do as well, and this one is there.
                    break;
                }
            }
            self.work(&work);
        });
        let error = work
            .error
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        error.map_or(Ok(()), Err)
    }

    fn in_order(&self, mut files: Vec<EntryIndex>) -> Vec<EntryIndex> {
        files.sort_by_key(|&entry| {
            let is_small = size(self.tree, entry) < LARGE;
            (is_small, self.archive.place(self.tree, entry))
        });
        files
    }

    fn work(&self, work: &UnzipWork) {
        let mut buffers = OpeningBuffers::new();
        let mut writer = self.staging.map(Staging::file_writer);
        while let Some(entry) = work.take() {
            if let Err(error) = self.one(entry, work, &mut buffers, &mut writer) {
                work.end(error);
            }
        }
    }

    fn one(
        &self,
        entry: EntryIndex,
        work: &UnzipWork,
        buffers: &mut OpeningBuffers,
        writer: &mut Option<FileWriter<'_>>,
    ) -> Result<(), Error> {
        let mut file = writer.as_mut().map(|writer| writer.begin(entry));
        let take = &mut |bytes: &[u8]| {
            if self.cancel.is_cancelled() {
                return Err(UnzipHalt::Cancelled);
            }
            if let Some(file) = &mut file {
                file.write(bytes).map_err(UnzipHalt::Disk)?;
            }
            work.moved(bytes.len() as u64, self.operator);
            Ok(())
        };
        let read = self
            .archive
            .read(self.tree, entry, self.password, buffers, take);
        match read {
            Ok(()) if self.cancel.is_cancelled() => Err(Error::Cancelled),
            Ok(()) => match file {
                Some(file) => Ok(file.finish()?),
                None => Ok(()),
            },
            Err(ReadStopped::Archive(error)) => Err(error.into()),
            Err(ReadStopped::Taker(UnzipHalt::Disk(error))) => Err(error.into()),
            Err(ReadStopped::Taker(UnzipHalt::Cancelled)) => Err(Error::Cancelled),
        }
    }
}

impl UnzipWork {
    fn new(files: Vec<EntryIndex>, tree: &ArchiveTree) -> Self {
        UnzipWork {
            next: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            total: files.iter().map(|&entry| size(tree, entry)).sum(),
            error: Mutex::new(None),
            files,
        }
    }

    fn take(&self) -> Option<EntryIndex> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.files.get(number).copied()
    }

    /// Leaves nothing more to take. The first error counts: others may follow from it.
    fn end(&self, error: Error) {
        self.next.store(self.files.len(), Ordering::Relaxed);
        lock(&self.error).get_or_insert(error);
    }

    fn moved(&self, bytes: u64, operator: &dyn Operator) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        operator.event(&Event::Progress(Progress {
            bytes,
            total: Some(self.total),
            wire_bytes: 0,
        }));
    }
}

fn size(tree: &ArchiveTree, entry: EntryIndex) -> u64 {
    let range = tree.manifest.stream_range(entry);
    range.end - range.start
}
