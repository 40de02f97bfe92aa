//! Names in archives: which bytes and which separators they mean.

use super::error::ArchiveFault;
use std::borrow::Cow;

/// What kind of system made an entry (APPNOTE 4.4.2): it decides how its name and attributes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// MS-DOS, OS/2, Windows.
    Dos,
    /// Unix and macOS: bytes as they are, permissions in the attributes.
    Unix,
    /// Anything else.
    Other,
}

impl Host {
    pub(super) fn of(number: u8) -> Host {
        match number {
            0 | 6 | 10 | 11 | 14 => Host::Dos,
            3 | 19 => Host::Unix,
            _ => Host::Other,
        }
    }
}

/// The path that a name means, not yet checked. Where the name says that it is UTF-8, or a field of its
/// own says it in UTF-8, it is that; otherwise Unix means the bytes themselves, and the others code page
/// 437. A backslash separates where a name cannot hold one.
///
/// # Errors
/// Damage: what should be UTF-8 is not.
pub(super) fn path<'a>(
    raw_name: &'a [u8],
    is_utf8: bool,
    host: Host,
    unicode_path: Option<(u32, &'a [u8])>,
) -> Result<Cow<'a, [u8]>, ArchiveFault> {
    let told = unicode_path.filter(|(crc, _)| *crc == crc32fast::hash(raw_name));
    let name = match told {
        Some((_, name)) => Cow::Borrowed(utf8(name)?),
        None if is_utf8 => Cow::Borrowed(utf8(raw_name)?),
        None if host == Host::Unix || raw_name.is_ascii() => Cow::Borrowed(raw_name),
        None => Cow::Owned(from_code_page_437(raw_name).into_bytes()),
    };
    Ok(match host {
        Host::Dos if name.contains(&b'\\') => Cow::Owned(with_slashes(&name)),
        _ => name,
    })
}

/// Less what says nothing: `./` before it, and the slash behind a folder. Empty for the folder itself
/// that was packed.
pub(super) fn without_marks(path: &[u8]) -> &[u8] {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    match path {
        b"." => b"",
        b"/" => path,
        _ => path.strip_suffix(b"/").unwrap_or(path),
    }
}

fn utf8(name: &[u8]) -> Result<&[u8], ArchiveFault> {
    match std::str::from_utf8(name) {
        Ok(_) => Ok(name),
        Err(_) => Err(ArchiveFault::Damaged(
            "a name is not the UTF-8 that it says to be",
        )),
    }
}

fn with_slashes(name: &[u8]) -> Vec<u8> {
    let slash = |&byte: &u8| if byte == b'\\' { b'/' } else { byte };
    name.iter().map(slash).collect()
}

fn from_code_page_437(name: &[u8]) -> String {
    let upper: Vec<char> = CODE_PAGE_437.chars().collect();
    let character = |&byte: &u8| match usize::from(byte).checked_sub(128) {
        Some(place) => upper[place],
        None => char::from(byte),
    };
    name.iter().map(character).collect()
}

/// The characters from 128 on.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &[u8], is_utf8: bool, host: Host) -> Option<Vec<u8>> {
        path(raw, is_utf8, host, None).ok().map(Cow::into_owned)
    }

    #[test]
    fn bytes_mean_what_their_maker_meant() {
        assert_eq!(CODE_PAGE_437.chars().count(), 128);
        assert_eq!(
            plain(b"\x81\xe1", false, Host::Dos).unwrap(),
            "üß".as_bytes()
        );
        assert_eq!(plain(b"\x81\xe1", false, Host::Unix).unwrap(), b"\x81\xe1");
        assert_eq!(
            plain("ü".as_bytes(), true, Host::Dos).unwrap(),
            "ü".as_bytes()
        );
        assert_eq!(plain(b"\x81", true, Host::Unix), None);
    }

    #[test]
    fn a_name_told_in_utf8_counts_if_it_is_of_this_name() {
        let told = "ü".as_bytes();
        let right = crc32fast::hash(b"?");
        assert_eq!(
            &*path(b"?", false, Host::Dos, Some((right, told))).unwrap(),
            told
        );
        assert_eq!(
            &*path(b"?", false, Host::Dos, Some((0, told))).unwrap(),
            b"?"
        );
    }

    #[test]
    fn backslashes_separate_only_where_they_cannot_be_in_a_name() {
        assert_eq!(plain(b"a\\b", false, Host::Dos).unwrap(), b"a/b");
        assert_eq!(plain(b"..\\b", false, Host::Dos).unwrap(), b"../b");
        assert_eq!(plain(b"a\\b", false, Host::Unix).unwrap(), b"a\\b");
    }

    #[test]
    fn marks_go_away() {
        for (path, bare) in [
            ("a/", "a"),
            ("./a/b", "a/b"),
            ("././a", "a"),
            ("./", ""),
            (".", ""),
            ("a//", "a/"),
            ("/", "/"),
            ("../a", "../a"),
        ] {
            assert_eq!(without_marks(path.as_bytes()), bare.as_bytes(), "{path}");
        }
    }
}
