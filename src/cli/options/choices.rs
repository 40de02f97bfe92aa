//! Options whose value is one of a few words.

use crate::cli::options::args::ParsedArgs;
use crate::cli::output::progress::ProgressStyle;
use crate::model::Existing;

/// What `--progress` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressChoice {
    Auto,
    Always(ProgressStyle),
}

impl ProgressChoice {
    /// What the command line says; without a word about it, `auto`.
    pub(crate) fn of(args: &ParsedArgs) -> ProgressChoice {
        match args.value("progress").as_deref() {
            Some("bar") => ProgressChoice::Always(ProgressStyle::Bar),
            Some("lines") => ProgressChoice::Always(ProgressStyle::Lines),
            Some("off") => ProgressChoice::Always(ProgressStyle::Off),
            // The parser lets no other word through.
            _ => ProgressChoice::Auto,
        }
    }
}

/// What `--existing` says, if it is given.
pub(crate) fn existing(args: &ParsedArgs) -> Option<Existing> {
    let word = args.value("existing")?;
    Existing::ALL.into_iter().find(|mode| mode.word() == word)
}
