//! Compares an existing entry with the manifest.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::model::{Entry, EntryKind, FileSize};
use std::fs::{self, Metadata};
use std::path::Path;

/// How an existing entry relates to the new entry of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExistingEntry {
    /// They are the same: nothing to do.
    Same,
    /// Neither is a folder: a policy may replace the existing one.
    Differs,
    /// Only one is a folder: no policy replaces it.
    Blocks,
}

/// Compares an entry with the metadata at `path`, which was read without following links.
pub(super) fn meet(
    entry: &Entry<'_>,
    found: &Metadata,
    path: &Path,
) -> Result<ExistingEntry, DiskError> {
    let same = match entry.kind {
        EntryKind::Folder if found.is_dir() => true,
        EntryKind::Folder => return Ok(ExistingEntry::Blocks),
        _ if found.is_dir() => return Ok(ExistingEntry::Blocks),
        EntryKind::File(size) => {
            found.is_file()
                && size == FileSize::Known(found.len())
                && entry.mtime.is_kept_as(platform::mtime_of(found))
        }
        EntryKind::Link(target) => {
            found.is_symlink() && {
                let text = fs::read_link(path).map_err(DiskError::at("read link", path))?;
                platform::bytes_from_link_text(&text).as_deref() == Some(target.as_bytes())
            }
        }
    };
    Ok(if same {
        ExistingEntry::Same
    } else {
        ExistingEntry::Differs
    })
}
