//! `peerbridge unzip`.

mod list;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::input::terminal::Terminal;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{ProgressChoice, existing, outside_links};
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::disk::{Archive, CheckedArchive, ListedKind, NameEncoding, Strictness, spool};
use crate::model::Existing;
use crate::session::{self, Error, UnzipOptions};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What an archive from standard input is called.
const STANDARD_INPUT: &str = "standard input";

/// An archive to look into, to test or to open, understood.
#[derive(Debug)]
pub(crate) struct Unzip {
    archive: PathBuf,
    task: UnzipTask,
    only: Vec<String>,
    exclude: Vec<String>,
    outside_links: bool,
    strictness: Strictness,
    name_encoding: Option<NameEncoding>,
    password_file: Option<PathBuf>,
    progress: ProgressChoice,
}

/// What to do with it.
#[derive(Debug)]
enum UnzipTask {
    List,
    Test,
    Open(Opening),
}

/// Where to put its entries.
#[derive(Debug)]
struct Opening {
    destination: PathBuf,
    existing: Option<Existing>,
    portable_names: bool,
    any_expansion: bool,
}

impl Unzip {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs) -> Result<Unzip, CliError> {
        let Some((archive, words)) = typed.words.split_first() else {
            return Err(CliError::usage(
                "there is no archive to open",
                "peerbridge unzip ARCHIVE [DIR]",
            ));
        };
        if archive.is_empty() {
            return Err(empty("the archive's name is empty"));
        }
        Ok(Unzip {
            archive: archive.into(),
            task: UnzipTask::understand(typed, words)?,
            only: typed.values("only"),
            exclude: typed.values("exclude"),
            outside_links: outside_links(typed),
            strictness: match typed.has("strict") {
                true => Strictness::Strict,
                false => Strictness::Tolerant,
            },
            name_encoding: typed.value("name-encoding").map(encoding).transpose()?,
            password_file: typed.path("zip-password-file"),
            progress: ProgressChoice::of(typed),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        let mut options = UnzipOptions::new(self.archive.clone(), PathBuf::new());
        options.only = self.only.clone();
        options.exclude = self.exclude.clone();
        options.outside_links = self.outside_links;
        options.strictness = self.strictness;
        options.name_encoding = self.name_encoding;
        options.zone = context.environment.time_zone();
        let archive = self.open(&options, context.terminal)?;
        match &self.task {
            UnzipTask::List => {
                list::show(&archive, &options.zone, context.console);
                Ok(Exit::Done)
            }
            UnzipTask::Test => self.test(archive, options, context),
            UnzipTask::Open(opening) => {
                opening.check_destination(&archive)?;
                self.unpack(opening, archive, options, context)
            }
        }
    }

    fn open(&self, options: &UnzipOptions, terminal: Terminal) -> Result<Archive, CliError> {
        let reading = options.reading();
        let opened = match self.archive == Path::new("-") {
            true => Archive::of_file(
                standard_input(terminal)?,
                Path::new(STANDARD_INPUT),
                &reading,
            ),
            false => Archive::open(&self.archive, &reading),
        };
        Ok(opened.map_err(Error::Archive)?)
    }

    fn test(
        &self,
        archive: Archive,
        mut options: UnzipOptions,
        context: &Context<'_>,
    ) -> Result<Exit, CliError> {
        let archive = self.checked(archive, &mut options, context)?;
        let style = context.report_style(Perspective::Tester, self.progress);
        let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style);
        let summary = reporter
            .watch(|| session::verify(&archive, &options, &std::env::temp_dir(), &reporter))?;
        Ok(Exit::of_summary(&summary))
    }

    fn unpack(
        &self,
        opening: &Opening,
        archive: Archive,
        mut options: UnzipOptions,
        context: &Context<'_>,
    ) -> Result<Exit, CliError> {
        let archive = self.checked(archive, &mut options, context)?;
        options.destination = opening.destination.clone();
        options.existing = opening.existing.unwrap_or_default();
        options.portable_names = opening.portable_names;
        options.any_expansion = opening.any_expansion;
        let style = context.report_style(Perspective::Opener, self.progress);
        let questions = opening.questions(context);
        let reporter = Reporter::new(context.console, context.ledger, questions, style);
        let summary = reporter.watch(|| session::unpack(&archive, &options, &reporter))?;
        Ok(Exit::of_summary(&summary))
    }

    /// Checks the archive, and gets its password if it needs one.
    fn checked(
        &self,
        archive: Archive,
        options: &mut UnzipOptions,
        context: &Context<'_>,
    ) -> Result<CheckedArchive, CliError> {
        let archive = session::check_archive(archive, options)?;
        if archive.is_encrypted() {
            options.password = Some(credentials::get(self.password_file.as_deref(), context)?);
        }
        Ok(archive)
    }
}

impl UnzipTask {
    fn understand(typed: &ParsedArgs, words: &[OsString]) -> Result<UnzipTask, CliError> {
        let task = match (typed.has("list"), typed.has("test")) {
            (true, true) => {
                return Err(CliError::usage(
                    "--list and --test are two things to do",
                    "give one of them",
                ));
            }
            (true, false) => ("--list", UnzipTask::List),
            (false, true) => ("--test", UnzipTask::Test),
            (false, false) => return Opening::understand(typed, words).map(UnzipTask::Open),
        };
        let (option, task) = task;
        if !words.is_empty() {
            return Err(CliError::usage(
                format!("{option} opens nothing, so there is no folder to put it into"),
                format!("leave out DIR or {option}"),
            ));
        }
        let selects = typed.has("only") || typed.has("exclude");
        match task {
            UnzipTask::List if selects => Err(CliError::usage(
                "--list shows all that an archive holds",
                "leave out --only and --exclude",
            )),
            _ => Ok(task),
        }
    }
}

impl Opening {
    fn understand(typed: &ParsedArgs, words: &[OsString]) -> Result<Opening, CliError> {
        let destination = match words {
            [] => PathBuf::from("."),
            [only] if only.is_empty() => return Err(empty("the folder's name is empty")),
            [only] => PathBuf::from(only),
            [_, second, ..] => return Err(not_a_folder(second)),
        };
        Ok(Opening {
            destination,
            existing: existing(typed),
            portable_names: typed.has("portable-names"),
            any_expansion: typed.has("yes"),
        })
    }

    /// Info-ZIP takes names of entries behind the archive. A new folder of such a name is hardly meant.
    fn check_destination(&self, archive: &Archive) -> Result<(), CliError> {
        let name = self.destination.as_os_str();
        let is_such_file =
            |kind, path: &[u8]| kind == ListedKind::File && path == name.as_encoded_bytes();
        let mut entries = archive.entries();
        match entries.any(|entry| is_such_file(entry.kind, entry.path))
            && !self.destination.exists()
        {
            true => Err(not_a_folder(name)),
            false => Ok(()),
        }
    }

    /// Opening a file that lies here already needs no consent; a person is asked only where something
    /// is in the way, or the archive grows out of proportion.
    fn questions<'a>(&self, context: &Context<'a>) -> Questions<'a> {
        if self.any_expansion || !context.terminal.can_ask() {
            return Questions::Unasked;
        }
        Questions::Asked {
            answers: context.answers,
            console: context.console,
            destination: Some(self.destination.clone()),
            conflicts: match self.existing {
                None => OnConflict::Ask,
                Some(_) => OnConflict::Fail,
            },
        }
    }
}

/// Standard input as a file that can be read from its end.
fn standard_input(terminal: Terminal) -> Result<File, CliError> {
    terminal.check_input()?;
    let folder = std::env::temp_dir();
    let failed = |source| CliError::CannotWrite {
        what: format!("a temporary file in {}", folder.display()),
        source,
    };
    let mut file = spool(&folder).map_err(failed)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
    Ok(file)
}

fn encoding(name: String) -> Result<NameEncoding, CliError> {
    NameEncoding::parse(&name).ok_or_else(|| {
        let names: Vec<&str> = NameEncoding::names().collect();
        CliError::usage(
            format!("--name-encoding does not know {name:?}"),
            format!("it knows {}", names.join(", ")),
        )
    })
}

fn not_a_folder(word: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> CliError {
    let word = word.as_ref().to_string_lossy();
    CliError::usage(
        format!("behind the archive comes the folder to put it into, not {word:?}"),
        "--only GLOB opens single entries: peerbridge unzip ARCHIVE [DIR] --only GLOB",
    )
}

fn empty(message: &str) -> CliError {
    CliError::usage(message, "is a variable in your script not set?")
}
