//! Where the secret comes from.
//!
//! In this order: the file that an option names, `PEERBRIDGE_SECRET`, the file that
//! `PEERBRIDGE_SECRET_FILE` names, a question on the terminal. The first that is there counts, also
//! when it turns out to be no good: a secret is never looked for elsewhere in silence.

use crate::cli::environment::{self, Environment};
use crate::cli::error::Error;
use crate::cli::input::private_file;
use crate::cli::input::terminal::{Answers, Terminal, ask_until_good};
use crate::crypto::Secret;
use std::path::Path;

/// What a secret is asked for with.
const QUESTION: &str = "Secret (the same on both sides, not shown): ";

/// Gets the secret, from `file` if an option named one.
///
/// # Errors
/// No secret, none without a terminal, or a file that cannot or should not be read.
pub(crate) fn secret(
    file: Option<&Path>,
    environment: &Environment,
    terminal: Terminal,
    answers: &dyn Answers,
) -> Result<Secret, Error> {
    if let Some(secret) = given(file, environment)? {
        return Ok(secret);
    }
    if !terminal.can_ask() {
        return Err(Error::NoTerminal {
            question: "for the secret",
            hint: "give it with --secret-file FILE, or in PEERBRIDGE_SECRET or \
                   PEERBRIDGE_SECRET_FILE",
        });
    }
    ask(answers)?.ok_or_else(|| Error::usage("no secret was typed", "both sides need the same one"))
}

/// Gets the secret without asking, where one is given.
///
/// # Errors
/// What is given is no secret, or a file that cannot or should not be read.
pub(crate) fn given(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<Secret>, Error> {
    if let Some(path) = file {
        return from_file(path).map(Some);
    }
    if let Some(text) = environment.get(environment::SECRET) {
        let bytes = text.as_encoded_bytes().to_vec();
        return from_bytes(environment::SECRET, bytes).map(Some);
    }
    let file = environment.get(environment::SECRET_FILE);
    file.map(|path| from_file(Path::new(path))).transpose()
}

/// Asks until a secret is typed; `None` at the end of input.
///
/// # Errors
/// The terminal fails.
pub(crate) fn ask(answers: &dyn Answers) -> Result<Option<Secret>, Error> {
    ask_until_good(answers, QUESTION, Secret::from_text)
}

fn from_file(path: &Path) -> Result<Secret, Error> {
    let line = private_file::first_line(path, |path, source| Error::SecretFile { path, source })?;
    from_bytes(&path.to_string_lossy(), line)
}

fn from_bytes(origin: &str, bytes: Vec<u8>) -> Result<Secret, Error> {
    Secret::from_text(bytes).map_err(|fault| Error::Secret {
        origin: origin.to_owned(),
        fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::terminal::tests::Script;
    use std::fs;

    const TERMINAL: Terminal = Terminal {
        input: true,
        output: true,
        error: true,
    };

    fn file(folder: &tempfile::TempDir, name: &str, text: &[u8], mode: u32) -> std::path::PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, mode);
        path
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    fn set_mode(_: &Path, _: u32) {}

    /// Which sources fail shows which one was taken.
    fn taken(file: Option<&Path>, values: &[(&'static str, &str)], answers: &[&str]) -> String {
        let environment = Environment::of(values);
        match secret(file, &environment, TERMINAL, &Script::new(answers)) {
            Ok(_) => "a secret".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_option_wins_over_the_environment_and_that_over_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let empty = file(&folder, "option", b"", 0o600);
        let shown = empty.to_string_lossy().into_owned();
        let other = file(&folder, "variable", b"", 0o600);
        let named = other.to_string_lossy().into_owned();
        let values = [
            (environment::SECRET, ""),
            (environment::SECRET_FILE, named.as_str()),
        ];
        let empty_in = |origin: &str| format!("{origin}: the secret is empty");
        assert_eq!(taken(Some(&empty), &values, &["x"]), empty_in(&shown));
        assert_eq!(taken(None, &values, &["x"]), empty_in("PEERBRIDGE_SECRET"));
        assert_eq!(taken(None, &values[1..], &["x"]), empty_in(&named));
        assert_eq!(taken(None, &[], &["x"]), "a secret");
    }

    #[test]
    fn an_empty_answer_is_asked_again() {
        let script = Script::new(&["", "", "word"]);
        let none = Environment::default();
        assert!(secret(None, &none, TERMINAL, &script).is_ok());
        assert_eq!(script.questions().len(), 3);
        let error = secret(None, &none, TERMINAL, &Script::new(&[""]))
            .err()
            .unwrap();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn without_a_terminal_there_is_an_error_and_no_hang() {
        let script = Script::new(&["word"]);
        let none = Environment::default();
        let error = secret(None, &none, Terminal::default(), &script)
            .err()
            .unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().unwrap().contains("--secret-file"));
        assert!(script.questions().is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o604, 0o640, 0o644, 0o777] {
            let path = file(&folder, "s", b"word\n", mode);
            let error = from_file(&path).err().unwrap();
            assert_eq!(error.exit_code(), 2);
            let expected = format!("chmod 600 {}", path.display());
            assert_eq!(error.hint().unwrap(), expected, "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            assert!(from_file(&file(&folder, "t", b"word\n", mode)).is_ok());
            fs::remove_file(folder.path().join("t")).unwrap();
        }
    }

    #[test]
    fn only_the_first_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "blank", b"\nword\n", 0o600);
        assert!(from_file(&path).is_err());
    }

    #[test]
    fn the_longest_secret_fits_into_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let longest = [[b'x'; 1024].as_slice(), b"\r\n"].concat();
        assert!(from_file(&file(&folder, "longest", &longest, 0o600)).is_ok());
        assert!(from_file(&file(&folder, "endless", &[b'x'; 100_000], 0o600)).is_err());
    }

    #[test]
    fn a_folder_or_a_missing_file_is_a_usage_error() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o700);
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            assert_eq!(from_file(&path).err().unwrap().exit_code(), 2);
        }
    }
}
