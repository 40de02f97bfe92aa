//! What every verb may use.

use crate::cli::environment::Environment;
use crate::cli::input::code_source::CodeSource;
use crate::cli::input::terminal::{Answers, Terminal};
use crate::cli::options::choices::ProgressChoice;
use crate::cli::output::colour::Colour;
use crate::cli::output::console::Console;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::{Guide, Programs, ReportStyle};
use crate::cli::output::wording::Perspective;

/// The process as the verbs see it; tests put their own parts in.
pub(crate) struct Context<'a> {
    pub(crate) console: &'a Console,
    pub(crate) environment: &'a Environment,
    pub(crate) terminal: Terminal,
    pub(crate) answers: &'a dyn Answers,
    pub(crate) ledger: &'a Ledger,
}

impl Context<'_> {
    /// How to report a session that this process takes part in on one side.
    pub(crate) fn report_style(
        &self,
        perspective: Perspective,
        progress: ProgressChoice,
    ) -> ReportStyle {
        ReportStyle {
            perspective,
            progress: self.progress_style(progress),
            colour: self.colour(),
            guide: self.guide(),
            programs: Programs::Told,
            label: "",
        }
    }

    /// How `--progress` is carried out here.
    pub(crate) fn progress_style(&self, choice: ProgressChoice) -> ProgressStyle {
        let can_draw = self.terminal.error && !self.environment.is_dumb_terminal();
        match choice {
            _ if self.console.is_quiet() => ProgressStyle::Off,
            ProgressChoice::Always(style) => style,
            ProgressChoice::Auto if can_draw => ProgressStyle::Bar,
            ProgressChoice::Auto => ProgressStyle::Off,
        }
    }

    /// The same for several peers at the same time, which a log shows as well: seldom.
    pub(crate) fn progress_of_many(&self, choice: ProgressChoice) -> ProgressStyle {
        match (choice, self.progress_style(choice)) {
            (ProgressChoice::Auto, ProgressStyle::Off) if !self.console.is_quiet() => {
                ProgressStyle::Lines
            }
            (_, style) => style,
        }
    }

    pub(crate) fn colour(&self) -> Colour {
        Colour::of(self.terminal.error, self.environment)
    }

    /// Where a one-time code comes from, should the other side want one.
    pub(crate) fn codes(&self) -> CodeSource<'_> {
        CodeSource::of(self.environment, self.terminal, self.answers)
    }

    fn guide(&self) -> Guide {
        match self.terminal.error {
            true => Guide::Person,
            false => Guide::Nobody,
        }
    }
}
