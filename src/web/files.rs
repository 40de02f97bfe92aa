//! Lists the folders of this machine, for the page to choose from.

use crate::cli::error::CliError;
use crate::cli::output::json::Object;
use crate::disk::{Destination, free_bytes};
use crate::model::WirePath;
use crate::session::Error;
use crate::web::refused::Refused;
use std::fs;
use std::path::{Path, PathBuf};

/// The most entries of a folder that a page shows.
const SHOWN: usize = 5000;

/// A name in a folder.
struct FolderEntry {
    name: String,
    path: PathBuf,
    kind: &'static str,
    size: u64,
}

/// The entries of a folder: folders first, then by name.
///
/// # Errors
/// It cannot be read.
pub(super) fn list(folder: &Path) -> Result<Object, Refused> {
    let mut found: Vec<FolderEntry> = fs::read_dir(folder)
        .map_err(CliError::cannot_read(folder))?
        .flatten()
        .map(|entry| look(&entry))
        .collect();
    found.sort_by_cached_key(|entry| (entry.kind != "folder", entry.name.to_lowercase()));
    let left_out = found.len().saturating_sub(SHOWN);
    let shown = found.iter().take(SHOWN).map(|entry| {
        path("path", &entry.path)
            .text("name", &entry.name)
            .text("kind", entry.kind)
            .number("bytes", entry.size)
    });
    let listed = path("path", folder)
        .objects("entries", shown)
        .number("left_out", left_out as u64);
    let listed = listed.number_or_null("free", free_bytes(folder));
    Ok(match folder.parent() {
        Some(parent) => listed.objects("parents", parent.ancestors().map(named)),
        None => listed.objects("parents", []),
    })
}

/// Creates a folder in another one.
///
/// # Errors
/// The name is invalid or taken, or the system refuses.
pub(super) fn make_folder(parent: &Path, name: &str) -> Result<Object, Refused> {
    let made = in_folder(parent, name)?;
    fs::create_dir(&made).map_err(CliError::cannot_write(&made))?;
    Ok(path("path", &made))
}

/// The path of a name in a folder. The rules are those for names from peers: the name contains no folder, and this
/// system allows it.
///
/// # Errors
/// The name breaks these rules, or the folder cannot be found.
pub(super) fn in_folder(folder: &Path, name: &str) -> Result<PathBuf, Refused> {
    let path = WirePath::parse(name.trim().as_bytes())
        .map_err(|fault| Refused::says(format!("that is not a valid file name: {fault}")))?;
    if path.components().count() != 1 {
        return Err(Refused::says("a name must not contain /"));
    }
    let found = Destination::locate(folder).and_then(|folder| folder.disk_path(path));
    Ok(found.map_err(Error::Disk).map_err(CliError::Session)?)
}

/// A path in the form that [`Fields::path`](super::fields::Fields::path) reads.
pub(super) fn path(key: &str, path: &Path) -> Object {
    Object::new().name(key, path.as_os_str().as_encoded_bytes())
}

/// A folder above, with its path and its name.
fn named(folder: &Path) -> Object {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    path("path", folder).text("name", &name.to_string_lossy())
}

/// A link counts as its target, because a person wants to open a folder that is a link.
fn look(entry: &fs::DirEntry) -> FolderEntry {
    let path = entry.path();
    let found = fs::metadata(&path);
    let (kind, size) = match &found {
        Ok(found) if found.is_dir() => ("folder", 0),
        Ok(found) if found.is_file() => ("file", found.len()),
        _ => ("other", 0),
    };
    let name = entry.file_name().to_string_lossy().into_owned();
    FolderEntry {
        name,
        path,
        kind,
        size,
    }
}
