//! Runs the program.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const SECRET: &str = "correct horse battery";

/// Nothing here takes so long unless it hangs.
const HANG: Duration = Duration::from_secs(120);

/// The program with these words, the right secret, and nothing of the machine's own environment.
pub fn peerbridge(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerbridge"));
    command.args(words);
    clean(&mut command);
    command
}

/// Takes away what would change the program's behaviour, and gives it the secret.
pub fn clean(command: &mut Command) {
    for name in ["SECRET_FILE", "ZIP_PASSWORD", "PORT"] {
        command.env_remove(format!("PEERBRIDGE_{name}"));
    }
    command.env("PEERBRIDGE_SECRET", SECRET);
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
}

/// How a run ended.
pub struct Ran {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            exit: exit_of(output.status),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn expect(self, exit: i32) -> Ran {
        assert_eq!(self.exit, exit, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }
}

/// Runs the program to its end.
#[track_caller]
pub fn run(words: &[&str]) -> Ran {
    Ran::of(peerbridge(words).output().expect("the program starts"))
}

/// Sends with the program to somebody on this machine.
#[track_caller]
pub fn send(path: &Path, port: u16, more: &[&str]) -> Ran {
    let to = format!("127.0.0.1:{port}");
    let mut words = vec!["send", text(path), "--to", &to];
    words.extend(more);
    run(&words)
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of a test is text")
}

/// The code as a shell shows it: a signal is 128 and its number.
fn exit_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let by_signal = status.signal().map(|signal| 128 + signal);
    status.code().or(by_signal).expect("an end")
}

/// A program that listens, told so by its first event. Killed when dropped.
pub struct Listening {
    child: Child,
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<String>>,
}

impl Listening {
    /// Starts it on this machine only, with events.
    #[track_caller]
    pub fn start(words: &[&str]) -> Listening {
        let mut all = words.to_vec();
        all.extend(["--port", "0", "--bind", "127.0.0.1", "--json"]);
        Listening::of(peerbridge(&all))
    }

    /// Waits until `command` listens.
    #[track_caller]
    pub fn of(mut command: Command) -> Listening {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut err = child.stderr.take().expect("piped");
        let first = out.next().and_then(Result::ok).unwrap_or_default();
        if !first.contains("\"listening\"") {
            let mut said = String::new();
            let _ = err.read_to_string(&mut said);
            panic!("it does not listen: {first}\n{said}");
        }
        let port = number(&first, "port").expect("a port") as u16;
        let lines = Arc::new(Mutex::new(vec![first]));
        let errors = Arc::new(Mutex::new(String::new()));
        let (kept_lines, kept_errors) = (Arc::clone(&lines), Arc::clone(&errors));
        std::thread::spawn(move || {
            for line in out.map_while(Result::ok) {
                kept_lines.lock().expect("unpoisoned").push(line);
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut errors = kept_errors.lock().expect("unpoisoned");
                errors.push_str(&line);
                errors.push('\n');
            }
        });
        Listening {
            child,
            port,
            lines,
            errors,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The events of this name so far.
    pub fn events(&self, name: &str) -> Vec<String> {
        let begin = format!("{{\"event\":\"{name}\"");
        let lines = self.lines.lock().expect("unpoisoned");
        let of_name = lines.iter().filter(|line| line.starts_with(&begin));
        of_name.cloned().collect()
    }

    /// Waits for so many events of this name.
    #[track_caller]
    pub fn wait_for(&self, name: &str, count: usize) -> Vec<String> {
        until(&format!("{count} events {name}"), || {
            let events = self.events(name);
            (events.len() >= count).then_some(events)
        })
    }

    pub fn said(&self) -> String {
        self.errors.lock().expect("unpoisoned").clone()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(self) -> i32 {
        self.ended_with().0
    }

    /// Waits for its end; beside the code, all that it told on standard output.
    #[track_caller]
    pub fn ended_with(mut self) -> (i32, String) {
        let status = until("the end", || self.child.try_wait().expect("a child"));
        until("the end of what it told", || {
            (Arc::strong_count(&self.lines) == 1).then_some(())
        });
        let lines = self.lines.lock().expect("unpoisoned");
        let told = lines.iter().map(|line| format!("{line}\n"));
        (exit_of(status), told.collect())
    }

    pub fn threads(&self) -> usize {
        count(&format!("/proc/{}/task", self.pid()))
    }

    pub fn descriptors(&self) -> usize {
        count(&format!("/proc/{}/fd", self.pid()))
    }

    /// A line of /proc/PID/status, in KiB.
    pub fn kibibytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a live process");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let words = line.expect("a known line").trim_start_matches(':');
        let number = words.split_whitespace().next().expect("a number");
        number.parse().expect("a number")
    }

    /// Processor time so far, in hundredths of a second.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("alive");
        let after = stat.rsplit(')').next().expect("a name in brackets");
        let fields: Vec<_> = after.split_whitespace().collect();
        let field = |at: usize| fields[at].parse::<u64>().expect("a number");
        field(11) + field(12)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// A number in an event.
pub fn number(line: &str, key: &str) -> Option<u64> {
    let after = line.split(&format!("\"{key}\":")).nth(1)?;
    let end = after.find(|c: char| !c.is_ascii_digit())?;
    after[..end].parse().ok()
}

/// Asks again until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < HANG, "{what} never comes");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A tree of a few files whose contents depend on `seed`.
pub fn tree(folder: &Path, name: &str, seed: u32) -> PathBuf {
    let top = folder.join(name);
    fs::create_dir_all(top.join("deep/er")).expect("folders");
    for (file, length) in [("one", 10_000), ("deep/two", 300_000), ("deep/er/none", 0)] {
        let mut state = seed | 1;
        let bytes = (0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        fs::write(top.join(file), bytes.collect::<Vec<u8>>()).expect("a file");
    }
    top
}

/// Fails unless both trees have the same files with the same contents.
#[track_caller]
pub fn assert_same(one: &Path, other: &Path) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    list(one, one, &mut ours);
    list(other, other, &mut theirs);
    assert!(
        ours == theirs,
        "{} is not {}",
        other.display(),
        one.display()
    );
}

fn list(top: &Path, folder: &Path, found: &mut Vec<(PathBuf, Option<Vec<u8>>)>) {
    let mut items: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|item| item.expect("an item").path())
        .collect();
    items.sort();
    for item in items {
        let name = item.strip_prefix(top).expect("below the top").to_owned();
        if item.is_dir() {
            found.push((name, None));
            list(top, &item, found);
        } else {
            found.push((name, Some(fs::read(&item).expect("a file"))));
        }
    }
}

/// A file that only its owner can read.
pub fn private_file(path: &Path, contents: &str) {
    set_mode(path, contents, 0o600);
}

/// A file with a mode.
pub fn set_mode(path: &Path, contents: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, contents).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Whether a tool is there; fails where the tools are promised, as in CI.
pub fn has_tool(name: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    let required = std::env::var_os("PEERBRIDGE_REQUIRE_TOOLS").is_some();
    assert!(found || !required, "{name} is not installed");
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}
