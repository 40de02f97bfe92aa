//! Names that every disk can store: `a:b` becomes `a_b`.

use super::free_name::numbered;
use crate::disk::platform::windows_can_have;
use crate::model::{EntryKind, Manifest, limits};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// The new name of each entry that needs one, by the entry's number: entries whose name some disk cannot store,
/// and entries whose name differs from another only in case. Names that need no change are reserved before
/// others are given out.
pub(super) fn portable_names(manifest: &Manifest) -> HashMap<usize, Box<[u8]>> {
    let mut taken = TakenPaths::default();
    let mut needs_none = Vec::with_capacity(manifest.len());
    for (_, entry) in manifest.entries() {
        let is_portable = entry.path.components().all(|name| *portable(name) == *name);
        needs_none.push(is_portable && taken.take(entry.path.as_bytes()));
    }
    let mut names: HashMap<usize, Box<[u8]>> = HashMap::new();
    let mut folders: HashMap<&[u8], Vec<u8>> = HashMap::new();
    for (index, entry) in manifest.entries() {
        let own = entry.path.as_bytes();
        let above = entry.path.parent().map(|folder| folder.as_bytes());
        let moved = above.and_then(|folder| folders.get(folder));
        if needs_none[index.get()] && moved.is_none() {
            continue;
        }
        let name = own.rsplit(|&byte| byte == b'/').next().unwrap_or(own);
        let above = moved.map_or(above, |moved| Some(moved.as_slice()));
        let is_folder = entry.kind == EntryKind::Folder;
        let base = portable(name);
        let candidates = (1..).map(|number| numbered(&base, is_folder, number));
        let mut candidates = std::iter::once(base.to_vec()).chain(candidates);
        let chosen = candidates.find_map(|name| {
            let path = joined(above, &name);
            taken.take(&path).then_some((name, path))
        });
        let Some((new, path)) = chosen else { continue };
        if *new != *name {
            names.insert(index.get(), new.into());
        }
        if is_folder {
            folders.insert(own, path);
        }
    }
    names
}

/// Paths in use, without regard to case. An accidental collision of hashes only adds a number to a name.
#[derive(Default)]
struct TakenPaths {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl TakenPaths {
    /// Marks a path as taken. Returns whether it was free.
    fn take(&mut self, path: &[u8]) -> bool {
        let folded = String::from_utf8_lossy(path).to_lowercase();
        self.hashes.insert(self.hasher.hash_one(folded))
    }
}

fn joined(folder: Option<&[u8]>, name: &[u8]) -> Vec<u8> {
    match folder {
        Some(folder) => [folder, name].join(&b'/'),
        None => name.to_vec(),
    }
}

/// The name without anything that some disk cannot store: bytes that are not UTF-8, control characters,
/// `< > : " \ | ? *`, dots and blanks at its end, and names of devices.
fn portable(name: &[u8]) -> Box<[u8]> {
    if std::str::from_utf8(name).is_ok_and(windows_can_have) {
        return name.into();
    }
    let text = String::from_utf8_lossy(name);
    let is_refused = |c: char| c < ' ' || "<>:\"\\|?*\u{fffd}".contains(c);
    let mut new: String = text
        .chars()
        .map(|c| if is_refused(c) { '_' } else { c })
        .collect();
    let kept = new.trim_end_matches(['.', ' ']).len();
    let cut = new.len() - kept;
    new.truncate(kept);
    new.extend(std::iter::repeat_n('_', cut));
    if !windows_can_have(&new) {
        new.insert(0, '_');
    }
    while new.len() > limits::COMPONENT_BYTES {
        new.pop();
    }
    new.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fixture::Sample;

    #[test]
    fn characters_that_some_disk_refuses_become_an_underscore() {
        for (name, expected) in [
            ("plain.txt", "plain.txt"),
            ("a:b", "a_b"),
            ("<>:\"|?*", "_______"),
            ("trail. .", "trail___"),
            ("...", "___"),
            ("tab\there", "tab_here"),
            ("back\\slash", "back_slash"),
            ("aux.txt", "_aux.txt"),
            ("COM¹", "_COM¹"),
        ] {
            assert_eq!(*portable(name.as_bytes()), *expected.as_bytes(), "{name}");
        }
        assert_eq!(*portable(b"\xff\xfe"), *b"__");
        let long = [b"aux.".as_slice(), &[b'x'; 251]].concat();
        assert_eq!(portable(&long).len(), 255);
    }

    #[test]
    fn no_two_names_become_one() {
        let transfer = Sample::new()
            .folder("D:")
            .file("D:/a?", b"")
            .file("D:/a*", b"")
            .folder("d_")
            .file("d_/below", b"")
            .file("Readme", b"")
            .file("a:b", b"")
            .file("a?b", b"")
            .file("a_b", b"")
            .file("readme", b"")
            .finish();
        let names = portable_names(&transfer.manifest);
        let named = |path: &str| {
            let name = names.get(&transfer.index(path).get());
            name.map(|name| String::from_utf8_lossy(name).into_owned())
        };
        assert_eq!(named("d_"), None);
        assert_eq!(named("d_/below"), None);
        assert_eq!(named("D:").as_deref(), Some("D_ (1)"));
        assert_eq!(named("D:/a?").as_deref(), Some("a_"));
        assert_eq!(named("D:/a*").as_deref(), Some("a_ (1)"));
        assert_eq!(named("a_b"), None);
        assert_eq!(named("a:b").as_deref(), Some("a_b (1)"));
        assert_eq!(named("a?b").as_deref(), Some("a_b (2)"));
        assert_eq!(named("Readme"), None);
        assert_eq!(named("readme").as_deref(), Some("readme (1)"));
    }
}
