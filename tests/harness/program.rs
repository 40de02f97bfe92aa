//! A test as a shell session: programs are started, waited for, and looked at.
//!
//! Everything happens in a folder of its own with a home of its own. A program that does not end in
//! time is killed and the test fails; whenever a test fails, what its programs had said is printed.

use super::trees::{assert_same, noise, set_mode};
use super::{Ended, LIMIT, Running, is_root};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What both sides know unless a test says otherwise: found nowhere else by chance.
pub const SECRET: &str = "orbit-velvet-Zq7-candle";

/// Makes a side listen where no other machine can come, on a port that the system chooses.
pub const LISTEN: [&str; 4] = ["--bind", "127.0.0.1", "--port", "0"];

/// The user that a test runs programs as when it must not be root.
const NOBODY: u32 = 65534;

/// A folder of its own, with a home in it.
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

    /// The path of something in the folder.
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

    /// A file that only its owner can read.
    pub fn private_file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.file(name, contents);
        set_mode(&path, 0o600);
        path
    }

    /// Makes a folder, and those that it is in.
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

    /// Fails unless both are the same in everything that is carried.
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

    /// `peerbridge` with these words, to be started here.
    pub fn run(&self, line: &str) -> Run {
        Run::new(self.folder.path(), line)
    }

    /// Another program, to be started here.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Run {
        Run::of(program, self.folder.path())
    }

    /// Starts `peerbridge` with these words, as one that listens and tells of it in JSON.
    #[track_caller]
    pub fn listens(&self, line: &str) -> Running {
        self.run(line).listens()
    }

    /// Sends to a listener of this machine: `what` and more words of `send`. How it ended.
    #[track_caller]
    pub fn sends(&self, what: &str, port: u16) -> Ended {
        self.run(&format!("send {what} --to @")).to(port).ends()
    }

    /// Runs both to their ends, the one that listens first.
    pub fn both(&self, listener: &str, dialler: &str) -> (Ended, Ended) {
        meet(self.run(listener), self.run(dialler))
    }

    /// Everything in the folder `name`, sorted; nothing when it is not there.
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

/// Starts the one that listens, then the one that dials it, and waits for both. The listener's end
/// comes first in the result.
pub fn meet(listener: Run, dialler: Run) -> (Ended, Ended) {
    let listener = listener.start();
    let dialler = dialler.to(listener.port()).start();
    let dialled = dialler.ends();
    (listener.ends(), dialled)
}

/// A program that is about to be started.
pub struct Run {
    /// The program and its words.
    words: Vec<OsString>,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    user: Option<u32>,
    input: Stdio,
    output: Option<Stdio>,
    limit: Duration,
}

impl Run {
    /// `peerbridge` with these words, to be started in `folder`.
    pub fn new(folder: &Path, line: &str) -> Run {
        Run::of(env!("CARGO_BIN_EXE_peerbridge"), folder).args(line.split_whitespace())
    }

    /// Any program. Nothing of the machine's environment reaches it but where programs are.
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
                // Nobody else's network hears of a test.
                ("PEERBRIDGE_DISCOVERY", "off".into()),
                ("PEERBRIDGE_DISCOVERY", "off".into()),
            ],
            user: None,
            input: Stdio::null(),
            output: None,
            limit: LIMIT,
        }
    }

    /// One more word, as it is.
    pub fn arg(self, word: impl AsRef<OsStr>) -> Run {
        self.args([word])
    }

    /// More words, as they are.
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

    /// Takes a variable out of its environment.
    pub fn without(mut self, name: &str) -> Run {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// With another secret than the one that both sides know.
    pub fn secret(self, secret: &str) -> Run {
        self.env("PEERBRIDGE_SECRET", secret)
    }

    /// Starts it in another folder.
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Run {
        self.folder = folder.as_ref().to_owned();
        self
    }

    /// Run by another program, whose words come first.
    pub fn under(mut self, wrapper: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned());
        self.words.splice(0..0, wrapper);
        self
    }

    /// A shell does `script` before it becomes the program.
    pub fn after(self, script: &str) -> Run {
        self.under(["/bin/sh", "-c", &format!("{script} && exec \"$0\" \"$@\"")])
    }

    /// With at most this many threads, counting all that its user has.
    pub fn threads(self, most: u32) -> Run {
        // The letter differs between shells.
        self.after(&format!(
            "{{ ulimit -p {most} || ulimit -u {most}; }} 2>/dev/null"
        ))
    }

    /// As somebody whom permissions keep out, also when the tests run as root. What the program writes
    /// to must be open to that user.
    pub fn without_rights(mut self) -> Run {
        self.user = is_root().then_some(NOBODY);
        self
    }

    /// With this standard input in place of none.
    pub fn input(mut self, input: impl Into<Stdio>) -> Run {
        self.input = input.into();
        self
    }

    /// With this standard output in place of one that is looked at.
    pub fn output(mut self, output: impl Into<Stdio>) -> Run {
        self.output = Some(output.into());
        self
    }

    /// With another limit for each wait.
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Puts the port of the other side where the words want it: `@` is 127.0.0.1 with it, `HOST:@` another
    /// host with it, `%` the port alone.
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

    /// The command with everything but its streams.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(&self.folder);
        command.env_clear();
        // A test that looks at colours allows them.
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

    /// Starts it as one that listens and tells of it in JSON, and waits until it does.
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
