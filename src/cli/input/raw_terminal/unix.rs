//! The terminal while a line is edited: it reports each key and echoes nothing.

use crate::cli::platform::{self, ExitGuard};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// A read that returns earlier than this without a key means that the terminal is gone.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// The terminal reports each key. When this is dropped, the terminal is restored; a guard does that even if this
/// process is killed.
pub(super) struct RawMode {
    before: Termios,
    raw: Termios,
    _guard: Option<ExitGuard>,
}

impl RawMode {
    pub(super) fn begin() -> io::Result<RawMode> {
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
        // Keeps what was typed ahead.
        Ok(tcsetattr(io::stdin(), OptionalActions::Drain, modes)?)
    }

    /// The next byte; `None` at the end of input, or when it is no longer wanted.
    pub(super) fn key(&mut self, is_wanted: &dyn Fn() -> bool) -> io::Result<Option<u8>> {
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

    /// Does what Ctrl-C does at other times.
    pub(super) fn interrupt(&self) -> io::Result<()> {
        self.raise(Signal::INT)
    }

    /// Does what Ctrl-Z does at other times.
    pub(super) fn suspend(&self) -> io::Result<()> {
        self.raise(Signal::TSTP)
    }

    /// Restores the terminal, then raises the signal that the key raises at other times.
    fn raise(&self, signal: Signal) -> io::Result<()> {
        self.set(&self.before)?;
        kill_process(getpid(), signal)?;
        self.set(&self.raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Fails only if the terminal is gone.
        let _ = self.set(&self.before);
    }
}
