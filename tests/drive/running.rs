//! A program that runs: what it has said so far, and signals to it.

use super::ended::{Ended, told};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that come in from a pipe, and whether it was closed.
pub struct Capture {
    state: Arc<(Mutex<Captured>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Capture {
    pub fn of(mut pipe: impl Read + Send + 'static) -> Capture {
        let state = Arc::new((Mutex::new(Captured::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A pseudo-terminal that was closed at its other end is an error, and the end.
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut captured = shared.0.lock().expect("not poisoned");
                captured.bytes.extend(&buffer[..count]);
                captured.is_closed = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Capture {
            state,
            thread: Some(thread),
        }
    }

    /// Waits until `find` finds something in what has come, or nothing more can come.
    pub fn wait<T>(&self, deadline: Instant, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut captured = self.state.0.lock().expect("not poisoned");
        loop {
            if let Some(found) = find(&String::from_utf8_lossy(&captured.bytes)) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if captured.is_closed || left.is_zero() {
                return None;
            }
            let waited = self.state.1.wait_timeout(captured, left);
            captured = waited.expect("not poisoned").0;
        }
    }

    /// Waits until the other end is closed; says whether it is.
    fn closes(&self, deadline: Instant) -> bool {
        self.wait(deadline, |_| None::<()>);
        self.state.0.lock().expect("not poisoned").is_closed
    }

    pub fn text(&self) -> String {
        let captured = self.state.0.lock().expect("not poisoned");
        String::from_utf8_lossy(&captured.bytes).into_owned()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.state.0.lock().expect("not poisoned").bytes.clone()
    }

    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("reading does not panic");
        }
    }
}

/// A program that runs. Dropped, it is killed.
pub struct Running {
    shown: String,
    process: Option<Child>,
    output: Capture,
    error: Capture,
    deadline: Instant,
}

impl Running {
    /// Starts a command with this standard input, and this standard output in place of one that is looked
    /// at. `shown` is how it would be typed.
    pub fn spawn(
        mut command: Command,
        shown: String,
        (input, output): (Stdio, Option<Stdio>),
        limit: Duration,
    ) -> Running {
        command.stdin(input).stderr(Stdio::piped());
        command.stdout(output.unwrap_or_else(Stdio::piped));
        let mut child = command.spawn().expect("the program starts");
        let output = match child.stdout.take() {
            Some(pipe) => Capture::of(pipe),
            None => Capture::of(std::io::empty()),
        };
        let error = Capture::of(child.stderr.take().expect("a pipe"));
        Running {
            shown,
            output,
            error,
            deadline: Instant::now() + limit,
            process: Some(child),
        }
    }

    /// The port that it listens on, once it does.
    pub fn port(&self) -> u16 {
        let port = self.error.wait(self.deadline, |text| {
            let line = text.lines().find(|line| line.contains("listening on "));
            let (_, port) = line.filter(|_| text.ends_with('\n'))?.rsplit_once(':')?;
            port.parse().ok()
        });
        port.unwrap_or_else(|| panic!("it never listened: {}", self.told()))
    }

    /// The same, from the JSON event.
    pub fn announced_port(&self) -> u16 {
        let port = self.output.wait(self.deadline, |text| {
            let line = text.lines().next().filter(|_| text.contains('\n'))?;
            let event: Value = serde_json::from_str(line).ok()?;
            u16::try_from(event["port"].as_u64()?).ok()
        });
        port.unwrap_or_else(|| panic!("it never listened: {}", self.told()))
    }

    /// Waits until `text` stands on standard error.
    pub fn says(&self, text: &str) {
        let found = self.error.wait(self.deadline, |all| all.find(text));
        assert!(found.is_some(), "{text:?} was never said: {}", self.told());
    }

    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    pub fn signal(&self, signal: Signal) {
        let child = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("a signal");
    }

    /// The words that everybody on this machine can see of it.
    pub fn process_list_entry(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.id())).expect("a running process")
    }

    /// The most memory it has had resident so far, in bytes; `None` once it is gone.
    pub fn peak_memory(id: u32) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Waits for its end, however it ends.
    pub fn ends(mut self) -> Ended {
        let in_time = self.output.closes(self.deadline) && self.error.closes(self.deadline);
        assert!(in_time, "it did not end in time: {}", self.told());
        let mut child = self.process.take().expect("it runs");
        let status = child.wait().expect("an end");
        self.output.join();
        self.error.join();
        let (output, error) = (self.output.bytes(), self.error.bytes());
        Ended::new(self.shown.clone(), status, output, error)
    }

    fn told(&self) -> String {
        told(&self.shown, &self.output.text(), &self.error.text())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.process.take() else {
            return;
        };
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            eprintln!("killed: {}", self.told());
        }
    }
}
