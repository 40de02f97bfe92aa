//! `peerbridge web`: the arguments, and the commands that the page runs as they are.

use super::by_code;
use crate::cli::context::Context;
use crate::cli::environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::address;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::session::{DEFAULT_PORT, Discovery};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a page without `--idle`, in minutes.
const IDLE_MINUTES: u64 = 15;
/// A day.
const LONGEST_IDLE: u64 = 24 * 60;

/// The arguments of `web`, interpreted.
#[derive(Debug)]
pub(crate) struct Web {
    /// The page's port; 0 for a free one.
    pub(crate) port: u16,
    /// Where transfers listen.
    pub(crate) transfer_port: u16,
    pub(crate) opens_browser: bool,
    /// Where the page saves what it receives, unless it says otherwise.
    pub(crate) folder: PathBuf,
    pub(crate) idle: Duration,
    pub(crate) discovery: Discovery,
}

impl Web {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<Web, CliError> {
        words::no_words(args, "web")?;
        let port = args.value("port").map(|text| address::port(&text));
        let transfer_port = context.environment.get(environment::PORT);
        let transfer_port = transfer_port.map(|text| address::port(&text.to_string_lossy()));
        let idle = args.value("idle");
        let idle = idle.map(|text| numbers::whole("--idle", &text, 1..=LONGEST_IDLE));
        let minutes: u64 = idle.transpose()?.unwrap_or(IDLE_MINUTES);
        Ok(Web {
            port: port.transpose()?.unwrap_or(0),
            transfer_port: transfer_port.transpose()?.unwrap_or(DEFAULT_PORT),
            opens_browser: !args.has("no-open"),
            folder: args
                .path("dir")
                .unwrap_or_else(|| usual_folder(context))
                .canonicalize()
                .map_err(|source| CliError::Source {
                    path: args.path("dir").unwrap_or_else(|| PathBuf::from(".")),
                    source,
                })?,
            idle: Duration::from_secs(minutes * 60),
            discovery: by_code::discovery(args, context)?,
        })
    }

    /// # Errors
    /// What stood in the way.
    #[cfg(feature = "web")]
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        crate::web::run(self.options(), context)
    }

    /// # Errors
    /// Always: there is no page in this build.
    #[cfg(not(feature = "web"))]
    pub(crate) fn run(self, _context: &Context<'_>) -> Result<Exit, CliError> {
        let _ = (
            self.port,
            self.transfer_port,
            self.opens_browser,
            self.folder,
        );
        let _ = (self.idle, self.discovery);
        Err(CliError::usage(
            "this peerbridge was built without its page",
            "build it with the feature web, or use send and receive",
        ))
    }

    #[cfg(feature = "web")]
    fn options(self) -> crate::web::options::Options {
        crate::web::options::Options {
            port: self.port,
            transfer_port: self.transfer_port,
            opens_browser: self.opens_browser,
            folder: self.folder,
            idle: self.idle,
            discovery: self.discovery,
            command,
            make_archive: super::zipped::archive_for,
        }
    }
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
#[cfg(feature = "web")]
fn command(words: &[std::ffi::OsString], context: &Context<'_>) -> Result<Exit, CliError> {
    use super::{doctor::Doctor, unzip::Unzip, zip::Zip};
    use crate::cli::options::verbs::Verb;
    let args = ParsedArgs::parse(words)?;
    match args.verb {
        Some(Verb::Doctor) => Doctor::understand(&args, context)?.run(context),
        Some(Verb::Zip) => Zip::understand(&args)?.run(context),
        Some(Verb::Unzip) => Unzip::understand(&args)?.run(context),
        _ => Err(CliError::Bug),
    }
}
