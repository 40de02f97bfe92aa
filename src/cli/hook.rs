//! The program that runs after each transfer to here.

use crate::cli::environment;
use crate::error::Error;
use crate::session::Summary;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A variable longer than this could keep the program from starting (Linux takes 128 KiB).
const LONGEST_LIST: usize = 64 * 1024;

/// The program of `--on-receive`.
#[derive(Debug)]
pub(crate) struct Hook {
    program: PathBuf,
}

impl Hook {
    pub(crate) fn new(program: PathBuf) -> Hook {
        Hook { program }
    }

    /// Runs it for one transfer, and waits for its end. It gets no input, and what it prints goes to
    /// standard error: standard output belongs to results. The secrets are not in its environment.
    ///
    /// # Errors
    /// [`Error::Hook`]; the files are there all the same.
    pub(crate) fn run(
        &self,
        destination: &Path,
        peer: SocketAddr,
        name: Option<&str>,
        summary: &Summary,
    ) -> Result<(), Error> {
        let mut command = Command::new(&self.program);
        for secret in environment::SECRETS {
            command.env_remove(secret);
        }
        let ended = command
            .env(
                "PEERBRIDGE_PATH",
                path_list(destination, &summary.delivered),
            )
            .env("PEERBRIDGE_FILES", summary.files.to_string())
            .env("PEERBRIDGE_BYTES", summary.bytes.to_string())
            .env("PEERBRIDGE_PEER", peer.ip().to_canonical().to_string())
            .env("PEERBRIDGE_NAME", name.unwrap_or(""))
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status();
        let why = match ended {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Err(Error::Hook {
            program: self.program.clone(),
            why,
        })
    }
}

/// One path a line; the folder alone where the list would be too long, or nothing new came.
fn path_list(destination: &Path, delivered: &[PathBuf]) -> OsString {
    let length: usize = delivered
        .iter()
        .map(|path| path.as_os_str().len() + 1)
        .sum();
    if delivered.is_empty() || length > LONGEST_LIST {
        let absolute = std::path::absolute(destination);
        return absolute.unwrap_or_else(|_| destination.to_owned()).into();
    }
    let mut list = OsString::with_capacity(length);
    for path in delivered {
        if !list.is_empty() {
            list.push("\n");
        }
        list.push(path);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_paths_stand_one_a_line() {
        let paths = ["/in/a".into(), "/in/b c".into()];
        assert_eq!(path_list(Path::new("/in"), &paths), "/in/a\n/in/b c");
    }

    #[test]
    fn a_list_that_no_program_could_take_is_the_folder() {
        let many: Vec<PathBuf> = (0..10_000).map(|n| format!("/in/{n:010}").into()).collect();
        assert_eq!(path_list(Path::new("/in"), &many), "/in");
        assert_eq!(path_list(Path::new("/in"), &[]), "/in");
    }

    #[test]
    fn a_program_that_is_not_there_is_exit_15() {
        let hook = Hook::new("/no/such/program".into());
        let peer = SocketAddr::from(([192, 0, 2, 7], 1));
        let error = hook.run(Path::new("/in"), peer, None, &Summary::default());
        assert_eq!(error.unwrap_err().exit_code(), 15);
    }
}
