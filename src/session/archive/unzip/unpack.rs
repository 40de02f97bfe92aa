//! Opens an archive: outline, questions, tree, staging, contents, delivery.

use super::expansion::check_expansion;
use super::hidden::{check_archive, hides_names};
use super::notices;
use super::options::UnzipOptions;
use super::unzipping::Unzipping;
use super::workers::{files, size};
use crate::disk::{
    Archive, ArchiveTree, CheckedArchive, Destination, DiskError, Durability, NameRule, Plan,
    PlanRules, Staging,
};
use crate::model::EntryIndex;
use crate::protocol::transfer_id;
use crate::session::error::Error;
use crate::session::events::{Operator, Summary, Unattended};
use crate::session::receive::conflicts::decide;
use crate::session::receive::prepare::check_room;
use crate::session::receive::report::{DeliveryReport, tell_about_disk, tell_what_is_kept};
use crate::session::stats::TransferStats;
use std::sync::Arc;

/// Opens an archive: all selected entries, or nothing.
///
/// # Errors
/// An [`Error`] that says why nothing was opened.
pub fn unzip(options: &UnzipOptions, operator: &dyn Operator) -> Result<Summary, Error> {
    let archive = Archive::open(&options.archive, &options.reading())?;
    unpack(&check_archive(archive, options)?, options, operator)
}

/// As [`unzip`], for an archive that was checked already.
///
/// # Errors
/// As [`unzip`].
pub fn unpack(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    archive.try_password(options.password())?;
    let unzipping = Unzipping {
        archive,
        options,
        operator,
    };
    let unpacked = match hides_names(archive.entries()) {
        true => unzipping.unpack_hidden(),
        false => unzipping.unpack_entries(),
    };
    unpacked.map_err(|error| match error {
        Error::Disk(error) => Error::CannotUnpack(error),
        other => other,
    })
}

impl Unzipping<'_> {
    /// Opens an archive whose names are not hidden.
    fn unpack_entries(&self) -> Result<Summary, Error> {
        let stats = TransferStats::begin(0);
        let tree = self.tree_of_usual_size()?;
        let nothing_to_make = tree.manifest.is_empty() && !tree.left_out.is_empty();
        self.run(&stats, &tree, |_| match nothing_to_make {
            true => Ok(Summary::default()),
            false => self.put_in_place(&tree),
        })
    }

    fn tree_of_usual_size(&self) -> Result<ArchiveTree, Error> {
        let (archive, options) = (self.archive, self.options);
        let outline = archive.outline()?;
        check_expansion(archive, &outline, options.any_expansion, self.operator)?;
        Ok(archive.tree(outline, options.password())?)
    }

    fn put_in_place(&self, tree: &ArchiveTree) -> Result<Summary, Error> {
        let (staging, files) = self.stage(tree)?;
        if let Err(error) = self.read(tree, Some(&staging), files) {
            // If this fails, too, the next run removes the folder. The first error is the one to report.
            let _ = staging.discard();
            return Err(error);
        }
        let mut report = DeliveryReport::new(&tree.manifest, self.operator, tree.manifest.total());
        let delivery = staging.deliver(&[], &mut |entry, result, path| {
            report.tell(entry, result, path)
        })?;
        if let Some(folder) = &delivery.kept {
            tell_what_is_kept(folder, self.operator);
        }
        Ok(report.summary(delivery))
    }

    /// Opens the archive inside. It is first decrypted and verified as a whole, into a staging folder of its own,
    /// and opened from there.
    fn unpack_hidden(&self) -> Result<Summary, Error> {
        let tree = self.tree_of_usual_size()?;
        notices::tell_oddities(tree.oddities(), self.operator);
        let destination = Destination::locate(&self.options.destination)?;
        let staging = staging(&destination, &tree, Plan::of_one_file())?;
        let result = self.unpack_staged(&tree, &staging);
        match (staging.discard(), result) {
            // The first error is the one to report. The next run removes what is left.
            (_, Err(error)) => Err(error),
            (Err(error), Ok(_)) => Err(error.into()),
            (Ok(()), Ok(summary)) => Ok(summary),
        }
    }

    fn unpack_staged(&self, tree: &ArchiveTree, staging: &Staging) -> Result<Summary, Error> {
        check_room(staging.path(), tree.manifest.total().unwrap_or(0))?;
        let entry = tree.manifest.index(0).ok_or(Error::Cancelled)?;
        let quietly = Unzipping {
            // Its progress would be reported twice.
            operator: &Unattended,
            ..*self
        };
        quietly.read(tree, Some(staging), vec![entry])?;
        let path = staging.whole_file(entry)?;
        let inner = Archive::open_as(&path, self.archive.name(), self.archive.options())?;
        let archive = &inner.check(&self.options.selection()?)?;
        Unzipping { archive, ..*self }.unpack_entries()
    }

    /// Makes all decisions before a byte is written. Returns the staging folder and the files to write into it.
    fn stage(&self, tree: &ArchiveTree) -> Result<(Staging, Vec<EntryIndex>), Error> {
        let options = self.options;
        let destination = Destination::locate(&options.destination)?;
        let rules = PlanRules {
            existing: options.existing,
            names: NameRule::portable(options.portable_names),
            links: options.link_rule(),
            ..PlanRules::default()
        };
        let plan = decide(&tree.manifest, &destination, rules, self.operator)?;
        let staging = staging(&destination, tree, plan)?;
        tell_about_disk(&staging, &tree.manifest, rules.names, self.operator);
        let files: Vec<_> = files(tree)
            .filter(|entry| staging.is_needed(*entry))
            .collect();
        let needed = files.iter().map(|&entry| size(tree, entry)).sum();
        if let Err(error) = check_room(staging.path(), needed) {
            staging.discard()?;
            return Err(error);
        }
        Ok((staging, files))
    }
}

fn staging(
    destination: &Destination,
    tree: &ArchiveTree,
    plan: Plan,
) -> Result<Staging, DiskError> {
    let id = transfer_id(&tree.manifest);
    let manifest = Arc::clone(&tree.manifest);
    Staging::open_for_files(destination, id, manifest, plan, Durability::Normal)
}
