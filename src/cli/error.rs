//! What ends a run of the program: an error of the session, or one of the command line itself.

use crate::cli::exit::Exit;
use crate::cli::output::format;
use crate::crypto::{CredentialError, RandomError};
use crate::model::escaped;
use crate::session::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, and on whose side. `Display` gives one line in lower case without a full stop, which is safe
/// to show on a terminal.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The command line is wrong.
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// A question must be asked, and there is no terminal.
    NoTerminal {
        /// What the question is for, such as "for the secret".
        question: &'static str,
        /// How to avoid the question.
        hint: &'static str,
    },
    /// A secret or password that was given cannot be used.
    Credential {
        kind: CredentialKind,
        /// Where it came from: a variable, a file, the terminal.
        origin: String,
        /// What is wrong with it.
        fault: CredentialError,
    },
    /// The file of a secret or password cannot be read.
    CredentialFile {
        kind: CredentialKind,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Other users can read the file of a secret or a password.
    SecretExposed {
        /// The file.
        path: PathBuf,
        /// How others can read or change it.
        exposure: Exposure,
    },
    /// Standard input is needed, but was closed when the program started.
    ClosedInput,
    /// Standard output is needed, but was closed when the program started.
    ClosedOutput,
    /// Something to send or to pack is missing or unreadable.
    Source {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Something cannot be written on this machine.
    CannotWrite {
        /// What: a path, or "standard output".
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// The demonstration's result differs from its source.
    Different {
        /// The first path that differs.
        path: PathBuf,
        /// How many paths differ in all.
        count: usize,
    },
    /// The terminal or standard input fails while something is asked.
    Asking(io::Error),
    /// The system has no random bytes.
    Random(RandomError),
    /// The hook failed; the files were delivered.
    Hook {
        /// The program.
        program: PathBuf,
        /// How it failed.
        why: String,
    },
    /// The command of `--via` did not reach a peer.
    Via {
        /// How the command ended.
        why: String,
    },
    /// A session ended.
    Session(Error),
    /// A bug: something panicked.
    Bug,
}

impl CliError {
    /// A usage error with a hint that says what to type instead.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// Makes the error for a source that cannot be read, from the system's error.
    pub(crate) fn cannot_read(path: &Path) -> impl Fn(io::Error) -> CliError {
        |source| CliError::Source {
            path: path.to_owned(),
            source,
        }
    }

    /// Makes the error for something that cannot be written, from the system's error.
    pub(crate) fn cannot_write(path: &Path) -> impl Fn(io::Error) -> CliError {
        |source| CliError::CannotWrite {
            what: path.to_string_lossy().into_owned(),
            source,
        }
    }

    /// The exit code that is true for this side.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            CliError::Usage { .. }
            | CliError::NoTerminal { .. }
            | CliError::Credential { .. }
            | CliError::CredentialFile { .. }
            | CliError::SecretExposed { .. }
            | CliError::Asking(_) => Exit::Usage,
            CliError::Source { .. } | CliError::ClosedInput => Exit::Source,
            CliError::CannotWrite { .. } | CliError::ClosedOutput => Exit::CannotWrite,
            CliError::Different { .. } => Exit::NotVerified,
            CliError::Random(_) | CliError::Bug => Exit::Unexpected,
            CliError::Hook { .. } => Exit::HookFailed,
            CliError::Via { .. } => Exit::NoWay,
            CliError::Session(error) => Exit::of_session(error),
        }
    }

    /// The number that the process ends with.
    #[cfg(test)]
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit().code()
    }
}

/// Something that only one person should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialKind {
    /// The secret of a connection.
    Secret,
    /// The password of an archive.
    Password,
}

/// Why a file is not a safe place for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Its group or others may read it.
    Readable,
    /// Its group or others may write to it.
    Writable,
    /// It belongs to a user who is neither this one nor root.
    ForeignOwner,
    /// Others may put another file in its place: they may write to its folder, or own it.
    Folder,
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage { message, .. } => f.write_str(&escaped(message.as_bytes())),
            CliError::NoTerminal { question, .. } => {
                // A person may sit at one, and have piped something.
                write!(
                    f,
                    "cannot ask {question}: standard input or standard error is not a terminal"
                )
            }
            CliError::Credential { origin, fault, .. } => {
                write!(f, "{}: {fault}", escaped(origin.as_bytes()))
            }
            CliError::CredentialFile { kind, path, source } => {
                let what = match kind {
                    CredentialKind::Secret => "the secret",
                    CredentialKind::Password => "the archive's password",
                };
                write!(
                    f,
                    "cannot read {what} from {}: {source}",
                    format::path(path)
                )
            }
            CliError::SecretExposed { path, exposure } => {
                let path = format::path(path);
                match exposure {
                    Exposure::Readable => write!(f, "other users can read {path}"),
                    Exposure::Writable => write!(f, "other users can write to {path}"),
                    Exposure::ForeignOwner => write!(f, "another user owns {path}"),
                    Exposure::Folder => write!(f, "other users can replace {path}"),
                }
            }
            CliError::ClosedInput => f.write_str("standard input is closed"),
            CliError::ClosedOutput => f.write_str("standard output is closed"),
            CliError::Source { path, source } => {
                write!(f, "cannot read {}: {source}", format::path(path))
            }
            CliError::CannotWrite { what, source } => {
                write!(f, "cannot write {}: {source}", escaped(what.as_bytes()))
            }
            CliError::Different { path, count: 1 } => {
                write!(
                    f,
                    "the result differs from the source: {}",
                    format::path(path)
                )
            }
            CliError::Different { path, count } => write!(
                f,
                "the result differs from the source in {count} places, the first is {}",
                format::path(path)
            ),
            CliError::Asking(source) => write!(f, "cannot ask on this terminal: {source}"),
            CliError::Random(error) => write!(f, "{error}"),
            CliError::Hook { program, why } => {
                write!(f, "the hook {} failed: {why}", format::path(program))
            }
            CliError::Via { why } => write!(
                f,
                "the command of --via reached no peer: {}",
                escaped(why.as_bytes())
            ),
            CliError::Session(error) => error.fmt(f),
            CliError::Bug => f.write_str("this is a bug in peerbridge"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<Error> for CliError {
    fn from(error: Error) -> CliError {
        CliError::Session(error)
    }
}

impl From<RandomError> for CliError {
    fn from(error: RandomError) -> CliError {
        CliError::Random(error)
    }
}

#[cfg(test)]
mod tests;
