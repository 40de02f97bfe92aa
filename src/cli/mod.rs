//! Floor 4: the command line, the only floor that prints, asks, reads the environment and ends the
//! process.
//!
//! Arguments are read in two stages: `args` sorts them, then each command under `verbs` interprets them and
//! becomes an action without impossible combinations. While the action runs, `report` shows the session's
//! events. However it ends, [`run`] reports the end in one place.

mod bug;
mod context;
mod environment;
mod error;
pub(crate) mod exit;
mod hints;
mod hook;
pub(crate) mod input;
mod line;
pub(crate) mod options;
mod output;
mod platform;
mod surroundings;
mod verbs;

use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::terminal::{Person, Terminal};
use crate::cli::options::args::{self, ParsedArgs};
use crate::cli::output::colour::Colour;
use crate::cli::output::console::{Console, LineStyle, Verbosity};
use crate::cli::output::json::Object;
use crate::cli::output::ledger::Ledger;
use crate::cli::verbs::Action;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

/// Runs the guided dialogue on the terminal of this process and returns the exit code. Without a terminal
/// it only prints how to use the program.
#[must_use]
pub fn main() -> ExitCode {
    run_words(&[])
}

/// Runs the program with the arguments and streams of this process, and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    run_words(&arguments)
}

fn run_words(arguments: &[OsString]) -> ExitCode {
    bug::announce_panics();
    let args = bug::caught(|| ParsedArgs::parse(arguments));
    let verbosity = args
        .as_ref()
        .map_or(Verbosity::Normal, ParsedArgs::verbosity);
    let environment = Environment::of_process();
    let terminal = Terminal::of_process();
    let line_style = match terminal.error {
        true => LineStyle::Terminal(Colour::of(terminal.error, &environment)),
        false => LineStyle::Logged,
    };
    let console = Console::new(
        Box::new(io::stderr()),
        Box::new(io::stdout()),
        verbosity,
        args::reader(arguments),
        line_style,
    );
    let context = Context {
        console: &console,
        environment: &environment,
        terminal,
        answers: &Person {
            console: &console,
            can_edit: terminal.can_ask() && !environment.is_dumb_terminal(),
        },
        ledger: &Ledger::default(),
    };
    ExitCode::from(perform(args, &context).code())
}

/// Interprets the arguments, runs the action, and reports the end.
fn perform(args: Result<ParsedArgs, CliError>, context: &Context<'_>) -> Exit {
    let outcome =
        bug::caught(|| Action::understand(&args?, context).and_then(|action| action.run(context)));
    let exit = close(outcome, context);
    match context.console.output_failure() {
        Some(source) => {
            let what = "standard output".to_owned();
            let error = CliError::CannotWrite { what, source };
            context
                .console
                .error(&error.to_string(), error.hint().as_deref());
            if exit == Exit::Done {
                error.exit()
            } else {
                exit
            }
        }
        None => exit,
    }
}

/// The one place where a run ends: prints the error and its hint for people, `done` for programs.
fn close(outcome: Result<Exit, CliError>, context: &Context<'_>) -> Exit {
    let (exit, told) = match outcome {
        Ok(exit) => (exit, None),
        Err(error) => {
            let hint = error.hint_with(context.ledger.kept());
            (error.exit(), Some((error.to_string(), hint)))
        }
    };
    context.console.erase();
    if let Some((message, hint)) = &told {
        context.console.error(message, hint.as_deref());
    }
    context.console.event(|| {
        let totals = context.ledger.totals();
        let mut event = Object::event("done")
            .number("exit", exit.code().into())
            .number("files", totals.files)
            .number("bytes", totals.bytes)
            .number("wire_bytes", totals.wire_bytes)
            .number("resumed_bytes", totals.resumed_bytes)
            .number("same", totals.same)
            .number("skipped", totals.skipped)
            .seconds("seconds", totals.elapsed);
        event = context.ledger.delivered().tell(event);
        if let Some((message, hint)) = &told {
            event = event.text("error", message);
            if let Some(hint) = hint {
                event = event.text("hint", hint);
            }
        }
        event
    });
    exit
}

#[cfg(test)]
mod tests;
