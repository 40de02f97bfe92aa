//! A running program: its output so far, the resources it uses, and signals to it.

use super::ended::{Ended, event, told};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Bytes that have arrived from a pipe, and whether the pipe was closed.
#[derive(Clone, Default)]
pub struct Capture(Arc<(Mutex<Captured>, Condvar)>);

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Capture {
    /// Starts to read a pipe.
    pub fn of(mut pipe: impl Read + Send + 'static) -> Capture {
        let capture = Capture::default();
        let shared = capture.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                // A pseudo-terminal whose other end was closed returns an error, which means the end.
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut captured = shared.lock();
                captured.bytes.extend(&buffer[..count]);
                captured.is_closed = count == 0;
                shared.0.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        capture
    }

    fn lock(&self) -> MutexGuard<'_, Captured> {
        self.0.0.lock().expect("not poisoned")
    }

    /// Waits until `find` finds something in the text so far, or until the pipe is closed.
    pub fn wait<T>(&self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.wait_while(limit, |captured| {
            found = find(&String::from_utf8_lossy(&captured.bytes));
            found.is_none() && !captured.is_closed
        });
        found
    }

    /// Waits until the other end is closed. Returns whether it is.
    fn closes(&self, limit: Duration) -> bool {
        self.wait_while(limit, |captured| !captured.is_closed);
        self.lock().is_closed
    }

    fn wait_while(&self, limit: Duration, is_so: impl FnMut(&mut Captured) -> bool) {
        let waited = self.0.1.wait_timeout_while(self.lock(), limit, is_so);
        drop(waited.expect("not poisoned"));
    }

    /// The text so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }
}

/// A running program, which is killed when dropped.
pub struct Running {
    shown: String,
    process: Option<Child>,
    output: Capture,
    error: Capture,
    is_json: bool,
    limit: Duration,
}

impl Running {
    /// Starts a command. `shown` is the command line for messages, `is_json` whether its output is JSON events.
    #[track_caller]
    pub fn spawn(mut command: Command, shown: String, is_json: bool, limit: Duration) -> Running {
        let mut child = command
            .spawn()
            .unwrap_or_else(|fault| panic!("{shown}: {fault}"));
        let output = match child.stdout.take() {
            Some(pipe) => Capture::of(pipe),
            None => Capture::of(std::io::empty()),
        };
        let error = Capture::of(child.stderr.take().expect("a pipe"));
        Running {
            shown,
            output,
            error,
            is_json,
            limit,
            process: Some(child),
        }
    }

    /// Waits until it listens, and returns the port.
    #[track_caller]
    pub fn port(&self) -> u16 {
        let port = match self.is_json {
            true => self.listens_or_ends(),
            false => self.error.wait(self.limit, |text| {
                let line = text.lines().find(|line| line.contains("listening on "));
                let (_, port) = line.filter(|_| text.ends_with('\n'))?.rsplit_once(':')?;
                port.parse().ok()
            }),
        };
        port.unwrap_or_else(|| panic!("it never listened: {}", self.told()))
    }

    /// Waits until it listens, and returns the port; `None` if it ends before that.
    pub fn listens_or_ends(&self) -> Option<u16> {
        let heard = self.output.wait(self.limit, |text| {
            let is_done = events_in(text, "done").next().is_some();
            let listening = events_in(text, "listening").next();
            let port = listening.and_then(|event| u16::try_from(event["port"].as_u64()?).ok());
            (port.is_some() || is_done).then_some(port)
        });
        heard.flatten()
    }

    /// Its JSON events of this name so far.
    pub fn events(&self, name: &str) -> Vec<Value> {
        events_in(&self.output.text(), name).collect()
    }

    /// Waits for this many events of this name.
    #[track_caller]
    pub fn waits_for(&self, count: usize, name: &str) -> Vec<Value> {
        let found = self.output.wait(self.limit, |text| {
            let events: Vec<Value> = events_in(text, name).collect();
            (events.len() >= count).then_some(events)
        });
        found.unwrap_or_else(|| panic!("not {count} {name}: {}", self.told()))
    }

    /// Waits for a line of standard output, counted from 0.
    #[track_caller]
    pub fn line(&self, number: usize) -> String {
        let found = self.output.wait(self.limit, |text| {
            let line = text.split_inclusive('\n').nth(number)?;
            line.strip_suffix('\n').map(str::to_owned)
        });
        found.unwrap_or_else(|| panic!("no line {number}: {}", self.told()))
    }

    /// Waits until `text` is on standard error.
    #[track_caller]
    pub fn says(&self, text: &str) {
        let found = self.error.wait(self.limit, |all| all.find(text));
        assert!(found.is_some(), "{text:?} was never said: {}", self.told());
    }

    /// Waits for a line of standard output with `mark` in which `read` finds something behind it.
    #[track_caller]
    pub fn reads<T>(&self, mark: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let found = self.output.wait(self.limit, |text| {
            read(text.split_once(mark)?.1.split_once('\n')?.0)
        });
        found.unwrap_or_else(|| panic!("no {mark:?}: {}", self.told()))
    }

    /// Its standard error so far.
    pub fn error(&self) -> String {
        self.error.text()
    }

    fn child(&self) -> &Child {
        self.process.as_ref().expect("it runs")
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).expect("a signal");
    }

    /// Kills it. Returns whether it was still running.
    pub fn kill(&mut self) -> bool {
        let is_there = !self.is_over();
        if is_there {
            self.signal(Signal::KILL);
        }
        is_there
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        let child = self.process.as_mut().expect("it runs");
        child.try_wait().expect("a child").is_some()
    }

    /// Whether it ends within `time`.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.is_over() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Waits for its end, which may be of any kind except a panic.
    #[track_caller]
    pub fn ends(mut self) -> Ended {
        let limit = self.limit;
        let in_time = self.output.closes(limit) && self.error.closes(limit);
        let in_time = in_time && self.ends_within(limit);
        assert!(in_time, "it did not end in time: {}", self.told());
        let mut child = self.process.take().expect("it runs");
        let status = child.wait().expect("an end");
        assert!(!self.error().contains("panicked"), "{}", self.told());
        Ended {
            shown: self.shown.clone(),
            is_json: self.is_json,
            output: self.output.bytes(),
            error: self.error.bytes(),
            status,
        }
    }

    fn told(&self) -> String {
        told(&self.shown, &self.output.text(), &self.error.text())
    }

    /// Its command line, as every user of this machine can see it.
    pub fn process_list_entry(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.id())).expect("a running process")
    }

    /// A value in KiB of /proc/PID/status, converted to bytes.
    pub fn memory(&self, name: &str) -> u64 {
        memory_of(self.id(), name).expect("a running process")
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        count(&format!("/proc/{}/task", self.id()))
    }

    /// How many files and connections it has open.
    pub fn descriptors(&self) -> usize {
        count(&format!("/proc/{}/fd", self.id()))
    }

    /// Processor time so far, in hundredths of a second.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        let stat = stat.expect("a running process");
        let after = stat.rsplit(')').next().expect("a name in brackets");
        let fields = after.split_whitespace().skip(11).take(2);
        fields
            .map(|field| field.parse::<u64>().expect("ticks"))
            .sum()
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

/// The events of this name in complete lines.
fn events_in<'a>(text: &'a str, name: &str) -> impl Iterator<Item = Value> + 'a {
    let begin = event(name);
    let lines = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let lines = lines.filter(move |line| line.starts_with(&begin));
    lines.map(|line| serde_json::from_str(line).expect("JSON"))
}

/// A value in KiB of /proc/PID/status, converted to bytes; `None` once the process is gone.
fn memory_of(id: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Peak resident memory of a process so far, in bytes; `None` once it is gone.
pub fn peak_memory(id: u32) -> Option<u64> {
    memory_of(id, "VmHWM")
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
