//! `peerbridge serve`.

mod log;

use super::by_code;
use super::receive::ReceiveArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::private_file;
use crate::cli::input::secrets_file::SecretsFile;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::ProgressChoice;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::session::{self, Discovery, ListenAddress, Secrets, ServeOptions};
use log::Log;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The arguments of `serve`, interpreted.
#[derive(Debug)]
pub(crate) struct Serve {
    connect: ConnectArgs,
    listen: ListenAddress,
    secrets_file: Option<PathBuf>,
    receive: ReceiveArgs,
    max_peers: Option<usize>,
    keep_partial: Option<Duration>,
    announce: Discovery,
    progress: ProgressChoice,
}

/// No machine has use for more threads.
const MOST_PEERS: u64 = 4096;

/// How long a hook may take: nobody watches a drop box, and a hook that hangs holds its session.
const HOOK_TIMEOUT: Duration = Duration::from_secs(600);

impl Serve {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<Serve, CliError> {
        let Some(destination) = words::folder(&args.words, "serve")? else {
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
        let max_peers = args.value("max-peers");
        let max_peers = max_peers.map(|text| numbers::whole("--max-peers", &text, 1..=MOST_PEERS));
        let keep_partial = args.value("keep-partial");
        let keep_partial = keep_partial.map(|text| numbers::days("--keep-partial", &text));
        let (connect, listen) = ConnectArgs::of_listener(args, context.environment)?;
        Ok(Serve {
            connect,
            listen,
            secrets_file: args.path("secrets-file"),
            receive: ReceiveArgs::understand(args, destination)?,
            max_peers: max_peers.transpose()?,
            announce: match args.has("announce") {
                true => by_code::discovery(args, context)?,
                false => Discovery::Off,
            },
            keep_partial: keep_partial.transpose()?,
            progress: ProgressChoice::of(args),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        self.receive.check_destination()?;
        let secrets = match self.secrets_file {
            Some(path) => {
                private_file::warn_of_folder(&path, context.console);
                Secrets::Named(Arc::new(SecretsFile::open(path)?))
            }
            None => Secrets::One(Arc::new(credentials::get(
                self.connect.secret_file.as_deref(),
                context,
            )?)),
        };
        let hook = self.receive.hook(Some(HOOK_TIMEOUT));
        let receive = self.receive.options();
        let log = Log::new(context, self.progress, hook);
        let mut options = ServeOptions::new(self.listen, secrets, receive);
        options.max_peers = self.max_peers.unwrap_or(options.max_peers);
        options.keep_partial = self.keep_partial.unwrap_or(options.keep_partial);
        log.keeps(options.keep_partial);
        log.warn_of_weak(&options.secrets);
        options.announce = self.announce;
        options.wait = self.connect.wait;
        options.idle_timeout = self.connect.idle_timeout.unwrap_or(options.idle_timeout);
        log.watch(|| session::serve(&options, &log))?;
        Ok(Exit::Done)
    }
}
