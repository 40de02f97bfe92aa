//! Selects entries of an archive.

use crate::disk::source::{Glob, GlobShape};

/// A selection of an archive's entries; all by default.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Select entries that match one of these, or are in a folder that does; empty for all.
    pub only: Vec<Glob>,
    /// Leave out entries that match one of these, or are in a folder that does.
    pub exclude: Vec<Glob>,
}

impl Selection {
    /// The patterns that have matched nothing.
    pub(super) fn unmatched(&self) -> Vec<Box<[u8]>> {
        let all = Glob::unmatched(&self.only).chain(Glob::unmatched(&self.exclude));
        all.map(Box::from).collect()
    }

    /// Whether an entry of this path is selected.
    pub(super) fn takes(&self, path: &[u8], shape: GlobShape) -> bool {
        let is_in = |globs: &[Glob]| {
            prefixes(path, shape).any(|(path, shape)| Glob::any_matches(globs, path, shape))
        };
        (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.exclude)
    }
}

/// The folders above a path, and the path itself.
fn prefixes(path: &[u8], shape: GlobShape) -> impl Iterator<Item = (&[u8], GlobShape)> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .map(|(end, _)| (&path[..end], GlobShape::Folder))
        .chain([(path, shape)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Vec<Glob> {
        let parse = |pattern: &&str| Glob::parse(pattern.as_bytes()).unwrap();
        patterns.iter().map(parse).collect()
    }

    fn taken<'a>(only: &[&str], exclude: &[&str], paths: &[&'a str]) -> Vec<&'a str> {
        let selection = Selection {
            only: globs(only),
            exclude: globs(exclude),
        };
        let takes = |path: &&&str| selection.takes(path.as_bytes(), GlobShape::Other);
        paths.iter().filter(takes).copied().collect()
    }

    #[test]
    fn a_folder_stands_for_what_is_in_it() {
        let paths = ["a/b.txt", "a/c/d.txt", "e.txt", "e.tmp"];
        assert_eq!(taken(&[], &[], &paths), paths);
        assert_eq!(taken(&["a"], &[], &paths), ["a/b.txt", "a/c/d.txt"]);
        assert_eq!(
            taken(&["a/c/", "*.tmp"], &[], &paths),
            ["a/c/d.txt", "e.tmp"]
        );
        assert_eq!(taken(&[], &["c"], &paths), ["a/b.txt", "e.txt", "e.tmp"]);
        assert_eq!(taken(&["*.txt"], &["a"], &paths), ["e.txt"]);
        assert!(taken(&["e.txt/"], &[], &paths).is_empty());
    }
}
