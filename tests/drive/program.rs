//! A test as a shell session: programs are started, waited for, and looked at.
//!
//! Everything happens in a folder of its own with a home of its own. A program that does not end in
//! time is killed and the test fails; whenever a test fails, what its programs had said is printed.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What both sides know unless a test says otherwise: found nowhere else by chance.
pub const SECRET: &str = "orbit-velvet-Zq7-candle";

/// Nothing here takes a tenth of that, even on a machine that is busy with other things.
pub const LIMIT: Duration = Duration::from_secs(100);

/// The user that a test runs programs as when it must not be root.
const NOBODY: u32 = 65534;

/// A folder of its own, with a home in it.
pub struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    pub fn new() -> Scene {
        let folder = tempfile::Builder::new()
            .prefix("peerbridge-drive-")
            .tempdir()
            .expect("a temporary folder");
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Scene { folder }
    }

    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().join(name.as_ref())
    }

    /// Makes a file, and the folders that it is in.
    pub fn file(&self, name: impl AsRef<OsStr>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, contents).expect("a file");
        path
    }

    pub fn folder(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// `peerbridge` with these words, to be started here.
    pub fn run(&self, line: &str) -> Run {
        Run {
            words: line.split_whitespace().map(OsString::from).collect(),
            folder: self.folder.path().to_owned(),
            environment: vec![
                ("PATH", std::env::var_os("PATH").unwrap_or_default()),
                ("HOME", self.path("home").into()),
                ("TMPDIR", self.path("tmp").into()),
                ("LC_ALL", "C".into()),
                ("PEERBRIDGE_SECRET", SECRET.into()),
            ],
            umask: None,
            user: None,
        }
    }

    /// Runs both to their ends, the one that listens first.
    pub fn both(&self, listener: &str, dialler: &str) -> (Ended, Ended) {
        meet(self.run(listener), self.run(dialler))
    }

    /// Everything in the folder `name`, sorted; nothing when it is not there.
    pub fn names_in(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into()
            })
            .collect();
        names.sort();
        names
    }
}

/// Starts the one that listens, then the one that dials it, and waits for both. The listener's end
/// comes first in the result.
pub fn meet(listener: Run, dialler: Run) -> (Ended, Ended) {
    let listener = listener.start();
    let dialler = dialler.dials(&listener).start();
    let dialled = dialler.ends();
    (listener.ends(), dialled)
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    socket.local_addr().expect("an address").port()
}

/// Whether permissions mean nothing to this process.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program that is about to be started.
pub struct Run {
    words: Vec<OsString>,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    umask: Option<&'static str>,
    user: Option<u32>,
}

impl Run {
    /// One more word, as it is.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Run {
        self.words.push(word.as_ref().to_owned());
        self
    }

    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Run {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Run {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Run {
        self.folder = folder.as_ref().to_owned();
        self
    }

    pub fn umask(mut self, mask: &'static str) -> Run {
        self.umask = Some(mask);
        self
    }

    /// As somebody whom permissions keep out, also when the tests run as root. What the program writes
    /// to must be open to that user.
    pub fn without_rights(mut self) -> Run {
        self.user = is_root().then_some(NOBODY);
        self
    }

    /// Puts the listener's port where the words want it: `@` is 127.0.0.1 with it, `HOST:@` another host
    /// with it, `%` the port alone.
    pub fn dials(self, listener: &Running) -> Run {
        self.at(listener.port())
    }

    pub fn at(mut self, port: u16) -> Run {
        for word in &mut self.words {
            let text = word.to_string_lossy();
            if text == "@" {
                *word = format!("127.0.0.1:{port}").into();
            } else if text == "%" {
                *word = port.to_string().into();
            } else if let Some(host) = text.strip_suffix(":@") {
                *word = format!("{host}:{port}").into();
            }
        }
        self
    }

    /// The command line as it would be typed, for messages.
    pub fn shown(&self) -> String {
        let words: Vec<_> = self
            .words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        format!("peerbridge {}", words.join(" "))
    }

    /// The command with everything but its streams.
    pub fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_peerbridge");
        let mut command = match self.umask {
            None => Command::new(program),
            Some(mask) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("umask {mask} && exec \"$0\" \"$@\"");
                shell.args(["-c", &script, program]);
                shell
            }
        };
        command.args(&self.words).current_dir(&self.folder);
        command.env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    pub fn start(self) -> Running {
        self.start_with_limit(LIMIT)
    }

    /// Starts what may take longer than anything else.
    pub fn start_with_limit(self, limit: Duration) -> Running {
        self.start_piped_with_limit(Stdio::null(), None, limit)
    }

    /// Starts it with this standard input, and this standard output in place of one that is looked at.
    pub fn start_piped(self, input: Stdio, output: Option<Stdio>) -> Running {
        self.start_piped_with_limit(input, output, LIMIT)
    }

    pub fn start_piped_with_limit(
        self,
        input: Stdio,
        output: Option<Stdio>,
        limit: Duration,
    ) -> Running {
        let mut command = self.command();
        command.stdin(input).stderr(Stdio::piped());
        command.stdout(output.unwrap_or_else(Stdio::piped));
        let mut child = command.spawn().expect("the program starts");
        let output = match child.stdout.take() {
            Some(pipe) => Capture::of(pipe),
            None => Capture::of(std::io::empty()),
        };
        let error = Capture::of(child.stderr.take().expect("a pipe"));
        Running {
            shown: self.shown(),
            output,
            error,
            deadline: Instant::now() + limit,
            process: Some(child),
        }
    }

    /// Starts it and waits for its end.
    pub fn ends(self) -> Ended {
        self.start().ends()
    }
}

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
        Ended {
            shown: self.shown.clone(),
            status,
            output: self.output.bytes(),
            error: self.error.bytes(),
        }
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

fn told(shown: &str, output: &str, error: &str) -> String {
    format!("`{shown}`\n-- standard output:\n{output}\n-- standard error:\n{error}\n--")
}

/// A program that has ended, and what it said.
pub struct Ended {
    shown: String,
    status: ExitStatus,
    output: Vec<u8>,
    error: Vec<u8>,
}

impl Ended {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{}", self.told());
        self
    }

    /// Fails unless this signal ended it.
    #[track_caller]
    pub fn was_killed_by(self, signal: Signal) -> Ended {
        assert_eq!(
            self.status.signal(),
            Some(signal.as_raw()),
            "{}",
            self.told()
        );
        self
    }

    /// Fails unless this stands on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Ended {
        assert!(
            self.error().contains(text),
            "{text:?} not in {}",
            self.told()
        );
        self
    }

    #[track_caller]
    pub fn never_says(self, text: &str) -> Ended {
        assert!(!self.error().contains(text), "{text:?} in {}", self.told());
        self
    }

    /// Fails unless there is exactly one error, with what to do about it if `hint` tells a part of it.
    #[track_caller]
    pub fn complains(self, error: &str, hint: &str) -> Ended {
        let text = self.error();
        let lines = |prefix: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.map(str::to_owned).collect()
        };
        let errors = lines("peerbridge: error: ");
        let hints = lines("peerbridge: hint: ");
        assert_eq!(errors.len(), 1, "{}", self.told());
        assert!(
            errors[0].contains(error),
            "{error:?} not in {}",
            self.told()
        );
        assert!(!errors[0].ends_with('.'), "{}", self.told());
        assert_eq!(hints.is_empty(), hint.is_empty(), "{}", self.told());
        assert!(
            hints.iter().all(|line| line.contains(hint)),
            "{}",
            self.told()
        );
        self
    }

    /// What it wrote to standard output, as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.output
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.error).into_owned()
    }

    /// Everything it wrote, both streams.
    pub fn everything(&self) -> Vec<u8> {
        [self.output.as_slice(), &self.error].concat()
    }

    /// Its JSON events. Each line of standard output must be one, and exactly the last one is `done`.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self
            .output()
            .lines()
            .map(|line| {
                let event: Value = serde_json::from_str(line)
                    .unwrap_or_else(|fault| panic!("{fault}: {line}\n{}", self.told()));
                assert_eq!(event["v"], 1, "{line}");
                assert!(event["event"].is_string(), "{line}");
                event
            })
            .collect();
        let ends = events
            .iter()
            .filter(|event| event["event"] == "done")
            .count();
        assert_eq!(ends, 1, "{}", self.told());
        let last = events.last().expect("an event");
        assert_eq!(last["event"], "done", "{}", self.told());
        assert_eq!(
            last["exit"],
            self.status.code().unwrap_or(-1),
            "{}",
            self.told()
        );
        events
    }

    /// Its last event.
    #[track_caller]
    pub fn done(&self) -> Value {
        self.events().pop().expect("an event")
    }

    pub fn told(&self) -> String {
        let status = self.status;
        let told = told(&self.shown, &self.output(), &self.error());
        format!("({status}) {told}")
    }
}
