//! The console while a line is edited: it reports each key and echoes nothing.

use std::io::{self, Read};
use winapi_util::HandleRef;
use winapi_util::console::{mode, set_mode};

/// How the console handles keys itself. Source: Microsoft, "SetConsoleMode".
const ENABLE_PROCESSED_INPUT: u32 = 0x1;
const ENABLE_LINE_INPUT: u32 = 0x2;
const ENABLE_ECHO_INPUT: u32 = 0x4;
/// Arrows and similar keys come as sequences.
const ENABLE_VIRTUAL_TERMINAL_INPUT: u32 = 0x200;

/// The status of a process that Ctrl-C ended. Source: Microsoft, "NTSTATUS values".
const STATUS_CONTROL_C_EXIT: u32 = 0xC000_013A;

/// The console reports each key. When this is dropped, the console is restored.
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
        // Consoles before Windows 10 have no sequences, so there arrows do nothing.
        set_mode(HandleRef::stdin(), raw | ENABLE_VIRTUAL_TERMINAL_INPUT)
            .or_else(|_| set_mode(HandleRef::stdin(), raw))?;
        Ok(RawConsole { before })
    }

    /// The next byte; `None` at the end of input, which is Ctrl-Z, or when it is no longer wanted.
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

    /// Does nothing: Windows does not suspend processes.
    pub(super) fn suspend(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RawConsole {
    fn drop(&mut self) {
        // Fails only if the console is gone.
        let _ = set_mode(HandleRef::stdin(), self.before);
    }
}
