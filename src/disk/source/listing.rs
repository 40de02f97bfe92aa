//! The entries of a folder, stored compactly.

use crate::disk::platform;
use crate::disk::special_file::SpecialFile;
use crate::model::{Mode, Mtime, len16};
use std::fs::{File, Metadata};
use std::io;

/// The facts about an entry that a scan needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) kind: FoundKind,
    pub(super) mode: Mode,
    pub(super) mtime: Mtime,
    pub(super) size: u64,
    pub(super) identity: (u64, u64),
    pub(super) is_of_others: bool,
    pub(super) has_other_names: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundKind {
    File,
    Folder,
    Link,
    Special(SpecialFile),
}

impl Facts {
    pub(super) fn of(metadata: &Metadata) -> Facts {
        let kind = metadata.file_type();
        Facts {
            kind: if kind.is_file() {
                FoundKind::File
            } else if kind.is_dir() {
                FoundKind::Folder
            } else if kind.is_symlink() {
                FoundKind::Link
            } else {
                FoundKind::Special(platform::special_file(kind))
            },
            mode: platform::mode_of(metadata),
            mtime: platform::mtime_of(metadata),
            size: metadata.len(),
            identity: platform::identity_of(metadata),
            is_of_others: platform::is_of_others(metadata),
            has_other_names: platform::has_other_names(metadata),
        }
    }
}

/// Whether a file has more or fewer bytes than `metadata` says. Only a file without blocks on a disk is read to
/// find out, because the kernel may generate it.
pub(super) fn has_wrong_size(file: &File, metadata: &Metadata) -> io::Result<bool> {
    if platform::takes_room(metadata) {
        return Ok(false);
    }
    let size = metadata.len();
    let read = platform::read_at(file, &mut [0], size.saturating_sub(1))?;
    Ok((read == 0) != (size == 0))
}

/// The entries of one folder. All names share one allocation, because a folder may hold a million of them.
#[derive(Debug, Default)]
pub(super) struct Listing {
    names: Vec<u8>,
    children: Vec<Child>,
}

#[derive(Clone, Copy, Debug)]
struct Child {
    name_start: usize,
    name_length: u16,
    facts: Facts,
}

impl Listing {
    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    /// Adds an entry. No system has names of 64 KiB.
    pub(super) fn push(&mut self, name: &[u8], facts: Facts) {
        self.children.push(Child {
            name_start: self.names.len(),
            name_length: len16(name.len()),
            facts,
        });
        self.names.extend_from_slice(name);
    }

    /// Sorts by name. A folder that changes while it is listed may show a name twice; one is kept.
    pub(super) fn sort(&mut self) {
        let names = &self.names;
        self.children
            .sort_unstable_by(|a, b| a.name(names).cmp(b.name(names)));
        self.children
            .dedup_by(|a, b| a.name(names) == b.name(names));
    }

    pub(super) fn get(&self, number: usize) -> Option<(&[u8], Facts)> {
        let child = self.children.get(number)?;
        Some((child.name(&self.names), child.facts))
    }

    pub(super) fn keep_folders(&mut self) {
        self.children
            .retain(|child| child.facts.kind == FoundKind::Folder);
        self.children.shrink_to_fit();
    }
}

impl Child {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        &names[self.name_start..self.name_start + usize::from(self.name_length)]
    }
}
