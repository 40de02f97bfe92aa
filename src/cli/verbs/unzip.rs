//! `peerbridge unzip`.

mod list;

use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{ProgressChoice, existing};
use crate::cli::options::words::too_many;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::disk::Archive;
use crate::model::Existing;
use crate::session::{self, ExpansionLimit, SessionError, UnzipOptions};
use std::ffi::OsString;
use std::path::PathBuf;

/// An archive to look into or to open, understood.
#[derive(Debug)]
pub(crate) struct Unzip {
    archive: PathBuf,
    what: UnzipTask,
}

/// What to do with it.
#[derive(Debug)]
enum UnzipTask {
    List,
    Open(Opening),
}

/// Where to put its entries.
#[derive(Debug)]
struct Opening {
    destination: PathBuf,
    existing: Option<Existing>,
    password_file: Option<PathBuf>,
    growth: ExpansionLimit,
    progress: ProgressChoice,
}

impl Unzip {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs) -> Result<Unzip, Error> {
        let Some((archive, words)) = typed.words.split_first() else {
            return Err(Error::usage(
                "there is no archive to open",
                "peerbridge unzip ARCHIVE [DIR]",
            ));
        };
        let what = match typed.has("list") {
            true if !words.is_empty() => {
                return Err(Error::usage(
                    "--list opens nothing, so there is no folder to put it into",
                    "leave out DIR or --list",
                ));
            }
            true => UnzipTask::List,
            false => UnzipTask::Open(Opening::understand(typed, words)?),
        };
        Ok(Unzip {
            archive: archive.into(),
            what,
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        let archive = Archive::open(&self.archive).map_err(SessionError::Archive)?;
        match self.what {
            UnzipTask::List => {
                list::show(&archive, context.console);
                Ok(Exit::Done)
            }
            UnzipTask::Open(opening) => opening.run(self.archive, archive, context),
        }
    }
}

impl Opening {
    fn understand(typed: &ParsedArgs, words: &[OsString]) -> Result<Opening, Error> {
        let destination = match words {
            [] => PathBuf::from("."),
            [only] if only.is_empty() => {
                return Err(Error::usage(
                    "the folder's name is empty",
                    "is a variable in your script not set?",
                ));
            }
            [only] => PathBuf::from(only),
            [_, second, ..] => return Err(too_many("unzip", second)),
        };
        Ok(Opening {
            destination,
            existing: existing(typed),
            password_file: typed.path("zip-password-file"),
            growth: match typed.has("yes") {
                true => ExpansionLimit::Any,
                false => ExpansionLimit::Usual,
            },
            progress: ProgressChoice::of(typed),
        })
    }

    fn run(self, path: PathBuf, archive: Archive, context: &Context<'_>) -> Result<Exit, Error> {
        let archive = archive.check().map_err(SessionError::Archive)?;
        let mut options = UnzipOptions::new(path, self.destination.clone());
        if archive.is_encrypted() {
            options.password = Some(credentials::get(self.password_file.as_deref(), context)?);
        }
        options.existing = self.existing.unwrap_or_default();
        options.growth = self.growth;
        let style = context.report_style(Perspective::Opener, self.progress);
        let questions = self.questions(context);
        let reporter = Reporter::new(context.console, context.ledger, questions, style);
        let summary = session::unpack(&archive, &options, &reporter)?;
        Ok(Exit::of_summary(&summary))
    }

    /// Opening a file that lies here already needs no consent; a person is asked only where something
    /// is in the way, or the archive grows out of proportion.
    fn questions<'a>(&self, context: &Context<'a>) -> Questions<'a> {
        if self.growth == ExpansionLimit::Any || !context.terminal.can_ask() {
            return Questions::Unasked;
        }
        Questions::Asked {
            answers: context.answers,
            console: context.console,
            destination: self.destination.clone(),
            conflicts: match self.existing {
                None => OnConflict::Ask,
                Some(_) => OnConflict::Fail,
            },
        }
    }
}
