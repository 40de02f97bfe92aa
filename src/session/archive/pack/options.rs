//! How to make an archive, and what became of its source.

use crate::crypto::ArchivePassword;
use crate::disk::TimeZone;
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::options::Level;
use std::io;

/// The name of the archive within an archive that hides its names.
pub const INNER_NAME: &str = "contents.zip";

/// How an archive is made.
pub(crate) struct PackOptions<'a> {
    /// What it is encrypted with.
    pub(crate) password: &'a ArchivePassword,
    /// Whether names show.
    pub(crate) names: Names,
    /// Compression.
    pub(crate) level: Level,
    /// The zone of DOS times.
    pub(crate) zone: &'a TimeZone,
    /// What calls it off.
    pub(crate) cancel: &'a Cancel,
    /// Who is told of its progress and of what is left out.
    pub(crate) operator: &'a dyn Operator,
}

/// Whether people without the password can see the names and sizes in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// They do, as in every encrypted zip archive; any program opens it in one go.
    #[default]
    Shown,
    /// They are hidden: the archive holds one encrypted archive, `contents.zip`.
    Hidden,
}

/// What became of a source that was packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackReport {
    /// Files that are in the archive.
    pub(crate) files: u64,
    /// Bytes of their contents.
    pub(crate) bytes: u64,
    /// Files, folders and links in the archive.
    pub(crate) members: u64,
    /// Files that vanished, changed or could not be read meanwhile; each was told as an event.
    pub(crate) lost: u64,
    /// Length of the archive in bytes.
    pub(crate) archive_bytes: u64,
}

/// Why there is no archive. What the sink got is of no use then.
#[derive(Debug)]
pub(crate) enum PackError {
    /// The sink takes no more.
    Sink(io::Error),
    /// It was called off.
    Cancelled,
    /// No random bytes, no threads: the system itself fails.
    System(io::Error),
}

impl From<PackError> for Error {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Cancelled => Error::Cancelled,
            PackError::Sink(source) | PackError::System(source) => Error::System { source },
        }
    }
}
