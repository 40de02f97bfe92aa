//! Why there is nothing to offer.

use super::SpecialFile;
use crate::model::{ManifestError, PathFault};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a scan gives no source. All of these are about what this side was told to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// An argument does not exist, or is a link to nothing.
    Missing(PathBuf),
    /// The system does not let this user read an argument.
    Unreadable(PathBuf, io::ErrorKind),
    /// An argument is no file, folder or link; it was not opened.
    Special(PathBuf, SpecialFile),
    /// An argument's name cannot travel.
    Name(PathBuf, PathFault),
    /// An argument's name has no form that other systems understand.
    NotUnicode(PathBuf),
    /// Two things would have the same name at the peer, or in the archive.
    SameName(PathBuf, PathBuf),
    /// What was found is past [`crate::model::limits`], or changed so much during the scan that it is
    /// no tree.
    Manifest(ManifestError),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Missing(path) => write!(f, "{} is not there", path.display()),
            SourceError::Unreadable(path, kind) => {
                write!(f, "cannot read {}: {kind}", path.display())
            }
            SourceError::Special(path, special) => {
                write!(f, "cannot take {}: it is {special}", path.display())
            }
            SourceError::Name(path, fault) => {
                write!(f, "cannot take {} under its name: {fault}", path.display())
            }
            SourceError::NotUnicode(path) => write!(
                f,
                "cannot take {} under its name: it is not valid unicode",
                path.display()
            ),
            SourceError::SameName(first, second) => write!(
                f,
                "{} and {} have the same name",
                first.display(),
                second.display()
            ),
            SourceError::Manifest(error) => write!(f, "cannot take this: {error}"),
        }
    }
}

impl std::error::Error for SourceError {}
