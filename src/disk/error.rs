//! What a disk refused, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An operation that the disk, its permissions or another process refused: an own mistake or the
/// environment's, never the peer's.
#[derive(Debug)]
pub struct DiskError {
    operation: &'static str,
    path: PathBuf,
    kind: DiskErrorKind,
    source: io::Error,
}

/// What sort of mend a [`DiskError`] needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// No room, or the quota is used up.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// This user may not do that there.
    Permission,
    /// Another process receives the same transfer into the same folder.
    Locked,
    /// Two names of the transfer are one name on this file system.
    NameCollision,
    /// This system cannot have a file of that name.
    Name,
    /// Something else stands where a folder is needed.
    NotAFolder,
    /// What was looked for, or the folder it is to be in, is not there.
    Absent,
    /// Anything else; the source says what.
    Other,
}

impl DiskError {
    /// What was tried, as a verb with its object: `create folder`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// On what.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What sort of mend it needs.
    pub fn kind(&self) -> DiskErrorKind {
        self.kind
    }

    /// Wraps what the system answered to `operation` on `path`, for use with `map_err`.
    pub(super) fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        move |source| DiskError {
            operation,
            path: path.to_owned(),
            kind: kind_of(&source),
            source,
        }
    }

    /// An error that no system call made.
    pub(super) fn refused(
        kind: DiskErrorKind,
        operation: &'static str,
        path: &Path,
        why: &'static str,
    ) -> DiskError {
        DiskError {
            operation,
            path: path.to_owned(),
            kind,
            source: io::Error::other(why),
        }
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug of a path escapes control characters that a peer may have put into a name.
        write!(f, "cannot {} {:?}: ", self.operation, self.path)?;
        match self.kind {
            DiskErrorKind::Full => f.write_str("no space is left there"),
            DiskErrorKind::ReadOnly => f.write_str("the file system is read-only"),
            DiskErrorKind::Permission => f.write_str("permission denied"),
            _ => f.write_str(&plain_words(&self.source)),
        }
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn kind_of(error: &io::Error) -> DiskErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskErrorKind::Full,
        io::ErrorKind::ReadOnlyFilesystem => DiskErrorKind::ReadOnly,
        io::ErrorKind::PermissionDenied => DiskErrorKind::Permission,
        io::ErrorKind::NotADirectory => DiskErrorKind::NotAFolder,
        io::ErrorKind::NotFound => DiskErrorKind::Absent,
        _ => DiskErrorKind::Other,
    }
}

/// The system's text in the style of our own: lower case, without the number.
fn plain_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text
        .split_once(" (os error")
        .map_or(text.as_str(), |(words, _)| words);
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(rest).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disks_and_odd_names_read_well() {
        let full = DiskError::at("write", Path::new("a\x1b[31mb"))(io::Error::from_raw_os_error(
            if cfg!(windows) { 112 } else { 28 },
        ));
        assert_eq!(full.kind(), DiskErrorKind::Full);
        assert_eq!(
            full.to_string(),
            r#"cannot write "a\u{1b}[31mb": no space is left there"#
        );
    }

    #[test]
    fn system_text_is_plain() {
        let missing = io::Error::from_raw_os_error(2);
        assert!(!plain_words(&missing).contains("os error"));
        assert!(plain_words(&missing).starts_with(char::is_lowercase));
    }
}
