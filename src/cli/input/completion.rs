//! Completes a path or a code with Tab while it is typed.

use crate::cli::input::editor::{Completion, common_prefix};
use crate::crypto::complete_code;
use crate::model::escaped;
use std::ffi::OsStr;
use std::path::{MAIN_SEPARATOR, Path, PathBuf, is_separator};

/// The number of words in a code.
const CODE_WORDS: usize = 3;

/// Which names a path may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Files and folders.
    Anything,
    /// Folders only.
    Folders,
}

/// Completes the last word of a code if only one word begins like that, and adds the dash before the next one.
pub(crate) fn code(text: &str) -> Completion {
    let words = complete_code(text);
    let last = text.rsplit([' ', '-', '_']).next().unwrap_or_default();
    let begin = &text[..text.len() - last.len()];
    let pieces = begin
        .split([' ', '-', '_'])
        .filter(|piece| !piece.is_empty());
    let end = match (words.as_slice(), pieces.count()) {
        ([word], before) if before < CODE_WORDS => format!("{word}-"),
        ([word], _) => (*word).to_owned(),
        ([], _) => last.to_owned(),
        _ => common_prefix(words.iter().copied()),
    };
    Completion {
        text: format!("{begin}{end}"),
        candidates: words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// Completes a path as the dialogue understands it: plain, with `~`, in quotes, or with backslashes. Leaves out
/// names that are not UTF-8, because they cannot be typed.
pub(crate) fn path(text: &str, home: Option<&OsStr>, wanted: Wanted) -> Completion {
    let (typed, begin) = split(text);
    let folder = folder_of(begin, home);
    let names = names_in(&folder, wanted);
    let hidden_too = typed.starts_with('.');
    let mut fitting: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with(&typed) && (hidden_too || !name.starts_with('.')))
        .collect();
    fitting.sort();
    let end = common_prefix(fitting.iter().map(|name| name.as_str()));
    Completion {
        text: match fitting.is_empty() {
            true => text.to_owned(),
            false => format!("{begin}{}", as_typed(&end, begin)),
        },
        candidates: fitting
            .iter()
            .map(|name| escaped(name.as_bytes()))
            .collect(),
    }
}

/// The last name without quotes or backslashes, and the text before it.
fn split(text: &str) -> (String, &str) {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let name_at = text
        .rfind(is_separator)
        .map_or(quote.map_or(0, char::len_utf8), |at| at + 1);
    let (begin, name) = text.split_at(name_at);
    let name = match quote {
        Some(_) => name.to_owned(),
        None => unescaped(name),
    };
    (name, begin)
}

fn folder_of(begin: &str, home: Option<&OsStr>) -> PathBuf {
    let begin = match begin.strip_prefix(['"', '\'']) {
        Some(quoted) => quoted.to_owned(),
        None => unescaped(begin),
    };
    match begin.is_empty() {
        true => PathBuf::from("."),
        false => in_home(&begin, home),
    }
}

/// A path with `~` replaced by the person's home.
pub(crate) fn in_home(text: &str, home: Option<&OsStr>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => PathBuf::from(home),
        (Some(rest), Some(home)) if rest.starts_with(is_separator) => {
            Path::new(home).join(rest.trim_start_matches(is_separator))
        }
        _ => PathBuf::from(text),
    }
}

/// The names in a folder, each folder with a separator. Empty if it cannot be read.
fn names_in(folder: &Path, wanted: Wanted) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |entry: std::fs::DirEntry| {
        let is_folder = entry.path().is_dir();
        let name = entry.file_name().into_string().ok()?;
        match (is_folder, wanted) {
            (true, _) => Some(format!("{name}{MAIN_SEPARATOR}")),
            (false, Wanted::Anything) => Some(name),
            (false, Wanted::Folders) => None,
        }
    };
    entries.filter_map(|entry| name(entry.ok()?)).collect()
}

/// A name written like the text before it: if the person uses backslashes, characters that are special in a shell
/// get one.
fn as_typed(name: &str, begin: &str) -> String {
    let is_escaping = begin.contains('\\') && !begin.starts_with(['"', '\'']);
    match is_escaping && BACKSLASH_ESCAPES {
        true => name.replace('\\', "\\\\").replace(' ', "\\ "),
        false => name.to_owned(),
    }
}

/// Whether a shell removes a backslash. On Windows it separates names.
pub(crate) const BACKSLASH_ESCAPES: bool = cfg!(not(windows));

/// The text without the backslashes that a shell would remove.
pub(crate) fn unescaped(text: &str) -> String {
    if !BACKSLASH_ESCAPES {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next().or(Some('\\'))),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_code_are_completed_one_by_one() {
        let full = code("4271-salm");
        assert_eq!(full.text, "4271-salmon-");
        let last = code("4271 salmon anvil tund");
        assert_eq!(last.text, "4271 salmon anvil tundra");
        let open = code("4271-sa");
        assert!(open.candidates.len() > 1, "{open:?}");
        assert_eq!(open.text, "4271-sa");
        assert_eq!(code("42").text, "42");
        assert_eq!(code("4271-xyzzy").text, "4271-xyzzy");
    }

    #[test]
    fn paths_are_completed_in_the_manner_in_which_they_are_begun() {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().to_str().unwrap();
        std::fs::create_dir(home.path().join("my photos")).unwrap();
        for name in ["my file", "notes.txt", ".hidden", "my photos/one"] {
            std::fs::write(home.path().join(name), "").unwrap();
        }
        let of = |text: &str| path(text, Some(home.path().as_os_str()), Wanted::Anything);
        assert_eq!(of("~/no").text, "~/notes.txt");
        assert_eq!(of("~/my").text, "~/my ");
        let photos = format!("my photos{MAIN_SEPARATOR}");
        assert_eq!(of("~/my ").candidates, ["my file", &photos]);
        assert_eq!(of("~/my p").text, format!("~/{photos}"));
        assert_eq!(of("~/my photos/").text, "~/my photos/one");
        assert_eq!(of(&format!("'{top}/my f")).text, format!("'{top}/my file"));
        assert_eq!(of("~/.h").text, "~/.hidden");
        assert_eq!(of("~/zzz").text, "~/zzz");
        let folders = path("~/", Some(home.path().as_os_str()), Wanted::Folders);
        assert_eq!(folders.text, format!("~/{photos}"));
    }

    #[cfg(unix)]
    #[test]
    fn backslashes_and_odd_names_are_as_shells_have_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["my file", "bell\x07"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let of = |text: &str| path(text, Some(folder.path().as_os_str()), Wanted::Anything);
        let top = folder.path().to_str().unwrap().replace('/', "\\/");
        assert_eq!(of(&format!("{top}/m")).text, format!("{top}/my\\ file"));
        assert_eq!(of("~/b").candidates, ["bell\\x07"]);
        assert_eq!(unescaped("a\\ b\\\\c\\"), "a b\\c\\");
    }

    #[cfg(windows)]
    #[test]
    fn backslashes_stand_between_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/my file"), "").unwrap();
        let of = |text: &str| path(text, Some(folder.path().as_os_str()), Wanted::Anything);
        assert_eq!(of(r"~\su").text, r"~\sub\");
        let top = folder.path().to_str().unwrap();
        let typed = of(&format!(r"{top}\sub\m")).text;
        assert_eq!(typed, format!(r"{top}\sub\my file"));
        assert_eq!(unescaped(&typed), typed);
    }
}
