//! `peerbridge send`.

use super::receive::verify;
use super::zipped::Zipped;
use super::{ProgressChoice, piped};
use crate::cli::Context;
use crate::cli::input::questions::Questions;
use crate::cli::input::secret_source;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::{ConnectArgs, DefaultRendezvous};
use crate::cli::options::numbers;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::report::{Programs, ReportStyle, Reporter};
use crate::cli::output::wording::Perspective;
use crate::crypto::Secret;
use crate::error::{Error, Exit};
use crate::session::{self, Level, Links, Payload, SendOptions, SessionError, Stream, Summary};
use std::path::{Path, PathBuf};

/// A transfer from here, understood.
#[derive(Debug)]
pub(crate) struct Send {
    meeting: ConnectArgs,
    what: SendContents,
    exclude: Vec<String>,
    links: Links,
    streams: Option<u16>,
    level: Level,
    rate_limit: Option<u64>,
    verify: bool,
    task: SendTask,
    progress: ProgressChoice,
}

/// What is sent; of an archive only the password is missing.
#[derive(Debug)]
enum SendContents {
    Paths(Vec<PathBuf>),
    Zipped(Zipped),
    Stream(Stream),
}

impl SendContents {
    fn understand(typed: &ParsedArgs, context: &Context<'_>) -> Result<SendContents, Error> {
        if let Some(stream) = piped::input(typed, context)? {
            return Ok(SendContents::Stream(stream));
        }
        Ok(match Zipped::understand(typed, paths(typed)?)? {
            Ok(zipped) => SendContents::Zipped(zipped),
            Err(paths) => SendContents::Paths(paths),
        })
    }

    fn paths(&self) -> &[PathBuf] {
        match self {
            SendContents::Paths(paths) => paths,
            SendContents::Zipped(zipped) => zipped.paths(),
            SendContents::Stream(_) => &[],
        }
    }

    fn payload(self, secret: &Secret, context: &Context<'_>) -> Result<Payload, Error> {
        Ok(match self {
            SendContents::Paths(paths) => Payload::Paths(paths),
            SendContents::Zipped(zipped) => Payload::Archive(zipped.archive(secret, context)?),
            SendContents::Stream(stream) => Payload::Stream(stream),
        })
    }
}

/// What to do with the peers that are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendTask {
    /// Send to one.
    Once,
    /// Send to so many, many at once.
    ToMany(usize),
    /// Ask one what it lacks.
    DryRun,
}

/// Receivers of one offer.
const MOST_RECEIVERS: u64 = 1_000_000;

impl Send {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs, context: &Context<'_>) -> Result<Send, Error> {
        let streams = typed.value("streams").map(|text| numbers::streams(&text));
        let level = typed.value("level").map(|text| numbers::level(&text));
        let rate_limit = typed.value("limit-rate");
        let rate_limit = rate_limit.map(|text| numbers::rate("--limit-rate", &text));
        Ok(Send {
            what: SendContents::understand(typed, context)?,
            meeting: ConnectArgs::of(typed, context.environment, "to", DefaultRendezvous::Refuses)?,
            exclude: typed.values("exclude"),
            links: match typed.has("follow-links") {
                true => Links::Follow,
                false => Links::Keep,
            },
            streams: streams.transpose()?,
            level: level.transpose()?.unwrap_or_default(),
            rate_limit: rate_limit.transpose()?,
            verify: verify(typed, context)?,
            task: task(typed)?,
            progress: ProgressChoice::understand(typed)?,
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        // Before the secret is asked for and the peer is kept waiting.
        let paths = self.what.paths().iter();
        paths.map(PathBuf::as_path).try_for_each(check_source)?;
        let secret = secret_source::secret(
            self.meeting.secret_file.as_deref(),
            context.environment,
            context.terminal,
            context.answers,
        )?;
        let manner = ReportStyle {
            side: Perspective::Sender,
            style: self.progress.style(context),
            colour: context.colour(),
            guide: context.guide(),
            programs: Programs::Told,
            label: "",
        };
        let payload = self.what.payload(&secret, context)?;
        let is_repeatable = matches!(payload, Payload::Paths(_));
        let mut options = SendOptions::of(payload);
        options.exclude = self.exclude;
        options.links = self.links;
        options.streams = self.streams;
        options.level = self.level;
        options.rate_limit = self.rate_limit;
        options.verify = self.verify;
        let mut connect = self.meeting.with(secret);
        if !is_repeatable {
            connect.retries = 0;
        }
        let mut reporter =
            Reporter::new(context.console, context.ledger, Questions::Unasked, manner);
        if self.verify {
            reporter = reporter.with_comparer(context.answers);
        }
        match self.task {
            SendTask::Once => {
                let summary = session::send(&connect, &options, &reporter)?;
                Ok(Exit::of_summary(&summary))
            }
            SendTask::ToMany(count) => {
                let results = session::send_to_many(&connect, &options, count, &reporter)?;
                worst_of(results, context)
            }
            SendTask::DryRun => {
                let lacking = session::dry_run(&connect, &options, &reporter)?;
                tell_lacking(lacking, context);
                Ok(Exit::Done)
            }
        }
    }
}

fn task(typed: &ParsedArgs) -> Result<SendTask, Error> {
    let count = typed.value("count");
    let count = count.map(|text| numbers::whole("--count", &text, 1..=MOST_RECEIVERS));
    let task = match count.transpose()? {
        None | Some(1) if typed.has("dry-run") => SendTask::DryRun,
        None => return Ok(SendTask::Once),
        // Below `MOST_RECEIVERS`.
        Some(count) => SendTask::ToMany(count as usize),
    };
    if matches!(task, SendTask::ToMany(_)) {
        for other in ["dry-run", "verify", "to"] {
            if typed.has(other) {
                return Err(Error::usage(
                    format!("--count and --{other} contradict each other"),
                    "--count N goes with --listen, for receivers that dial",
                ));
            }
        }
    }
    Ok(task)
}

/// With many receivers, the first that did not get everything makes the whole run one that did not.
fn worst_of(
    results: Vec<Result<Summary, SessionError>>,
    context: &Context<'_>,
) -> Result<Exit, Error> {
    let served = results.iter().filter(|result| result.is_ok()).count();
    let all = results.len();
    context
        .console
        .say(&format!("served {served} of {all} receivers"));
    let mut exit = Exit::Done;
    for result in results {
        match Exit::of_summary(&result?) {
            Exit::Done => {}
            other => exit = other,
        }
    }
    Ok(exit)
}

fn tell_lacking(lacking: Option<u64>, context: &Context<'_>) {
    let text = match lacking {
        Some(0) => "the peer has everything already".to_owned(),
        Some(bytes) => format!("the peer lacks {}", format::size(bytes)),
        None => "how much the peer lacks cannot be told".to_owned(),
    };
    context.console.say(&format!("nothing was sent: {text}"));
    context
        .console
        .event(|| Object::event("lacking").number_or_null("bytes", lacking));
}

/// Whether there is something of this name. A link counts by itself, wherever it points.
///
/// # Errors
/// [`Error::Source`].
pub(crate) fn check_source(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Source {
            path: path.to_owned(),
            source,
        }),
    }
}

fn paths(typed: &ParsedArgs) -> Result<Vec<PathBuf>, Error> {
    if typed.words.is_empty() {
        return Err(Error::usage(
            "it is not said what to send",
            "peerbridge send PATH... --to HOST",
        ));
    }
    for word in &typed.words {
        if word.is_empty() {
            return Err(Error::usage(
                "a path is empty",
                "is a variable in your script not set?",
            ));
        }
    }
    Ok(typed.words.iter().map(PathBuf::from).collect())
}
