//! Staging for files that arrive as a whole, each from one thread, and are verified at their end.
//!
//! There are no parts to record. Opening the staging folder removes the files of an earlier run, and a file
//! counts as present only after [`FileInHand::finish`].

use super::{Durability, Mark, Staging, StagingMode};
use crate::disk::destination::Destination;
use crate::disk::error::DiskError;
use crate::disk::plan::Plan;
use crate::model::{EntryIndex, Manifest, TransferId, limits};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Files up to this many bytes are kept in memory until they are complete, and then created.
const SMALL: u64 = 256 * 1024;

impl Staging {
    /// Like [`Staging::open`], for contents that arrive file by file through [`Staging::file_writer`].
    ///
    /// # Errors
    /// As [`Staging::open`].
    pub fn open_for_files(
        destination: &Destination,
        id: TransferId,
        manifest: Arc<Manifest>,
        plan: Plan,
        durability: Durability,
    ) -> Result<Staging, DiskError> {
        let part_size = limits::PART_BYTES_MAX;
        let opened = Staging::open(destination, id, manifest, plan, part_size, durability);
        opened.map(|staging| Staging {
            filling: StagingMode::Files,
            ..staging
        })
    }

    /// A writer of whole files, for one thread.
    pub fn file_writer(&self) -> FileWriter<'_> {
        FileWriter {
            staging: self,
            small: Vec::new(),
        }
    }

    /// The path of a finished file, while it is staged.
    ///
    /// # Errors
    /// The file was not finished, or this system does not allow such a name.
    pub fn whole_file(&self, entry: EntryIndex) -> Result<PathBuf, DiskError> {
        match self.marks.has(entry, Mark::Whole) {
            true => self.staged_path(entry),
            false => Err(self.misuse("open file", "it is not whole")),
        }
    }

    /// Removes the staging folder with its contents, and the folders that were made for it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn discard(self) -> Result<(), DiskError> {
        let destination = self.destination.clone();
        self.remove()?;
        destination.remove_created();
        Ok(())
    }
}

/// Writes whole files, one after the other. Each thread has a writer of its own, which keeps a small file in
/// memory.
#[derive(Debug)]
pub struct FileWriter<'a> {
    staging: &'a Staging,
    small: Vec<u8>,
}

/// A file that is being written. If it is dropped before [`FileInHand::finish`], it counts as missing.
#[derive(Debug)]
pub struct FileInHand<'w, 'a> {
    writer: &'w mut FileWriter<'a>,
    entry: EntryIndex,
    size: u64,
    written: u64,
    large: Option<File>,
    /// Whether the disk refused the file: its further bytes are dropped.
    is_refused: bool,
}

impl<'a> FileWriter<'a> {
    /// Begins a file that the plan needs.
    pub fn begin(&mut self, entry: EntryIndex) -> FileInHand<'_, 'a> {
        self.small.clear();
        FileInHand {
            size: self.staging.size_of(entry),
            writer: self,
            entry,
            written: 0,
            large: None,
            is_refused: false,
        }
    }
}

impl FileInHand<'_, '_> {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// There are more bytes than the file's size, or the system's error.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let staging = self.writer.staging;
        let end = self.written + bytes.len() as u64;
        if end > self.size {
            return Err(staging.misuse("write file", "it is longer than it may be"));
        }
        if self.size <= SMALL {
            self.writer.small.extend_from_slice(bytes);
        } else if !self.is_refused {
            let opened = match self.large.take() {
                Some(file) => Some(file),
                None => staging.open_piecewise(self.entry)?,
            };
            match opened {
                Some(file) => {
                    staging.write_at(self.entry, &file, bytes, self.written)?;
                    self.large = Some(file);
                }
                None => self.is_refused = true,
            }
        }
        self.written = end;
        Ok(())
    }

    /// Marks the file as complete and verified.
    ///
    /// # Errors
    /// Fewer bytes than the file's size were written, or the system's error.
    pub fn finish(self) -> Result<(), DiskError> {
        let staging = self.writer.staging;
        if self.written != self.size {
            return Err(staging.misuse("finish file", "it is shorter than it must be"));
        }
        if self.size <= SMALL {
            staging.write_whole(self.entry, &self.writer.small)?;
        }
        staging.marks.set(self.entry, Mark::Whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fixture::{self, ID, Sample, Transfer, names_in, noise};
    use crate::model::Existing;
    use std::fs;
    use std::path::Path;

    const LARGE: usize = SMALL as usize * 2 + 5;

    fn transfer() -> Transfer {
        Sample::new()
            .folder("d")
            .file(
                "d/large",
                &[&noise(LARGE - 70_000, 1), &vec![0; 70_000][..]].concat(),
            )
            .file("d/small", &noise(100, 2))
            .file("empty", b"")
            .finish()
    }

    fn open(transfer: &Transfer, into: &Path) -> Staging {
        Staging::open_for_files(
            &Destination::locate(into).unwrap(),
            ID,
            Arc::clone(&transfer.manifest),
            transfer.plan(into, Existing::Fail),
            Durability::Normal,
        )
        .unwrap()
    }

    fn write(
        transfer: &Transfer,
        staging: &Staging,
        path: &str,
        length: u64,
    ) -> Result<(), DiskError> {
        let entry = transfer.index(path);
        let start = transfer.manifest.stream_range(entry).start;
        let mut writer = staging.file_writer();
        let mut file = writer.begin(entry);
        for piece in transfer.stream[start as usize..(start + length) as usize].chunks(100_000) {
            file.write(piece)?;
        }
        file.finish()
    }

    #[test]
    fn whole_files_are_delivered() {
        let dir = tempfile::tempdir().unwrap();
        let transfer = transfer();
        let staging = open(&transfer, dir.path());
        write(&transfer, &staging, "d/small", 100).unwrap();
        write(&transfer, &staging, "d/large", LARGE as u64).unwrap();
        write(&transfer, &staging, "empty", 0).unwrap();
        fixture::deliver(staging, &[]);
        let got =
            ["d/large", "d/small", "empty"].map(|name| fs::read(dir.path().join(name)).unwrap());
        assert_eq!(got.concat(), transfer.stream);
        assert_eq!(names_in(dir.path()), ["d", "empty"]);
    }

    #[test]
    fn a_file_that_was_not_finished_keeps_all_from_being_delivered() {
        let dir = tempfile::tempdir().unwrap();
        let transfer = transfer();
        let staging = open(&transfer, dir.path());
        write(&transfer, &staging, "d/small", 100).unwrap();
        assert!(write(&transfer, &staging, "d/large", LARGE as u64 - 1).is_err());
        let mut writer = staging.file_writer();
        assert!(writer.begin(transfer.index("empty")).write(b"x").is_err());
        assert!(staging.deliver(&[], &mut |_, _, _| {}).is_err());
        assert!(
            names_in(dir.path())
                .iter()
                .all(|name| name.starts_with(".peerbridge-"))
        );
    }

    #[test]
    fn files_of_a_killed_run_are_not_reused() {
        let dir = tempfile::tempdir().unwrap();
        let transfer = transfer();
        let killed = open(&transfer, dir.path());
        write(&transfer, &killed, "d/small", 100).unwrap();
        drop(killed);
        let staging = open(&transfer, dir.path());
        let small = staging.staged_path(transfer.index("d/small")).unwrap();
        assert!(!small.exists());
        assert!(staging.deliver(&[], &mut |_, _, _| {}).is_err());
    }

    #[test]
    fn discarding_removes_the_folders_that_were_made() {
        let dir = tempfile::tempdir().unwrap();
        let transfer = transfer();
        let staging = open(&transfer, &dir.path().join("new/folder"));
        write(&transfer, &staging, "d/small", 100).unwrap();
        staging.discard().unwrap();
        assert!(names_in(dir.path()).is_empty());
        open(&transfer, dir.path()).discard().unwrap();
        assert!(dir.path().is_dir());
    }
}
