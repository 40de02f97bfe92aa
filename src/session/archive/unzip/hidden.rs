//! An archive whose names are hidden: its one entry is an encrypted archive, which has everything. It is
//! unsealed and verified as a whole into a staging folder of its own, and opened from there.

use super::workers::Workers;
use super::{UnzipOptions, check_expansion, unpack_entries};
use crate::crypto::ArchivePassword;
use crate::disk::{
    Archive, ArchiveTree, CheckedArchive, Destination, Durability, ListedEncryption, ListedEntry,
    ListedKind, Plan, Staging,
};
use crate::protocol::transfer_id;
use crate::session::archive::pack::INNER_NAME;
use crate::session::error::SessionError;
use crate::session::events::Operator;
use crate::session::events::Summary;
use crate::session::receive::prepare::check_room;
use std::sync::Arc;

/// Whether all that an archive shows is an encrypted archive: opening it goes through to that one.
pub fn hides_names<'a>(mut entries: impl Iterator<Item = ListedEntry<'a>>) -> bool {
    let (Some(only), None) = (entries.next(), entries.next()) else {
        return false;
    };
    only.path == INNER_NAME.as_bytes()
        && only.kind == ListedKind::File
        && matches!(only.encryption, ListedEncryption::Aes(_))
}

/// Opens what is in the inner archive. That one's own entries are taken as they are, also where they are
/// archives.
///
/// # Errors
/// As [`super::unpack`].
pub(super) fn unpack_hidden(
    archive: &CheckedArchive,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    let password = options.password.as_ref().map(ArchivePassword::as_bytes);
    let tree = archive.tree(password)?;
    let bytes = tree.manifest.total().unwrap_or(0);
    check_expansion(archive.bytes(), bytes, options.growth, operator)?;
    let destination = Destination::locate(&options.destination)?;
    let staging = Staging::open_for_files(
        &destination,
        transfer_id(&tree.manifest),
        Arc::clone(&tree.manifest),
        Plan::of_one_file(),
        Durability::Normal,
    )?;
    let result = through(archive, &tree, &staging, options, operator);
    match (staging.discard(), result) {
        // What went wrong first is what counts; the next run removes what is left.
        (_, Err(error)) => Err(error),
        (Err(error), Ok(_)) => Err(error.into()),
        (Ok(()), Ok(summary)) => Ok(summary),
    }
}

fn through(
    archive: &CheckedArchive,
    tree: &ArchiveTree,
    staging: &Staging,
    options: &UnzipOptions,
    operator: &dyn Operator,
) -> Result<Summary, SessionError> {
    check_room(staging.path(), tree.manifest.total().unwrap_or(0))?;
    let Some(entry) = tree.manifest.index(0) else {
        return Err(SessionError::Cancelled);
    };
    let crew = Workers {
        archive,
        tree,
        staging,
        password: options.password.as_ref().map(ArchivePassword::as_bytes),
        cancel: &options.cancel,
        // How far that is would be told twice.
        operator: &Silent,
    };
    crew.open(vec![entry])?;
    let inner = Archive::open_within(&staging.whole_file(entry)?, &options.archive)?.check()?;
    unpack_entries(&inner, options, operator)
}

/// Is told nothing.
struct Silent;

impl Operator for Silent {}
