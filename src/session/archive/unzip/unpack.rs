//! Opens an archive: outline, questions, tree, staging, contents, delivery.

use super::expansion::check_expansion;
use super::hidden::{check_archive, check_inner, hides_names};
use super::notices;
use super::options::UnzipOptions;
use super::workers::Workers;
use crate::disk::{
    Archive, ArchiveTree, CheckedArchive, Destination, Durability, NameRule, Plan, PlanRules,
    Staging,
};
use crate::model::{EntryIndex, EntryKind};
use crate::protocol::transfer_id;
use crate::session::error::Error;
use crate::session::events::{Event, Operator, Summary, Unattended};
use crate::session::receive::conflicts::decide;
use crate::session::receive::prepare::check_room;
use crate::session::receive::report::{DeliveryReport, tell_about_disk, tell_what_is_kept};
use crate::session::stats::{TransferStats, offer_summary};
use std::sync::Arc;

/// Opens an archive: everything that is wanted of it, or nothing.
///
/// # Errors
/// An [`Error`] that says what stood in the way.
pub fn unzip(options: &UnzipOptions, operator: &dyn Operator) -> Result<Summary, Error> {
    let archive = Archive::open(&options.archive, &options.reading())?;
    unpack(&check_archive(archive, options)?, options, operator)
}

/// As [`unzip`], of an archive that was looked at before.
///
/// # Errors
/// As [`unzip`].
pub fn unpack(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    archive.try_password(options.password())?;
    let unpacked = match hides_names(archive.entries()) {
        true => unpack_hidden(archive, options, operator),
        false => unpack_entries(archive, options, operator),
    };
    unpacked.map_err(|error| match error {
        Error::Disk(error) => Error::CannotUnpack(error),
        other => other,
    })
}

/// Opens an archive whose entries are what is wanted.
fn unpack_entries(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    let stats = TransferStats::begin(0);
    let outline = archive.outline()?;
    check_expansion(archive, &outline, options.any_expansion, operator)?;
    let tree = archive.tree(outline, options.password())?;
    let offer = offer_summary(&tree.manifest, None);
    operator.event(&Event::Offer(&offer));
    notices::tell(archive, &tree, operator);
    let nothing_to_make = tree.manifest.is_empty() && !tree.left_out.is_empty();
    let mut summary = match nothing_to_make {
        true => Summary::default(),
        false => put_in_place(archive, &tree, options, operator)?,
    };
    summary.name = offer.names.into_iter().next().unwrap_or_default();
    summary.left_out += tree.left_out.len() as u64;
    Ok(stats.finish(summary, operator))
}

fn put_in_place(
    archive: &CheckedArchive,
    tree: &ArchiveTree,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    let (staging, files) = stage(tree, options, operator)?;
    let workers = Workers {
        archive,
        tree,
        staging: Some(&staging),
        password: options.password(),
        cancel: &options.cancel,
        operator,
    };
    if let Err(error) = workers.read(files) {
        // Should that fail as well, the next run removes it; what went wrong first is what counts.
        let _ = staging.discard();
        return Err(error);
    }
    let mut report = DeliveryReport::new(&tree.manifest, operator, tree.manifest.total());
    let delivery = staging.deliver(&[], &mut |entry, result, path| {
        report.tell(entry, result, path)
    })?;
    if let Some(folder) = &delivery.kept {
        tell_what_is_kept(folder, operator);
    }
    Ok(report.summary(delivery))
}

/// Opens the archive inside. It is decrypted and verified as a whole into a staging folder of its own, and
/// opened from there.
fn unpack_hidden(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    let outline = archive.outline()?;
    check_expansion(archive, &outline, options.any_expansion, operator)?;
    let tree = archive.tree(outline, options.password())?;
    notices::tell_oddities(tree.oddities(), operator);
    let destination = Destination::locate(&options.destination)?;
    let staging = Staging::open_for_files(
        &destination,
        transfer_id(&tree.manifest),
        Arc::clone(&tree.manifest),
        Plan::of_one_file(),
        Durability::Normal,
    )?;
    let result = unpack_staged(archive, &tree, &staging, options, operator);
    match (staging.discard(), result) {
        // What went wrong first is what counts; the next run removes what is left.
        (_, Err(error)) => Err(error),
        (Err(error), Ok(_)) => Err(error.into()),
        (Ok(()), Ok(summary)) => Ok(summary),
    }
}

fn unpack_staged(
    archive: &CheckedArchive,
    tree: &ArchiveTree,
    staging: &Staging,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, Error> {
    check_room(staging.path(), tree.manifest.total().unwrap_or(0))?;
    let Some(entry) = tree.manifest.index(0) else {
        return Err(Error::Cancelled);
    };
    let workers = Workers {
        archive,
        tree,
        staging: Some(staging),
        password: options.password(),
        cancel: &options.cancel,
        // Its progress would be told twice.
        operator: &Unattended,
    };
    workers.read(vec![entry])?;
    let path = staging.whole_file(entry)?;
    let inner = Archive::open_as(&path, archive.name(), archive.options())?;
    unpack_entries(&check_inner(inner, options)?, options, operator)
}

/// Everything that is decided before a byte is written, the staging folder, and the files that come into it.
fn stage(
    tree: &ArchiveTree,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<(Staging, Vec<EntryIndex>), Error> {
    let destination = Destination::locate(&options.destination)?;
    let rules = PlanRules {
        existing: options.existing,
        names: match options.portable_names {
            true => NameRule::Portable,
            false => NameRule::Own,
        },
        links: options.link_rule(),
        ..PlanRules::default()
    };
    let plan = decide(&tree.manifest, &destination, rules, operator)?;
    let bytes = |&entry: &EntryIndex| {
        let range = tree.manifest.stream_range(entry);
        range.end - range.start
    };
    let id = transfer_id(&tree.manifest);
    let manifest = Arc::clone(&tree.manifest);
    let staging = Staging::open_for_files(&destination, id, manifest, plan, Durability::Normal)?;
    tell_about_disk(&staging, &tree.manifest, rules.names, operator);
    let files = needed_files(tree, &staging);
    let needed: u64 = files.iter().map(bytes).sum();
    if let Err(error) = check_room(staging.path(), needed) {
        staging.discard()?;
        return Err(error);
    }
    Ok((staging, files))
}

fn needed_files(tree: &ArchiveTree, staging: &Staging) -> Vec<EntryIndex> {
    let entries = tree.manifest.entries();
    entries
        .filter(|(index, entry)| {
            matches!(entry.kind, EntryKind::File(_)) && staging.is_needed(*index)
        })
        .map(|(index, _)| index)
        .collect()
}
