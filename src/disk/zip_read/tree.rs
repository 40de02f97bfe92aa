//! Turns an archive's entries into a manifest: sorted so that folders precede their contents, and with the
//! folders that the archive does not list.

use super::directory::Directory;
use super::error::{ArchiveFault, EntryFault};
use super::kind::CentralKind;
use super::oddity::{FoundOddity, Oddities, Oddity};
use super::record::CentralEntry;
use crate::model::{
    EntryIndex, FileSize, LinkFault, LinkRule, Manifest, ManifestBuilder, ManifestError, Mode,
    Mtime, PathFault, WirePath,
};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Stands for the record's number of a folder that the archive does not list.
const UNLISTED: u32 = u32::MAX;

/// The entries that would be made of an archive.
#[derive(Debug)]
pub struct Outline {
    /// Numbers of the records to make, in the order of the manifest.
    order: Vec<u32>,
    /// Number of files, folders and links, including unlisted folders.
    pub entries: u64,
    /// Bytes of contents.
    pub bytes: u64,
    oddities: Oddities,
}

/// The manifest of an archive.
#[derive(Debug)]
pub struct ArchiveTree {
    /// Every file, folder and link, checked as a whole.
    pub manifest: Arc<Manifest>,
    /// Entries that cannot be made here.
    pub left_out: Vec<LeftOutEntry>,
    /// For each entry of the manifest, the number of its record.
    records: Vec<u32>,
    oddities: Oddities,
}

/// An entry that cannot be made here, although the others can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutEntry {
    /// Its path, to be escaped.
    pub path: Box<[u8]>,
    /// The reason, after "left out a/b:".
    pub why: String,
}

impl ArchiveTree {
    /// Tolerated oddities of the archive.
    pub fn oddities(&self) -> &[FoundOddity] {
        self.oddities.found()
    }

    /// The record of an entry; `None` for an unlisted folder.
    pub(super) fn record(&self, entry: EntryIndex) -> Option<usize> {
        match self.records.get(entry.get()) {
            Some(&UNLISTED) | None => None,
            Some(&number) => Some(index(number)),
        }
    }
}

/// A record's number as an index. No directory has more records than 32 bits count.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Outline {
    /// The folders that are made, listed or not.
    fn folders<'a>(&self, directory: &'a Directory) -> HashSet<&'a [u8]> {
        let mut folders = HashSet::new();
        for &number in &self.order {
            let record = &directory.records[index(number)];
            let path = record.path.of(&directory.text);
            folders.extend(unlisted_above(path, b""));
            if record.kind == CentralKind::Folder {
                folders.insert(path);
            }
        }
        folders
    }
}

/// Finds the entries that would be made of the selected ones.
///
/// # Errors
/// Two entries of one name and different kinds, or an oddity for a strict reader.
pub(super) fn outline(directory: &Directory) -> Result<Outline, EntryFault> {
    let records = &directory.records;
    let path = |number: u32| records[index(number)].path.of(&directory.text);
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by(|&a, &b| by_components(path(a), path(b)).then(a.cmp(&b)));
    let mut oddities = directory.oddities.clone();
    let mut outline = OutlineBuilder {
        directory,
        order: Vec::new(),
        above: Vec::new(),
        entries: 0,
        bytes: 0,
    };
    for same in order.chunk_by(|&a, &b| path(a) == path(b)) {
        let Some((&last, earlier)) = same.split_last() else {
            continue;
        };
        let kind = |number: u32| records[index(number)].kind;
        for &number in earlier {
            if kind(number) != kind(last) {
                let twice = ManifestError::Twice(path(last).into());
                return Err(ArchiveFault::Unsafe(twice).into());
            }
            if !is_root(path(number), kind(number)) {
                oddities.pass(Oddity::Twice, path(number))?;
            }
        }
        outline.add(last);
    }
    Ok(Outline {
        order: outline.order,
        entries: outline.entries,
        bytes: outline.bytes,
        oddities,
    })
}

fn is_root(path: &[u8], kind: CentralKind) -> bool {
    path.is_empty() && kind == CentralKind::Folder
}

struct OutlineBuilder<'a> {
    directory: &'a Directory,
    order: Vec<u32>,
    /// Listed folders above the next entry that are made only if an entry in them is.
    above: Vec<u32>,
    entries: u64,
    bytes: u64,
}

impl<'a> OutlineBuilder<'a> {
    fn path(&self, number: u32) -> &'a [u8] {
        let record = &self.directory.records[index(number)];
        record.path.of(&self.directory.text)
    }

    fn add(&mut self, number: u32) {
        let record = &self.directory.records[index(number)];
        let path = self.path(number);
        while self
            .above
            .last()
            .is_some_and(|&folder| !is_below(path, self.path(folder)))
        {
            self.above.pop();
        }
        if record.is_selected {
            for folder in std::mem::take(&mut self.above) {
                self.make(folder);
            }
            self.make(number);
        } else if record.kind == CentralKind::Folder {
            self.above.push(number);
        }
    }

    fn make(&mut self, number: u32) {
        let path = self.path(number);
        let before = self
            .order
            .last()
            .map_or(&b""[..], |&before| self.path(before));
        let unlisted = unlisted_above(path, before).count() as u64;
        let record = &self.directory.records[index(number)];
        self.entries += unlisted + 1;
        if record.kind == CentralKind::File {
            self.bytes = self.bytes.saturating_add(record.size);
        }
        self.order.push(number);
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.is_empty() || rest.starts_with(b"/"))
}

/// The unlisted folders above `path`. In the order of the outline, a listed or added folder came just before
/// its first child, so it is `before` or above it.
fn unlisted_above<'a>(path: &'a [u8], before: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let folders = slashes.map(|(end, _)| &path[..end]);
    folders.filter(|folder| {
        let rest = before.strip_prefix(*folder);
        !rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    })
}

/// Builds the tree. `targets` has the text of each link by the number of its record.
///
/// # Errors
/// An unsafe name, an entry below something that is not a folder, an exceeded limit; for a strict reader also a
/// link that leads outside or a special file.
pub(super) fn build(
    directory: &Directory,
    outline: Outline,
    targets: &HashMap<u32, Vec<u8>>,
    links: LinkRule,
) -> Result<ArchiveTree, EntryFault> {
    let mtimes = directory.records.iter().map(|record| record.mtime);
    let mut builder = TreeBuilder {
        targets,
        links,
        manifest: ManifestBuilder::new(),
        records: Vec::with_capacity(outline.order.len()),
        left_out: Vec::new(),
        newest: mtimes.max().unwrap_or_default(),
        is_strict: outline.oddities.is_strict(),
        folders: match targets.is_empty() {
            true => HashSet::new(),
            false => outline.folders(directory),
        },
    };
    let mut before: &[u8] = b"";
    for &number in &outline.order {
        let record = &directory.records[index(number)];
        let path = record.path.of(&directory.text);
        let has_name = !record.raw_name.of(&directory.text).is_empty();
        if is_root(path, record.kind) && has_name {
            continue;
        }
        if path.is_empty() {
            return Err(ArchiveFault::Unsafe(ManifestError::Path(PathFault::Empty)).into());
        }
        builder.add_unlisted(before, path)?;
        builder.add(number, record, path)?;
        before = path;
    }
    let manifest = builder.manifest.finish().map_err(ArchiveFault::Unsafe)?;
    Ok(ArchiveTree {
        manifest: Arc::new(manifest),
        left_out: builder.left_out,
        records: builder.records,
        oddities: outline.oddities,
    })
}

struct TreeBuilder<'a> {
    targets: &'a HashMap<u32, Vec<u8>>,
    links: LinkRule,
    manifest: ManifestBuilder,
    records: Vec<u32>,
    left_out: Vec<LeftOutEntry>,
    newest: Mtime,
    is_strict: bool,
    /// All folders that are made, where there are links.
    folders: HashSet<&'a [u8]>,
}

impl TreeBuilder<'_> {
    fn add_unlisted(&mut self, before: &[u8], path: &[u8]) -> Result<(), EntryFault> {
        for folder in unlisted_above(path, before) {
            // The archive has no time for it, and the same archive must give the same manifest each time.
            let mode = Mode::from_bits(0o755);
            let pushed = self.manifest.push_folder(folder, self.newest, mode);
            pushed.map_err(|error| EntryFault::of_entry(path, ArchiveFault::Unsafe(error)))?;
            self.records.push(UNLISTED);
        }
        Ok(())
    }

    fn add(&mut self, number: u32, record: &CentralEntry, path: &[u8]) -> Result<(), EntryFault> {
        let refused = |fault| EntryFault::of_entry(path, fault);
        // A left-out entry cannot be a folder for entries below it.
        if self
            .left_out
            .last()
            .is_some_and(|one| is_below(path, &one.path))
        {
            let no_parent = ManifestError::NoParent(path.into());
            return Err(refused(ArchiveFault::Unsafe(no_parent)));
        }
        let pushed = match record.kind {
            CentralKind::File => {
                let size = FileSize::Known(record.size);
                self.manifest
                    .push_file(path, size, record.mtime, record.mode)
            }
            CentralKind::Folder => self.manifest.push_folder(path, record.mtime, record.mode),
            CentralKind::Link => {
                let target = self.targets.get(&number).map_or(&b""[..], Vec::as_slice);
                self.carried_target(path, target)
                    .and_then(|target| self.manifest.push_link(path, &target, record.mtime))
            }
            CentralKind::Special => {
                const WHY: &str = "is a device, a pipe or a socket";
                return match self.is_strict {
                    true => Err(refused(ArchiveFault::Unsupported(WHY))),
                    false => {
                        self.leave_out(path, format!("it {WHY}"));
                        Ok(())
                    }
                };
            }
        };
        match pushed {
            Ok(()) => self.records.push(number),
            Err(ManifestError::Link(fault)) if !self.is_strict => {
                let mut why = fault.to_string();
                if fault == LinkFault::Outside {
                    why.push_str(" (--links keep makes it)");
                }
                self.leave_out(path, why);
            }
            Err(error) => return Err(refused(ArchiveFault::Unsafe(error))),
        }
        Ok(())
    }

    /// The text with which a link is made: without detours through folders that are made.
    fn carried_target<'t>(
        &self,
        path: &[u8],
        target: &'t [u8],
    ) -> Result<Cow<'t, [u8]>, ManifestError> {
        let link = WirePath::parse(path)?;
        let is_folder = |path: &[u8]| self.folders.contains(path);
        Ok(self.links.carried(link, target, is_folder)?)
    }

    fn leave_out(&mut self, path: &[u8], why: String) {
        let path = path.into();
        self.left_out.push(LeftOutEntry { path, why });
    }
}

/// Compares bytes, with the separator lowest, so that a folder's contents follow it at once.
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
