//! The words of a command line that are not options.

use crate::cli::error::CliError;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::wildcards;
use crate::crypto::MeetingCode;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Checks that no words follow a verb.
///
/// # Errors
/// A usage error that names the first.
pub(crate) fn no_words(args: &ParsedArgs, verb: &str) -> Result<(), CliError> {
    match args.words.first() {
        None => Ok(()),
        Some(word) => Err(too_many(verb, word)),
    }
}

/// The word after a verb, if there is one.
///
/// # Errors
/// A usage error for a second one.
pub(crate) fn one<'a>(args: &'a ParsedArgs, verb: &str) -> Result<Option<&'a OsString>, CliError> {
    match args.words.get(1) {
        None => Ok(args.words.first()),
        Some(second) => Err(too_many(verb, second)),
    }
}

/// The word after a verb as a folder, if there is one.
///
/// # Errors
/// A usage error for an empty word or a second one.
pub(crate) fn folder(args: &ParsedArgs, verb: &str) -> Result<Option<PathBuf>, CliError> {
    match one(args, verb)? {
        Some(word) if word.is_empty() => Err(empty("the folder's name is empty")),
        word => Ok(word.map(PathBuf::from)),
    }
}

/// The words after a verb as paths. Expands wildcards on Windows, where shells leave that to each program.
///
/// # Errors
/// A usage error for an empty word.
pub(crate) fn paths(words: &[OsString]) -> Result<Vec<PathBuf>, CliError> {
    no_empty(words)?;
    Ok(match cfg!(windows) {
        true => words.iter().flat_map(wildcards::expand).collect(),
        false => words.iter().map(PathBuf::from).collect(),
    })
}

/// Checks that no word is empty.
///
/// # Errors
/// A usage error.
pub(crate) fn no_empty(words: &[OsString]) -> Result<(), CliError> {
    match words.iter().any(|word| word.is_empty()) {
        true => Err(empty("a path is empty")),
        false => Ok(()),
    }
}

/// Checks that the words contain no code, in one word or in all of them together. Other tools take a code there.
///
/// # Errors
/// A usage error that says what asks for the code.
pub(crate) fn no_code(words: &[OsString], asking: &str) -> Result<(), CliError> {
    let is_path = |word: &OsString| Path::new(word).symlink_metadata().is_ok();
    let typed = words.iter().filter(|word| !is_path(word));
    let typed: Vec<_> = typed.map(|word| word.to_string_lossy()).collect();
    match typed.iter().any(|word| is_code(word)) || is_code(&typed.join("-")) {
        true => Err(CliError::usage(
            "a code does not go on the command line: other users could read it in the process list",
            format!("run `{asking}`, and type the code when it asks"),
        )),
        false => Ok(()),
    }
}

fn is_code(word: &str) -> bool {
    MeetingCode::from_input(word).is_ok()
}

/// A usage error for a word too many.
fn too_many(verb: &str, word: &OsString) -> CliError {
    CliError::usage(
        format!(
            "{verb} takes no further argument {:?}",
            word.to_string_lossy()
        ),
        format!("`peerbridge help {verb}` shows how it is used"),
    )
}

/// A usage error for a word that is empty.
pub(crate) fn empty(message: &str) -> CliError {
    CliError::usage(message, "is a variable in your script not set?")
}
