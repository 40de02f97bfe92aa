//! Where an archive's password comes from.
//!
//! In this order: the file that `--zip-password-file` names, `PEERBRIDGE_ZIP_PASSWORD`, a question on
//! the terminal. The first that is there counts, also when it turns out to be no good.

use crate::cli::environment::{self, Environment};
use crate::cli::error::Error;
use crate::cli::input::private_file;
use crate::cli::input::terminal::{Answers, Terminal, ask_until_good};
use crate::crypto::{ArchivePassword, PasswordError};
use std::path::Path;

const QUESTION: &str = "Password of the archive (not shown): ";
const AGAIN: &str = "The same once more: ";

/// The password for an archive that is made. A person types it twice: with a slip in it nobody could
/// open the archive.
///
/// # Errors
/// No password, none without a terminal, or a file that cannot or should not be read.
pub(crate) fn new_password(
    file: Option<&Path>,
    environment: &Environment,
    terminal: Terminal,
    answers: &dyn Answers,
) -> Result<ArchivePassword, Error> {
    if let Some((password, origin)) = given(file, environment)? {
        return password
            .for_making()
            .map_err(|fault| Error::Password { origin, fault });
    }
    check_can_ask(terminal)?;
    ask_new(answers)?.ok_or_else(nothing_typed)
}

/// Asks for the password of an archive that is made until it was typed twice; `None` when nothing more is
/// typed.
///
/// # Errors
/// The terminal fails.
pub(crate) fn ask_new(answers: &dyn Answers) -> Result<Option<ArchivePassword>, Error> {
    let mut question = QUESTION.to_owned();
    while let Some(typed) = answers.hidden(&question)? {
        let fault = match ArchivePassword::from_text(typed.as_bytes())
            .and_then(ArchivePassword::for_making)
        {
            Err(fault) => fault.to_string(),
            Ok(password) => match answers.hidden(AGAIN)? {
                Some(repeated) if *repeated == *typed => return Ok(Some(password)),
                Some(_) => "the two differ".to_owned(),
                None => break,
            },
        };
        question = format!("{fault}\n{QUESTION}");
    }
    Ok(None)
}

/// The password of an archive that is there; a person types it once.
///
/// # Errors
/// No password, none without a terminal, or a file that cannot or should not be read.
pub(crate) fn password(
    file: Option<&Path>,
    environment: &Environment,
    terminal: Terminal,
    answers: &dyn Answers,
) -> Result<ArchivePassword, Error> {
    if let Some((password, _)) = given(file, environment)? {
        return Ok(password);
    }
    check_can_ask(terminal)?;
    ask_until_good(answers, QUESTION, ArchivePassword::from_text)?.ok_or_else(nothing_typed)
}

/// What is given without a question, and where it came from.
fn given(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<(ArchivePassword, String)>, Error> {
    let (bytes, origin) = if let Some(path) = file {
        let unreadable = |path, source| Error::PasswordFile { path, source };
        let line = private_file::first_line(path, unreadable)?;
        (line, path.to_string_lossy().into_owned())
    } else if let Some(text) = environment.get(environment::ZIP_PASSWORD) {
        let bytes = text.as_encoded_bytes().to_vec();
        (bytes, environment::ZIP_PASSWORD.to_owned())
    } else {
        return Ok(None);
    };
    match ArchivePassword::from_text(bytes) {
        Ok(password) => Ok(Some((password, origin))),
        Err(fault) => Err(refused(origin, fault)),
    }
}

fn refused(origin: String, fault: PasswordError) -> Error {
    Error::Password { origin, fault }
}

fn check_can_ask(terminal: Terminal) -> Result<(), Error> {
    match terminal.can_ask() {
        true => Ok(()),
        false => Err(Error::NoTerminal {
            question: "for the archive's password",
            hint: "give it with --zip-password-file FILE or in PEERBRIDGE_ZIP_PASSWORD",
        }),
    }
}

fn nothing_typed() -> Error {
    Error::usage(
        "no password was typed",
        "an archive cannot be made or opened without one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::terminal::tests::Script;

    const TERMINAL: Terminal = Terminal {
        input: true,
        output: true,
        error: true,
    };

    type Source =
        fn(Option<&Path>, &Environment, Terminal, &dyn Answers) -> Result<ArchivePassword, Error>;

    /// The password that is taken, or the error's line.
    fn taken(
        source: Source,
        file: Option<&Path>,
        values: &[(&'static str, &str)],
        answers: &[&str],
    ) -> String {
        let environment = Environment::of(values);
        match source(file, &environment, TERMINAL, &Script::new(answers)) {
            Ok(password) => String::from_utf8(password.as_bytes().to_vec()).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    fn private(folder: &tempfile::TempDir, text: &str) -> std::path::PathBuf {
        let path = folder.path().join("password");
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    #[test]
    fn a_file_wins_over_the_environment_and_that_over_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = private(&folder, "in the file\nmore\n");
        let values = [(environment::ZIP_PASSWORD, "in the variable")];
        for source in [new_password as Source, password] {
            assert_eq!(taken(source, Some(&path), &values, &[]), "in the file");
            assert_eq!(taken(source, None, &values, &[]), "in the variable");
            assert_eq!(taken(source, None, &[], &["typed", "typed"]), "typed");
        }
    }

    #[test]
    fn a_new_password_is_typed_twice_until_both_are_the_same() {
        let answers = ["", "word", "ward", "word", "word"];
        assert_eq!(taken(new_password, None, &[], &answers), "word");
        assert_eq!(taken(password, None, &[], &["", "word"]), "word");
    }

    #[test]
    fn a_password_that_was_typed_once_only_makes_no_archive() {
        let line = taken(new_password, None, &[], &["word"]);
        assert_eq!(line, "no password was typed");
    }

    #[test]
    fn an_empty_or_long_password_is_refused_and_not_looked_for_elsewhere() {
        let values = [(environment::ZIP_PASSWORD, "")];
        for source in [new_password as Source, password] {
            let line = taken(source, None, &values, &["word", "word"]);
            assert_eq!(
                line,
                "PEERBRIDGE_ZIP_PASSWORD: the archive's password is empty"
            );
        }
        let long = "x".repeat(100);
        let values = [(environment::ZIP_PASSWORD, long.as_str())];
        assert!(taken(new_password, None, &values, &[]).contains("longer than 99 bytes"));
        assert_eq!(taken(password, None, &values, &[]), long);
    }

    #[test]
    fn without_a_terminal_there_is_an_error_and_no_hang() {
        let script = Script::new(&["word"]);
        for source in [new_password as Source, password] {
            let none = Environment::default();
            let error = source(None, &none, Terminal::default(), &script);
            let error = error.err().unwrap();
            assert_eq!(error.exit_code(), 2);
            assert!(error.hint().unwrap().contains("--zip-password-file"));
        }
        assert!(script.questions().is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = private(&folder, "word");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let line = taken(password, Some(&path), &[], &[]);
        assert!(line.starts_with("others than you can read"), "{line}");
        let line = taken(password, Some(&folder.path().join("none")), &[], &[]);
        assert!(line.starts_with("cannot read the archive's password"));
    }
}
