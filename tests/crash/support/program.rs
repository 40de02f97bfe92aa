//! Both sides of a transfer as processes.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine: only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(180);

/// A command line of the program under test, with the secret in its environment.
pub struct Program {
    command: Command,
}

impl Program {
    pub fn new<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Program {
        Program::under::<&str>(&[], words)
    }

    /// The same, run by another program: `wrapper` and its own words come first.
    pub fn under<W: AsRef<OsStr>>(
        wrapper: &[W],
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Program {
        let mut line: Vec<OsString> = wrapper.iter().map(|word| word.as_ref().into()).collect();
        line.push(env!("CARGO_BIN_EXE_peerbridge").into());
        line.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PEERBRIDGE_SECRET", "only for this test")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Program { command }
    }

    /// `receive INTO` with `--json`, without questions, at an address of `bind`.
    pub fn receive(into: &Path, rest: &[&str]) -> Program {
        Program::new(receive_words(into, rest))
    }

    /// `send FROM` with `--json`.
    pub fn send(from: &Path, rest: &[&str]) -> Program {
        let mut words: Vec<OsString> = vec!["send".into(), from.into(), "--json".into()];
        words.extend(rest.iter().map(OsString::from));
        Program::new(words)
    }

    /// The same with this as standard input.
    pub fn input(mut self, input: impl Into<Stdio>) -> Program {
        self.command.stdin(input);
        self
    }

    /// The same with this as standard output, which is not looked at.
    pub fn output(mut self, output: impl Into<Stdio>) -> Program {
        self.command.stdout(output);
        self
    }

    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the program starts");
        let out: Box<dyn BufRead + Send> = match child.stdout.take() {
            Some(out) => Box::new(BufReader::new(out)),
            None => Box::new(std::io::empty()),
        };
        let mut err = child.stderr.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        let out = std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Running {
            child,
            lines,
            out: Some(out),
            err: Some(err),
            seen: String::new(),
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().wait()
    }
}

/// The words of a receiver that listens on loopback, and says where.
pub fn receive_words(into: &Path, rest: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["receive".into(), into.into()];
    words.extend(["--json", "--yes"].map(OsString::from));
    words.extend(rest.iter().map(OsString::from));
    words
}

/// What makes a side listen where no other test can come.
pub const LISTEN: [&str; 4] = ["--bind", "127.0.0.1", "--port", "0"];

/// A process under way. Killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    out: Option<JoinHandle<()>>,
    err: Option<JoinHandle<String>>,
    seen: String,
}

impl Running {
    /// The port it listens on, once it says so.
    pub fn port(&mut self) -> u16 {
        let line = self.event("listening");
        number(&line, "port").expect("a port") as u16
    }

    /// Waits for the next event of this name.
    pub fn event(&mut self, name: &str) -> String {
        let begin = format!("{{\"event\":\"{name}\"");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let err = self.err.take().filter(|err| err.is_finished());
                let err = err.map(|err| err.join().expect("no panic"));
                panic!("no {name} came; {}{err:?}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.starts_with(&begin) {
                return line;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Whether it ends within `time`.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.is_over() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// SIGKILL; tells whether it was still there to be killed.
    pub fn kill(&mut self) -> bool {
        let was_there = !self.is_over();
        let _ = self.child.kill();
        was_there
    }

    /// Sends another signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    }

    pub fn wait(mut self) -> Finished {
        let is_over = self.ends_within(PATIENCE);
        if !is_over {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("a child");
        self.out.take().map(JoinHandle::join);
        let mut out = std::mem::take(&mut self.seen);
        for line in self.lines.try_iter() {
            out.push_str(&line);
            out.push('\n');
        }
        let err = self.err.take().map(JoinHandle::join);
        let err = err.and_then(Result::ok).unwrap_or_default();
        assert!(is_over, "it hangs: {out}{err}");
        Finished { status, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Finished {
    /// The exit code; `None` after a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// A field of the `done` event.
    pub fn done(&self, field: &str) -> u64 {
        let done = self.out.lines().rfind(|line| line.contains("\"done\""));
        let value = done.and_then(|line| number(line, field));
        value.unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    /// That it ended with `code`, with nothing a user must not see.
    #[track_caller]
    pub fn expect(self, code: i32) -> Finished {
        assert_eq!(self.code(), Some(code), "{self:?}");
        self.expect_clean()
    }

    /// That it ended by itself with a documented code, and without a panic.
    #[track_caller]
    pub fn expect_clean(self) -> Finished {
        let is_documented = self.code().is_some_and(|code| matches!(code, 0 | 2..=15));
        assert!(is_documented, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        assert_eq!(
            self.out.matches("{\"event\":\"done\"").count(),
            1,
            "{self:?}"
        );
        self
    }
}

/// A whole number in a line of JSON.
pub fn number(line: &str, field: &str) -> Option<u64> {
    let after = line.split_once(&format!("\"{field}\":"))?.1;
    let end = after.find(|c: char| !c.is_ascii_digit())?;
    after[..end].parse().ok()
}

/// A whole transfer: the receiver listens, the sender dials it. How both ended.
pub fn transfer(from: &Path, send: &[&str], into: &Path, receive: &[&str]) -> (Finished, Finished) {
    let mut receiver = Program::receive(into, &[&LISTEN, receive].concat()).start();
    let to = format!("127.0.0.1:{}", receiver.port());
    let sender = Program::send(from, &[&["--to", &to], send].concat()).start();
    (sender.wait(), receiver.wait())
}
