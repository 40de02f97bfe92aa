//! `peerbridge web`: the arguments, and the commands that the page runs as they are.

use super::by_code;
use super::{doctor::Doctor, unzip::Unzip, zip::Zip};
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
/// A day.
const LONGEST_IDLE: u64 = 24 * 60;

/// Interprets the arguments.
///
/// # Errors
/// A usage error.
pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<WebOptions, CliError> {
    words::no_words(args, "web")?;
    let port = args.value("port").map(|text| address::port(&text));
    let transfer_port = context.environment.get(environment::PORT);
    let transfer_port = transfer_port.map(|text| address::port(&text.to_string_lossy()));
    let idle = args.value("idle");
    let idle = idle.map(|text| numbers::whole("--idle", &text, 1..=LONGEST_IDLE));
    let minutes: u64 = idle.transpose()?.unwrap_or(IDLE_MINUTES);
    let folder = args.path("dir").unwrap_or_else(|| usual_folder(context));
    Ok(WebOptions {
        port: port.transpose()?.unwrap_or(0),
        transfer_port: transfer_port.transpose()?.unwrap_or(DEFAULT_PORT),
        opens_browser: !args.has("no-open"),
        folder: match folder.canonicalize() {
            Ok(found) => found,
            Err(source) => {
                return Err(CliError::Source {
                    path: folder,
                    source,
                });
            }
        },
        idle: Duration::from_secs(minutes * 60),
        discovery: by_code::discovery(args, context)?,
    })
}

/// Serves the page.
///
/// # Errors
/// What stood in the way.
pub(crate) fn run(options: WebOptions, context: &Context<'_>) -> Result<Exit, CliError> {
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

/// Runs one of the commands that the page has as they are.
///
/// # Errors
/// As that command, and for every other one.
fn command(words: &[OsString], context: &Context<'_>) -> Result<Exit, CliError> {
    let args = ParsedArgs::parse(words)?;
    match args.verb {
        Some(Verb::Doctor) => Doctor::understand(&args, context)?.run(context),
        Some(Verb::Zip) => Zip::understand(&args)?.run(context),
        Some(Verb::Unzip) => Unzip::understand(&args)?.run(context),
        _ => Err(CliError::Bug),
    }
}
