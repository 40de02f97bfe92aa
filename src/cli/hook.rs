//! The program that runs after each transfer to here.

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

/// Pauses between two looks at whether the program has ended: short at first, for quick programs.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// The program of `--on-receive`.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) program: PathBuf,
    /// How long each run may take; one that takes longer is killed, with all that it started where the system can
    /// do that.
    pub(crate) time_limit: Option<Duration>,
}

impl Hook {
    /// Runs it for one transfer, and waits for its end. It reads the paths that were delivered from its
    /// standard input; what it prints goes to standard error, because standard output belongs to results.
    /// The secrets are not in its environment.
    ///
    /// # Errors
    /// [`CliError::Hook`]; the files are there all the same.
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

    /// How it ended; `None` when it took too long and was killed.
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

/// The one path that was delivered, where a variable can hold it so that no script misreads it.
fn only_plain_path(delivered: &[PathBuf]) -> Option<&OsStr> {
    match delivered {
        [only] => Some(only.as_os_str())
            .filter(|path| !path.as_encoded_bytes().iter().any(u8::is_ascii_control)),
        _ => None,
    }
}

/// A file that only this user can read, with each path behind the other and a NUL behind each: no name
/// can hold that byte. It is removed when dropped.
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
        // It can only have been removed already, by the program.
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
