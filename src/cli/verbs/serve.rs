//! `peerbridge serve`.

mod log;

use super::by_code;
use super::receive::{check_destination, hook, options};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::private_file;
use crate::cli::input::secrets_file::SecretsFile;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::progress;
use crate::cli::options::connect::listening;
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::session::{self, Discovery, Secrets, ServeOptions};
use log::Log;
use std::sync::Arc;
use std::time::Duration;

/// No machine has use for more threads.
const MOST_PEERS: u64 = 4096;

/// How long a hook may take by default. Nobody watches a drop box, and a hook that hangs would block its session.
const HOOK_TIMEOUT: Duration = Duration::from_secs(600);

/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let Some(folder) = words::folder(args, "serve")? else {
        return Err(CliError::usage(
            "no folder given to save files in",
            "peerbridge serve DIR",
        ));
    };
    if args.has("secret-file") && args.has("secrets-file") {
        return Err(CliError::usage(
            "--secret-file and --secrets-file contradict each other",
            "use one secret for all, or one for each name",
        ));
    }
    let max_peers = args.read("max-peers", numbers::whole(1..=MOST_PEERS))?;
    let keep_partial = args.read("keep-partial", numbers::days)?;
    let listen = listening(args, context.environment)?;
    let wait = args.read("wait", numbers::seconds(0))?;
    let idle_timeout = args.read("idle-timeout", numbers::seconds(1))?;
    let receive = options(args, folder)?;
    let hook = hook(args, Some(HOOK_TIMEOUT))?;
    let announce = match args.has("announce") {
        true => by_code::discovery(args, context)?,
        false => Discovery::Off,
    };
    check_destination(&receive.destination)?;
    let secrets = secrets(args, context)?;
    let log = Log::new(context, progress(args), hook);
    let mut options = ServeOptions::new(listen, secrets, receive);
    options.max_peers = max_peers.unwrap_or(options.max_peers);
    options.keep_partial = keep_partial.unwrap_or(options.keep_partial);
    options.wait = wait;
    options.idle_timeout = idle_timeout.unwrap_or(options.idle_timeout);
    options.announce = announce;
    log.keeps(options.keep_partial);
    log.warn_of_weak(&options.secrets);
    log.peers.watch(|| session::serve(&options, &log))?;
    Ok(Exit::Done)
}

/// One secret for each name, or the same for all.
fn secrets(args: &ParsedArgs, context: &Context<'_>) -> Result<Secrets, CliError> {
    Ok(match args.path("secrets-file") {
        Some(path) => {
            private_file::warn_of_folder(&path, context.console);
            Secrets::Named(Arc::new(SecretsFile::open(path)?))
        }
        None => {
            let file = args.path("secret-file");
            Secrets::One(Arc::new(credentials::get(file.as_deref(), context)?))
        }
    })
}
