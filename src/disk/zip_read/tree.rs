//! An archive's entries become a manifest: in an order in which folders come before what they hold, and
//! with the folders that the archive does not list.

use super::directory::Directory;
use super::error::{ArchiveFault, EntryFault};
use super::record::{CentralEntry, CentralKind};
use crate::model::{
    EntryIndex, FileSize, Manifest, ManifestBuilder, ManifestError, Mode, Mtime, PathFault,
};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// Stands for a folder that the archive does not list.
const UNLISTED: u32 = u32::MAX;

/// What an archive is to become on disk.
#[derive(Debug)]
pub struct ArchiveTree {
    /// Every file, folder and link, checked as a whole.
    pub manifest: Arc<Manifest>,
    /// For each entry of the manifest, the number of its record.
    records: Vec<u32>,
}

impl ArchiveTree {
    /// The record that an entry was made of; `None` for an unlisted folder.
    pub(super) fn record(&self, entry: EntryIndex) -> Option<usize> {
        let number = self.records.get(entry.get()).copied();
        number
            .filter(|&number| number != UNLISTED)
            .map(|number| number as usize)
    }
}

/// Builds the tree; `targets` has the text of each link, by the number of its record.
///
/// # Errors
/// An unsafe name or link, a name twice, something below what is no folder, a special file, a passed
/// limit.
pub(super) fn build(
    directory: &Directory,
    targets: &HashMap<u32, Vec<u8>>,
) -> Result<ArchiveTree, EntryFault> {
    let mut builder = TreeBuilder {
        directory,
        targets,
        manifest: ManifestBuilder::new(),
        records: Vec::with_capacity(directory.records.len()),
        newest: directory
            .records
            .iter()
            .map(|record| record.mtime)
            .max()
            .unwrap_or_default(),
    };
    let path = |number: u32| builder.path(number);
    let mut order: Vec<u32> = (0..directory.records.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| by_components(path(a), path(b)));
    let mut before: &[u8] = b"";
    for number in order {
        let record = &directory.records[number as usize];
        let path = builder.path(number);
        if is_root(record, path, &directory.text)? {
            continue;
        }
        builder.add_unlisted(before, path)?;
        builder.add(number, record, path)?;
        before = path;
    }
    let manifest = builder.manifest.finish().map_err(ArchiveFault::Unsafe)?;
    Ok(ArchiveTree {
        manifest: Arc::new(manifest),
        records: builder.records,
    })
}

/// The folder itself that was packed, as `./`.
fn is_root(record: &CentralEntry, path: &[u8], text: &[u8]) -> Result<bool, EntryFault> {
    let has_name = !record.raw_name.of(text).is_empty();
    match (path, record.kind) {
        (b"", CentralKind::Folder) if has_name => Ok(true),
        (b"", _) => Err(ArchiveFault::Unsafe(ManifestError::Path(PathFault::Empty)).into()),
        _ => Ok(false),
    }
}

struct TreeBuilder<'a> {
    directory: &'a Directory,
    targets: &'a HashMap<u32, Vec<u8>>,
    manifest: ManifestBuilder,
    records: Vec<u32>,
    newest: Mtime,
}

impl<'a> TreeBuilder<'a> {
    fn path(&self, number: u32) -> &'a [u8] {
        self.directory.records[number as usize]
            .path
            .of(&self.directory.text)
    }

    /// The folders above `path` that nothing lists. In this order, one that is listed or was added came
    /// just before its first child: it is `before`, or above it.
    fn add_unlisted(&mut self, before: &[u8], path: &[u8]) -> Result<(), EntryFault> {
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let folder = &path[..end];
            let is_there = before
                .strip_prefix(folder)
                .is_some_and(|rest| matches!(rest, [] | [b'/', ..]));
            if is_there {
                continue;
            }
            // The archive does not say when; the same archive must say the same each time.
            let pushed = self
                .manifest
                .push_folder(folder, self.newest, Mode::from_bits(0o755));
            pushed.map_err(|error| EntryFault::of_entry(path, ArchiveFault::Unsafe(error)))?;
            self.records.push(UNLISTED);
        }
        Ok(())
    }

    fn add(&mut self, number: u32, record: &CentralEntry, path: &[u8]) -> Result<(), EntryFault> {
        let refused = |fault| EntryFault::of_entry(path, fault);
        let pushed = match record.kind {
            CentralKind::File => {
                let size = FileSize::Known(record.size);
                self.manifest
                    .push_file(path, size, record.mtime, record.mode)
            }
            CentralKind::Folder if record.size > 0 => {
                return Err(refused(ArchiveFault::Damaged(
                    "it is a folder with contents",
                )));
            }
            CentralKind::Folder => self.manifest.push_folder(path, record.mtime, record.mode),
            CentralKind::Link => {
                let target = self.targets.get(&number).map_or(&b""[..], Vec::as_slice);
                self.manifest.push_link(path, target, record.mtime)
            }
            CentralKind::Special => {
                return Err(refused(ArchiveFault::Unsupported(
                    "is a device, a pipe or a socket",
                )));
            }
        };
        pushed.map_err(|error| refused(ArchiveFault::Unsafe(error)))?;
        self.records.push(number);
        Ok(())
    }
}

/// By bytes, with the separator before all of them: so that a folder's contents follow it at once.
fn by_components(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    let differs = a.iter().zip(b).find(|(a, b)| a != b);
    match differs {
        Some((&a, &b)) => rank(a).cmp(&rank(b)),
        None => a.len().cmp(&b.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_follow_their_folder() {
        let mut paths = ["a-b", "a/c", "b", "a", "a/c/d", "a.b", "a/b"].map(str::as_bytes);
        paths.sort_by(|a, b| by_components(a, b));
        let sorted = ["a", "a/b", "a/c", "a/c/d", "a-b", "a.b", "b"].map(str::as_bytes);
        assert_eq!(paths, sorted);
    }
}
