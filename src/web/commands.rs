//! The functions of the command line that the page uses. They are passed in, because the command line is above the
//! page.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::crypto::{ArchivePassword, Secret};
use crate::session::{ArchivePayload, Names};
use std::ffi::OsString;
use std::path::PathBuf;

/// Functions of the command line.
pub(crate) struct Commands {
    /// Runs a command.
    pub(crate) run: fn(&[OsString], &Context<'_>) -> Result<Exit, CliError>,
    /// Makes the archive of these paths with this password, which must not be the secret.
    pub(crate) make_archive:
        fn(Vec<PathBuf>, ArchivePassword, Names, &Secret) -> Result<ArchivePayload, CliError>,
}
