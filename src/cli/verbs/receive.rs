//! `peerbridge receive`.

use super::by_code::{self, ByCode, CodeMaker};
use super::piped;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::hook::Hook;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::line;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{ProgressChoice, existing, outside_links};
use crate::cli::options::connect::{ConnectArgs, DefaultRendezvous, seconds};
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::disk::Destination;
use crate::model::Existing;
use crate::session::{self, Error, Output, ReceiveOptions};
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `receive`, interpreted.
#[derive(Debug)]
pub(crate) struct Receive {
    connect: ConnectArgs,
    by_code: Option<ByCode>,
    receive: ReceiveArgs,
    output: Option<Output>,
    consent: Consent,
    streams: Option<u16>,
    verify: bool,
    progress: ProgressChoice,
}

/// Where to save what arrives, and what to accept.
#[derive(Debug)]
pub(crate) struct ReceiveArgs {
    destination: PathBuf,
    existing: Option<Existing>,
    max_bytes: Option<u64>,
    max_files: Option<u64>,
    portable_names: bool,
    outside_links: bool,
    fsync: bool,
    checksum: bool,
    /// The program to run after each transfer, and how long it may take.
    hook: Option<PathBuf>,
    hook_timeout: Option<Duration>,
}

impl ReceiveArgs {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(
        args: &ParsedArgs,
        destination: PathBuf,
    ) -> Result<ReceiveArgs, CliError> {
        let max_bytes = args.value("max-size");
        let max_files = args.value("max-files");
        let max_bytes = max_bytes.map(|text| numbers::size("--max-size", &text));
        let max_files = max_files.map(|text| numbers::whole("--max-files", &text, 0..=u64::MAX));
        Ok(ReceiveArgs {
            destination,
            existing: existing(args),
            max_bytes: max_bytes.transpose()?,
            max_files: max_files.transpose()?,
            portable_names: args.has("portable-names"),
            outside_links: outside_links(args),
            fsync: args.has("fsync"),
            checksum: args.has("checksum"),
            hook: args.path("on-receive"),
            hook_timeout: seconds(args, "hook-timeout", 1)?,
        })
    }

    /// The program to run after each transfer, if one is given. `usual` is how long it may take if no
    /// option says it.
    pub(crate) fn hook(&self, usual: Option<Duration>) -> Option<Hook> {
        let program = self.hook.clone()?;
        Some(Hook::new(program, self.hook_timeout.or(usual)))
    }

    /// Checks that the destination is there or can be created, before anything is asked or listens.
    ///
    /// # Errors
    /// What the system says about it.
    pub(crate) fn check_destination(&self) -> Result<(), CliError> {
        let destination = Destination::locate(&self.destination).map_err(Error::Disk)?;
        destination.check().map_err(Error::Disk)?;
        Ok(())
    }

    /// As the options of a session.
    pub(crate) fn options(&self) -> ReceiveOptions {
        let mut options = ReceiveOptions::new(self.destination.clone());
        options.existing = self.existing.unwrap_or_default();
        options.max_bytes = self.max_bytes;
        options.max_files = self.max_files;
        options.portable_names = self.portable_names;
        options.outside_links = self.outside_links;
        options.fsync = self.fsync;
        options.checksum = self.checksum;
        options
    }
}

/// Who accepts an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// `--yes` accepts every offer.
    Given,
    /// The person at the terminal is asked.
    Asked,
}

impl Receive {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(
        args: &ParsedArgs,
        context: &Context<'_>,
    ) -> Result<Receive, CliError> {
        words::no_code(&args.words, "peerbridge receive")?;
        let destination = words::folder(&args.words, "receive")?;
        line::check_stdio(args, context)?;
        let streams = args.value("streams");
        let streams = streams.map(|text| numbers::streams(&text));
        let other_side = "peerbridge send PATH --code";
        Ok(Receive {
            by_code: ByCode::of(args, context, CodeMaker::There, other_side)?,
            connect: ConnectArgs::of(
                args,
                context.environment,
                "from",
                DefaultRendezvous::Listens,
            )?,
            output: piped::output(args, context)?,
            receive: ReceiveArgs::understand(
                args,
                destination.unwrap_or_else(|| PathBuf::from(".")),
            )?,
            consent: consent(args, context)?,
            streams: streams.transpose()?,
            verify: verify(args, context)?,
            progress: ProgressChoice::of(args),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        if self.output.is_none() {
            self.receive.check_destination()?;
        }
        let mut args = self.connect;
        let command_end = args.command_end.take();
        let mut connect = by_code::connect(args, self.by_code, context)?;
        let questions = match (self.consent, self.receive.existing) {
            (Consent::Given, _) => Questions::Unasked,
            (Consent::Asked, existing) => Questions::Asked {
                answers: context.answers,
                console: context.console,
                destination: match &self.output {
                    Some(_) => None,
                    None => Some(self.receive.destination.clone()),
                },
                conflicts: match existing {
                    None => OnConflict::Ask,
                    Some(_) => OnConflict::Fail,
                },
            },
        };
        let style = context.report_style(Perspective::Receiver, self.progress);
        let mut options = self.receive.options();
        options.streams = self.streams;
        options.verify = self.verify;
        options.output = self.output;
        let hook = self.receive.hook(None);
        if options.output.is_some() {
            connect.retries = 0;
        }
        let mut reporter =
            Reporter::new(context.console, context.ledger, questions, style).with_hook(hook);
        // The sender may require the comparison even if this side did not ask for it.
        if context.terminal.can_ask() {
            reporter = reporter.with_comparer(context.answers);
        }
        let mut received = reporter.watch(|| session::receive(&connect, &options, &reporter));
        while by_code::goes_on(self.by_code, &received, &mut connect, context)? {
            received = reporter.watch(|| session::receive(&connect, &options, &reporter));
        }
        let summaries = received.map_err(|error| line::explain(error, command_end.as_ref()))?;
        match reporter.hook_failure() {
            Some(error) => Err(error),
            None => Ok(Exit::of_summaries(&summaries)),
        }
    }
}

/// Fails at once if nobody could answer the question later.
fn consent(args: &ParsedArgs, context: &Context<'_>) -> Result<Consent, CliError> {
    match (args.has("yes"), context.terminal.can_ask()) {
        (true, _) => Ok(Consent::Given),
        (false, true) => Ok(Consent::Asked),
        (false, false) => Err(CliError::NoTerminal {
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
