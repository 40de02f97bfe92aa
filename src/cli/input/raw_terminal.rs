//! The terminal while a line is edited: it gives out each key and shows nothing by itself.

use crate::cli::input::editor::{Completer, EditStep, Editor};
use crate::cli::output::console::Console;
use crate::cli::output::width;
use crate::cli::platform::{self, TerminalGuard};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Room that a line needs behind its question; with less it gets a row of its own.
const ROOM: usize = 12;

/// Columns where the terminal does not say.
const USUAL_COLUMNS: usize = 80;

/// A read that comes back earlier than this without a key shows a terminal that is gone.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// What became of a question.
pub(crate) enum Edited {
    /// A line was entered.
    Line(String),
    /// The end of input.
    Ended,
    /// An answer is not wanted any more.
    Unwanted,
}

/// Asks for one line, and lets it be edited. `is_wanted` is asked ten times a second.
///
/// # Errors
/// The terminal fails.
pub(crate) fn edit(
    console: &Console,
    question: &str,
    complete: Completer<'_>,
    is_wanted: &dyn Fn() -> bool,
) -> io::Result<Edited> {
    let last_row = question.rfind('\n').map_or(0, |at| at + 1);
    let (above, mut prompt) = question.split_at(last_row);
    let mut mode = RawMode::begin()?;
    console.prompt(above);
    if width::of_text(prompt) + ROOM > columns() {
        console.show(&format!("{prompt}\n"));
        prompt = "> ";
    }
    let mut editor = Editor::default();
    draw(console, prompt, &editor);
    loop {
        let Some(byte) = mode.key(is_wanted)? else {
            if is_wanted() {
                console.show("\n");
                return Ok(Edited::Ended);
            }
            console.show("\r\x1b[K");
            return Ok(Edited::Unwanted);
        };
        match editor.take(byte, complete) {
            EditStep::Redraw => draw(console, prompt, &editor),
            EditStep::Show(candidates) => {
                console.show(&format!("\n{}\n", candidates.join("  ")));
                draw(console, prompt, &editor);
            }
            EditStep::Entered => {
                console.show("\n");
                return Ok(Edited::Line(editor.text()));
            }
            EditStep::Ended => {
                console.show("\n");
                return Ok(Edited::Ended);
            }
            EditStep::Interrupted => {
                console.show("\n");
                mode.raise(Signal::INT)?;
            }
            EditStep::Suspended => {
                mode.raise(Signal::TSTP)?;
                draw(console, prompt, &editor);
            }
        }
    }
}

fn draw(console: &Console, prompt: &str, editor: &Editor) {
    let begin = width::of_text(prompt);
    let room = columns().saturating_sub(begin + 1);
    let (text, cursor) = editor.view(room);
    let at = match begin + cursor {
        0 => String::new(),
        column => format!("\x1b[{column}C"),
    };
    console.show(&format!("\r{prompt}{text}\x1b[K\r{at}"));
}

fn columns() -> usize {
    platform::columns().unwrap_or(USUAL_COLUMNS)
}

/// The terminal gives out each key. Dropped, it is as before; a guard sees to that even if this process is killed.
struct RawMode {
    before: Termios,
    raw: Termios,
    _guard: Option<TerminalGuard>,
}

impl RawMode {
    fn begin() -> io::Result<RawMode> {
        let guard = platform::guard_terminal();
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        // A read waits for a tenth of a second.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 1;
        let mode = RawMode {
            before,
            raw,
            _guard: guard,
        };
        mode.set(&mode.raw)?;
        Ok(mode)
    }

    fn set(&self, modes: &Termios) -> io::Result<()> {
        // What was typed ahead stays.
        Ok(tcsetattr(io::stdin(), OptionalActions::Drain, modes)?)
    }

    /// The next byte; `None` at the end of input, or once it is not wanted.
    fn key(&mut self, is_wanted: &dyn Fn() -> bool) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            let begun = Instant::now();
            match rustix::io::read(io::stdin(), &mut byte) {
                Ok(1..) => return Ok(Some(byte[0])),
                Ok(0) if begun.elapsed() < SHORTEST_WAIT => return Ok(None),
                Ok(0) if !is_wanted() => return Ok(None),
                Ok(0) => {}
                Err(error) => match io::Error::from(error).kind() {
                    ErrorKind::Interrupted => {}
                    _ => return Err(error.into()),
                },
            }
        }
    }

    /// Does what the key does at other times, with the terminal as it was meanwhile.
    fn raise(&self, signal: Signal) -> io::Result<()> {
        self.set(&self.before)?;
        kill_process(getpid(), signal)?;
        self.set(&self.raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = self.set(&self.before);
    }
}
