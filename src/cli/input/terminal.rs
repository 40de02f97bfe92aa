//! Questions to a person.

use crate::cli::error::CliError;
use crate::cli::input::editor::{Completer, Completion};
use crate::cli::input::raw_terminal;
use crate::cli::output::console::Console;
use crate::cli::platform;
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Read};
use zeroize::Zeroizing;

/// Which of the standard streams are a terminal, and which were closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Standard input.
    pub(crate) input: bool,
    /// Standard output.
    pub(crate) output: bool,
    /// Standard error.
    pub(crate) error: bool,
    /// Standard input was closed.
    pub(crate) input_is_closed: bool,
    /// Standard output was closed.
    pub(crate) output_is_closed: bool,
}

impl Terminal {
    /// The state of the process's own streams.
    pub(crate) fn of_process() -> Terminal {
        Terminal {
            input: io::stdin().is_terminal(),
            output: io::stdout().is_terminal(),
            error: io::stderr().is_terminal(),
            input_is_closed: platform::was_closed(io::stdin()),
            output_is_closed: platform::was_closed(io::stdout()),
        }
    }

    /// Checks that standard input was not closed.
    ///
    /// # Errors
    /// [`CliError::ClosedInput`].
    pub(crate) fn check_input(self) -> Result<(), CliError> {
        match self.input_is_closed {
            false => Ok(()),
            true => Err(CliError::ClosedInput),
        }
    }

    /// Checks that standard output was not closed.
    ///
    /// # Errors
    /// [`CliError::ClosedOutput`].
    pub(crate) fn check_output(self) -> Result<(), CliError> {
        match self.output_is_closed {
            false => Ok(()),
            true => Err(CliError::ClosedOutput),
        }
    }

    /// Whether a person sees a question and can answer it.
    pub(crate) fn can_ask(self) -> bool {
        self.input && self.error
    }
}

/// The source of answers: a person at the terminal, or a test.
pub(crate) trait Answers: Sync {
    /// One line without its line end; `None` at the end of input.
    ///
    /// # Errors
    /// The terminal fails.
    fn line(&self, question: &str) -> Result<Option<String>, CliError>;

    /// One line in which Tab completes.
    ///
    /// # Errors
    /// The terminal fails.
    fn completed(
        &self,
        question: &str,
        complete: Completer<'_>,
    ) -> Result<Option<String>, CliError> {
        let _ = complete;
        self.line(question)
    }

    /// One line. `None` at the end of input, and when `is_wanted` becomes false.
    ///
    /// # Errors
    /// The terminal fails.
    fn line_while(
        &self,
        question: &str,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<String>, CliError> {
        let _ = is_wanted;
        self.line(question)
    }

    /// One line that is not shown while it is typed; `None` at the end of input.
    ///
    /// # Errors
    /// The terminal fails.
    fn hidden(&self, question: &str) -> Result<Option<Zeroizing<String>>, CliError>;
}

/// Asks until the answer can be used; `None` at the end of input. The error of `understand` is shown above the
/// repeated question.
///
/// # Errors
/// That of `ask`: the terminal fails.
pub(crate) fn ask_until_good<A: AsRef<str>, T, F: fmt::Display>(
    ask: impl Fn(&str) -> Result<Option<A>, CliError>,
    question: &str,
    understand: impl Fn(&str) -> Result<T, F>,
) -> Result<Option<T>, CliError> {
    let mut asked = question.to_owned();
    while let Some(answer) = ask(&asked)? {
        match understand(answer.as_ref()) {
            Ok(good) => return Ok(Some(good)),
            Err(fault) => asked = format!("{fault}\n{question}"),
        }
    }
    Ok(None)
}

/// The person at this process's terminal.
pub(crate) struct Person<'a> {
    pub(crate) console: &'a Console,
    /// Whether a line can be edited while it is typed.
    pub(crate) can_edit: bool,
}

/// Longer than any path that a system accepts.
const LONGEST_LINE: u64 = 64 * 1024;

impl Answers for Person<'_> {
    fn line(&self, question: &str) -> Result<Option<String>, CliError> {
        self.console.show(question);
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
            .map_err(CliError::Asking)?;
        if bytes.is_empty() {
            self.console.show("\n");
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn completed(
        &self,
        question: &str,
        complete: Completer<'_>,
    ) -> Result<Option<String>, CliError> {
        match self.can_edit {
            true => self.edited(question, complete, &|| true),
            false => self.line(question),
        }
    }

    /// Without editing, and on Windows, a question cannot be taken back, so it is not asked.
    fn line_while(
        &self,
        question: &str,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<String>, CliError> {
        let complete = |text: &str| Completion {
            text: text.to_owned(),
            candidates: Vec::new(),
        };
        match self.can_edit && raw_terminal::CAN_TAKE_BACK {
            true => self.edited(question, &complete, is_wanted),
            false => Ok(None),
        }
    }

    fn hidden(&self, question: &str) -> Result<Option<Zeroizing<String>>, CliError> {
        self.console.show(question);
        match platform::read_hidden() {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.console.show("\n");
                Ok(None)
            }
            Err(error) => Err(CliError::Asking(error)),
        }
    }
}

impl Person<'_> {
    fn edited(
        &self,
        question: &str,
        complete: Completer<'_>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<String>, CliError> {
        let edited = raw_terminal::edit(self.console, question, complete, is_wanted);
        edited.map_err(CliError::Asking)
    }
}

#[cfg(test)]
pub(crate) mod tests;
