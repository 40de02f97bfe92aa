//! An archive whose names are hidden: its one entry is an encrypted archive, which has everything.

use super::options::UnzipOptions;
use crate::disk::{Archive, CheckedArchive, ListedEncryption, ListedEntry, ListedKind, Selection};
use crate::session::archive::pack::INNER_NAME;
use crate::session::error::Error;

/// Whether all that an archive shows is an encrypted archive: opening it goes through to that one.
pub fn hides_names<'a>(mut entries: impl Iterator<Item = ListedEntry<'a>>) -> bool {
    let (Some(only), None) = (entries.next(), entries.next()) else {
        return false;
    };
    only.path == INNER_NAME.as_bytes()
        && only.kind == ListedKind::File
        && matches!(only.encryption, ListedEncryption::Aes(_))
}

/// Checks an archive for [`super::unpack()`] and [`super::verify()`]. Where its names are hidden, the
/// patterns of `options` are for the archive inside.
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
