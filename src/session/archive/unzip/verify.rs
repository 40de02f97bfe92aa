//! Reads an archive to the end of every entry, and writes nothing.

use super::hidden::{check_inner, hides_names};
use super::notices;
use super::options::UnzipOptions;
use super::workers::Workers;
use crate::disk::{Archive, ArchiveTree, CheckedArchive, OpeningBuffers, ReadStopped, spool};
use crate::model::{EntryIndex, EntryKind};
use crate::session::error::Error;
use crate::session::events::{Event, Operator, Summary};
use crate::session::stats::{TransferStats, offer_summary};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Decrypts and decompresses everything that is wanted of an archive, and verifies it. Of an archive whose
/// names are hidden, the one inside is kept meanwhile in a file without a name in `temporary`.
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
    if !hides_names(archive.entries()) {
        return verify_entries(archive, options, operator);
    }
    let tree = archive.tree(archive.outline()?, options.password())?;
    notices::tell_oddities(tree.oddities(), operator);
    let Some(entry) = tree.manifest.index(0) else {
        return Err(Error::Cancelled);
    };
    let file = read_into_spool(archive, &tree, entry, options, temporary)?;
    let inner = Archive::of_file(file, archive.name(), archive.options())?;
    verify_entries(&check_inner(inner, options)?, options, operator)
}

fn verify_entries(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    let stats = TransferStats::begin(0);
    let tree = archive.tree(archive.outline()?, options.password())?;
    let offer = offer_summary(&tree.manifest, None);
    operator.event(&Event::Offer(&offer));
    notices::tell(archive, &tree, operator);
    let workers = Workers {
        archive,
        tree: &tree,
        staging: None,
        password: options.password(),
        cancel: &options.cancel,
        operator,
    };
    workers.read(files(&tree))?;
    let summary = Summary {
        name: offer.names.into_iter().next().unwrap_or_default(),
        files: offer.files,
        bytes: offer.bytes.unwrap_or(0),
        left_out: tree.left_out.len() as u64,
        ..Summary::default()
    };
    Ok(stats.finish(summary, operator))
}

fn files(tree: &ArchiveTree) -> Vec<EntryIndex> {
    let entries = tree.manifest.entries();
    let files = entries.filter(|(_, entry)| matches!(entry.kind, EntryKind::File(_)));
    files.map(|(index, _)| index).collect()
}

fn read_into_spool(
    archive: &CheckedArchive,
    tree: &ArchiveTree,
    entry: EntryIndex,
    options: &UnzipOptions,
    temporary: &Path,
) -> Result<File, Error> {
    let failed = |source: io::Error| Error::Output {
        name: format!("a temporary file in {}", temporary.display()),
        source,
    };
    let mut file = spool(temporary).map_err(failed)?;
    let mut buffers = OpeningBuffers::new();
    let take = &mut |bytes: &[u8]| match options.cancel.is_cancelled() {
        true => Err(Error::Cancelled),
        false => file.write_all(bytes).map_err(failed),
    };
    let read = archive.read(tree, entry, options.password(), &mut buffers, take);
    match read {
        Ok(()) => Ok(file),
        Err(ReadStopped::Archive(error)) => Err(error.into()),
        Err(ReadStopped::Taker(error)) => Err(error),
    }
}
