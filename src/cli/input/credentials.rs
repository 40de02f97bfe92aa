//! Where secrets and archive passwords come from.
//!
//! In this order: the file that an option names, the environment, a question on the terminal. The first one that
//! exists counts, even if it turns out to be unusable: it never silently falls back to another.

use crate::cli::context::Context;
use crate::cli::environment::{self, Environment};
use crate::cli::error::{CliError, CredentialKind};
use crate::cli::input::private_file;
use crate::cli::input::terminal::{Answers, ask_until_good};
use crate::crypto::{ArchivePassword, CredentialError, Secret};
use std::path::Path;

/// A secret or password, and the texts about it.
pub(crate) trait Credential: Sized {
    const KIND: CredentialKind;
    /// The variable that holds it.
    const VARIABLE: &'static str;
    /// The variable that names a file which holds it.
    const FILE_VARIABLE: Option<&'static str>;
    /// The question that a person reads.
    const QUESTION: &'static str;
    /// The error without a terminal, and the hint how to avoid the question.
    const CANNOT_ASK: (&'static str, &'static str);
    /// The error and the hint for a person who types nothing.
    const NOTHING_TYPED: (&'static str, &'static str);

    fn from_text(text: Vec<u8>) -> Result<Self, CredentialError>;
}

impl Credential for Secret {
    const KIND: CredentialKind = CredentialKind::Secret;
    const VARIABLE: &'static str = environment::SECRET;
    const FILE_VARIABLE: Option<&'static str> = Some(environment::SECRET_FILE);
    const QUESTION: &'static str = "Secret (the same on both sides, not shown): ";
    const CANNOT_ASK: (&'static str, &'static str) = (
        "for the secret",
        "give it with --secret-file FILE, or in PEERBRIDGE_SECRET or PEERBRIDGE_SECRET_FILE",
    );
    const NOTHING_TYPED: (&'static str, &'static str) =
        ("no secret was typed", "both sides need the same one");

    fn from_text(text: Vec<u8>) -> Result<Secret, CredentialError> {
        Secret::from_text(text)
    }
}

impl Credential for ArchivePassword {
    const KIND: CredentialKind = CredentialKind::Password;
    const VARIABLE: &'static str = environment::ZIP_PASSWORD;
    const FILE_VARIABLE: Option<&'static str> = None;
    const QUESTION: &'static str = "Password of the archive (not shown): ";
    const CANNOT_ASK: (&'static str, &'static str) = (
        "for the archive's password",
        "give it with --zip-password-file FILE or in PEERBRIDGE_ZIP_PASSWORD",
    );
    const NOTHING_TYPED: (&'static str, &'static str) = (
        "no password was typed",
        "an archive cannot be made or opened without one",
    );

    fn from_text(text: Vec<u8>) -> Result<ArchivePassword, CredentialError> {
        ArchivePassword::from_text(text)
    }
}

/// Gets a credential, from `file` if an option names one. A person types it once.
///
/// # Errors
/// None is given and there is no terminal, it is unusable, or its file cannot or should not be read.
pub(crate) fn get<T: Credential>(
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<T, CliError> {
    match given_or_to_ask(file, context)? {
        Some(given) => Ok(given.credential),
        None => ask(context.answers)?.ok_or_else(nothing_typed::<T>),
    }
}

/// Gets the password for a new archive. A person types it twice, because an archive whose password has a typing
/// error could never be opened.
///
/// # Errors
/// As for [`get`].
pub(crate) fn new_password(
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<ArchivePassword, CliError> {
    match given_or_to_ask::<ArchivePassword>(file, context)? {
        Some(given) => {
            let password = given.credential.for_making();
            password.map_err(|fault| unusable::<ArchivePassword>(given.origin, fault))
        }
        None => ask_new_password(context.answers)?.ok_or_else(nothing_typed::<ArchivePassword>),
    }
}

/// Gets a credential without asking; `None` if none is given.
///
/// # Errors
/// It is unusable, or its file cannot or should not be read.
pub(crate) fn given<T: Credential>(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<T>, CliError> {
    let given = FoundCredential::find(file, environment)?;
    Ok(given.map(|given| given.credential))
}

/// Asks until a usable credential is typed; `None` at the end of input.
///
/// # Errors
/// The terminal fails.
pub(crate) fn ask<T: Credential>(answers: &dyn Answers) -> Result<Option<T>, CliError> {
    ask_until_good(
        |question| answers.hidden(question),
        T::QUESTION,
        |text| T::from_text(text.as_bytes().to_vec()),
    )
}

/// Asks for a new archive's password until it is typed the same way twice; `None` at the end of input.
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

/// The credential that is given without a question, with a warning if a group may replace its file. `None` if a
/// person can be asked for it.
fn given_or_to_ask<'a, T: Credential>(
    file: Option<&'a Path>,
    context: &Context<'a>,
) -> Result<Option<FoundCredential<'a, T>>, CliError> {
    let (question, hint) = T::CANNOT_ASK;
    match FoundCredential::find(file, context.environment)? {
        Some(given) => {
            if let Some(path) = given.file {
                private_file::warn_of_folder(path, context.console);
            }
            Ok(Some(given))
        }
        None if context.terminal.can_ask() => Ok(None),
        None => Err(CliError::NoTerminal { question, hint }),
    }
}

/// A credential that is given without a question, and where it came from.
struct FoundCredential<'a, T> {
    credential: T,
    origin: String,
    file: Option<&'a Path>,
}

impl<'a, T: Credential> FoundCredential<'a, T> {
    fn find(
        file: Option<&'a Path>,
        environment: &'a Environment,
    ) -> Result<Option<FoundCredential<'a, T>>, CliError> {
        let variable = environment.get(T::VARIABLE);
        let named = T::FILE_VARIABLE.and_then(|name| environment.get(name));
        let named = named.map(Path::new).filter(|_| variable.is_none());
        let file = file.or(named);
        let (text, origin) = match (file, variable) {
            (Some(path), _) => {
                let line = private_file::first_line(path, T::KIND)?;
                (line, path.to_string_lossy().into_owned())
            }
            (None, Some(text)) => (text.as_encoded_bytes().to_vec(), T::VARIABLE.to_owned()),
            (None, None) => return Ok(None),
        };
        match T::from_text(text) {
            Ok(credential) => Ok(Some(FoundCredential {
                credential,
                origin,
                file,
            })),
            Err(fault) => Err(unusable::<T>(origin, fault)),
        }
    }
}

fn unusable<T: Credential>(origin: String, fault: CredentialError) -> CliError {
    CliError::Credential {
        kind: T::KIND,
        origin,
        fault,
    }
}

fn nothing_typed<T: Credential>() -> CliError {
    let (message, hint) = T::NOTHING_TYPED;
    CliError::usage(message, hint)
}

#[cfg(test)]
mod tests;
