//! `peerbridge receive`.

use super::by_code::{ByCode, ConnectAttempts};
use super::piped;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::hook::Hook;
use crate::cli::line;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{existing, outside_links, progress};
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::wording::Perspective;
use crate::disk::Destination;
use crate::session::{self, Error, ReceiveOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    words::no_code(&args.words, "peerbridge receive")?;
    let folder = words::folder(args, "receive")?;
    line::check_stdio(args, context)?;
    let by_code = ByCode::of(args, context, true, "peerbridge send PATH --code")?;
    let connect = ConnectArgs::of(args, context.environment, "from", true)?;
    let output = piped::output(args, context)?;
    let mut options = options(args, folder.unwrap_or_else(|| PathBuf::from(".")))?;
    let hook = hook(args, None)?;
    check_consent(args, context)?;
    options.streams = args.read("streams", numbers::streams)?;
    options.verify = verify(args, context)?;
    options.output = output;
    if options.output.is_none() {
        check_destination(&options.destination)?;
    }
    let mut attempts = ConnectAttempts::prepare(connect, by_code, context)?;
    if options.output.is_some() {
        attempts.connect.retries = 0;
    }
    let mut reporter = context.reporter(Perspective::Receiver, progress(args));
    reporter.hook = hook;
    if !args.has("yes") {
        let folder = options
            .output
            .is_none()
            .then(|| options.destination.clone());
        reporter.questions = context.questions(folder, !args.has("existing"));
    }
    // The sender may require the comparison even if this side did not ask for it.
    if context.terminal.can_ask() {
        reporter.comparer = Some(context.answers);
    }
    let summaries = attempts.run(context, |connect| {
        reporter.watch(|| session::receive(connect, &options, &reporter))
    })?;
    match reporter.hook_failure() {
        Some(error) => Err(error),
        None => Ok(Exit::of_summaries(&summaries)),
    }
}

/// Where to save files, and what to accept.
///
/// # Errors
/// A usage error.
pub(super) fn options(args: &ParsedArgs, destination: PathBuf) -> Result<ReceiveOptions, CliError> {
    let mut options = ReceiveOptions::new(destination);
    options.existing = existing(args);
    options.max_bytes = args.read("max-size", numbers::size)?;
    options.max_files = args.read("max-files", numbers::whole(0..=u64::MAX))?;
    options.portable_names = args.has("portable-names");
    options.outside_links = outside_links(args);
    options.fsync = args.has("fsync");
    options.checksum = args.has("checksum");
    Ok(options)
}

/// The program to run after each transfer, if one is given. `usual` is the default of `--hook-timeout`.
///
/// # Errors
/// A usage error.
pub(super) fn hook(args: &ParsedArgs, usual: Option<Duration>) -> Result<Option<Hook>, CliError> {
    let time_limit = args.read("hook-timeout", numbers::seconds(1))?.or(usual);
    let program = args.path("on-receive");
    Ok(program.map(|program| Hook {
        program,
        time_limit,
    }))
}

/// Checks that the destination exists or can be created, before anything is asked or this side listens.
///
/// # Errors
/// The system's error.
pub(super) fn check_destination(folder: &Path) -> Result<(), CliError> {
    let destination = Destination::locate(folder);
    let checked = destination.and_then(|destination| destination.check());
    Ok(checked.map_err(Error::Disk)?)
}

/// Fails at once if there is nobody to answer the question about the offer.
fn check_consent(args: &ParsedArgs, context: &Context<'_>) -> Result<(), CliError> {
    match args.has("yes") || context.terminal.can_ask() {
        true => Ok(()),
        false => Err(CliError::NoTerminal {
            question: "whether to accept",
            hint: "--yes accepts every offer; --max-size and --max-files limit it",
        }),
    }
}

/// Whether people compare the phrase. Fails at once if there is nobody to ask.
///
/// # Errors
/// A usage error.
pub(crate) fn verify(args: &ParsedArgs, context: &Context<'_>) -> Result<bool, CliError> {
    match (args.has("verify"), context.terminal.can_ask()) {
        (true, false) => Err(CliError::NoTerminal {
            question: "whether the phrase is the same on both sides",
            hint: "leave out --verify: for scripts the secret alone proves the peer",
        }),
        (verify, _) => Ok(verify),
    }
}
