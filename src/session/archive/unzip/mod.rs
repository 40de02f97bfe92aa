//! Opening an archive into a folder. It is no session, but keeps all the promises of one: nothing under a
//! final name before it is verified, nothing outside, nothing replaced that was not to be.

mod hidden;
mod workers;

use crate::crypto::ArchivePassword;
use crate::disk::{
    Archive, ArchiveTree, CheckedArchive, Destination, Durability, ListedEncryption, ListedKind,
    Plan, Staging,
};
use crate::model::{EntryIndex, EntryKind, Existing, limits};
use crate::protocol::transfer_id;
use crate::session::cancel::Cancel;
use crate::session::error::{Expansion, SessionError};
use crate::session::events::{Acceptance, Event, Operator, Summary};
use crate::session::receive::conflicts::decide;
use crate::session::receive::prepare::check_room;
use crate::session::receive::report::{DeliveryReport, tell_what_is_kept};
use crate::session::stats::{TransferStats, offer_summary};
use hidden::unpack_hidden;
use std::path::PathBuf;
use std::sync::Arc;
use workers::Workers;

pub use hidden::hides_names;

/// Which archive to open, and where to put what is in it.
pub struct UnzipOptions {
    /// The archive.
    pub archive: PathBuf,
    /// The folder that its entries are put into; created when it is missing.
    pub destination: PathBuf,
    /// What to do with names that are taken.
    pub existing: Existing,
    /// What the archive is encrypted with; not needed for one that is not.
    pub password: Option<ArchivePassword>,
    /// Whether the operator is asked before an archive is opened that grows out of proportion.
    pub growth: ExpansionLimit,
    /// Keep a clone of it to call it off.
    pub cancel: Cancel,
}

/// How far an archive may grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpansionLimit {
    /// Beyond [`limits::ARCHIVE_GROWTH`] only if [`Operator::accept_expansion`] says so.
    #[default]
    Usual,
    /// As far as there is room for it.
    Any,
}

impl UnzipOptions {
    /// Opens `archive` into `destination` in the usual way.
    pub fn new(archive: PathBuf, destination: PathBuf) -> Self {
        UnzipOptions {
            archive,
            destination,
            existing: Existing::Fail,
            password: None,
            growth: ExpansionLimit::Usual,
            cancel: Cancel::new(),
        }
    }
}

/// Opens an archive: everything in it, or nothing.
///
/// # Errors
/// A [`SessionError`] that says what stood in the way.
pub fn unzip(options: &UnzipOptions, operator: &dyn Operator) -> Result<Summary, SessionError> {
    let archive = Archive::open(&options.archive)?.check()?;
    unpack(&archive, options, operator)
}

/// As [`unzip`], of an archive that was looked at before.
///
/// # Errors
/// As [`unzip`].
pub fn unpack(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    let password = options.password.as_ref().map(ArchivePassword::as_bytes);
    archive.try_password(password)?;
    let unpacked = match hides_names(archive.entries()) {
        true => unpack_hidden(archive, options, operator),
        false => unpack_entries(archive, options, operator),
    };
    unpacked.map_err(|error| match error {
        SessionError::Disk(error) => SessionError::CannotUnpack(error),
        other => other,
    })
}

/// Opens an archive whose entries are what is wanted.
fn unpack_entries(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    let stats = TransferStats::begin(0);
    let password = options.password.as_ref().map(ArchivePassword::as_bytes);
    let tree = archive.tree(password)?;
    let offer = offer_summary(&tree.manifest, None);
    operator.event(&Event::Offer(&offer));
    warn_of_strangers(archive, operator);
    check_expansion(
        archive.bytes(),
        offer.bytes.unwrap_or(0),
        options.growth,
        operator,
    )?;
    let (staging, files) = stage(&tree, options, operator)?;
    let crew = Workers {
        archive,
        tree: &tree,
        staging: &staging,
        password,
        cancel: &options.cancel,
        operator,
    };
    if let Err(error) = crew.open(files) {
        // Should that fail as well, the next run removes it; what went wrong first is what counts.
        let _ = staging.discard();
        return Err(error);
    }
    let mut telling = DeliveryReport::new(&tree.manifest, operator, offer.bytes);
    let delivery = staging.deliver(&[], &mut |entry, result| telling.tell(entry, result))?;
    if let Some(folder) = &delivery.kept {
        tell_what_is_kept(folder, operator);
    }
    let summary = Summary {
        name: offer.names.into_iter().next().unwrap_or_default(),
        ..telling.summary(delivery)
    };
    Ok(stats.finish(summary, operator))
}

/// Only what is encrypted is known to come from somebody who knows the password. Links are plain in
/// every archive of `zip`'s own, like all names, so they say nothing.
fn warn_of_strangers(archive: &CheckedArchive, operator: &dyn Operator) {
    let mut plain = 0_u64;
    let mut encrypted = 0_u64;
    for entry in archive
        .entries()
        .filter(|entry| entry.kind == ListedKind::File)
    {
        match entry.encryption {
            ListedEncryption::None => plain += 1,
            _ => encrypted += 1,
        }
    }
    if plain > 0 && encrypted > 0 {
        let message = format!(
            "of {} files {plain} are not encrypted: anybody may have put them there",
            plain + encrypted
        );
        operator.event(&Event::Warning { message: &message });
    }
}

fn check_expansion(
    archive_bytes: u64,
    bytes: u64,
    limit: ExpansionLimit,
    operator: &dyn Operator,
) -> Result<(), SessionError> {
    let is_usual = bytes < limits::ARCHIVE_GROWTH_FROM
        || bytes <= archive_bytes.saturating_mul(limits::ARCHIVE_GROWTH);
    if is_usual || limit == ExpansionLimit::Any {
        return Ok(());
    }
    let growth = Expansion {
        archive_bytes,
        bytes,
    };
    match operator.accept_expansion(growth) {
        Acceptance::Accept => Ok(()),
        Acceptance::Decline => Err(SessionError::Expansion(growth)),
    }
}

/// Everything that is decided before a byte is written, the staging folder, and the files that are to
/// come into it.
fn stage(
    tree: &ArchiveTree,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<(Staging, Vec<EntryIndex>), SessionError> {
    let destination = Destination::locate(&options.destination)?;
    let plan = decide(&tree.manifest, &destination, options.existing, operator)?;
    let files = needed_files(tree, &plan);
    let bytes = |&entry: &EntryIndex| {
        let range = tree.manifest.stream_range(entry);
        range.end - range.start
    };
    let needed: u64 = files.iter().map(bytes).sum();
    let id = transfer_id(&tree.manifest);
    let manifest = Arc::clone(&tree.manifest);
    let staging = Staging::open_for_files(&destination, id, manifest, plan, Durability::Normal)?;
    if let Err(error) = check_room(staging.path(), needed) {
        staging.discard()?;
        return Err(error);
    }
    Ok((staging, files))
}

fn needed_files(tree: &ArchiveTree, plan: &Plan) -> Vec<EntryIndex> {
    let entries = tree.manifest.entries();
    entries
        .filter(|(index, entry)| matches!(entry.kind, EntryKind::File(_)) && plan.is_needed(*index))
        .map(|(index, _)| index)
        .collect()
}
