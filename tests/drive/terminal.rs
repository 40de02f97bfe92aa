//! A person at a terminal: a pseudo-terminal, its screen, and the keys pressed.

use crate::harness::{Capture, LIMIT, Run, until};
use pty_process::blocking::{Command, Pts, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::Arc;

pub const CTRL_C: u8 = 0x03;
pub const CTRL_D: u8 = 0x04;
pub const CTRL_Z: u8 = 0x1a;

/// A terminal with a program on it.
pub struct Terminal {
    line: Arc<Pty>,
    /// Keeps the terminal and its settings alive after the program has ended.
    other_end: Option<Pts>,
    screen: Capture,
    child: Child,
    /// How much of the screen was already read, in bytes.
    read: usize,
}

/// The reading half.
struct Reader(Arc<Pty>);

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Terminal {
    pub fn start(run: Run) -> Terminal {
        let (line, other_end) = open().expect("a pseudo-terminal");
        let mut command = Command::from(run.env("TERM", "xterm").command());
        let child = command.spawn_borrowed(&other_end);
        let line = Arc::new(line);
        Terminal {
            screen: Capture::of(Reader(Arc::clone(&line))),
            line,
            other_end: Some(other_end),
            child: child.expect("the program starts"),
            read: 0,
        }
    }

    /// Waits until `text` appears, after everything that earlier calls have found.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        let begin = self.read;
        let found = self.screen.wait(LIMIT, |all| {
            let position = all.get(begin..)?.find(text)?;
            Some(begin + position + text.len())
        });
        match found {
            Some(end) => self.read = end,
            None => panic!("{text:?} does not show: {}", self.everything()),
        }
    }

    /// Waits for a question and answers it.
    #[track_caller]
    pub fn answers(&mut self, question: &str, answer: &str) {
        self.shows(question);
        self.types(answer);
    }

    /// Types a line.
    pub fn types(&self, text: &str) {
        (&*self.line)
            .write_all(format!("{text}\n").as_bytes())
            .expect("a terminal");
    }

    /// Makes the terminal this wide.
    pub fn becomes_wide(&self, columns: u16) {
        let size = pty_process::Size::new(24, columns);
        self.line.resize(size).expect("a terminal");
    }

    pub fn presses(&self, key: u8) {
        (&*self.line).write_all(&[key]).expect("a terminal");
    }

    /// Presses one key after the other.
    pub fn presses_all(&self, keys: &str) {
        (&*self.line)
            .write_all(keys.as_bytes())
            .expect("a terminal");
    }

    /// Waits until the terminal's echo is on or off, as `expected`.
    #[track_caller]
    pub fn echo_becomes(&self, expected: bool) {
        until(&format!("an echo that is {expected}"), || {
            (self.echoes() == expected).then_some(())
        });
    }

    /// Whether the terminal echoes, and passes input on line by line.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&*self.line).expect("a terminal").local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// The port on which the program says it listens.
    #[track_caller]
    pub fn port(&mut self) -> u16 {
        self.shows("listening on ");
        let begin = self.read;
        let port = self.screen.wait(LIMIT, |all| {
            let (line, _) = all.get(begin..)?.split_once('\n')?;
            line.trim_end().rsplit_once(':')?.1.parse().ok()
        });
        port.expect("a port")
    }

    /// Waits for the end, then checks that the terminal is in its original state.
    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
        let status = until("the end", || self.child.try_wait().expect("a program"));
        assert!(self.echoes(), "the echo stays off: {}", self.everything());
        status
    }

    #[track_caller]
    pub fn exits(&mut self, code: i32) {
        let status = self.ends();
        assert_eq!(status.code(), Some(code), "{}", self.everything());
    }

    #[track_caller]
    pub fn is_interrupted(&mut self) {
        let status = self.ends();
        let by_signal = status.signal() == Some(2) || status.code() == Some(130);
        assert!(by_signal, "{status}: {}", self.everything());
    }

    /// Ends the program by a signal that it cannot handle, and waits until the terminal is in its original
    /// state.
    #[track_caller]
    pub fn is_killed(&mut self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("a process");
        let status = self.child.wait().expect("a program");
        let by_signal = status.signal() == Some(signal.as_raw());
        assert!(by_signal, "{status}: {}", self.everything());
        self.echo_becomes(true);
    }

    pub fn everything(&self) -> String {
        self.screen.text()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Now no process has the other end open, so reading ends.
        self.other_end = None;
        if std::thread::panicking() {
            eprintln!("-- on the terminal:\n{}\n--", self.everything());
        }
    }
}
