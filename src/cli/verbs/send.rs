//! `peerbridge send`.

use super::super::args::Typed;
use super::super::meeting::{Meeting, Unless};
use super::super::questions::Questions;
use super::super::report::{Manner, Programs, Reporter};
use super::super::wording::Side;
use super::super::{Context, numbers, secret_source};
use super::ProgressChoice;
use crate::error::{Error, Exit};
use crate::session::{self, Level, Links, SendOptions};
use std::path::{Path, PathBuf};

/// A transfer from here, understood.
#[derive(Debug)]
pub(in crate::cli) struct Send {
    meeting: Meeting,
    paths: Vec<PathBuf>,
    exclude: Vec<String>,
    links: Links,
    streams: Option<u16>,
    level: Level,
    progress: ProgressChoice,
}

impl Send {
    /// # Errors
    /// A usage error.
    pub(super) fn understand(typed: &Typed, context: &Context<'_>) -> Result<Send, Error> {
        let streams = typed.value("streams").map(|text| numbers::streams(&text));
        let level = typed.value("level").map(|text| numbers::level(&text));
        Ok(Send {
            paths: paths(typed)?,
            meeting: Meeting::of(typed, context.environment, "to", Unless::Refuses)?,
            exclude: typed.values("exclude"),
            links: match typed.has("follow-links") {
                true => Links::Follow,
                false => Links::Keep,
            },
            streams: streams.transpose()?,
            level: level.transpose()?.unwrap_or_default(),
            progress: ProgressChoice::understand(typed)?,
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        // Before the secret is asked for and the peer is kept waiting.
        for path in &self.paths {
            check_source(path)?;
        }
        let secret = secret_source::secret(
            self.meeting.secret_file.as_deref(),
            context.environment,
            context.terminal,
            context.answers,
        )?;
        let manner = Manner {
            side: Side::Sender,
            style: self.progress.style(context),
            colour: context.colour(),
            guide: context.guide(),
            programs: Programs::Told,
            label: "",
        };
        let options = SendOptions {
            paths: self.paths,
            exclude: self.exclude,
            links: self.links,
            streams: self.streams,
            level: self.level,
        };
        let connect = self.meeting.with(secret);
        let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, manner);
        let summary = session::send(&connect, &options, &reporter)?;
        Ok(Exit::of_summary(&summary))
    }
}

/// Whether there is something of this name. A link counts by itself, wherever it points.
///
/// # Errors
/// [`Error::Source`].
pub(in crate::cli) fn check_source(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Source {
            path: path.to_owned(),
            source,
        }),
    }
}

fn paths(typed: &Typed) -> Result<Vec<PathBuf>, Error> {
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
        if word == "-" {
            return Err(Error::usage(
                "standard input cannot be sent",
                "write it to a file first; ./- is a file of that name",
            ));
        }
    }
    Ok(typed.words.iter().map(PathBuf::from).collect())
}
