//! An archive whose names are hidden: its only entry is an encrypted archive that holds everything.

use super::options::UnzipOptions;
use crate::disk::{Archive, CheckedArchive, ListedEncryption, ListedEntry, ListedKind, Selection};
use crate::session::archive::pack::INNER_NAME;
use crate::session::error::Error;

/// Whether the only entry of an archive is an encrypted archive. Then that one is opened.
pub fn hides_names<'a>(mut entries: impl Iterator<Item = ListedEntry<'a>>) -> bool {
    let (Some(only), None) = (entries.next(), entries.next()) else {
        return false;
    };
    only.path == INNER_NAME.as_bytes()
        && only.kind == ListedKind::File
        && matches!(only.encryption, ListedEncryption::Aes(_))
}

/// Checks an archive for [`super::unpack()`] and [`super::verify()`]. If its names are hidden, the patterns of
/// `options` apply to the archive inside.
///
/// # Errors
/// [`Error::Archive`] and [`Error::BadPattern`].
pub fn check_archive(archive: Archive, options: &UnzipOptions) -> Result<CheckedArchive, Error> {
    let selection = match hides_names(archive.entries()) {
        true => Selection::default(),
        false => options.selection()?,
    };
    Ok(archive.check(&selection)?)
}
