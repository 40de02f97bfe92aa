//! Why a scan fails.

use super::left_out::wrong_size;
use crate::disk::special_file::SpecialFile;
use crate::model::{ManifestError, PathFault};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is nothing to send. Every reason concerns the arguments of this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// An argument does not exist, or is a dangling link.
    Missing(PathBuf),
    /// An argument cannot be read.
    Unreadable(PathBuf, io::ErrorKind),
    /// An argument is not a file, folder or link. It was not opened.
    Special(PathBuf, SpecialFile),
    /// The size that the system reports for an argument is not the size of its contents.
    WrongSize(PathBuf, u64),
    /// An argument's name is not a valid path.
    Name(PathBuf, PathFault),
    /// An argument's name is not Unicode, so other systems cannot store it.
    NotUnicode(PathBuf),
    /// Two arguments would have the same name at the peer or in the archive.
    SameName(PathBuf, PathBuf),
    /// Everything was excluded.
    NothingLeft,
    /// There are more entries than a transfer can have, or the tree changed too much during the scan.
    Manifest(ManifestError),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::NothingLeft => f.write_str("nothing is left: everything is excluded"),
            SourceError::Missing(path) => write!(f, "{} is not there", path.display()),
            SourceError::Unreadable(path, kind) => {
                write!(f, "cannot read {}: {kind}", path.display())
            }
            SourceError::Special(path, special) => {
                write!(f, "cannot include {}: it is {special}", path.display())
            }
            SourceError::WrongSize(path, size) => {
                write!(f, "cannot include {}: ", path.display())?;
                wrong_size(f, *size)
            }
            SourceError::Name(path, fault) => {
                write!(
                    f,
                    "cannot include {} under its name: {fault}",
                    path.display()
                )
            }
            SourceError::NotUnicode(path) => write!(
                f,
                "cannot include {}: its name is not valid Unicode",
                path.display()
            ),
            SourceError::SameName(first, second) => write!(
                f,
                "{} and {} have the same name",
                first.display(),
                second.display()
            ),
            SourceError::Manifest(error) => write!(f, "cannot include this: {error}"),
        }
    }
}

impl std::error::Error for SourceError {}
