//! The console: lines for people on standard error, results and JSON on standard output.

use crate::cli::output::colour::Colour;
use crate::cli::output::json::Object;
use crate::model::escaped;
use crate::session::sync::lock;
use std::io::{self, Write};
use std::sync::Mutex;

/// How much is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Results and progress.
    #[default]
    Normal,
    /// Every step.
    Verbose,
}

/// The reader of standard output: a person or a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A person.
    #[default]
    Person,
    /// A program: JSON lines, and nothing else.
    Program,
}

/// Both outputs of the process. A line is escaped as a whole, so nothing in it can become a second line or
/// control the terminal.
///
/// A failure of standard error is ignored, because there is nowhere to report it. On standard output, a broken
/// pipe means that the reader has stopped; any other failure is kept for [`Console::output_failure`].
pub(crate) struct Console {
    streams: Mutex<Streams>,
    verbosity: Verbosity,
    reader: Audience,
    line_style: LineStyle,
}

struct Streams {
    error: Box<dyn Write + Send>,
    output: Box<dyn Write + Send>,
    /// Whether standard output still has a reader, as far as is known.
    output_is_open: bool,
    output_failure: Option<io::Error>,
    /// Number of lines of the drawn bar.
    bar_lines: usize,
}

/// How lines for people look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineStyle {
    /// In a log among the lines of other programs: with the program's name.
    Logged,
    /// On a terminal.
    Terminal(Colour),
}

const PREFIX: &str = "peerbridge: ";
const ERASE_LINE: &str = "\r\x1b[K";
const ERASE_LINE_ABOVE: &str = "\x1b[A\x1b[K";

impl Console {
    pub(crate) fn new(
        error: Box<dyn Write + Send>,
        output: Box<dyn Write + Send>,
        verbosity: Verbosity,
        reader: Audience,
        line_style: LineStyle,
    ) -> Console {
        Console {
            streams: Mutex::new(Streams {
                error,
                output,
                output_is_open: true,
                output_failure: None,
                bar_lines: 0,
            }),
            verbosity,
            reader,
            line_style,
        }
    }

    /// Whether only errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Prints a line, unless only errors are wanted.
    pub(crate) fn say(&self, text: &str) {
        self.line(Verbosity::Normal, text);
    }

    /// Prints a line even with `--quiet`.
    pub(crate) fn insist(&self, text: &str) {
        self.line(Verbosity::Quiet, text);
    }

    /// A warning, for people and for programs.
    pub(crate) fn warn(&self, message: &str) {
        self.say(&format!("warning: {message}"));
        self.event(|| Object::event("warning").text("message", message));
    }

    /// An error and what to do about it.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.insist(&format!("error: {message}"));
        if let Some(hint) = hint {
            self.insist(&format!("hint: {hint}"));
        }
    }

    /// Draws the lines of the bar over the previous one. Skipped while another thread prints, because the next
    /// drawing comes soon.
    pub(crate) fn draw(&self, bar: &[String]) {
        if let Ok(mut streams) = self.streams.try_lock() {
            let drawn = format!("{}{}", streams.erasure(), bar.join("\n"));
            streams.bar_lines = bar.len();
            streams.write_error(&drawn);
        }
    }

    /// Removes the bar.
    pub(crate) fn erase(&self) {
        lock(&self.streams).erase();
    }

    /// Prints this program's own text unescaped to standard error: help, and questions, after which the answer is
    /// typed.
    pub(crate) fn show(&self, text: &str) {
        let mut streams = lock(&self.streams);
        streams.erase();
        streams.write_error(text);
    }

    /// Prints a result unescaped: to standard output, or to standard error if a program reads standard output.
    pub(crate) fn result(&self, text: &str) {
        match self.reader {
            Audience::Person => lock(&self.streams).write_output(text),
            Audience::Program => self.show(text),
        }
    }

    /// Prints a part of a result. Programs get it as events instead.
    pub(crate) fn lines(&self, text: &str) {
        if self.reader == Audience::Person {
            lock(&self.streams).write_output(text);
        }
    }

    /// Prints an event if a program reads standard output.
    pub(crate) fn event(&self, event: impl FnOnce() -> Object) {
        if self.reader == Audience::Program {
            let mut line = event().finish();
            line.push('\n');
            lock(&self.streams).write_output(&line);
        }
    }

    /// The failure of standard output, if there was one. Returned once.
    pub(crate) fn output_failure(&self) -> Option<io::Error> {
        lock(&self.streams).output_failure.take()
    }

    /// Prints a line if the verbosity is at least `level`.
    pub(crate) fn line(&self, level: Verbosity, text: &str) {
        if level > self.verbosity {
            return;
        }
        let mut streams = lock(&self.streams);
        streams.erase();
        let text = escaped(text.as_bytes());
        streams.write_error(&match self.line_style {
            LineStyle::Logged => format!("{PREFIX}{text}\n"),
            LineStyle::Terminal(colour) => format!("{}\n", colour.line(&text)),
        });
    }
}

impl Streams {
    fn write_error(&mut self, text: &str) {
        let _ = self.error.write_all(text.as_bytes());
        let _ = self.error.flush();
    }

    fn erase(&mut self) {
        if self.bar_lines > 0 {
            let erasure = self.erasure();
            self.bar_lines = 0;
            self.write_error(&erasure);
        }
    }

    /// The control sequence that removes the bar and leaves the cursor where the bar began.
    fn erasure(&self) -> String {
        let above = self.bar_lines.saturating_sub(1);
        format!("{ERASE_LINE}{}", ERASE_LINE_ABOVE.repeat(above))
    }

    fn write_output(&mut self, text: &str) {
        if !self.output_is_open {
            return;
        }
        self.erase();
        let written = self.output.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| self.output.flush()) {
            self.output_is_open = false;
            let is_failure = error.kind() != io::ErrorKind::BrokenPipe;
            self.output_failure = is_failure.then_some(error);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
