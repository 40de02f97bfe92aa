//! Which archive to open, and how.

use crate::crypto::ArchivePassword;
use crate::disk::{NameEncoding, ReadingOptions, Selection, Strictness, TimeZone};
use crate::model::{Existing, LinkRule};
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::scan::parse_globs;
use std::path::PathBuf;

/// Which archive to open, and where to put its contents.
pub struct UnzipOptions {
    /// The archive.
    pub archive: PathBuf,
    /// The folder to put its entries into. It is created if it is missing.
    pub destination: PathBuf,
    /// What to do with names that are taken.
    pub existing: Existing,
    /// The archive's password. Not needed if it is not encrypted.
    pub password: Option<ArchivePassword>,
    /// Change names that some disks cannot store, as in [`ReceiveOptions`](crate::ReceiveOptions::portable_names).
    pub portable_names: bool,
    /// Also make links that lead outside of the archive. Their targets are kept as they are.
    pub outside_links: bool,
    /// Open an archive that grows out of proportion without asking the operator.
    pub any_expansion: bool,
    /// Patterns of the entries to open, with everything in matching folders. Empty: all entries.
    pub only: Vec<String>,
    /// Patterns of the entries to leave out, with everything in matching folders.
    pub exclude: Vec<String>,
    /// Whether harmless faults cause warnings, or the archive is refused.
    pub strictness: Strictness,
    /// The code page of names that are not marked as UTF-8. Without it, names that are valid UTF-8 are read as
    /// UTF-8, names made on Unix as raw bytes, and others in code page 437.
    pub name_encoding: Option<NameEncoding>,
    /// The zone of DOS times.
    pub zone: TimeZone,
    /// Keep a clone of it to cancel the call.
    pub cancel: Cancel,
}

impl UnzipOptions {
    /// Opens `archive` into `destination` with the default options.
    pub fn new(archive: PathBuf, destination: PathBuf) -> Self {
        UnzipOptions {
            archive,
            destination,
            existing: Existing::Fail,
            portable_names: false,
            outside_links: false,
            password: None,
            any_expansion: false,
            only: Vec::new(),
            exclude: Vec::new(),
            strictness: Strictness::Tolerant,
            name_encoding: None,
            zone: TimeZone::local(None),
            cancel: Cancel::new(),
        }
    }

    /// How to read what archives leave undefined or get wrong.
    pub(crate) fn reading(&self) -> ReadingOptions {
        ReadingOptions {
            strictness: self.strictness,
            name_encoding: self.name_encoding,
            links: self.link_rule(),
            zone: self.zone.clone(),
        }
    }

    /// Which links are made.
    pub(super) fn link_rule(&self) -> LinkRule {
        LinkRule::with_outside(self.outside_links)
    }

    /// What the patterns select.
    ///
    /// # Errors
    /// [`Error::BadPattern`].
    pub(super) fn selection(&self) -> Result<Selection, Error> {
        Ok(Selection {
            only: parse_globs(&self.only)?,
            exclude: parse_globs(&self.exclude)?,
        })
    }

    pub(super) fn password(&self) -> Option<&[u8]> {
        self.password.as_ref().map(ArchivePassword::as_bytes)
    }
}
