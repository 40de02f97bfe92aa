//! `peerbridge receive`.

use super::{ProgressChoice, piped, too_many};
use crate::cli::Context;
use crate::cli::hook::Hook;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::input::secret_source;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::{ConnectArgs, DefaultRendezvous, seconds};
use crate::cli::options::numbers;
use crate::cli::output::report::{Programs, ReportStyle, Reporter};
use crate::cli::output::wording::Perspective;
use crate::error::{Error, Exit};
use crate::model::Existing;
use crate::session::{self, Output, ReceiveOptions, Summary};
use std::path::PathBuf;
use std::time::Duration;

/// A transfer to here, understood.
#[derive(Debug)]
pub(crate) struct Receive {
    meeting: ConnectArgs,
    taking: ReceiveArgs,
    output: Option<Output>,
    consent: Consent,
    streams: Option<u16>,
    verify: bool,
    progress: ProgressChoice,
}

/// Where to put what comes, and what may come.
#[derive(Debug)]
pub(crate) struct ReceiveArgs {
    destination: PathBuf,
    existing: Option<Existing>,
    max_bytes: Option<u64>,
    max_files: Option<u64>,
    fsync: bool,
    /// The program to run after each transfer, and how long it may take.
    hook: Option<PathBuf>,
    hook_timeout: Option<Duration>,
}

impl ReceiveArgs {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(
        typed: &ParsedArgs,
        destination: PathBuf,
    ) -> Result<ReceiveArgs, Error> {
        let max_bytes = typed.value("max-size");
        let max_files = typed.value("max-files");
        let max_bytes = max_bytes.map(|text| numbers::size("--max-size", &text));
        let max_files = max_files.map(|text| numbers::whole("--max-files", &text, 0..=u64::MAX));
        Ok(ReceiveArgs {
            destination,
            existing: existing(typed)?,
            max_bytes: max_bytes.transpose()?,
            max_files: max_files.transpose()?,
            fsync: typed.has("fsync"),
            hook: typed.path("on-receive"),
            hook_timeout: seconds(typed, "hook-timeout", 1)?,
        })
    }

    /// The program to run after each transfer, where one is named. `usual` is how long it may take where
    /// no option says it.
    pub(crate) fn hook(&self, usual: Option<Duration>) -> Option<Hook> {
        let program = self.hook.clone()?;
        Some(Hook::new(program, self.hook_timeout.or(usual)))
    }

    /// The same for a session.
    pub(crate) fn options(&self) -> ReceiveOptions {
        let mut options = ReceiveOptions::new(self.destination.clone());
        options.existing = self.existing.unwrap_or_default();
        options.max_bytes = self.max_bytes;
        options.max_files = self.max_files;
        options.fsync = self.fsync;
        options
    }
}

/// Who says yes to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// `--yes` did already.
    Given,
    /// The person at the terminal will be asked.
    Asked,
}

impl Receive {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs, context: &Context<'_>) -> Result<Receive, Error> {
        let streams = typed.value("streams");
        let streams = streams.map(|text| numbers::streams(&text));
        Ok(Receive {
            meeting: ConnectArgs::of(
                typed,
                context.environment,
                "from",
                DefaultRendezvous::Listens,
            )?,
            output: piped::output(typed, context)?,
            taking: ReceiveArgs::understand(typed, destination(typed)?)?,
            consent: consent(typed, context)?,
            streams: streams.transpose()?,
            verify: verify(typed, context)?,
            progress: ProgressChoice::understand(typed)?,
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        let secret = secret_source::secret(
            self.meeting.secret_file.as_deref(),
            context.environment,
            context.terminal,
            context.answers,
        )?;
        let questions = match (self.consent, self.taking.existing) {
            (Consent::Given, _) => Questions::Unasked,
            (Consent::Asked, existing) => Questions::Asked {
                answers: context.answers,
                console: context.console,
                destination: match &self.output {
                    Some(output) => PathBuf::from(output.name()),
                    None => self.taking.destination.clone(),
                },
                conflicts: match existing {
                    None => OnConflict::Ask,
                    Some(_) => OnConflict::Fail,
                },
            },
        };
        let manner = ReportStyle {
            side: Perspective::Receiver,
            style: self.progress.style(context),
            colour: context.colour(),
            guide: context.guide(),
            programs: Programs::Told,
            label: "",
        };
        let mut options = self.taking.options();
        options.streams = self.streams;
        options.verify = self.verify;
        options.output = self.output;
        let hook = self.taking.hook(None);
        let mut connect = self.meeting.with(secret);
        if options.output.is_some() {
            connect.retries = 0;
        }
        let mut reporter =
            Reporter::new(context.console, context.ledger, questions, manner).with_hook(hook);
        // A sender may want the phrase compared, also where it was not asked for here.
        if context.terminal.can_ask() {
            reporter = reporter.with_comparer(context.answers);
        }
        let summaries = session::receive(&connect, &options, &reporter)?;
        match reporter.hook_failure() {
            Some(error) => Err(error),
            None => Ok(exit_of(&summaries)),
        }
    }
}

/// One transfer with something left out makes the whole run one.
pub(crate) fn exit_of(summaries: &[Summary]) -> Exit {
    let mut exits = summaries.iter().map(Exit::of_summary);
    exits.find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
}

/// Stops at once where nobody could answer later, before anything listens.
fn consent(typed: &ParsedArgs, context: &Context<'_>) -> Result<Consent, Error> {
    match (typed.has("yes"), context.terminal.can_ask()) {
        (true, _) => Ok(Consent::Given),
        (false, true) => Ok(Consent::Asked),
        (false, false) => Err(Error::NoTerminal {
            question: "whether to accept",
            hint: "--yes accepts what comes; --max-size and --max-files limit it",
        }),
    }
}

/// Whether persons compare the phrase; stops at once where there is none to ask.
///
/// # Errors
/// A usage error.
pub(crate) fn verify(typed: &ParsedArgs, context: &Context<'_>) -> Result<bool, Error> {
    match (typed.has("verify"), context.terminal.can_ask()) {
        (true, false) => Err(Error::NoTerminal {
            question: "whether the phrase is the same on both sides",
            hint: "leave out --verify: the secret alone proves the peer to a script",
        }),
        (verify, _) => Ok(verify),
    }
}

fn destination(typed: &ParsedArgs) -> Result<PathBuf, Error> {
    match typed.words.as_slice() {
        [] => Ok(PathBuf::from(".")),
        [only] if only.is_empty() => Err(Error::usage(
            "the folder's name is empty",
            "is a variable in your script not set?",
        )),
        [only] => Ok(PathBuf::from(only)),
        [_, second, ..] => Err(too_many("receive", second)),
    }
}

/// What `--existing` says.
///
/// # Errors
/// A usage error.
pub(crate) fn existing(typed: &ParsedArgs) -> Result<Option<Existing>, Error> {
    Ok(Some(match typed.value("existing").as_deref() {
        None => return Ok(None),
        Some("fail") => Existing::Fail,
        Some("skip") => Existing::Skip,
        Some("rename") => Existing::Rename,
        Some("overwrite") => Existing::Overwrite,
        Some("newer") => Existing::Newer,
        Some(other) => {
            return Err(Error::usage(
                format!("--existing cannot be {other:?}"),
                "--existing takes fail, skip, rename, overwrite or newer",
            ));
        }
    }))
}
