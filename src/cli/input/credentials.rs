//! Where secrets and archive passwords come from.
//!
//! In this order: the file that an option names, the environment, a question on the terminal. The first
//! that is there counts, even if it turns out to be unusable: nothing is ever looked for elsewhere in
//! silence.

use crate::cli::context::Context;
use crate::cli::environment::{self, Environment};
use crate::cli::error::CliError;
use crate::cli::input::private_file;
use crate::cli::input::terminal::{Answers, ask_until_good};
use crate::crypto::{ArchivePassword, CredentialError, Secret};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Something that only one person should know, and the words for it.
pub(crate) trait Credential: Sized {
    /// What can be wrong with it.
    type Fault: Display;
    /// The variable that holds it.
    const VARIABLE: &'static str;
    /// The variable that names a file which holds it.
    const FILE_VARIABLE: Option<&'static str>;
    /// The question that a person reads.
    const QUESTION: &'static str;

    fn from_text(text: Vec<u8>) -> Result<Self, Self::Fault>;
    /// The error for one that cannot be used; `origin` says where it came from.
    fn unusable(origin: String, fault: Self::Fault) -> CliError;
    fn unreadable(path: PathBuf, source: io::Error) -> CliError;
    fn cannot_ask() -> CliError;
    fn nothing_typed() -> CliError;
}

impl Credential for Secret {
    type Fault = CredentialError;
    const VARIABLE: &'static str = environment::SECRET;
    const FILE_VARIABLE: Option<&'static str> = Some(environment::SECRET_FILE);
    const QUESTION: &'static str = "Secret (the same on both sides, not shown): ";

    fn from_text(text: Vec<u8>) -> Result<Secret, CredentialError> {
        Secret::from_text(text)
    }

    fn unusable(origin: String, fault: CredentialError) -> CliError {
        CliError::Secret { origin, fault }
    }

    fn unreadable(path: PathBuf, source: io::Error) -> CliError {
        CliError::SecretFile { path, source }
    }

    fn cannot_ask() -> CliError {
        CliError::NoTerminal {
            question: "for the secret",
            hint: "give it with --secret-file FILE, or in PEERBRIDGE_SECRET or \
                   PEERBRIDGE_SECRET_FILE",
        }
    }

    fn nothing_typed() -> CliError {
        CliError::usage("no secret was typed", "both sides need the same one")
    }
}

impl Credential for ArchivePassword {
    type Fault = CredentialError;
    const VARIABLE: &'static str = environment::ZIP_PASSWORD;
    const FILE_VARIABLE: Option<&'static str> = None;
    const QUESTION: &'static str = "Password of the archive (not shown): ";

    fn from_text(text: Vec<u8>) -> Result<ArchivePassword, CredentialError> {
        ArchivePassword::from_text(text)
    }

    fn unusable(origin: String, fault: CredentialError) -> CliError {
        CliError::Password { origin, fault }
    }

    fn unreadable(path: PathBuf, source: io::Error) -> CliError {
        CliError::PasswordFile { path, source }
    }

    fn cannot_ask() -> CliError {
        CliError::NoTerminal {
            question: "for the archive's password",
            hint: "give it with --zip-password-file FILE or in PEERBRIDGE_ZIP_PASSWORD",
        }
    }

    fn nothing_typed() -> CliError {
        CliError::usage(
            "no password was typed",
            "an archive cannot be made or opened without one",
        )
    }
}

/// Gets a credential, from `file` if an option names one. A person types it once.
///
/// # Errors
/// None is given and nobody can be asked, it is unusable, or its file cannot or should not be read.
pub(crate) fn get<T: Credential>(
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<T, CliError> {
    if let Some(credential) = given(file, context.environment)? {
        warn_of_folder::<T>(file, context);
        return Ok(credential);
    }
    check_can_ask::<T>(context)?;
    ask(context.answers)?.ok_or_else(T::nothing_typed)
}

/// Gets the password for an archive to be made. A person types it twice: nobody could open an archive
/// whose password has a typing error in it.
///
/// # Errors
/// As for [`get`].
pub(crate) fn new_password(
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<ArchivePassword, CliError> {
    if let Some((password, origin)) =
        given_with_origin::<ArchivePassword>(file, context.environment)?
    {
        warn_of_folder::<ArchivePassword>(file, context);
        return password
            .for_making()
            .map_err(|fault| CliError::Password { origin, fault });
    }
    check_can_ask::<ArchivePassword>(context)?;
    ask_new_password(context.answers)?.ok_or_else(ArchivePassword::nothing_typed)
}

/// Gets a credential without asking; `None` if none is given.
///
/// # Errors
/// It is unusable, or its file cannot or should not be read.
pub(crate) fn given<T: Credential>(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<T>, CliError> {
    let found = given_with_origin(file, environment)?;
    Ok(found.map(|(credential, _)| credential))
}

/// Asks until a usable credential is typed; `None` at the end of input.
///
/// # Errors
/// The terminal fails.
pub(crate) fn ask<T: Credential>(answers: &dyn Answers) -> Result<Option<T>, CliError> {
    ask_until_good(answers, T::QUESTION, |text| T::from_text(text.into_bytes()))
}

/// Asks for a new archive's password until it is typed twice the same; `None` at the end of input.
///
/// # Errors
/// The terminal fails.
pub(crate) fn ask_new_password(answers: &dyn Answers) -> Result<Option<ArchivePassword>, CliError> {
    const AGAIN: &str = "The same once more: ";
    let mut question = ArchivePassword::QUESTION.to_owned();
    while let Some(text) = answers.hidden(&question)? {
        let checked =
            ArchivePassword::from_text(text.as_bytes()).and_then(ArchivePassword::for_making);
        let fault = match checked {
            Err(fault) => fault.to_string(),
            Ok(password) => match answers.hidden(AGAIN)? {
                Some(repeated) if *repeated == *text => return Ok(Some(password)),
                Some(_) => "the two differ".to_owned(),
                None => break,
            },
        };
        question = format!("{fault}\n{}", ArchivePassword::QUESTION);
    }
    Ok(None)
}

/// What is given without a question, and where it came from.
fn given_with_origin<T: Credential>(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<(T, String)>, CliError> {
    let named = T::FILE_VARIABLE.and_then(|variable| environment.get(variable));
    let (text, origin) = if let Some(path) = file {
        line_of::<T>(path)?
    } else if let Some(text) = environment.get(T::VARIABLE) {
        (text.as_encoded_bytes().to_vec(), T::VARIABLE.to_owned())
    } else if let Some(path) = named {
        line_of::<T>(Path::new(path))?
    } else {
        return Ok(None);
    };
    match T::from_text(text) {
        Ok(credential) => Ok(Some((credential, origin))),
        Err(fault) => Err(T::unusable(origin, fault)),
    }
}

fn line_of<T: Credential>(path: &Path) -> Result<(Vec<u8>, String), CliError> {
    let line = private_file::first_line(path, T::unreadable)?;
    Ok((line, path.to_string_lossy().into_owned()))
}

/// Warns of the file that a credential came from, if it came from one.
fn warn_of_folder<T: Credential>(file: Option<&Path>, context: &Context<'_>) {
    let variable = |name| context.environment.get(name);
    let named = T::FILE_VARIABLE.and_then(variable).map(Path::new);
    let named = named.filter(|_| variable(T::VARIABLE).is_none());
    if let Some(path) = file.or(named) {
        private_file::warn_of_folder(path, context.console);
    }
}

fn check_can_ask<T: Credential>(context: &Context<'_>) -> Result<(), CliError> {
    match context.terminal.can_ask() {
        true => Ok(()),
        false => Err(T::cannot_ask()),
    }
}

#[cfg(test)]
mod tests;
