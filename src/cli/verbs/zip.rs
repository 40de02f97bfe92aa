//! `peerbridge zip`.

use super::send::check_sources;
use super::zipped::{names, warn_of_password};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{existing, links, progress};
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::wording::Perspective;
use crate::session::{self, ZipOptions};
use std::path::{Path, PathBuf};

/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let (archive, paths) = archive_and_paths(args)?;
    let level = args.read("level", numbers::level)?;
    let links = links(args)?;
    // Checked before the password is asked for.
    check_sources(&paths)?;
    session::check_archive_name(&archive, existing(args))?;
    let password_file = args.path("zip-password-file");
    let password = credentials::new_password(password_file.as_deref(), context)?;
    warn_of_password(&password, context.console);
    let mut options = ZipOptions::new(archive, paths, password);
    options.exclude = args.values("exclude");
    options.links = links;
    options.level = level.unwrap_or_default();
    options.names = names(args);
    options.existing = existing(args);
    options.zone = context.environment.time_zone();
    let reporter = context.reporter(Perspective::Maker, progress(args));
    let summary = reporter.watch(|| session::zip(&options, &reporter))?;
    Ok(Exit::of_summary(&summary))
}

fn archive_and_paths(args: &ParsedArgs) -> Result<(PathBuf, Vec<PathBuf>), CliError> {
    let usage = "peerbridge zip ARCHIVE PATH...";
    words::no_empty(&args.words)?;
    if args.words.iter().any(|word| word == "-") {
        return Err(CliError::usage(
            "an archive is made of files and in a file",
            "./- is a file of that name",
        ));
    }
    let Some((archive, paths)) = args.words.split_first() else {
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
        // One of them does not exist, which is reported later.
        _ => path == archive,
    }
}
