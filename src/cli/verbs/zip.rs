//! `peerbridge zip`.

use super::send::check_source;
use super::zipped::warn_of_password;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::questions::Questions;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{ProgressChoice, existing, links};
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::model::Existing;
use crate::session::{self, Level, Links, Names, ZipOptions};
use std::path::{Path, PathBuf};

/// An archive to be made, understood.
#[derive(Debug)]
pub(crate) struct Zip {
    archive: PathBuf,
    paths: Vec<PathBuf>,
    password_file: Option<PathBuf>,
    exclude: Vec<String>,
    links: Links,
    level: Level,
    names: Names,
    existing: Existing,
    progress: ProgressChoice,
}

impl Zip {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs) -> Result<Zip, CliError> {
        let (archive, paths) = archive_and_paths(typed)?;
        let level = typed.value("level").map(|text| numbers::level(&text));
        Ok(Zip {
            archive,
            paths,
            password_file: typed.path("zip-password-file"),
            exclude: typed.values("exclude"),
            links: links(typed)?,
            level: level.transpose()?.unwrap_or_default(),
            names: match typed.has("hide-names") {
                true => Names::Hidden,
                false => Names::Shown,
            },
            existing: existing(typed).unwrap_or_default(),
            progress: ProgressChoice::of(typed),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        // Before the password is asked for.
        for path in &self.paths {
            check_source(path)?;
        }
        session::check_archive_name(&self.archive, self.existing)?;
        let password = credentials::new_password(self.password_file.as_deref(), context)?;
        warn_of_password(&password, context.console);
        let mut options = ZipOptions::new(self.archive, self.paths, password);
        options.exclude = self.exclude;
        options.links = self.links;
        options.level = self.level;
        options.names = self.names;
        options.existing = self.existing;
        options.zone = context.environment.time_zone();
        let style = context.report_style(Perspective::Maker, self.progress);
        let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style);
        let summary = reporter.watch(|| session::zip(&options, &reporter))?;
        Ok(Exit::of_summary(&summary))
    }
}

fn archive_and_paths(typed: &ParsedArgs) -> Result<(PathBuf, Vec<PathBuf>), CliError> {
    let usage = "peerbridge zip ARCHIVE PATH...";
    words::no_empty(&typed.words)?;
    if typed.words.iter().any(|word| word == "-") {
        return Err(CliError::usage(
            "an archive is made of files and in a file",
            "./- is a file of that name",
        ));
    }
    let Some((archive, paths)) = typed.words.split_first() else {
        return Err(CliError::usage(
            "it is not said what archive to make",
            usage,
        ));
    };
    let (archive, paths) = (PathBuf::from(archive), words::paths(paths)?);
    if paths.is_empty() {
        return Err(CliError::usage(
            "it is not said what to put into the archive",
            usage,
        ));
    }
    if paths.iter().all(|path| is_same(path, &archive)) {
        return Err(CliError::usage(
            "an archive cannot be put into itself",
            "the first path is the archive that is made",
        ));
    }
    Ok((archive, paths))
}

fn is_same(path: &Path, archive: &Path) -> bool {
    match (path.canonicalize(), archive.canonicalize()) {
        (Ok(path), Ok(archive)) => path == archive,
        // One of them is not there, which is found out later.
        _ => path == archive,
    }
}
