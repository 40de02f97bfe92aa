//! Compares the received files with their source, byte by byte and without any code of the transfer.

use crate::cli::error::CliError;
use crate::model::len64;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes to compare at once.
const PIECE: u64 = 256 * 1024;

/// Counts of what is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Same {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Compares each source with its copy in `received`. Up to `left_out` entries may be missing, because the transfer
/// named them.
///
/// # Errors
/// [`CliError::Different`], or a source that can no longer be read.
pub(super) fn all(sources: &[PathBuf], received: &Path, left_out: u64) -> Result<Same, CliError> {
    let mut comparison = TreeComparison::default();
    for source in sources {
        let result = lands_at(source, received).map_err(CliError::cannot_read(source))?;
        comparison.pairs.push((source.clone(), result));
    }
    while let Some((source, result)) = comparison.pairs.pop() {
        let compared = comparison.pair(&source, &result);
        compared.map_err(CliError::cannot_read(&source))?;
    }
    let missing = comparison.missing.len() as u64;
    if missing > left_out {
        comparison.different.append(&mut comparison.missing);
    }
    match comparison.different.first() {
        None => Ok(comparison.same),
        Some(first) => Err(CliError::Different {
            path: first.clone(),
            count: comparison.different.len(),
        }),
    }
}

/// `FOLDER/.` stands for the contents of the folder; everything else arrives under its own name.
fn lands_at(source: &Path, received: &Path) -> io::Result<PathBuf> {
    let text = source.as_os_str().as_encoded_bytes();
    let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    if text.rsplit(is_separator).next() == Some(b".") {
        return Ok(received.to_owned());
    }
    match source.file_name() {
        Some(name) => Ok(received.join(name)),
        None => {
            let full = fs::canonicalize(source)?;
            Ok(full
                .file_name()
                .map_or_else(|| received.to_owned(), |name| received.join(name)))
        }
    }
}

#[derive(Default)]
struct TreeComparison {
    pairs: Vec<(PathBuf, PathBuf)>,
    same: Same,
    different: Vec<PathBuf>,
    missing: Vec<PathBuf>,
}

impl TreeComparison {
    /// Compares one entry, and queues the entries of a folder. An error concerns the source; a result that cannot
    /// be read counts as different.
    fn pair(&mut self, source: &Path, result: &Path) -> io::Result<()> {
        let kind = fs::symlink_metadata(source)?.file_type();
        let Ok(found) = fs::symlink_metadata(result) else {
            self.missing.push(result.to_owned());
            return Ok(());
        };
        let same = if kind.is_symlink() {
            let target = fs::read_link(source)?;
            fs::read_link(result).is_ok_and(|found| found == target)
        } else if kind.is_dir() && found.is_dir() {
            self.folder(source, result)?
        } else if kind.is_file() && found.is_file() {
            self.file(source, result)?
        } else {
            false
        };
        if !same {
            self.different.push(result.to_owned());
        }
        Ok(())
    }

    /// Whether the result has no entries that the source does not have.
    fn folder(&mut self, source: &Path, result: &Path) -> io::Result<bool> {
        let names = names(source)?;
        let Ok(found) = self::names(result) else {
            return Ok(false);
        };
        let pairs = names
            .iter()
            .map(|name| (source.join(name), result.join(name)));
        self.pairs.extend(pairs);
        Ok(found.is_subset(&names))
    }

    fn file(&mut self, source: &Path, result: &Path) -> io::Result<bool> {
        let (Ok(mut found), mut file) = (File::open(result), File::open(source)?) else {
            return Ok(false);
        };
        let (mut expected, mut actual) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        loop {
            expected.clear();
            actual.clear();
            (&mut file).take(PIECE).read_to_end(&mut expected)?;
            let read = (&mut found).take(PIECE).read_to_end(&mut actual);
            if read.is_err() || expected != actual {
                return Ok(false);
            }
            if expected.is_empty() {
                break;
            }
            bytes += len64(expected.len());
        }
        self.same.files += 1;
        self.same.bytes += bytes;
        Ok(true)
    }
}

fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two equal trees, `source/tree` and `received/tree`.
    fn trees() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source/tree");
        let received = folder.path().join("received");
        for root in [&source, &received.join("tree")] {
            fs::create_dir_all(root.join("sub")).unwrap();
            fs::write(root.join("a"), vec![7; 600_000]).unwrap();
            fs::write(root.join("sub/b"), b"b").unwrap();
        }
        (folder, source, received)
    }

    fn count(source: &Path, received: &Path, left_out: u64) -> usize {
        match all(&[source.to_owned()], received, left_out) {
            Ok(_) => 0,
            Err(CliError::Different { count, .. }) => count,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn equal_trees() {
        let (_folder, source, received) = trees();
        let same = all(std::slice::from_ref(&source), &received, 0).unwrap();
        assert_eq!((same.files, same.bytes), (2, 600_001));
        let contents = source.join(".");
        assert_eq!(count(&contents, &received.join("tree"), 0), 0);
    }

    #[test]
    fn a_flipped_bit_a_shorter_and_a_longer_file() {
        let (_folder, source, received) = trees();
        let mut bytes = vec![7; 600_000];
        bytes[599_999] ^= 1;
        fs::write(received.join("tree/a"), bytes).unwrap();
        assert_eq!(count(&source, &received, 9), 1);
        fs::write(received.join("tree/a"), vec![7; 599_999]).unwrap();
        assert_eq!(count(&source, &received, 9), 1);
        fs::write(received.join("tree/a"), vec![7; 600_001]).unwrap();
        assert_eq!(count(&source, &received, 9), 1);
    }

    #[test]
    fn what_is_missing_must_have_been_named() {
        let (_folder, source, received) = trees();
        fs::remove_file(received.join("tree/sub/b")).unwrap();
        assert_eq!(count(&source, &received, 0), 1);
        assert_eq!(count(&source, &received, 1), 0);
    }

    #[test]
    fn what_nobody_sent_is_a_difference() {
        let (_folder, source, received) = trees();
        fs::write(received.join("tree/sub/more"), b"").unwrap();
        assert_eq!(count(&source, &received, 9), 1);
    }

    #[test]
    fn a_folder_in_place_of_a_file() {
        let (_folder, source, received) = trees();
        fs::remove_file(received.join("tree/a")).unwrap();
        fs::create_dir(received.join("tree/a")).unwrap();
        assert_eq!(count(&source, &received, 9), 1);
    }
}
