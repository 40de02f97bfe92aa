//! Where the one-time code comes from.

use crate::cli::environment::{self, Environment};
use crate::cli::input::terminal::{Answers, Terminal, ask_until_good};
use crate::cli::output::console::Console;
use crate::session::second_factor::digits;

/// The source of the code.
pub(crate) enum CodeSource<'a> {
    /// There is none.
    None,
    /// The environment: the value of `PEERBRIDGE_OTP`.
    Given(String),
    /// The person at the terminal.
    Asked(&'a dyn Answers),
}

impl<'a> CodeSource<'a> {
    /// The variable if it is set, else the person if there is a terminal.
    pub(crate) fn of(
        environment: &Environment,
        terminal: Terminal,
        answers: &'a dyn Answers,
    ) -> CodeSource<'a> {
        match environment.get(environment::OTP) {
            Some(code) => CodeSource::Given(code.to_string_lossy().into_owned()),
            None if terminal.can_ask() => CodeSource::Asked(answers),
            None => CodeSource::None,
        }
    }

    /// The code; `None` if there is none. A code that a person typed has six digits.
    pub(crate) fn get(&self, console: &Console) -> Option<String> {
        let answers = match self {
            CodeSource::None => return None,
            CodeSource::Given(code) => return Some(code.clone()),
            CodeSource::Asked(answers) => answers,
        };
        let asked = ask_until_good(
            |question| answers.line(question),
            "One-time code: ",
            |answer| match digits(answer) {
                Some(_) => Ok(answer.to_owned()),
                None => Err("a one-time code has six digits"),
            },
        );
        asked.unwrap_or_else(|error| {
            console.error(&error.to_string(), None);
            None
        })
    }
}
