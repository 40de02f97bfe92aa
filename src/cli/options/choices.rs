//! Options whose value is one of a few words.

use crate::cli::error::CliError;
use crate::cli::options::args::ParsedArgs;
use crate::cli::output::progress::ProgressStyle;
use crate::model::Existing;
use crate::session::Links;

/// What `--progress` asks for; `None` for `auto`.
pub(crate) fn progress(args: &ParsedArgs) -> Option<ProgressStyle> {
    match args.value("progress").as_deref() {
        Some("bar") => Some(ProgressStyle::Bar),
        Some("lines") => Some(ProgressStyle::Lines),
        Some("off") => Some(ProgressStyle::Off),
        // The parser has refused other words.
        _ => None,
    }
}

/// What `--links` and `--follow-links` say about links in a source.
///
/// # Errors
/// A usage error if both are given.
pub(crate) fn links(args: &ParsedArgs) -> Result<Links, CliError> {
    match (args.value("links").as_deref(), args.has("follow-links")) {
        (Some(_), true) => Err(CliError::usage(
            "--links and --follow-links contradict each other",
            "--links keep sends links as they are; --follow-links sends what they point to",
        )),
        (None, true) => Ok(Links::Follow),
        (Some("keep"), false) => Ok(Links::Keep),
        // The parser has refused other words, so this is `inside`.
        _ => Ok(Links::Inside),
    }
}

/// Whether `--links` allows links that lead outside.
pub(crate) fn outside_links(args: &ParsedArgs) -> bool {
    args.value("links").as_deref() == Some("keep")
}

/// What `--existing` says, or the default.
pub(crate) fn existing(args: &ParsedArgs) -> Existing {
    let word = args.value("existing");
    word.and_then(|word| policy(&word)).unwrap_or_default()
}

/// The policy for which people write `word`.
pub(crate) fn policy(word: &str) -> Option<Existing> {
    let mut all = Existing::ALL.into_iter();
    all.find(|policy| policy.word() == word)
}
