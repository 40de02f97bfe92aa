//! New names beside existing files: `name (1).ext`.

use crate::model::{Entry, EntryKind, Manifest, WirePath, len32, limits};
use std::collections::{HashMap, HashSet};

/// Numbers to try before an entry is given up.
pub(crate) const TRIES: u32 = 10_000;

/// Longest extension that stays after the number, in bytes. Anything longer is part of a name with a dot in it.
const EXTENSION_BYTES: usize = 32;

/// Free names that occur neither in the manifest nor among earlier ones.
pub(super) struct FreeNames<'a> {
    manifest: &'a Manifest,
    sorted: Vec<u32>,
    taken: HashSet<Vec<u8>>,
}

impl<'a> FreeNames<'a> {
    /// Starts with the manifest's names taken, and with the new names in `instead`.
    pub(super) fn new(manifest: &'a Manifest, instead: &HashMap<usize, Box<[u8]>>) -> Self {
        let entry = |number: usize| manifest.index(number).map(|index| manifest.entry(index));
        let named = instead.iter();
        let taken = named.filter_map(|(&number, name)| Some(sibling(&entry(number)?, name)));
        FreeNames {
            manifest,
            sorted: Vec::new(),
            taken: taken.collect(),
        }
    }

    /// The entry's name `name` with `number` inserted; `None` if the manifest or another new name uses it, or
    /// if it is not a valid path.
    pub(super) fn candidate(
        &mut self,
        entry: &Entry<'_>,
        name: &[u8],
        number: u32,
    ) -> Option<Box<[u8]>> {
        let name = numbered(name, entry.kind == EntryKind::Folder, number);
        let path = sibling(entry, &name);
        WirePath::parse(&path).ok()?;
        let is_free = !self.is_in_manifest(&path) && !self.taken.contains(&path);
        is_free.then_some(name.into())
    }

    /// Marks a name as taken.
    pub(super) fn take(&mut self, entry: &Entry<'_>, name: &[u8]) {
        self.taken.insert(sibling(entry, name));
    }

    /// The manifest's names are sorted on first use, because most transfers rename nothing.
    fn is_in_manifest(&mut self, path: &[u8]) -> bool {
        let manifest = self.manifest;
        let path_of = |number: u32| {
            let index = manifest.index(number as usize);
            index.map_or(&b""[..], |index| manifest.entry(index).path.as_bytes())
        };
        if self.sorted.is_empty() {
            self.sorted = (0..len32(manifest.len())).collect();
            self.sorted.sort_unstable_by_key(|&number| path_of(number));
        }
        self.sorted
            .binary_search_by(|&number| path_of(number).cmp(path))
            .is_ok()
    }
}

fn sibling(entry: &Entry<'_>, name: &[u8]) -> Vec<u8> {
    match entry.path.parent() {
        Some(parent) => [parent.as_bytes(), name].join(&b'/'),
        None => name.to_vec(),
    }
}

/// `stem (number).ext`. The stem is shortened so that the name fits [`limits::COMPONENT_BYTES`], but never
/// inside a UTF-8 character.
pub(crate) fn numbered(name: &[u8], is_folder: bool, number: u32) -> Vec<u8> {
    let dot = name.iter().rposition(|&byte| byte == b'.');
    let dot = dot.filter(|&at| at > 0 && !is_folder && name.len() - at <= EXTENSION_BYTES);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let suffix = format!(" ({number})");
    let room = limits::COMPONENT_BYTES - suffix.len() - extension.len();
    let mut keep = stem.len().min(room);
    if let Ok(text) = std::str::from_utf8(stem) {
        while !text.is_char_boundary(keep) {
            keep -= 1;
        }
    }
    [&stem[..keep], suffix.as_bytes(), extension].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_before_the_ending() {
        let cases: &[(&str, bool, &str)] = &[
            ("a.txt", false, "a (1).txt"),
            ("a.tar.gz", false, "a.tar (1).gz"),
            (".profile", false, ".profile (1)"),
            ("README", false, "README (1)"),
            ("v1.2", true, "v1.2 (1)"),
            ("a.", false, "a (1)."),
        ];
        for (name, is_folder, expected) in cases {
            let made = numbered(name.as_bytes(), *is_folder, 1);
            assert_eq!(made, expected.as_bytes(), "{name}");
        }
    }

    #[test]
    fn long_names_stay_within_the_limit() {
        let ascii = [&[b'x'; 251][..], b".txt"].concat();
        assert_eq!(numbered(&ascii, false, 9999).len(), 255);
        assert!(numbered(&ascii, false, 1).ends_with(b"x (1).txt"));
        let wide = "ü".repeat(127);
        let made = numbered(wide.as_bytes(), false, 1);
        assert!(made.len() <= 255 && String::from_utf8(made).is_ok());
        let long_ending = [b"a.".as_slice(), &[b'y'; 253]].concat();
        assert_eq!(numbered(&long_ending, false, 1).len(), 255);
    }
}
