//! The context that every verb gets: environment, terminal, console.

use crate::cli::environment::Environment;
use crate::cli::input::code_source::CodeSource;
use crate::cli::input::questions::Questions;
use crate::cli::input::terminal::{Answers, Terminal};
use crate::cli::output::colour::Colour;
use crate::cli::output::console::Console;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::{ReportStyle, Reporter};
use crate::cli::output::side::SideOutput;
use crate::cli::output::wording::Perspective;
use std::path::PathBuf;

/// The process as the verbs see it. Tests replace parts of it.
pub(crate) struct Context<'a> {
    pub(crate) console: &'a Console,
    pub(crate) environment: &'a Environment,
    pub(crate) terminal: Terminal,
    pub(crate) answers: &'a dyn Answers,
    pub(crate) ledger: &'a Ledger,
}

impl Context<'_> {
    /// Reports one side of a session. Asks nothing: everything that the options allow is accepted.
    pub(crate) fn reporter(
        &self,
        perspective: Perspective,
        progress: Option<ProgressStyle>,
    ) -> Reporter<'_> {
        let style = ReportStyle {
            perspective,
            progress: self.progress_style(progress),
            colour: self.colour(),
            guides: self.terminal.error,
        };
        let mut reporter = Reporter::new(SideOutput::new(self.console), self.ledger, style);
        reporter.codes = CodeSource::of(self.environment, self.terminal, self.answers);
        reporter
    }

    /// Asks the person at the terminal about offers. `destination` is `None` for standard output.
    pub(crate) fn questions(
        &self,
        destination: Option<PathBuf>,
        resolves_conflicts: bool,
    ) -> Questions<'_> {
        Questions::Asked {
            answers: self.answers,
            console: self.console,
            destination,
            resolves_conflicts,
        }
    }

    /// The style of progress for this terminal and `--progress`.
    pub(crate) fn progress_style(&self, choice: Option<ProgressStyle>) -> ProgressStyle {
        let can_draw = self.terminal.error && !self.environment.is_dumb_terminal();
        match choice {
            _ if self.console.is_quiet() => ProgressStyle::Off,
            Some(style) => style,
            None if can_draw => ProgressStyle::Bar,
            None => ProgressStyle::Off,
        }
    }

    /// The same for several peers at the same time. By default, a log shows their progress, too, but rarely.
    pub(crate) fn progress_of_many(&self, choice: Option<ProgressStyle>) -> ProgressStyle {
        match self.progress_style(choice) {
            ProgressStyle::Off if choice.is_none() && !self.console.is_quiet() => {
                ProgressStyle::Lines
            }
            style => style,
        }
    }

    pub(crate) fn colour(&self) -> Colour {
        Colour::of(self.terminal.error, self.environment)
    }
}
