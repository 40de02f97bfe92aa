//! Edits a line at the terminal.

#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

use crate::cli::input::editor::{Completer, EditStep, Editor};
use crate::cli::output::console::Console;
use crate::cli::output::width;
use crate::cli::platform;
use std::io;
#[cfg(unix)]
use unix::RawMode;
#[cfg(not(unix))]
use windows::RawConsole as RawMode;

/// Columns that a line needs after its question. With fewer, it gets a row of its own.
const ROOM: usize = 12;

/// Columns if the terminal does not report them.
const USUAL_COLUMNS: usize = 80;

/// Whether a question can be taken back before a key is pressed. On Windows, reading the console blocks until one
/// is.
pub(crate) const CAN_TAKE_BACK: bool = cfg!(unix);

/// Asks for one line that can be edited. `None` at the end of input, and when the answer is no longer wanted:
/// `is_wanted` is checked ten times a second, on Windows before each key.
///
/// # Errors
/// The terminal fails.
pub(crate) fn edit(
    console: &Console,
    question: &str,
    complete: Completer<'_>,
    is_wanted: &dyn Fn() -> bool,
) -> io::Result<Option<String>> {
    let last_row = question.rfind('\n').map_or(0, |at| at + 1);
    let (above, mut prompt) = question.split_at(last_row);
    let mut mode = RawMode::begin()?;
    console.show(above);
    if width::of_text(prompt) + ROOM > columns() {
        console.show(&format!("{prompt}\n"));
        prompt = "> ";
    }
    let mut editor = Editor::default();
    draw(console, prompt, &editor);
    loop {
        let Some(byte) = mode.key(is_wanted)? else {
            console.show(if is_wanted() { "\n" } else { "\r\x1b[K" });
            return Ok(None);
        };
        match editor.take(byte, complete) {
            EditStep::Redraw => draw(console, prompt, &editor),
            EditStep::Show(candidates) => {
                console.show(&format!("\n{}\n", candidates.join("  ")));
                draw(console, prompt, &editor);
            }
            EditStep::Entered => {
                console.show("\n");
                return Ok(Some(editor.text()));
            }
            EditStep::Ended => {
                console.show("\n");
                return Ok(None);
            }
            EditStep::Interrupted => {
                console.show("\n");
                mode.interrupt()?;
            }
            EditStep::Suspended => {
                mode.suspend()?;
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
