//! `peerbridge web`: its arguments, and the commands that the page runs unchanged.

use super::by_code;
use super::{doctor, unzip, zip};
use crate::cli::context::Context;
use crate::cli::environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::address;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::numbers;
use crate::cli::options::verbs::Verb;
use crate::cli::options::web::WebOptions;
use crate::cli::options::words;
use crate::session::DEFAULT_PORT;
use crate::web::commands::Commands;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a page without `--idle`, in minutes.
const IDLE_MINUTES: u64 = 15;
/// The longest `--idle`, in minutes: a day.
const LONGEST_IDLE: u64 = 24 * 60;

/// Serves the page.
///
/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    words::no_words(args, "web")?;
    let transfer_port = context.environment.get(environment::PORT);
    let transfer_port = transfer_port.map(|text| address::port(&text.to_string_lossy()));
    let minutes: Option<u64> = args.read("idle", numbers::whole(1..=LONGEST_IDLE))?;
    let folder = args.path("dir").unwrap_or_else(|| usual_folder(context));
    let options = WebOptions {
        port: args
            .read("port", |_, text| address::port(text))?
            .unwrap_or(0),
        transfer_port: transfer_port.transpose()?.unwrap_or(DEFAULT_PORT),
        opens_browser: !args.has("no-open"),
        folder: folder
            .canonicalize()
            .map_err(CliError::cannot_read(&folder))?,
        idle: Duration::from_secs(minutes.unwrap_or(IDLE_MINUTES) * 60),
        discovery: by_code::discovery(args, context)?,
    };
    let commands = Commands {
        run: command,
        make_archive: super::zipped::archive_for,
    };
    crate::web::run(options, commands, context)
}

fn usual_folder(context: &Context<'_>) -> PathBuf {
    let home = context.environment.get(environment::HOME);
    let downloads = home.map(|home| Path::new(home).join("Downloads"));
    downloads
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| PathBuf::from("."))
}

/// Runs one of the commands that the page offers unchanged.
///
/// # Errors
/// The errors of that command, and a usage error for any other.
fn command(words: &[OsString], context: &Context<'_>) -> Result<Exit, CliError> {
    let args = ParsedArgs::parse(words)?;
    match args.verb {
        Some(Verb::Doctor) => doctor::run(&args, context),
        Some(Verb::Zip) => zip::run(&args, context),
        Some(Verb::Unzip) => unzip::run(&args, context),
        _ => Err(CliError::Bug),
    }
}
