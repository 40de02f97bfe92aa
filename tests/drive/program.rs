//! A test as a shell session: programs are started, waited for, and looked at.
//!
//! Everything happens in a folder of its own with a home of its own. A program that does not end in
//! time is killed and the test fails; whenever a test fails, what its programs had said is printed.

pub use super::ended::Ended;
pub use super::running::{Capture, Running};

use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
            before: None,
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
    /// What a shell does before it becomes the program.
    before: Option<String>,
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
        self.before = Some(format!("umask {mask}"));
        self
    }

    /// With so many threads at most, counting all that its user has.
    pub fn threads(mut self, most: u32) -> Run {
        // The letter differs between shells.
        let limit = format!("{{ ulimit -p {most} || ulimit -u {most}; }} 2>/dev/null");
        self.before = Some(limit);
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
        let mut command = match &self.before {
            None => Command::new(program),
            Some(before) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("{before} && exec \"$0\" \"$@\"");
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
        Running::spawn(self.command(), self.shown(), (input, output), limit)
    }

    /// Starts it and waits for its end.
    pub fn ends(self) -> Ended {
        self.start().ends()
    }
}
