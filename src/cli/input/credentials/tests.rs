use super::*;
use crate::cli::input::terminal::Terminal;
use crate::cli::input::terminal::tests::Script;
use crate::cli::output::console::tests::console;
use crate::cli::output::console::{Audience, Verbosity};
use crate::cli::output::ledger::Ledger;
use std::fs;
use std::path::PathBuf;

const PERSON: Terminal = Terminal {
    input: true,
    output: true,
    error: true,
    input_is_closed: false,
    output_is_closed: false,
};

/// Runs `source` with these variables and answers.
fn with<R>(
    terminal: Terminal,
    values: &[(&'static str, &str)],
    script: &Script,
    source: impl FnOnce(&Context<'_>) -> R,
) -> R {
    let (console, ..) = console(Verbosity::Normal, Audience::Person);
    source(&Context {
        console: &console,
        environment: &Environment::of(values),
        terminal,
        answers: script,
        ledger: &Ledger::default(),
    })
}

type PasswordSource = fn(Option<&Path>, &Context<'_>) -> Result<ArchivePassword, CliError>;
const PASSWORD_SOURCES: [PasswordSource; 2] = [new_password, get];

/// The password, or the error's line.
fn password(
    source: PasswordSource,
    file: Option<&Path>,
    values: &[(&'static str, &str)],
    answers: &[&str],
) -> String {
    let script = Script::new(answers);
    match with(PERSON, values, &script, |context| source(file, context)) {
        Ok(password) => String::from_utf8(password.as_bytes().to_vec()).unwrap(),
        Err(error) => error.to_string(),
    }
}

/// A fault names its origin, which shows which source was taken.
fn secret(file: Option<&Path>, values: &[(&'static str, &str)], answers: &[&str]) -> String {
    let script = Script::new(answers);
    let found = with(PERSON, values, &script, |context| {
        get::<Secret>(file, context)
    });
    found.map_or_else(|error| error.to_string(), |_| "a secret".to_owned())
}

fn secret_in(path: &Path) -> Result<Secret, CliError> {
    let found = given(Some(path), &Environment::default())?;
    Ok(found.expect("a file was named"))
}

fn file(folder: &tempfile::TempDir, name: &str, text: &[u8], mode: u32) -> PathBuf {
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
    assert_eq!(secret(Some(&empty), &values, &["x"]), empty_in(&shown));
    assert_eq!(secret(None, &values, &["x"]), empty_in("PEERBRIDGE_SECRET"));
    assert_eq!(secret(None, &values[1..], &["x"]), empty_in(&named));
    assert_eq!(secret(None, &[], &["x"]), "a secret");

    let path = file(&folder, "password", b"in the file\nmore\n", 0o600);
    let values = [(environment::ZIP_PASSWORD, "in the variable")];
    for source in PASSWORD_SOURCES {
        assert_eq!(password(source, Some(&path), &values, &[]), "in the file");
        assert_eq!(password(source, None, &values, &[]), "in the variable");
        assert_eq!(password(source, None, &[], &["typed", "typed"]), "typed");
    }
}

#[test]
fn an_empty_answer_is_asked_again() {
    let script = Script::new(&["", "", "word"]);
    let get_secret = |context: &Context<'_>| get::<Secret>(None, context);
    assert!(with(PERSON, &[], &script, get_secret).is_ok());
    assert_eq!(script.questions().len(), 3);
    let error = with(PERSON, &[], &Script::new(&[""]), get_secret);
    assert_eq!(error.err().unwrap().exit_code(), 2);
}

#[test]
fn a_new_password_is_typed_twice_until_both_are_the_same() {
    let answers = ["", "word", "ward", "word", "word"];
    assert_eq!(password(new_password, None, &[], &answers), "word");
    assert_eq!(password(get, None, &[], &["", "word"]), "word");
    let once = password(new_password, None, &[], &["word"]);
    assert_eq!(once, "no password was typed");
}

#[test]
fn an_empty_or_long_password_is_refused_and_not_looked_for_elsewhere() {
    let values = [(environment::ZIP_PASSWORD, "")];
    for source in PASSWORD_SOURCES {
        assert_eq!(
            password(source, None, &values, &["word", "word"]),
            "PEERBRIDGE_ZIP_PASSWORD: the archive's password is empty"
        );
    }
    let long = "x".repeat(100);
    let values = [(environment::ZIP_PASSWORD, long.as_str())];
    assert!(password(new_password, None, &values, &[]).contains("longer than 99 bytes"));
    assert_eq!(password(get, None, &values, &[]), long);
}

#[test]
fn without_a_terminal_there_is_an_error_and_no_hang() {
    let script = Script::new(&["word"]);
    let nobody = Terminal::default();
    let secret = with(nobody, &[], &script, |context| get::<Secret>(None, context));
    let error = secret.err().unwrap();
    assert_eq!(error.exit_code(), 2);
    assert!(error.hint().unwrap().contains("--secret-file"));
    for source in PASSWORD_SOURCES {
        let error = with(nobody, &[], &script, |context| source(None, context));
        let error = error.err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().unwrap().contains("--zip-password-file"));
    }
    assert!(script.questions().is_empty());
}

#[test]
#[cfg(unix)]
fn a_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o604, 0o640, 0o644, 0o777] {
        let path = file(&folder, "s", b"word\n", mode);
        let error = secret_in(&path).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        let expected = format!("chmod 600 {}", path.display());
        assert!(error.hint().unwrap().starts_with(&expected), "{mode:o}");
    }
    for mode in [0o600, 0o400] {
        assert!(secret_in(&file(&folder, "t", b"word\n", mode)).is_ok());
        fs::remove_file(folder.path().join("t")).unwrap();
    }
}

#[test]
fn only_the_first_line_counts() {
    let folder = tempfile::tempdir().unwrap();
    assert!(secret_in(&file(&folder, "blank", b"\nword\n", 0o600)).is_err());
}

#[test]
fn the_longest_secret_fits_into_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let longest = [[b'x'; 1024].as_slice(), b"\r\n"].concat();
    assert!(secret_in(&file(&folder, "longest", &longest, 0o600)).is_ok());
    assert!(secret_in(&file(&folder, "endless", &[b'x'; 100_000], 0o600)).is_err());
}

#[test]
fn a_folder_or_a_missing_file_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o700);
    let missing = folder.path().join("missing");
    for path in [folder.path(), &missing] {
        assert_eq!(secret_in(path).err().unwrap().exit_code(), 2);
    }
    let line = password(get, Some(&missing), &[], &[]);
    assert!(line.starts_with("cannot read the archive's password"));
}
