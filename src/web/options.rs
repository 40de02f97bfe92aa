//! How to serve the page.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::crypto::{ArchivePassword, Secret};
use crate::session::{ArchivePayload, Discovery, Names};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command that the page runs as it is.
pub(crate) type Command = fn(&[OsString], &Context<'_>) -> Result<Exit, CliError>;

/// Makes the archive of these paths with this password, which must not be the secret.
pub(crate) type MakeArchive =
    fn(Vec<PathBuf>, ArchivePassword, Names, &Secret) -> Result<ArchivePayload, CliError>;

/// How to serve the page.
pub(crate) struct Options {
    /// The page's port; 0 for a free one.
    pub(crate) port: u16,
    /// Where transfers listen.
    pub(crate) transfer_port: u16,
    pub(crate) opens_browser: bool,
    /// Where to save what is received, unless the page says otherwise.
    pub(crate) folder: PathBuf,
    /// Ends after this long without a page.
    pub(crate) idle: Duration,
    pub(crate) discovery: Discovery,
    pub(crate) command: Command,
    pub(crate) make_archive: MakeArchive,
}
