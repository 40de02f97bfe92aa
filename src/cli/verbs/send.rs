//! `peerbridge send`.

mod many;

use super::by_code::{self, ByCode, CodeMaker};
use super::piped;
use super::receive::verify;
use super::zipped::Zipped;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::questions::Questions;
use crate::cli::line;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{ProgressChoice, links};
use crate::cli::options::connect::{ConnectArgs, DefaultRendezvous};
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::{self, Perspective};
use crate::crypto::Secret;
use crate::session::{self, Error, Level, Links, Payload, SendOptions, Stream, Summary};
use many::ManyReporter;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The arguments of `send`, interpreted.
#[derive(Debug)]
pub(crate) struct Send {
    connect: ConnectArgs,
    by_code: Option<ByCode>,
    what: SendContents,
    exclude: Vec<String>,
    links: Links,
    streams: Option<u16>,
    level: Level,
    rate_limit: Option<u64>,
    verify: bool,
    checksum: bool,
    task: SendTask,
    progress: ProgressChoice,
}

/// What to send; for an archive only the password is missing.
#[derive(Debug)]
enum SendContents {
    Paths(Vec<PathBuf>),
    Zipped(Zipped),
    Stream(Stream),
}

impl SendContents {
    fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<SendContents, CliError> {
        if let Some(stream) = piped::input(args, context)? {
            return Ok(SendContents::Stream(stream));
        }
        Ok(match Zipped::understand(args, paths(args)?)? {
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

    fn payload(self, secret: &Secret, context: &Context<'_>) -> Result<Payload, CliError> {
        Ok(match self {
            SendContents::Paths(paths) => Payload::Paths(paths),
            SendContents::Zipped(zipped) => Payload::Archive(zipped.archive(secret, context)?),
            SendContents::Stream(stream) => Payload::Stream(stream),
        })
    }
}

/// What to do with the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendTask {
    /// Send to one.
    Once,
    /// Send to that many, several at a time.
    ToMany(usize),
    /// Ask one how much it lacks.
    DryRun,
}

/// The most receivers of one offer.
const MOST_RECEIVERS: u64 = 1_000_000;

impl Send {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<Send, CliError> {
        line::check_stdio(args, context)?;
        let streams = args.value("streams").map(|text| numbers::streams(&text));
        let level = args.value("level").map(|text| numbers::level(&text));
        let rate_limit = args.value("limit-rate");
        let rate_limit = rate_limit.map(|text| numbers::rate("--limit-rate", &text));
        let maker = match args.has("code") {
            true => CodeMaker::There,
            false => CodeMaker::Here,
        };
        let by_code = ByCode::of(args, context, maker, "peerbridge receive")?;
        let default = match by_code {
            Some(_) => DefaultRendezvous::Listens,
            None if maker == CodeMaker::There => {
                return Err(CliError::usage(
                    "--code needs a terminal, and no other secret or peer",
                    "peerbridge send PATH --code asks for the code that the receiver shows",
                ));
            }
            None => DefaultRendezvous::Refuses,
        };
        Ok(Send {
            what: SendContents::understand(args, context)?,
            connect: ConnectArgs::of(args, context.environment, "to", default)?,
            by_code,
            exclude: args.values("exclude"),
            links: links(args)?,
            streams: streams.transpose()?,
            level: level.transpose()?.unwrap_or_default(),
            rate_limit: rate_limit.transpose()?,
            verify: verify(args, context)?,
            checksum: args.has("checksum"),
            task: task(args)?,
            progress: ProgressChoice::of(args),
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        // Fail early: before asking for the secret and keeping the peer waiting.
        let paths = self.what.paths().iter();
        paths.map(PathBuf::as_path).try_for_each(check_source)?;
        let mut args = self.connect;
        let command_end = args.command_end.take();
        let mut connect = by_code::connect(args, self.by_code, context)?;
        let perspective = match self.task {
            SendTask::DryRun => Perspective::Asker,
            SendTask::Once | SendTask::ToMany(_) => Perspective::Sender,
        };
        let style = context.report_style(perspective, self.progress);
        let payload = self.what.payload(&connect.secret, context)?;
        let is_repeatable = matches!(payload, Payload::Paths(_));
        let mut options = SendOptions::of(payload);
        options.exclude = self.exclude;
        options.links = self.links;
        options.streams = self.streams;
        options.level = self.level;
        options.rate_limit = self.rate_limit;
        options.verify = self.verify;
        options.checksum = self.checksum;
        if !is_repeatable {
            connect.retries = 0;
        }
        let mut reporter =
            Reporter::new(context.console, context.ledger, Questions::Unasked, style)
                .with_codes(context.codes())
                .with_rate_limit(self.rate_limit);
        if self.verify {
            reporter = reporter.with_comparer(context.answers);
        }
        match self.task {
            SendTask::Once => {
                let mut sent = reporter.watch(|| session::send(&connect, &options, &reporter));
                while by_code::goes_on(self.by_code, &sent, &mut connect, context)? {
                    sent = reporter.watch(|| session::send(&connect, &options, &reporter));
                }
                let summary = sent.map_err(|error| line::explain(error, command_end.as_ref()))?;
                Ok(Exit::of_summary(&summary))
            }
            SendTask::ToMany(count) => {
                let many = ManyReporter::new(&reporter, context, self.progress);
                let results =
                    many.watch(|| session::send_to_many(&connect, &options, count, &many))?;
                worst_of(results, context)
            }
            SendTask::DryRun => {
                let lacking = session::dry_run(&connect, &options, &reporter)
                    .map_err(|error| line::explain(error, command_end.as_ref()))?;
                tell_lacking(lacking, context);
                Ok(Exit::Done)
            }
        }
    }
}

fn task(args: &ParsedArgs) -> Result<SendTask, CliError> {
    if args.has("dry-run") && args.has("verify") {
        return Err(CliError::usage(
            "--dry-run and --verify contradict each other",
            "a dry run sends nothing and asks nobody: leave out --verify",
        ));
    }
    let count = args.value("count");
    let count = count.map(|text| numbers::whole("--count", &text, 1..=MOST_RECEIVERS));
    let task = match count.transpose()? {
        None | Some(1) if args.has("dry-run") => SendTask::DryRun,
        None => return Ok(SendTask::Once),
        Some(count) => SendTask::ToMany(count),
    };
    if matches!(task, SendTask::ToMany(_)) {
        for other in ["dry-run", "verify", "to"] {
            if args.has(other) {
                return Err(CliError::usage(
                    format!("--count and --{other} contradict each other"),
                    "--count N needs --listen: it is for receivers that dial",
                ));
            }
        }
    }
    Ok(task)
}

/// The exit code for many receivers: not 0 if any of them did not get everything.
fn worst_of(results: Vec<Result<Summary, Error>>, context: &Context<'_>) -> Result<Exit, CliError> {
    let served = results.iter().filter(|result| result.is_ok()).count();
    let all = results.len();
    context
        .console
        .say(&format!("served {served} of {all} receivers"));
    let mut sent = results.iter().filter_map(|result| result.as_ref().ok());
    if let Some(lost) = sent.find_map(wording::not_carried) {
        context.console.say(&lost);
    }
    let mut exit = Exit::Done;
    for result in results {
        match Exit::of_summary(&result?) {
            Exit::Done => {}
            other => exit = other,
        }
    }
    Ok(exit)
}

fn tell_lacking(lacking: Option<RangeInclusive<u64>>, context: &Context<'_>) {
    let bounds = lacking.map(RangeInclusive::into_inner);
    let text = match bounds {
        Some((_, 0)) => "the receiver already has everything".to_owned(),
        Some((least, most)) if least == most => {
            format!("the receiver lacks {}", format::size(most))
        }
        Some((least, most)) => {
            let (least, most) = (format::size(least), format::size(most));
            format!("the receiver lacks {least} to {most}; it must compare the rest")
        }
        None => "it is unknown how much the receiver lacks".to_owned(),
    };
    context.console.say(&format!("nothing was sent: {text}"));
    context.console.event(|| {
        Object::event("lacking")
            .number_or_null("bytes", bounds.map(|(_, most)| most))
            .number_or_null("at_least", bounds.map(|(least, _)| least))
    });
}

/// Checks that something has this name. A link counts, wherever it points.
///
/// # Errors
/// [`CliError::Source`].
pub(crate) fn check_source(path: &Path) -> Result<(), CliError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(CliError::Source {
            path: path.to_owned(),
            source,
        }),
    }
}

fn paths(args: &ParsedArgs) -> Result<Vec<PathBuf>, CliError> {
    if args.words.is_empty() {
        return Err(CliError::usage(
            "nothing to send: name a file or folder",
            "peerbridge send PATH... --to HOST",
        ));
    }
    words::no_code(&args.words, "peerbridge send PATH --code")?;
    words::paths(&args.words)
}
