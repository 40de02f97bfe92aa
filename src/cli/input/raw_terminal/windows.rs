//! The console while a line is edited: it gives out each key and shows nothing by itself.

use std::io::{self, Read};
use winapi_util::HandleRef;
use winapi_util::console::{mode, set_mode};

/// What the console does with keys by itself. Source: Microsoft, "SetConsoleMode".
const ENABLE_PROCESSED_INPUT: u32 = 0x1;
const ENABLE_LINE_INPUT: u32 = 0x2;
const ENABLE_ECHO_INPUT: u32 = 0x4;
/// Arrows and their like come as sequences.
const ENABLE_VIRTUAL_TERMINAL_INPUT: u32 = 0x200;

/// How Windows says that Ctrl-C ended a process. Source: Microsoft, "NTSTATUS values".
const STATUS_CONTROL_C_EXIT: u32 = 0xC000_013A;

/// The console gives out each key. Dropped, it is as before.
pub(super) struct RawConsole {
    before: u32,
}

impl RawConsole {
    /// # Errors
    /// There is no console.
    pub(super) fn begin() -> io::Result<RawConsole> {
        let before = mode(HandleRef::stdin())?;
        let own = ENABLE_PROCESSED_INPUT | ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT;
        let raw = before & !own;
        // Consoles before Windows 10 have no sequences: there arrows do nothing.
        set_mode(HandleRef::stdin(), raw | ENABLE_VIRTUAL_TERMINAL_INPUT)
            .or_else(|_| set_mode(HandleRef::stdin(), raw))?;
        Ok(RawConsole { before })
    }

    /// The next byte; `None` at the end of input, which is Ctrl-Z, or once it is not wanted.
    pub(super) fn key(&mut self, is_wanted: &dyn Fn() -> bool) -> io::Result<Option<u8>> {
        let mut byte = [0];
        match is_wanted() && io::stdin().lock().read(&mut byte)? == 1 {
            true => Ok(Some(byte[0])),
            false => Ok(None),
        }
    }

    /// Ends the process, as Ctrl-C does at other times.
    pub(super) fn interrupt(&self) -> io::Result<()> {
        set_mode(HandleRef::stdin(), self.before)?;
        std::process::exit(STATUS_CONTROL_C_EXIT.cast_signed())
    }

    /// Does nothing: no process is suspended here.
    pub(super) fn suspend(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RawConsole {
    fn drop(&mut self) {
        // A console that is gone needs nothing.
        let _ = set_mode(HandleRef::stdin(), self.before);
    }
}
