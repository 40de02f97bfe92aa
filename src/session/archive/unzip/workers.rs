//! The threads that read an archive: each takes the next file, decrypts, decompresses and verifies it. For a
//! small file, deriving the key takes longer than all the rest.

use super::unzipping::Unzipping;
use crate::disk::{ArchiveTree, FileWriter, OpeningBuffers, Staging};
use crate::model::{EntryIndex, EntryKind};
use crate::session::error::Error;
use crate::session::events::{Event, Progress};
use crate::session::sync::lock;
use crate::session::threads::{on_threads, threads_within};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Files of at least this size come first, so that at the end no thread is left alone with one.
const LARGE: u64 = 8 * 1024 * 1024;

/// The most threads. With more, the disk would be the limit.
const THREADS: usize = 64;

/// The files that are still to be read, and the progress so far.
struct UnzipWork<'a> {
    unzipping: &'a Unzipping<'a>,
    tree: &'a ArchiveTree,
    staging: Option<&'a Staging>,
    files: Vec<EntryIndex>,
    next: AtomicUsize,
    bytes: AtomicU64,
    total: u64,
    error: Mutex<Option<Error>>,
}

impl Unzipping<'_> {
    /// Reads these files into `staging`. Without it, only verifies them.
    ///
    /// # Errors
    /// The first error.
    pub(super) fn read(
        &self,
        tree: &ArchiveTree,
        staging: Option<&Staging>,
        mut files: Vec<EntryIndex>,
    ) -> Result<(), Error> {
        files.sort_by_key(|&entry| {
            let is_small = size(tree, entry) < LARGE;
            (is_small, self.archive.place(tree, entry))
        });
        let work = UnzipWork {
            unzipping: self,
            tree,
            staging,
            next: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            total: files.iter().map(|&entry| size(tree, entry)).sum(),
            error: Mutex::new(None),
            files,
        };
        let threads = threads_within(THREADS).min(work.files.len());
        on_threads(threads, || work.run());
        let error = lock(&work.error).take();
        error.map_or(Ok(()), Err)
    }
}

impl UnzipWork<'_> {
    fn run(&self) {
        let mut buffers = OpeningBuffers::new();
        let mut writer = self.staging.map(Staging::file_writer);
        let next = || self.next.fetch_add(1, Ordering::Relaxed);
        while let Some(&entry) = self.files.get(next()) {
            if let Err(error) = self.read(entry, &mut buffers, &mut writer) {
                // Leaves no more files to take. The first error is reported, because others may follow from it.
                self.next.store(self.files.len(), Ordering::Relaxed);
                lock(&self.error).get_or_insert(error);
            }
        }
    }

    fn read(
        &self,
        entry: EntryIndex,
        buffers: &mut OpeningBuffers,
        writer: &mut Option<FileWriter<'_>>,
    ) -> Result<(), Error> {
        let Unzipping {
            archive, options, ..
        } = self.unzipping;
        let mut file = writer.as_mut().map(|writer| writer.begin(entry));
        let take = &mut |bytes: &[u8]| {
            options.cancel.check()?;
            if let Some(file) = &mut file {
                file.write(bytes)?;
            }
            self.moved(bytes.len() as u64);
            Ok(())
        };
        archive.read(self.tree, entry, options.password(), buffers, take)?;
        options.cancel.check()?;
        match file {
            Some(file) => Ok(file.finish()?),
            None => Ok(()),
        }
    }

    fn moved(&self, bytes: u64) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.unzipping.operator.event(&Event::Progress(Progress {
            bytes,
            total: Some(self.total),
            wire_bytes: 0,
        }));
    }
}

/// The files of an archive.
pub(super) fn files(tree: &ArchiveTree) -> impl Iterator<Item = EntryIndex> {
    let entries = tree.manifest.entries();
    let files = entries.filter(|(_, entry)| matches!(entry.kind, EntryKind::File(_)));
    files.map(|(index, _)| index)
}

/// Bytes of a file's contents.
pub(super) fn size(tree: &ArchiveTree, entry: EntryIndex) -> u64 {
    let range = tree.manifest.stream_range(entry);
    range.end - range.start
}
