//! Meeting by code: what a person at a terminal does who names neither a peer nor a secret.

use crate::cli::context::Context;
use crate::cli::environment::{self, Environment};
use crate::cli::error::CliError;
use crate::cli::input::completion;
use crate::cli::input::credentials;
use crate::cli::input::questions;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::output::console::Console;
use crate::crypto::MeetingCode;
use crate::session::{Connect, Discovery, Error, Rendezvous};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Options that say how to meet, or where the secret comes from: with one of them nobody is looked for.
const OWN_WAYS: [&str; 9] = [
    "to",
    "from",
    "listen",
    "bind",
    "as",
    "secret-file",
    "count",
    "via",
    "stdio",
];

const QUESTION: &str = "Code (Enter makes one): ";
const FRESH: &str = "Try again with a fresh code? [y/N] ";

/// Which side makes the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeMaker {
    /// This one.
    Here,
    /// The other one, unless nothing is typed.
    There,
}

/// A meeting by code, as far as the command line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByCode {
    discovery: Discovery,
    maker: CodeMaker,
    /// What the other side types.
    other_side: &'static str,
}

/// The way to the peer: by a code where nothing else was told, and with the secret elsewhere. Asks the person
/// for either where it must.
///
/// # Errors
/// A usage error, or the terminal or the file of the secret fails.
pub(crate) fn connect(
    args: ConnectArgs,
    by_code: Option<ByCode>,
    context: &Context<'_>,
) -> Result<Connect, CliError> {
    match by_code {
        Some(by_code) => {
            let code = by_code.code(context)?;
            Ok(args.with_code(&code, by_code.discovery))
        }
        None => {
            let secret = credentials::get(args.secret_file.as_deref(), context)?;
            Ok(args.with(secret))
        }
    }
}

/// Whether to try again: after too many proofs with wrong words the person may want a fresh code.
///
/// # Errors
/// As for [`connect`].
pub(crate) fn goes_on<T>(
    by_code: Option<ByCode>,
    ended: &Result<T, Error>,
    connect: &mut Connect,
    context: &Context<'_>,
) -> Result<bool, CliError> {
    match (by_code, ended) {
        (Some(by_code), Err(error @ Error::WrongSecret { .. })) => {
            context.console.erase();
            context.console.error(&error.to_string(), None);
            by_code.offer_fresh(connect, context)
        }
        _ => Ok(false),
    }
}

impl ByCode {
    /// The meeting of a verb that is told neither a peer nor a secret, at a terminal.
    ///
    /// # Errors
    /// A usage error.
    pub(crate) fn of(
        args: &ParsedArgs,
        context: &Context<'_>,
        maker: CodeMaker,
        other_side: &'static str,
    ) -> Result<Option<ByCode>, CliError> {
        let has_own_way = OWN_WAYS.iter().any(|option| args.has(option));
        let secrets = [environment::SECRET, environment::SECRET_FILE];
        let has_secret = secrets
            .iter()
            .any(|name| context.environment.get(name).is_some());
        if has_own_way || has_secret || !context.terminal.can_ask() {
            return Ok(None);
        }
        Ok(Some(ByCode {
            discovery: discovery(args, context)?,
            maker,
            other_side,
        }))
    }

    /// Makes the code or asks for it.
    ///
    /// # Errors
    /// The terminal fails, nothing more can be typed, or the system has no random bytes.
    pub(crate) fn code(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        let code = match self.maker {
            CodeMaker::Here => self.make(context)?,
            CodeMaker::There => self.ask(context)?,
        };
        say_search(context.console, self.discovery);
        Ok(code)
    }

    /// After too many proofs with wrong words: offers a fresh code. Whether there is one.
    ///
    /// # Errors
    /// As for [`ByCode::code`].
    fn offer_fresh(self, connect: &mut Connect, context: &Context<'_>) -> Result<bool, CliError> {
        let mut question = FRESH.to_owned();
        let is_wanted = loop {
            let Some(answer) = context.answers.line(&question)? else {
                return Ok(false);
            };
            match questions::yes_or_no(answer.trim()) {
                Some(is_wanted) => break is_wanted,
                None => question = format!("Type y or n.\n{FRESH}"),
            }
        };
        if is_wanted {
            let code = self.code(context)?;
            connect.secret = Arc::new(code.to_secret());
            if let Rendezvous::Find(find) = &mut connect.rendezvous {
                find.channel = code.channel();
            }
        }
        Ok(is_wanted)
    }

    fn make(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        make(context.console, self.other_side)
    }

    fn ask(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        let mut question = QUESTION.to_owned();
        loop {
            let Some(typed) = context
                .answers
                .completed(&question, &completion::code)?
                .map(Zeroizing::new)
            else {
                return Err(CliError::usage(
                    "no code was typed",
                    "the other side shows one; Enter makes one here",
                ));
            };
            if typed.trim().is_empty() {
                return self.make(context);
            }
            match MeetingCode::from_input(&typed) {
                Ok(code) => return Ok(code),
                Err(fault) => question = format!("{fault}\n{QUESTION}"),
            }
        }
    }
}

/// Makes a code and shows it, with what to type at the other side.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn make(console: &Console, other_side: &str) -> Result<MeetingCode, CliError> {
    let code = MeetingCode::generate().map_err(CliError::Random)?;
    console.insist(&format!("Code:  {}", code.text()));
    console.insist(&format!("On the other machine:  {other_side}"));
    Ok(code)
}

/// Says that the other side is looked for.
pub(crate) fn say_search(console: &Console, discovery: Discovery) {
    console.say(match discovery {
        Discovery::On => "Looking for it on this network ...",
        Discovery::Loopback => "Looking for it on this machine ...",
        Discovery::Off => "Waiting until it dials ...",
    });
}

/// How far to look, by `--no-discovery` and the environment.
///
/// # Errors
/// A usage error.
pub(crate) fn discovery(args: &ParsedArgs, context: &Context<'_>) -> Result<Discovery, CliError> {
    if args.has("no-discovery") {
        return Ok(Discovery::Off);
    }
    discovery_of(context.environment)
}

/// How far to look, by the environment.
///
/// # Errors
/// A usage error.
pub(crate) fn discovery_of(environment: &Environment) -> Result<Discovery, CliError> {
    let value = environment.get(environment::DISCOVERY);
    match value.map(|value| value.to_string_lossy()).as_deref() {
        None | Some("on") => Ok(Discovery::On),
        Some("loopback") => Ok(Discovery::Loopback),
        Some("off") => Ok(Discovery::Off),
        Some(other) => Err(CliError::usage(
            format!("{} cannot be {other}", environment::DISCOVERY),
            "set it to on, loopback or off, or unset it",
        )),
    }
}
