//! `peerbridge send`.

mod many;

use super::by_code::{ByCode, ConnectAttempts};
use super::piped;
use super::receive::verify;
use super::zipped::Zipped;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::line;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{links, progress};
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::numbers;
use crate::cli::options::words;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::wording::{self, Perspective};
use crate::session::{self, Error, Payload, SendOptions, Summary};
use many::ManyReporter;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What to do with the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendTask {
    /// Send to one.
    Once,
    /// Send to this many, several at a time.
    ToMany(usize),
    /// Ask one how much it lacks.
    DryRun,
}

/// The most receivers of one offer.
const MOST_RECEIVERS: u64 = 1_000_000;

/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    line::check_stdio(args, context)?;
    let by_code = by_code(args, context)?;
    let (mut options, zipped) = options(args, context)?;
    let connect = ConnectArgs::of(args, context.environment, "to", by_code.is_some())?;
    let task = task(args)?;
    let progress = progress(args);
    // Fail early: before asking for the secret and keeping the peer waiting.
    if let Payload::Paths(paths) = &options.payload {
        check_sources(paths)?;
    }
    let mut attempts = ConnectAttempts::prepare(connect, by_code, context)?;
    if let (Some(zipped), Payload::Paths(paths)) = (zipped, &mut options.payload) {
        let archive = zipped.archive(std::mem::take(paths), &attempts.connect.secret, context)?;
        options.payload = Payload::Archive(archive);
    }
    if !matches!(options.payload, Payload::Paths(_)) {
        attempts.connect.retries = 0;
    }
    let perspective = match task {
        SendTask::DryRun => Perspective::Asker,
        SendTask::Once | SendTask::ToMany(_) => Perspective::Sender,
    };
    let mut reporter = context.reporter(perspective, progress);
    reporter.rate_limit = options.rate_limit;
    if options.verify {
        reporter.comparer = Some(context.answers);
    }
    match task {
        SendTask::Once => {
            let summary = attempts.run(context, |connect| {
                reporter.watch(|| session::send(connect, &options, &reporter))
            })?;
            Ok(Exit::of_summary(&summary))
        }
        SendTask::ToMany(count) => {
            let many = ManyReporter::new(&reporter, context, progress);
            let send = || session::send_to_many(&attempts.connect, &options, count, &many);
            worst_of(many.peers.watch(send)?, context)
        }
        SendTask::DryRun => {
            let lacking = attempts.run(context, |connect| {
                session::dry_run(connect, &options, &reporter)
            })?;
            tell_lacking(lacking, context);
            Ok(Exit::Done)
        }
    }
}

/// The meeting by code, if no other way is given.
fn by_code(args: &ParsedArgs, context: &Context<'_>) -> Result<Option<ByCode>, CliError> {
    let is_typed = args.has("code");
    let by_code = ByCode::of(args, context, is_typed, "peerbridge receive")?;
    if is_typed && by_code.is_none() {
        return Err(CliError::usage(
            "--code needs a terminal, and no other secret or peer",
            "peerbridge send PATH --code asks for the code that the receiver shows",
        ));
    }
    Ok(by_code)
}

/// What to send and how. For an archive, only its paths: it is made once its password is known.
fn options(
    args: &ParsedArgs,
    context: &Context<'_>,
) -> Result<(SendOptions, Option<Zipped>), CliError> {
    let (payload, zipped) = match piped::input(args, context)? {
        Some(stream) => (Payload::Stream(stream), None),
        None => {
            let paths = paths(args)?;
            let zipped = Zipped::understand(args, &paths)?;
            (Payload::Paths(paths), zipped)
        }
    };
    let mut options = SendOptions::of(payload);
    options.exclude = args.values("exclude");
    options.links = links(args)?;
    options.streams = args.read("streams", numbers::streams)?;
    options.level = args.read("level", numbers::level)?.unwrap_or_default();
    options.rate_limit = args.read("limit-rate", numbers::rate)?;
    options.verify = verify(args, context)?;
    options.checksum = args.has("checksum");
    Ok((options, zipped))
}

fn task(args: &ParsedArgs) -> Result<SendTask, CliError> {
    if args.has("dry-run") && args.has("verify") {
        return Err(CliError::usage(
            "--dry-run and --verify contradict each other",
            "a dry run sends nothing and asks nobody: leave out --verify",
        ));
    }
    let task = match args.read("count", numbers::whole(1..=MOST_RECEIVERS))? {
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

/// Checks that each path exists. A link counts, wherever it points.
///
/// # Errors
/// [`CliError::Source`].
pub(super) fn check_sources(paths: &[PathBuf]) -> Result<(), CliError> {
    paths.iter().try_for_each(|path| {
        let found = std::fs::symlink_metadata(path);
        found.map(drop).map_err(CliError::cannot_read(path))
    })
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
