//! How to make an archive, and the result.

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
    /// The password that encrypts it.
    pub(crate) password: &'a ArchivePassword,
    /// Whether names are visible without the password.
    pub(crate) names: Names,
    /// Compression.
    pub(crate) level: Level,
    /// The zone of DOS times.
    pub(crate) zone: &'a TimeZone,
    /// Cancels the packing.
    pub(crate) cancel: &'a Cancel,
    /// Receives the progress and what is left out.
    pub(crate) operator: &'a dyn Operator,
}

/// Whether people without the password can see the names and sizes in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// They can, as in every encrypted zip archive. Any program opens it in one step.
    #[default]
    Shown,
    /// They cannot: the archive holds one encrypted archive, `contents.zip`.
    Hidden,
}

/// The result of packing a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackReport {
    /// Files that are in the archive.
    pub(crate) files: u64,
    /// Bytes of their contents.
    pub(crate) bytes: u64,
    /// Files, folders and links in the archive.
    pub(crate) members: u64,
    /// Files that vanished, changed or could not be read meanwhile. Each was reported as an event.
    pub(crate) lost: u64,
    /// Length of the archive in bytes.
    pub(crate) archive_bytes: u64,
}

/// Why there is no archive. What was written to the sink is of no use then.
#[derive(Debug)]
pub(crate) enum PackError {
    /// The sink cannot be written.
    Sink(io::Error),
    /// It was cancelled.
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
