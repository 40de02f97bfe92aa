//! Verifies an archive: reads every entry to its end, and writes nothing.

use super::hidden::hides_names;
use super::notices;
use super::options::UnzipOptions;
use super::unzipping::Unzipping;
use super::workers::files;
use crate::disk::{Archive, ArchiveTree, CheckedArchive, OpeningBuffers, spool};
use crate::model::EntryIndex;
use crate::session::error::Error;
use crate::session::events::{Operator, Summary};
use crate::session::stats::TransferStats;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Decrypts, decompresses and verifies all selected entries of an archive. If its names are hidden, the archive
/// inside is kept meanwhile in a file without a name in `temporary`.
///
/// # Errors
/// An [`Error`] that says what is wrong with it.
pub fn verify(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    temporary: &Path,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    archive.try_password(options.password())?;
    let unzipping = Unzipping {
        archive,
        options,
        operator,
    };
    if !hides_names(archive.entries()) {
        return unzipping.verify_entries();
    }
    let tree = archive.tree(archive.outline()?, options.password())?;
    notices::tell_oddities(tree.oddities(), operator);
    let entry = tree.manifest.index(0).ok_or(Error::Cancelled)?;
    let file = unzipping.read_into_spool(&tree, entry, temporary)?;
    let inner = Archive::of_file(file, archive.name(), archive.options())?;
    let archive = &inner.check(&options.selection()?)?;
    Unzipping {
        archive,
        ..unzipping
    }
    .verify_entries()
}

impl Unzipping<'_> {
    fn verify_entries(&self) -> Result<Summary, Error> {
        let stats = TransferStats::begin(0);
        let archive = self.archive;
        let tree = archive.tree(archive.outline()?, self.options.password())?;
        self.run(&stats, &tree, |offer| {
            self.read(&tree, None, files(&tree).collect())?;
            Ok(Summary {
                files: offer.files,
                bytes: offer.bytes.unwrap_or(0),
                ..Summary::default()
            })
        })
    }

    fn read_into_spool(
        &self,
        tree: &ArchiveTree,
        entry: EntryIndex,
        temporary: &Path,
    ) -> Result<File, Error> {
        let failed = |source: io::Error| Error::Output {
            name: format!("a temporary file in {}", temporary.display()),
            source,
        };
        let mut file = spool(temporary).map_err(failed)?;
        let mut buffers = OpeningBuffers::new();
        let take = &mut |bytes: &[u8]| {
            self.options.cancel.check()?;
            file.write_all(bytes).map_err(failed)
        };
        let password = self.options.password();
        self.archive
            .read(tree, entry, password, &mut buffers, take)?;
        Ok(file)
    }
}
