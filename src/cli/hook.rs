//! The hook: a program that runs after each received transfer.

use crate::cli::error::CliError;
use crate::cli::{environment, platform};
use crate::crypto::random_bytes;
use crate::session::Summary;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Shortest and longest pause between two checks whether the program has ended: short at first, for quick
/// programs.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// The program of `--on-receive`.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) program: PathBuf,
    /// How long each run may take. A run that takes longer is killed, if possible with all processes that it
    /// started.
    pub(crate) time_limit: Option<Duration>,
}

impl Hook {
    /// Runs it for one transfer, and waits for its end. It reads the delivered paths from its standard input. Its
    /// output goes to standard error, because standard output is for results. The secrets are not in its
    /// environment.
    ///
    /// # Errors
    /// [`CliError::Hook`]. The files stay delivered.
    pub(crate) fn run(
        &self,
        peer: SocketAddr,
        name: Option<&str>,
        summary: &Summary,
    ) -> Result<(), CliError> {
        let ended = PathsFile::create(&summary.delivered).and_then(|paths| {
            let mut command = self.command(peer, name, summary);
            command
                .env("PEERBRIDGE_PATHS_FILE", &paths.path)
                .stdin(File::open(&paths.path)?);
            self.wait(command.spawn()?)
        });
        let why = match ended {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => status.to_string(),
            Ok(None) => format!(
                "it was stopped after {} seconds (--hook-timeout)",
                self.time_limit.unwrap_or_default().as_secs()
            ),
            Err(error) => error.to_string(),
        };
        Err(CliError::Hook {
            program: self.program.clone(),
            why,
        })
    }

    fn command(&self, peer: SocketAddr, name: Option<&str>, summary: &Summary) -> Command {
        let mut command = Command::new(&self.program);
        environment::hide_secrets(&mut command);
        command
            .env_remove("PEERBRIDGE_PATH")
            .env("PEERBRIDGE_FILES", summary.files.to_string())
            .env("PEERBRIDGE_BYTES", summary.bytes.to_string())
            .env("PEERBRIDGE_PEER", peer.ip().to_canonical().to_string())
            .env("PEERBRIDGE_NAME", name.unwrap_or(""))
            .stdout(io::stderr());
        if let Some(path) = only_plain_path(&summary.delivered) {
            command.env("PEERBRIDGE_PATH", path);
        }
        if self.time_limit.is_some() {
            platform::in_group_of_its_own(&mut command);
        }
        command
    }

    /// Its exit status; `None` if it took too long and was killed.
    fn wait(&self, mut child: Child) -> io::Result<Option<ExitStatus>> {
        let Some(limit) = self.time_limit else {
            return child.wait().map(Some);
        };
        let begun = Instant::now();
        let (mut pause, longest) = PAUSES;
        while begun.elapsed() < limit {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(pause.min(limit.saturating_sub(begun.elapsed())));
            pause = (pause * 2).min(longest);
        }
        platform::kill_group(&mut child);
        child.wait()?;
        Ok(None)
    }
}

/// The delivered path, if there is exactly one and a script cannot misread it in a variable.
fn only_plain_path(delivered: &[PathBuf]) -> Option<&OsStr> {
    match delivered {
        [only] => Some(only.as_os_str())
            .filter(|path| !path.as_encoded_bytes().iter().any(u8::is_ascii_control)),
        _ => None,
    }
}

/// A file that only this user can read, with all paths and a NUL after each, since no name can contain that byte.
/// It is removed when this is dropped.
struct PathsFile {
    path: PathBuf,
}

impl PathsFile {
    fn create(paths: &[PathBuf]) -> io::Result<PathsFile> {
        let number = random_bytes::<8>().map_err(io::Error::other)?;
        let name = format!("peerbridge-paths-{:016x}", u64::from_be_bytes(number));
        let path = std::env::temp_dir().join(name);
        let file = platform::create_private_file(&path)?;
        let created = PathsFile { path };
        let mut writer = io::BufWriter::new(file);
        for path in paths {
            writer.write_all(bytes_of(path))?;
            writer.write_all(&[0])?;
        }
        writer.flush()?;
        Ok(created)
    }
}

impl Drop for PathsFile {
    fn drop(&mut self) {
        // Fails only if the program has removed it already.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_path_stands_in_a_variable() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert!(only_plain_path(&paths(&["/in/a b"])).is_some());
        for others in [&[][..], &["/in/a", "/in/b"], &["/in/x\nprivate"]] {
            assert_eq!(only_plain_path(&paths(others)), None, "{others:?}");
        }
    }

    #[test]
    fn paths_stand_behind_each_other_in_a_private_file_that_goes() {
        let paths = PathsFile::create(&["/in/a\nb".into(), "/in/c".into()]).unwrap();
        let path = paths.path.clone();
        assert_eq!(std::fs::read(&path).unwrap(), b"/in/a\nb\0/in/c\0");
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        drop(paths);
        assert!(!path.exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_exit_15() {
        let hook = Hook {
            program: "/no/such/program".into(),
            time_limit: None,
        };
        let peer = SocketAddr::from(([192, 0, 2, 7], 1));
        let error = hook.run(peer, None, &Summary::default());
        assert_eq!(error.unwrap_err().exit_code(), 15);
    }
}
