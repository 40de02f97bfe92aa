//! Floor 4: the command line, the only floor that prints, asks, reads the environment and ends the
//! process.
//!
//! Arguments are read in two stages: `args` sorts them, then each command under `verbs` interprets them as the
//! options of a session. While that runs, `report` shows its events. However it ends, `ending` reports it in one
//! place.

pub(crate) mod bug;
pub(crate) mod context;
pub(crate) mod ending;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod exit;
pub(crate) mod given;
mod hints;
mod hook;
pub(crate) mod input;
mod line;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod platform;
mod surroundings;
mod verbs;

use crate::cli::context::Context;
use crate::cli::ending::close;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::terminal::{Person, Terminal};
use crate::cli::options::args::{self, ParsedArgs};
use crate::cli::output::colour::Colour;
use crate::cli::output::console::{Console, LineStyle, Verbosity};
use crate::cli::output::ledger::Ledger;
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
    let given = args.as_ref().ok().map(ParsedArgs::given);
    let outcome = bug::caught(|| verbs::run(&args?, context));
    let exit = close(outcome, context.console, context.ledger, given.as_ref());
    let Some(source) = context.console.output_failure() else {
        return exit;
    };
    let what = "standard output".to_owned();
    let error = CliError::CannotWrite { what, source };
    let hint = error.hint();
    context.console.error(&error.to_string(), hint.as_deref());
    match exit {
        Exit::Done => error.exit(),
        _ => exit,
    }
}

#[cfg(test)]
mod tests;
