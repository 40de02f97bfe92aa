//! Reading zip archives that anybody may have made: nothing in one is believed before it was checked.
//!
//! 1. [`Archive::open`] reads the directory, and nothing else.
//! 2. [`Archive::check`] finds that everything in it can be opened here, that each entry's two headers
//!    agree, and that no byte belongs to two entries.
//! 3. [`CheckedArchive::tree`] makes a manifest of it: names, links and folders are checked as those from
//!    a peer are.
//! 4. [`CheckedArchive::read`] decrypts and decompresses one entry and verifies it at its end; threads do
//!    that side by side.

mod contents;
mod directory;
mod error;
mod extra;
mod headers;
mod names;
mod record;
mod span;
mod tree;

use crate::model::{EntryIndex, limits};
use contents::Stopped;
use directory::Directory;
use error::EntryFault;
use record::{CentralEntry, CentralKind, Protection};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use contents::OpeningBuffers;
pub use error::{ArchiveError, ArchiveFault};
pub use record::AesStrength;
pub use tree::ArchiveTree;

/// How many entries a password is tried with before it counts as the right one. The value that shows a
/// wrong one has 16 bits.
const PASSWORD_TRIALS: usize = 2;

/// An archive whose directory was read. What it lists is not checked yet.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    bytes: u64,
    directory: Directory,
}

/// An entry as the archive lists it; nothing of it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedEntry<'a> {
    /// Its path, to be escaped.
    pub path: &'a [u8],
    /// What it is.
    pub kind: ListedKind,
    /// Bytes of its contents.
    pub size: u64,
    /// Bytes that it takes in the archive.
    pub compressed: u64,
    /// How it is encrypted.
    pub encryption: ListedEncryption,
}

/// What a listed entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Something that is never made here: a device, a pipe, a socket.
    Special,
}

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedEncryption {
    /// Not at all.
    None,
    /// As WinZip does, with AES.
    Aes(AesStrength),
    /// With ZipCrypto: it is not opened here.
    ZipCrypto,
    /// In a way that only its maker opens.
    Other,
}

impl Archive {
    /// Opens the file and reads the archive's directory.
    ///
    /// # Errors
    /// It cannot be read, is no archive, or its directory is damaged or passes a limit.
    pub fn open(path: &Path) -> Result<Archive, ArchiveError> {
        Archive::open_within(path, path)
    }

    /// As [`Archive::open`], of one that came out of the archive `outer`: errors name that.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_within(path: &Path, outer: &Path) -> Result<Archive, ArchiveError> {
        let failed = |source| ArchiveError::of_archive(outer, ArchiveFault::Unreadable(source));
        let found = fs::metadata(path).map_err(failed)?;
        if !found.is_file() {
            return Err(failed(io::Error::other("it is no file")));
        }
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let directory = directory::read(&file, bytes).map_err(|fault| fault.in_archive(outer))?;
        Ok(Archive {
            path: outer.to_owned(),
            file,
            bytes,
            directory,
        })
    }

    /// What it lists, in its order.
    pub fn entries(&self) -> impl Iterator<Item = ListedEntry<'_>> {
        let listed = |record| listed(record, &self.directory);
        self.directory.records.iter().map(listed)
    }

    /// Checks all that can be checked without a password.
    ///
    /// # Errors
    /// Something in it cannot be opened here, is damaged, or is made to mislead.
    pub fn check(mut self) -> Result<CheckedArchive, ArchiveError> {
        let directory = &mut self.directory;
        let checked = directory
            .records
            .iter()
            .filter(|record| record.kind != CentralKind::Folder)
            .try_for_each(|record| {
                let name = record.path.of(&directory.text);
                contents::check(record).map_err(|fault| EntryFault::of_entry(name, fault))
            })
            .and_then(|()| headers::check(&self.file, &mut self.directory));
        match checked {
            Ok(()) => Ok(CheckedArchive(self)),
            Err(fault) => Err(fault.in_archive(&self.path)),
        }
    }
}

fn listed<'a>(record: &CentralEntry, directory: &'a Directory) -> ListedEntry<'a> {
    ListedEntry {
        path: record.path.of(&directory.text),
        kind: match record.kind {
            CentralKind::File => ListedKind::File,
            CentralKind::Folder => ListedKind::Folder,
            CentralKind::Link => ListedKind::Link,
            CentralKind::Special => ListedKind::Special,
        },
        size: record.size,
        compressed: record.compressed,
        encryption: match record.protection {
            Protection::Nothing => ListedEncryption::None,
            Protection::Aes(aes) => ListedEncryption::Aes(aes.strength),
            Protection::ZipCrypto => ListedEncryption::ZipCrypto,
            Protection::Strong => ListedEncryption::Other,
        },
    }
}

/// An archive whose entries can be opened: their headers agree, and each byte is used once.
#[derive(Debug)]
pub struct CheckedArchive(Archive);

/// Why an entry was not read to its end.
#[derive(Debug)]
pub enum ReadStopped<E> {
    /// The archive is to blame, or the password.
    Archive(ArchiveError),
    /// Whoever took the contents.
    Taker(E),
}

impl CheckedArchive {
    /// The whole file, in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// What it lists, in its order.
    pub fn entries(&self) -> impl Iterator<Item = ListedEntry<'_>> {
        self.0.entries()
    }

    /// Whether a password is needed for something in it.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted().next().is_some()
    }

    /// Tries the password, without reading contents. A wrong one may pass once in four billion times,
    /// where only one entry is encrypted once in 65,536: then contents do not verify.
    ///
    /// # Errors
    /// [`ArchiveFault::WrongPassword`], [`ArchiveFault::PasswordNeeded`], or what the system refused.
    pub fn try_password(&self, password: Option<&[u8]>) -> Result<(), ArchiveError> {
        let mut buffers = OpeningBuffers::new();
        for record in self.encrypted().take(PASSWORD_TRIALS) {
            let read = contents::read(&self.0.file, record, password, &mut buffers, &mut |_| {
                Err(())
            });
            // Whether the contents are whole is found out when they are wanted.
            if let Err(Stopped::Fault(
                fault @ (ArchiveFault::WrongPassword
                | ArchiveFault::PasswordNeeded
                | ArchiveFault::Unreadable(_)),
            )) = read
            {
                return Err(ArchiveError::of_archive(&self.0.path, fault));
            }
        }
        Ok(())
    }

    /// What is to become of it on disk. Reads the text of each link.
    ///
    /// # Errors
    /// A name or a link is unsafe or stands twice, a link does not verify, a limit is passed, or what the
    /// system refused.
    pub fn tree(&self, password: Option<&[u8]>) -> Result<ArchiveTree, ArchiveError> {
        let targets = self.link_targets(password)?;
        tree::build(&self.0.directory, &targets).map_err(|fault| fault.in_archive(&self.0.path))
    }

    /// Where in the archive the entry's contents are, in bytes: reading in this order is fastest.
    pub fn place(&self, tree: &ArchiveTree, entry: EntryIndex) -> u64 {
        self.record(tree, entry).map_or(0, |record| record.place)
    }

    /// Reads the contents of one file and gives them to `take`, piece by piece. They are not to be
    /// believed before this returns well. Entries without contents give nothing.
    ///
    /// # Errors
    /// Contents that do not verify, another password than the one of this entry, what the system refused,
    /// or what `take` returned.
    pub fn read<E>(
        &self,
        tree: &ArchiveTree,
        entry: EntryIndex,
        password: Option<&[u8]>,
        buffers: &mut OpeningBuffers,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ReadStopped<E>> {
        match self.record(tree, entry) {
            Some(record) => self.read_record(record, password, buffers, take),
            None => Ok(()),
        }
    }

    fn read_record<E>(
        &self,
        record: &CentralEntry,
        password: Option<&[u8]>,
        buffers: &mut OpeningBuffers,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ReadStopped<E>> {
        let read = contents::read(&self.0.file, record, password, buffers, take);
        read.map_err(|stopped| match stopped {
            Stopped::Taker(error) => ReadStopped::Taker(error),
            Stopped::Fault(fault) => {
                let name = record.path.of(&self.0.directory.text);
                let fault = EntryFault::of_entry(name, fault);
                ReadStopped::Archive(fault.in_archive(&self.0.path))
            }
        })
    }

    fn record(&self, tree: &ArchiveTree, entry: EntryIndex) -> Option<&CentralEntry> {
        self.0.directory.records.get(tree.record(entry)?)
    }

    fn encrypted(&self) -> impl Iterator<Item = &CentralEntry> {
        let records = self.0.directory.records.iter();
        records.filter(|record| {
            record.kind != CentralKind::Folder && record.protection != Protection::Nothing
        })
    }

    fn link_targets(&self, password: Option<&[u8]>) -> Result<HashMap<u32, Vec<u8>>, ArchiveError> {
        let mut targets = HashMap::new();
        let mut buffers = OpeningBuffers::new();
        for (number, record) in self.0.directory.records.iter().enumerate() {
            // A longer one is refused with its name, as empty as it stays here.
            if record.kind != CentralKind::Link || record.size > limits::PATH_BYTES as u64 {
                continue;
            }
            let mut target = Vec::new();
            let read = self.read_record(record, password, &mut buffers, &mut |bytes| {
                target.extend_from_slice(bytes);
                Ok::<(), std::convert::Infallible>(())
            });
            match read {
                Ok(()) => targets.insert(number as u32, target),
                Err(ReadStopped::Archive(error)) => return Err(error),
                Err(ReadStopped::Taker(never)) => match never {},
            };
        }
        Ok(targets)
    }
}
