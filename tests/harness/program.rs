//! A test as a shell session: programs are started, waited for, and inspected.
//!
//! Each test has its own folder and its own home. A program that does not end in time is killed, and the test
//! fails. The output of the programs is printed whenever a test fails.

use super::trees::{assert_same, noise, set_mode};
use super::{Ended, LIMIT, Running, is_root};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The secret of both sides, unless a test gives another one: unlikely to occur anywhere else.
pub const SECRET: &str = "orbit-velvet-Zq7-candle";

/// Makes a side listen on loopback only, on a port that the system chooses.
pub const LISTEN: [&str; 4] = ["--bind", "127.0.0.1", "--port", "0"];

/// The user for programs that must not run as root.
const NOBODY: u32 = 65534;

/// The test's own folder, with a home in it.
pub struct Scene {
    folder: tempfile::TempDir,
}

impl Default for Scene {
    fn default() -> Scene {
        let folder = tempfile::Builder::new()
            .prefix("peerbridge-test-")
            .tempdir()
            .expect("a temporary folder");
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Scene { folder }
    }
}

impl Scene {
    /// A new folder.
    pub fn new() -> Scene {
        Scene::default()
    }

    /// The path of an entry in the folder.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().join(name.as_ref())
    }

    /// Creates a file, and the folders above it.
    pub fn file(&self, name: impl AsRef<OsStr>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, contents).expect("a file");
        path
    }

    /// A file that only its owner can read.
    pub fn private_file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.file(name, contents);
        set_mode(&path, 0o600);
        path
    }

    /// Creates a folder, and the folders above it.
    pub fn folder(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// Makes a named pipe.
    pub fn pipe(&self, name: &str) {
        use rustix::fs::{CWD, Mode, mkfifoat};
        mkfifoat(CWD, self.path(name), Mode::RUSR | Mode::WUSR).expect("a pipe");
    }

    /// Makes a tree of three files and 310,000 bytes that depend on `seed`.
    pub fn tree(&self, name: &str, seed: u64) -> PathBuf {
        let top = self.path(name);
        for (file, length) in [("one", 10_000), ("deep/two", 300_000), ("deep/er/none", 0)] {
            self.file(top.join(file), noise(seed, length));
        }
        top
    }

    /// Fails unless both are the same in everything that a transfer carries.
    #[track_caller]
    pub fn assert_same(&self, one: &str, other: &str) {
        assert_same(&self.path(one), &self.path(other));
    }

    /// Takes `source` through an archive, `all.zip`, into the folder `into`.
    #[track_caller]
    pub fn zips_and_unzips(&self, source: &str, into: &str) {
        for line in [
            format!("zip all.zip {source}"),
            format!("unzip all.zip {into}"),
        ] {
            let run = self
                .run(&line)
                .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit");
            run.exits(0);
        }
    }

    /// `peerbridge` with these arguments, to be started in this folder.
    pub fn run(&self, line: &str) -> Run {
        Run::new(self.folder.path(), line)
    }

    /// Another program, to be started in this folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Run {
        Run::of(program, self.folder.path())
    }

    /// Starts `peerbridge` with these arguments as a listener with JSON events.
    #[track_caller]
    pub fn listens(&self, line: &str) -> Running {
        self.run(line).listens()
    }

    /// Sends to a listener of this machine; `what` is the path and further arguments of `send`. Returns how it
    /// ended.
    #[track_caller]
    pub fn sends(&self, what: &str, port: u16) -> Ended {
        self.run(&format!("send {what} --to @")).to(port).ends()
    }

    /// Runs both to their ends. Starts the listener first.
    pub fn both(&self, listener: &str, dialler: &str) -> (Ended, Ended) {
        meet(self.run(listener), self.run(dialler))
    }

    /// The names in the folder `name`, sorted; empty if there is no such folder.
    pub fn names_in(&self, name: impl AsRef<OsStr>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

/// Starts the listener, then the dialler, and waits for both. The result has the listener's end first.
pub fn meet(listener: Run, dialler: Run) -> (Ended, Ended) {
    let listener = listener.start();
    let dialler = dialler.to(listener.port()).start();
    let dialled = dialler.ends();
    (listener.ends(), dialled)
}

/// A program to be started.
pub struct Run {
    /// The program and its arguments.
    words: Vec<OsString>,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    user: Option<u32>,
    input: Stdio,
    output: Option<Stdio>,
    limit: Duration,
}

impl Run {
    /// `peerbridge` with these arguments, to be started in `folder`.
    pub fn new(folder: &Path, line: &str) -> Run {
        Run::of(env!("CARGO_BIN_EXE_peerbridge"), folder).args(line.split_whitespace())
    }

    /// Any program. Of the machine's environment it gets only the search path.
    pub fn of(program: impl AsRef<OsStr>, folder: &Path) -> Run {
        Run {
            words: vec![program.as_ref().to_owned()],
            folder: folder.to_owned(),
            environment: vec![
                ("PATH", std::env::var_os("PATH").unwrap_or_default()),
                ("HOME", folder.join("home").into()),
                ("TMPDIR", folder.join("tmp").into()),
                ("LC_ALL", "C".into()),
                ("PEERBRIDGE_SECRET", SECRET.into()),
                // Tests send nothing to other machines.
                ("PEERBRIDGE_DISCOVERY", "off".into()),
                ("PEERBRIDGE_DISCOVERY", "off".into()),
            ],
            user: None,
            input: Stdio::null(),
            output: None,
            limit: LIMIT,
        }
    }

    /// Adds one argument, unchanged.
    pub fn arg(self, word: impl AsRef<OsStr>) -> Run {
        self.args([word])
    }

    /// Adds arguments, unchanged.
    pub fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.words.extend(words);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Run {
        self = self.without(name);
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// Removes a variable from its environment.
    pub fn without(mut self, name: &str) -> Run {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// Uses another secret than [`SECRET`].
    pub fn secret(self, secret: &str) -> Run {
        self.env("PEERBRIDGE_SECRET", secret)
    }

    /// Starts it in another folder.
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Run {
        self.folder = folder.as_ref().to_owned();
        self
    }

    /// Runs it through another program, whose arguments come first.
    pub fn under(mut self, wrapper: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned());
        self.words.splice(0..0, wrapper);
        self
    }

    /// Runs `script` in a shell, which then becomes the program.
    pub fn after(self, script: &str) -> Run {
        self.under(["/bin/sh", "-c", &format!("{script} && exec \"$0\" \"$@\"")])
    }

    /// Allows its user at most this many threads.
    pub fn threads(self, most: u32) -> Run {
        // The option's letter differs between shells.
        self.after(&format!(
            "{{ ulimit -p {most} || ulimit -u {most}; }} 2>/dev/null"
        ))
    }

    /// Runs it as a user without special rights, even if the tests run as root. That user must be allowed to
    /// write wherever the program writes.
    pub fn without_rights(mut self) -> Run {
        self.user = is_root().then_some(NOBODY);
        self
    }

    /// Gives it this standard input instead of none.
    pub fn input(mut self, input: impl Into<Stdio>) -> Run {
        self.input = input.into();
        self
    }

    /// Gives it this standard output instead of one that is captured.
    pub fn output(mut self, output: impl Into<Stdio>) -> Run {
        self.output = Some(output.into());
        self
    }

    /// Sets another limit for each wait.
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Inserts the port of the other side into the arguments: `@` becomes 127.0.0.1 with the port, `HOST:@`
    /// another host with the port, `%` the port alone.
    pub fn to(mut self, port: u16) -> Run {
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
        words.join(" ")
    }

    /// The command with everything except its streams.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(&self.folder);
        command.env_clear();
        // A test of colours removes this variable.
        command.env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Starts it.
    #[track_caller]
    pub fn start(self) -> Running {
        let is_json = self.output.is_none() && self.words.iter().any(|word| word == "--json");
        let (shown, mut command) = (self.shown(), self.command());
        command.stdin(self.input).stderr(Stdio::piped());
        command.stdout(self.output.unwrap_or_else(Stdio::piped));
        Running::spawn(command, shown, is_json, self.limit)
    }

    /// Starts it as a listener with JSON events, and waits until it listens.
    #[track_caller]
    pub fn listens(self) -> Running {
        let running = self.args(LISTEN).arg("--json").start();
        running.port();
        running
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub fn ends(self) -> Ended {
        self.start().ends()
    }

    /// Starts it and waits for its end with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        self.ends().exits(code)
    }
}
