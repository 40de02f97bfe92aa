//! Meeting by code: what `send` and `receive` do at a terminal without a peer and a secret.

use crate::cli::context::Context;
use crate::cli::environment::{self, Environment};
use crate::cli::error::CliError;
use crate::cli::input::completion;
use crate::cli::input::credentials;
use crate::cli::input::questions;
use crate::cli::input::terminal::ask_until_good;
use crate::cli::line::{self, CommandEnd};
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::output::console::Console;
use crate::crypto::MeetingCode;
use crate::session::{Connect, Discovery, Error, Rendezvous};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Options that say how to meet, or where the secret comes from. With one of them there is no search.
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

/// A meeting by code, as the command line describes it.
#[derive(Clone, Copy)]
pub(crate) struct ByCode {
    discovery: Discovery,
    /// Whether to ask for a code that the other side made. Nothing typed makes one here.
    is_typed: bool,
    /// What the other side types.
    other_side: &'static str,
}

/// The way to the peer, with the secret, and how to try again.
pub(crate) struct ConnectAttempts {
    pub(crate) connect: Connect,
    by_code: Option<ByCode>,
    command_end: Option<CommandEnd>,
}

impl ConnectAttempts {
    /// Meets by code if nothing else is given, and otherwise with the secret. Asks the person for either if
    /// necessary.
    ///
    /// # Errors
    /// A usage error, or the terminal or the file of the secret fails.
    pub(crate) fn prepare(
        mut args: ConnectArgs,
        by_code: Option<ByCode>,
        context: &Context<'_>,
    ) -> Result<ConnectAttempts, CliError> {
        let command_end = args.command_end.take();
        let connect = match by_code {
            Some(by_code) => args.with_code(&by_code.code(context)?, by_code.discovery),
            None => {
                let secret = credentials::get(args.secret_file.as_deref(), context)?;
                args.with(secret)
            }
        };
        Ok(ConnectAttempts {
            connect,
            by_code,
            command_end,
        })
    }

    /// Runs a session. After too many proofs with wrong words the person may want another one with a fresh code.
    ///
    /// # Errors
    /// The error of the session, or as for [`ConnectAttempts::prepare`].
    pub(crate) fn run<T>(
        &mut self,
        context: &Context<'_>,
        session: impl Fn(&Connect) -> Result<T, Error>,
    ) -> Result<T, CliError> {
        loop {
            let error = match session(&self.connect) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if let (Error::WrongSecret { .. }, Some(by_code)) = (&error, self.by_code) {
                context.console.erase();
                context.console.error(&error.to_string(), None);
                if by_code.offer_fresh(&mut self.connect, context)? {
                    continue;
                }
            }
            return Err(line::explain(error, self.command_end.as_ref()));
        }
    }
}

impl ByCode {
    /// The meeting for a command line with neither a peer nor a secret, at a terminal.
    ///
    /// # Errors
    /// A usage error.
    pub(crate) fn of(
        args: &ParsedArgs,
        context: &Context<'_>,
        is_typed: bool,
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
            is_typed,
            other_side,
        }))
    }

    /// Makes the code or asks for it.
    fn code(self, context: &Context<'_>) -> Result<MeetingCode, CliError> {
        let typed = match self.is_typed {
            true => ask(context)?,
            false => None,
        };
        let code = match typed {
            Some(code) => code,
            None => make(context.console, self.other_side)?,
        };
        say_search(context.console, self.discovery);
        Ok(code)
    }

    /// After too many proofs with wrong words, offers a fresh code. Returns whether it was accepted.
    fn offer_fresh(self, connect: &mut Connect, context: &Context<'_>) -> Result<bool, CliError> {
        let is_wanted = ask_until_good(
            |question| context.answers.line(question),
            "Try again with a fresh code? [y/N] ",
            |answer| questions::yes_or_no(answer.trim()).ok_or("Type y or n."),
        )?;
        if is_wanted != Some(true) {
            return Ok(false);
        }
        let code = self.code(context)?;
        connect.secret = Arc::new(code.to_secret());
        if let Rendezvous::Find(find) = &mut connect.rendezvous {
            find.channel = code.channel();
        }
        Ok(true)
    }
}

/// The code that the other side shows; `None` to make one here.
fn ask(context: &Context<'_>) -> Result<Option<MeetingCode>, CliError> {
    let typed = ask_until_good(
        |question| {
            let typed = context.answers.completed(question, &completion::code)?;
            Ok(typed.map(Zeroizing::new))
        },
        "Code (Enter makes one): ",
        |typed| match typed.trim() {
            "" => Ok(None),
            typed => MeetingCode::from_input(typed).map(Some),
        },
    )?;
    typed.ok_or_else(|| {
        CliError::usage(
            "no code was typed",
            "the other side shows one; Enter makes one here",
        )
    })
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

/// Says that the search has started.
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
