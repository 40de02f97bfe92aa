//! Wildcards in paths, for shells that do not expand them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The paths that a word stands for, sorted. In its last component, `*` matches any text, `?` any character, and
/// `*.*` everything. A word that matches nothing or has no wildcards stands for itself.
pub(super) fn expand(word: &OsString) -> Vec<PathBuf> {
    let path = Path::new(word);
    let mut found = matches_of(path).unwrap_or_default();
    if found.is_empty() {
        found.push(path.to_owned());
    }
    found.sort();
    found
}

/// `None` without wildcards, and for a folder that cannot be listed: opening the word as a path then reports why.
fn matches_of(path: &Path) -> Option<Vec<PathBuf>> {
    let pattern = path.file_name()?.to_str()?;
    if !pattern.contains(['*', '?']) {
        return None;
    }
    let folder = path.parent()?;
    let here = Path::new(".");
    let listed = if folder == Path::new("") {
        here
    } else {
        folder
    };
    let names = fs::read_dir(listed).ok()?.flatten();
    let names = names.map(|item| item.file_name());
    let is_match = |name: &OsString| name.to_str().is_some_and(|name| fits(pattern, name));
    Some(
        names
            .filter(is_match)
            .map(|name| folder.join(name))
            .collect(),
    )
}

/// Whether a name matches a pattern, ignoring case. The last `*` takes one more character whenever the text after
/// it does not match.
fn fits(pattern: &str, name: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let pattern = folded(if pattern == "*.*" { "*" } else { pattern });
    let name = folded(name);
    let (mut at, mut taken, mut star) = (0, 0, None);
    while taken < name.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, taken));
                at += 1;
            }
            (Some(wanted), _) if *wanted == '?' || *wanted == name[taken] => {
                at += 1;
                taken += 1;
            }
            (_, Some((star_at, star_taken))) => {
                star = Some((star_at, star_taken + 1));
                (at, taken) = (star_at + 1, star_taken + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns() {
        for (pattern, name) in [
            ("*.zip", "a.ZIP"),
            ("*.*", "none"),
            ("a*b*c", "aXbXbc"),
            ("?", "ü"),
            ("*", ".hidden"),
            ("a**", "a"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.zip", "zip"), ("?", ""), ("?", "ab"), ("a*b", "abc")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_word_stands_for_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.zip", "a.zip", "c.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let expanded = |word: &str| expand(&folder.path().join(word).into_os_string());
        let paths = |names: &[&str]| -> Vec<PathBuf> {
            names.iter().map(|name| folder.path().join(name)).collect()
        };
        assert_eq!(expanded("*.zip"), paths(&["a.zip", "b.zip"]));
        assert_eq!(expanded("*.tar"), paths(&["*.tar"]));
        assert_eq!(expanded("none/*"), paths(&["none/*"]));
        assert_eq!(expanded("c.txt"), paths(&["c.txt"]));
    }
}
