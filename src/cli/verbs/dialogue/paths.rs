//! Paths as people type, paste and drop them: plain, quoted, with backslashes or `~`, or as `file://` links.

use crate::cli::error::CliError;
use crate::cli::input::completion::{BACKSLASH_ESCAPES, in_home, unescaped};
use crate::cli::input::percent;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The existing paths in an answer: one, or several in a row as file managers drop them.
///
/// # Errors
/// What to type instead.
pub(super) fn sources(answer: &str, home: Option<&OsStr>) -> Result<Vec<PathBuf>, String> {
    if answer.is_empty() {
        return Err("Type the path of a file or a folder.".to_owned());
    }
    let whole = path(answer, home);
    let fault = match std::fs::symlink_metadata(&whole) {
        Ok(_) => return Ok(vec![whole]),
        Err(error) => CliError::cannot_read(&whole)(error),
    };
    let words = words(answer);
    let paths: Vec<PathBuf> = words.iter().map(|word| path(word, home)).collect();
    let all_exist = paths.iter().all(|path| path.symlink_metadata().is_ok());
    match all_exist && paths.len() > 1 {
        true => Ok(paths),
        false => Err(fault.to_string()),
    }
}

/// The path that an answer means, whether it exists or not.
pub(super) fn path(answer: &str, home: Option<&OsStr>) -> PathBuf {
    if Path::new(answer).symlink_metadata().is_ok() {
        return PathBuf::from(answer);
    }
    if let Some(linked) = linked(answer) {
        return linked;
    }
    let bare = ['"', '\''].into_iter().find_map(|quote| {
        let rest = answer.strip_prefix(quote)?;
        rest.strip_suffix(quote)
    });
    if let Some(bare) = bare {
        return in_home(bare, home);
    }
    let plain = in_home(&unescaped(answer), home);
    match plain.symlink_metadata() {
        Ok(_) => plain,
        Err(_) => in_home(answer, home),
    }
}

/// The path of a `file://` link to this machine (RFC 8089).
fn linked(text: &str) -> Option<PathBuf> {
    let rest = text.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let bytes = percent::decoded(rest.strip_prefix('/').map(|_| rest.as_bytes())?)?;
    Some(PathBuf::from(name_of(bytes)?))
}

#[cfg(unix)]
fn name_of(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes))
}

/// On Windows a drive follows the slash.
#[cfg(not(unix))]
fn name_of(bytes: Vec<u8>) -> Option<OsString> {
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_start_matches('/').into())
}

/// The words of an answer, split at spaces that are neither in quotes nor after a backslash. Words keep their
/// quotes and backslashes.
fn words(answer: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quote, mut is_escaped) = (None, false);
    for character in answer.chars() {
        match (character, quote) {
            (blank, None) if blank.is_whitespace() && !is_escaped => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            (c @ ('"' | '\''), None) if !is_escaped => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        let begins_escape = character == '\\' && BACKSLASH_ESCAPES;
        is_escaped = begins_escape && !is_escaped && quote.is_none();
        word.push(character);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_people_type_paste_and_drop_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it's mine");
        let other = folder.path().join("other (1).txt");
        for path in [&file, &other] {
            std::fs::write(path, b"").unwrap();
        }
        let home = Some(folder.path().as_os_str());
        let shown = file.to_str().unwrap();
        let top = folder.path().to_str().unwrap();
        let link = match cfg!(windows) {
            true => format!("/{}", top.replace('\\', "/")),
            false => top.to_owned(),
        };
        let mut answers = vec![
            shown.to_owned(),
            format!("'{shown}'"),
            format!("\"{shown}\""),
            "~/it's mine".to_owned(),
            format!("file://{link}/it%27s%20mine"),
            format!("file://localhost{link}/it's%20mine"),
        ];
        match BACKSLASH_ESCAPES {
            true => answers.extend([format!("{top}/it\\'s\\ mine"), "~/it\\'s\\ mine".to_owned()]),
            false => answers.push("~\\it's mine".to_owned()),
        }
        for answer in answers {
            let found = sources(&answer, home).unwrap();
            assert_eq!(found, std::slice::from_ref(&file), "{answer}");
        }
        assert_eq!(sources("~", home).unwrap(), [folder.path()]);
        let second = match BACKSLASH_ESCAPES {
            true => "~/other\\ \\(1\\).txt",
            false => "\"~/other (1).txt\"",
        };
        let several = format!("\"{shown}\" {second} file://{link}/it's%20mine");
        assert_eq!(
            sources(&several, home).unwrap(),
            [file.clone(), other, file]
        );
    }

    #[test]
    fn what_is_not_there_is_named_and_cannot_command_the_terminal() {
        assert!(sources("", None).is_err());
        let missing = sources("/no/such\x1bfile", None).unwrap_err();
        assert!(missing.contains("/no/such") && !missing.contains('\x1b'));
        for odd in ["file://%", "file://x", "file:///%zz", "\"", "~"] {
            assert!(sources(odd, None).is_err(), "{odd}");
        }
        // On Windows this is the root folder.
        assert_eq!(sources("\\", None).is_err(), BACKSLASH_ESCAPES);
    }

    /// Removing the backslash would name another folder.
    #[cfg(windows)]
    #[test]
    fn a_backslash_stands_between_names() {
        let folder = tempfile::tempdir().unwrap();
        let home = Some(folder.path().as_os_str());
        std::fs::create_dir(folder.path().join("newfolder")).unwrap();
        let meant = path(r"~\new\folder", home);
        assert_eq!(meant, folder.path().join(r"new\folder"));
    }
}
