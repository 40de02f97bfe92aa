//! `peerbridge serve`.

mod log;

use super::receive::ReceiveArgs;
use super::too_many;
use crate::cli::Context;
use crate::cli::input::secret_source;
use crate::cli::input::secrets_file::SecretsFile;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::numbers;
use crate::error::{Error, Exit};
use crate::session::{self, ListenAddress, Secrets, ServeOptions};
use log::Log;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A drop box, understood.
#[derive(Debug)]
pub(crate) struct Serve {
    meeting: ConnectArgs,
    listen: ListenAddress,
    secrets_file: Option<PathBuf>,
    taking: ReceiveArgs,
    max_peers: Option<usize>,
}

/// More threads than this are no use on any machine.
const MOST_PEERS: u64 = 4096;

/// How long a hook may take: nobody watches a drop box, and a hook that hangs holds its session.
const HOOK_TIMEOUT: Duration = Duration::from_secs(600);

impl Serve {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs, context: &Context<'_>) -> Result<Serve, Error> {
        let destination = match typed.words.as_slice() {
            [] => {
                return Err(Error::usage(
                    "it is not said where to put what comes",
                    "peerbridge serve DIR",
                ));
            }
            [only] if only.is_empty() => {
                return Err(Error::usage(
                    "the folder's name is empty",
                    "is a variable in your script not set?",
                ));
            }
            [only] => PathBuf::from(only),
            [_, second, ..] => return Err(too_many("serve", second)),
        };
        if typed.has("secret-file") && typed.has("secrets-file") {
            return Err(Error::usage(
                "--secret-file and --secrets-file contradict each other",
                "one secret for all, or one for each name",
            ));
        }
        let max_peers = typed.value("max-peers");
        let max_peers = max_peers.map(|text| numbers::whole("--max-peers", &text, 1..=MOST_PEERS));
        let (meeting, listen) = ConnectArgs::of_listener(typed, context.environment)?;
        Ok(Serve {
            meeting,
            listen,
            secrets_file: typed.path("secrets-file"),
            taking: ReceiveArgs::understand(typed, destination)?,
            // Below `MOST_PEERS`.
            max_peers: max_peers.transpose()?.map(|number| number as usize),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        let secrets = match self.secrets_file {
            Some(path) => Secrets::Named(Arc::new(SecretsFile::open(path)?)),
            None => Secrets::One(Arc::new(secret_source::secret(
                self.meeting.secret_file.as_deref(),
                context.environment,
                context.terminal,
                context.answers,
            )?)),
        };
        let hook = self.taking.hook(Some(HOOK_TIMEOUT));
        let receive = self.taking.options();
        let log = Log::new(context, hook);
        let mut options = ServeOptions::new(self.listen, secrets, receive);
        options.max_peers = self.max_peers.unwrap_or(options.max_peers);
        options.wait = self.meeting.wait;
        options.idle_timeout = self.meeting.idle_timeout.unwrap_or(options.idle_timeout);
        session::serve(&options, &log)?;
        Ok(Exit::Done)
    }
}
