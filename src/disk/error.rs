//! Errors of the file system.

use crate::model::STAGING_PREFIX;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A file system operation that failed on this machine. The peer is never its cause.
#[derive(Debug)]
pub struct DiskError {
    operation: &'static str,
    path: PathBuf,
    kind: DiskErrorKind,
    source: io::Error,
}

/// Kind of a [`DiskError`]: each kind has another remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// No free space, or the quota is used up.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Permission denied.
    Permission,
    /// Another process is receiving the same transfer into the same folder.
    Locked,
    /// Two names of the transfer are the same name on this file system.
    NameCollision,
    /// This system does not allow a file of that name.
    Name,
    /// Something that is not a folder is where a folder is needed.
    NotAFolder,
    /// The path, or the folder that should hold it, does not exist.
    Absent,
    /// Any other error: see the source.
    Other,
}

impl DiskError {
    /// The operation that failed, as a verb and its object: `create folder`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The path on which it failed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of the error.
    pub(crate) fn kind(&self) -> DiskErrorKind {
        self.kind
    }

    /// The error's text without paths of this machine: the path is reduced to the entry's name in its transfer,
    /// or left out.
    pub(crate) fn without_its_place(&self) -> String {
        let name = match self.name_in_transfer() {
            Some(name) => format!(" {name:?}"),
            None => String::new(),
        };
        format!("cannot {}{name}: {}", self.operation, self.why())
    }

    /// The rest of a path after `.peerbridge-ID/tree`.
    fn name_in_transfer(&self) -> Option<&Path> {
        let mut components = self.path.components();
        let is_staging = |component: Component<'_>| {
            let name = component.as_os_str().as_encoded_bytes();
            name.starts_with(STAGING_PREFIX)
        };
        components.find(|component| is_staging(*component))?;
        let is_entry = components.next()?.as_os_str() == "tree";
        let name = components.as_path();
        (is_entry && !name.as_os_str().is_empty()).then_some(name)
    }

    fn why(&self) -> String {
        match self.kind {
            DiskErrorKind::Full => "no space is left there".to_owned(),
            DiskErrorKind::ReadOnly => "the file system is read-only".to_owned(),
            DiskErrorKind::Permission => "permission denied".to_owned(),
            _ => plain_words(&self.source),
        }
    }

    /// The error that it came from.
    pub(super) fn io(&self) -> &io::Error {
        &self.source
    }

    /// Wraps the system's error for `operation` on `path`, for use with `map_err`.
    pub(crate) fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        move |source| DiskError {
            operation,
            path: path.to_owned(),
            kind: kind_of(&source),
            source,
        }
    }

    /// An error that did not come from a system call.
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
        let (operation, path) = (self.operation, &self.path);
        write!(f, "cannot {operation} {path:?}: {}", self.why())
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

/// The system's text in the style of our errors: lower case, without the number.
pub(super) fn plain_words(error: &io::Error) -> String {
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
    fn a_peer_learns_the_names_that_it_gave_and_no_others() {
        let told = |path: &str| {
            let full = io::Error::from(io::ErrorKind::StorageFull);
            DiskError::at("write", Path::new(path))(full).without_its_place()
        };
        let entry = "/srv/drop/alice/.peerbridge-00ff/tree/photos/a b";
        assert_eq!(
            told(entry),
            r#"cannot write "photos/a b": no space is left there"#
        );
        for path in [
            "/srv/drop/alice/.peerbridge-00ff/journal",
            "/srv/drop/alice/.peerbridge-00ff/tree",
            "/srv/drop/alice/.peerbridge-00ff",
            "/srv/drop/alice",
            "drop/photos/a",
        ] {
            assert_eq!(told(path), "cannot write: no space is left there");
        }
    }

    #[test]
    fn system_text_is_plain() {
        let missing = io::Error::from_raw_os_error(2);
        assert!(!plain_words(&missing).contains("os error"));
        assert!(plain_words(&missing).starts_with(char::is_lowercase));
    }
}
