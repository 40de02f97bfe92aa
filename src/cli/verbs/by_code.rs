//! Meeting by code: what a person at a terminal does who names neither a peer nor a secret.

use crate::cli::context::Context;
use crate::cli::environment;
use crate::cli::error::CliError;
use crate::cli::input::credentials;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::ConnectArgs;
use crate::crypto::MeetingCode;
use crate::session::{Connect, Discovery};
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
        context.console.say(match self.discovery {
            Discovery::On => "Looking for it on this network ...",
            Discovery::Loopback => "Looking for it on this machine ...",
            Discovery::Off => "Waiting until it dials ...",
        });
        Ok(code)
    }

    fn make(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        let code = MeetingCode::generate().map_err(CliError::Random)?;
        let console = context.console;
        console.insist(&format!("Code:  {}", code.text()));
        console.insist(&format!("On the other machine:  {}", self.other_side));
        Ok(code)
    }

    fn ask(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        let mut question = QUESTION.to_owned();
        loop {
            let Some(typed) = context.answers.line(&question)?.map(Zeroizing::new) else {
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

/// How far to look, by `--no-discovery` and the environment.
///
/// # Errors
/// A usage error.
pub(crate) fn discovery(args: &ParsedArgs, context: &Context<'_>) -> Result<Discovery, CliError> {
    if args.has("no-discovery") {
        return Ok(Discovery::Off);
    }
    let value = context.environment.get(environment::DISCOVERY);
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
