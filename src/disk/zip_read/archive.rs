//! An archive from its directory to the contents of each entry.

use super::contents::{self, OpeningBuffers, Stopped};
use super::directory::{self, Directory};
use super::encryption::Protection;
use super::error::{ArchiveError, ArchiveFault, EntryFault};
use super::headers;
use super::kind::CentralKind;
use super::listing::{ListedEntry, listed};
use super::options::ReadingOptions;
use super::record::CentralEntry;
use super::selection::Selection;
use super::tree::{self, ArchiveTree, Outline};
use crate::disk::source::GlobShape;
use crate::model::{EntryIndex, limits};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Entries on which a password is tried before it counts as right. With AES the value that reveals a wrong
/// password has 16 bits.
const PASSWORD_TRIALS: usize = 2;
/// The same number for ZipCrypto, whose value has 8 bits.
const ZIP_CRYPTO_TRIALS: usize = 4;

/// An archive whose directory was read. Its entries are not checked yet.
#[derive(Debug)]
pub struct Archive {
    name: PathBuf,
    file: File,
    bytes: u64,
    directory: Directory,
    options: ReadingOptions,
    /// Patterns of the selection that match nothing.
    unmatched_patterns: Vec<Box<[u8]>>,
}

impl Archive {
    /// Opens the file and reads the archive's directory.
    ///
    /// # Errors
    /// The file cannot be read, is not an archive, or its directory is damaged or exceeds a limit.
    pub fn open(path: &Path, options: &ReadingOptions) -> Result<Archive, ArchiveError> {
        Archive::open_as(path, path, options)
    }

    /// Like [`Archive::open`]. Errors call the archive `name`.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_as(
        path: &Path,
        name: &Path,
        options: &ReadingOptions,
    ) -> Result<Archive, ArchiveError> {
        let failed = |source| ArchiveError::of_archive(name, ArchiveFault::Unreadable(source));
        let found = fs::metadata(path).map_err(failed)?;
        if !found.is_file() {
            return Err(failed(io::Error::other("it is not a file")));
        }
        let file = File::open(path).map_err(failed)?;
        Archive::of_file(file, name, options)
    }

    /// Like [`Archive::open_as`], for an open file.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn of_file(
        file: File,
        name: &Path,
        options: &ReadingOptions,
    ) -> Result<Archive, ArchiveError> {
        let failed = |source| ArchiveError::of_archive(name, ArchiveFault::Unreadable(source));
        let bytes = file.metadata().map_err(failed)?.len();
        let directory = directory::read(&file, bytes, options);
        Ok(Archive {
            directory: directory.map_err(|fault| fault.in_archive(name))?,
            name: name.to_owned(),
            file,
            bytes,
            options: options.clone(),
            unmatched_patterns: Vec::new(),
        })
    }

    /// The listed entries, in the archive's order.
    pub fn entries(&self) -> impl Iterator<Item = ListedEntry<'_>> {
        let listed = |record| listed(record, &self.directory);
        self.directory.records.iter().map(listed)
    }

    /// Checks everything that needs no password.
    ///
    /// # Errors
    /// A selected entry cannot be opened here, nothing is selected, or the archive is damaged or misleading.
    pub fn check(mut self, selection: &Selection) -> Result<CheckedArchive, ArchiveError> {
        let selected = self.select(selection);
        self.unmatched_patterns = selection.unmatched();
        let checked = selected.and_then(|()| {
            let encoding = self.options.name_encoding;
            headers::check(&self.file, &mut self.directory, encoding)
        });
        match checked {
            Ok(()) => Ok(CheckedArchive(self)),
            Err(fault) => Err(fault.in_archive(&self.name)),
        }
    }

    fn select(&mut self, selection: &Selection) -> Result<(), EntryFault> {
        let Directory { records, text, .. } = &mut self.directory;
        for record in records.iter_mut() {
            let shape = match record.kind {
                CentralKind::Folder => GlobShape::Folder,
                _ => GlobShape::Other,
            };
            let path = record.path.of(text);
            record.is_selected = selection.takes(path, shape);
            if record.is_selected && record.kind != CentralKind::Folder {
                contents::check(record).map_err(|fault| EntryFault::of_entry(path, fault))?;
            }
        }
        match records.is_empty() || records.iter().any(|record| record.is_selected) {
            true => Ok(()),
            false => Err(ArchiveFault::NothingSelected.into()),
        }
    }
}

/// An archive whose entries can be opened: headers agree, and each byte is used once.
#[derive(Debug)]
pub struct CheckedArchive(Archive);

/// Why an entry was not read to its end.
#[derive(Debug)]
pub enum ReadStopped<E> {
    /// The archive or the password is wrong.
    Archive(ArchiveError),
    /// The consumer of the contents failed.
    Taker(E),
}

impl CheckedArchive {
    /// The patterns of the selection that match nothing.
    pub fn unmatched_patterns(&self) -> impl Iterator<Item = &[u8]> {
        self.0.unmatched_patterns.iter().map(|pattern| &**pattern)
    }

    /// Size of the whole file, in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The selected entries, in the archive's order.
    pub fn entries(&self) -> impl Iterator<Item = ListedEntry<'_>> {
        let directory = &self.0.directory;
        let selected = directory.records.iter().filter(|record| record.is_selected);
        selected.map(|record| listed(record, directory))
    }

    /// The options that it was read with.
    pub fn options(&self) -> &ReadingOptions {
        &self.0.options
    }

    /// Its name in errors.
    pub fn name(&self) -> &Path {
        &self.0.name
    }

    /// Whether a selected entry needs a password.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted().next().is_some()
    }

    /// Tries the password, without reading contents. A wrong password passes once in four billion times; if
    /// only one entry is encrypted, once in 65,536 times with AES and once in 256 with ZipCrypto. Its contents
    /// then do not verify.
    ///
    /// # Errors
    /// [`ArchiveFault::WrongPassword`], [`ArchiveFault::PasswordNeeded`], or the system's error.
    pub fn try_password(&self, password: Option<&[u8]>) -> Result<(), ArchiveError> {
        let mut buffers = OpeningBuffers::new();
        for record in self.encrypted().take(self.password_trials()) {
            let read = contents::read(&self.0.file, record, password, &mut buffers, &mut |_| {
                Err(())
            });
            // Contents are verified when they are read.
            if let Err(Stopped::Fault(
                fault @ (ArchiveFault::WrongPassword
                | ArchiveFault::PasswordNeeded
                | ArchiveFault::Unreadable(_)),
            )) = read
            {
                return Err(ArchiveError::of_archive(&self.0.name, fault));
            }
        }
        Ok(())
    }

    /// Counts the entries that would be made, at the cost of a sort.
    ///
    /// # Errors
    /// A name occurs twice, for two kinds of entries.
    pub fn outline(&self) -> Result<Outline, ArchiveError> {
        let outline = tree::outline(&self.0.directory);
        outline.map_err(|fault| fault.in_archive(&self.0.name))
    }

    /// Makes the manifest, and reads the text of each link.
    ///
    /// # Errors
    /// A name is unsafe, a link does not verify, a limit is exceeded, or the system's error.
    pub fn tree(
        &self,
        outline: Outline,
        password: Option<&[u8]>,
    ) -> Result<ArchiveTree, ArchiveError> {
        let targets = self.link_targets(password)?;
        let tree = tree::build(&self.0.directory, outline, &targets, self.0.options.links);
        tree.map_err(|fault| fault.in_archive(&self.0.name))
    }

    /// Offset of the entry's contents in the archive, in bytes: reading in this order is fastest.
    pub fn place(&self, tree: &ArchiveTree, entry: EntryIndex) -> u64 {
        self.record(tree, entry).map_or(0, |record| record.place)
    }

    /// Reads the contents of one file and gives them to `take`, piece by piece. Do not trust them before this
    /// returns `Ok`. Entries without contents give nothing.
    ///
    /// # Errors
    /// The contents do not verify, this entry has another password, the system's error, or the error of `take`.
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
                ReadStopped::Archive(fault.in_archive(&self.0.name))
            }
        })
    }

    fn record(&self, tree: &ArchiveTree, entry: EntryIndex) -> Option<&CentralEntry> {
        self.0.directory.records.get(tree.record(entry)?)
    }

    fn encrypted(&self) -> impl Iterator<Item = &CentralEntry> {
        let records = self.0.directory.records.iter();
        records.filter(|record| {
            record.is_selected
                && record.kind != CentralKind::Folder
                && record.protection != Protection::Nothing
        })
    }

    fn password_trials(&self) -> usize {
        let mut encrypted = self.encrypted();
        match encrypted.any(|record| record.protection == Protection::ZipCrypto) {
            true => ZIP_CRYPTO_TRIALS,
            false => PASSWORD_TRIALS,
        }
    }

    fn link_targets(&self, password: Option<&[u8]>) -> Result<HashMap<u32, Vec<u8>>, ArchiveError> {
        let mut targets = HashMap::new();
        let mut buffers = OpeningBuffers::new();
        for (number, record) in (0_u32..).zip(&self.0.directory.records) {
            // A longer one stays empty here, and is refused as an empty target.
            let is_wanted = record.is_selected && record.kind == CentralKind::Link;
            if !is_wanted || record.size > limits::PATH_BYTES as u64 {
                continue;
            }
            let mut target = Vec::new();
            let read = self.read_record(record, password, &mut buffers, &mut |bytes| {
                target.extend_from_slice(bytes);
                Ok::<(), Infallible>(())
            });
            match read {
                Ok(()) => targets.insert(number, target),
                Err(ReadStopped::Archive(error)) => return Err(error),
                Err(ReadStopped::Taker(never)) => match never {},
            };
        }
        Ok(targets)
    }
}
