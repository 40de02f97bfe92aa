//! Which names and links Windows allows.

/// The target of a link as Windows writes it; `None` if a component is not a valid name there. A target that
/// begins at a drive comes from Windows, and has the right separators already.
#[cfg(any(windows, test))]
pub(super) fn windows_link_text(target: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(target).ok()?;
    let (drive, below, separator) = match target {
        [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic() => (&text[..3], &text[3..], '\\'),
        _ => ("", text, '/'),
    };
    let names: Vec<&str> = below.split(separator).collect();
    let can_have = |name: &&str| matches!(*name, "." | "..") || windows_can_have(name);
    let is_drive_itself = below.is_empty() && !drive.is_empty();
    let can_be = is_drive_itself || names.iter().all(can_have);
    can_be.then(|| format!("{drive}{}", names.join("\\")))
}

/// Whether Windows allows a file of this name: it has no reserved device name, character or ending. Source:
/// Microsoft, "Naming Files, Paths, and Namespaces".
pub fn windows_can_have(name: &str) -> bool {
    let forbidden = |c: char| c < ' ' || "<>:\"/\\|?*".contains(c);
    if name.is_empty() || name.ends_with([' ', '.']) || name.contains(forbidden) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return false;
    }
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    !port.is_some_and(|digit| {
        let mut digits = digit.chars();
        let single = digits.next().is_some_and(|c| "0123456789¹²³".contains(c));
        single && digits.next().is_none()
    })
}

/// Whether Windows may take this for the short name of a staging folder: `PEERBR~1`, or `PE12CD~1` if others
/// are taken. Source: Microsoft, "GetShortPathName" and "fsutil 8dot3name"; wine keeps other characters before
/// the tilde.
#[cfg(any(windows, test))]
pub(super) fn may_be_short_for_staging(name: &str) -> bool {
    const LONGEST: usize = 8;
    let begin = name.trim_start_matches(['.', '_']).as_bytes();
    name.len() <= LONGEST
        && begin.len() >= 2
        && begin[..2].eq_ignore_ascii_case(b"pe")
        && name.contains('~')
        && !name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reserved_names_are_known_everywhere() {
        for name in [
            "CON", "nul", "Aux.txt", "COM1", "lpt9.log", "COM¹", "a:b", "a ", "a.", "x?", "t\tx",
            "a\\b", "", "CONIN$", "nul .txt",
        ] {
            assert!(!windows_can_have(name), "{name:?}");
        }
        for name in ["CONSOLE", "COM", "COM10", "a b", ".hidden", "ünïcode"] {
            assert!(windows_can_have(name), "{name:?}");
        }
    }

    #[test]
    fn short_names_of_staging_folders_are_known() {
        for name in [
            "PEERBR~1", "peerbr~4", "PEERB~10", "PE12CD~1", ".PEE~9AB", "_pee~9ab",
        ] {
            assert!(may_be_short_for_staging(name), "{name:?}");
        }
        for name in [
            "peer",
            "peter~",
            "PETERS~10",
            "PROGRA~1",
            "p",
            "\u{e9}pe~1",
            "",
        ] {
            assert!(!may_be_short_for_staging(name), "{name:?}");
        }
    }

    #[test]
    fn links_get_the_separators_of_windows() {
        assert_eq!(windows_link_text(b"../a b/c").as_deref(), Some(r"..\a b\c"));
        assert_eq!(windows_link_text(b".").as_deref(), Some("."));
        for target in [r"C:\", r"c:\a b\..\c"] {
            assert_eq!(
                windows_link_text(target.as_bytes()).as_deref(),
                Some(target)
            );
        }
        for target in ["a/con", r"a\b", "c:/x", r"c:x\y", r"c:\con", "a//b", "/a"] {
            assert_eq!(windows_link_text(target.as_bytes()), None, "{target}");
        }
        assert_eq!(windows_link_text(b"\xff"), None);
    }
}
