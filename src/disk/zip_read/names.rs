//! Names in archives: their encoding and their separators.

use super::code_page::{CODE_PAGE_437, NameEncoding};
use super::error::ArchiveFault;
use std::borrow::Cow;

/// The kind of system that made an entry (APPNOTE 4.4.2). It decides how to read the name and attributes.
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

/// A name in a header, with the facts that decide how to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawName<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether its flags mark it as UTF-8.
    pub(super) is_utf8: bool,
    pub(super) host: Host,
    /// The Unicode path field: the CRC-32 of a name, and that name in UTF-8.
    pub(super) unicode_path: Option<(u32, &'a [u8])>,
}

impl<'a> RawName<'a> {
    /// The path that the name means, not yet checked: the Unicode field if it is about this name, else UTF-8 if
    /// the name is marked so, else the caller's encoding. Without that: UTF-8 if valid, the bytes themselves
    /// from Unix, code page 437 otherwise. A backslash separates in entries made on DOS.
    ///
    /// # Errors
    /// Damage: the name is marked as UTF-8, but is not valid. A trap: it is, and the Unicode field is another name.
    pub(super) fn path(
        self,
        encoding: Option<NameEncoding>,
    ) -> Result<Cow<'a, [u8]>, ArchiveFault> {
        let is_about_this = |(crc, _): &(u32, _)| *crc == crc32fast::hash(self.bytes);
        let name = match self.unicode_path.filter(is_about_this) {
            // Programs differ in which of the two they believe.
            Some((_, name)) if self.is_utf8 && name != self.bytes => {
                return Err(ArchiveFault::Trap("it has two names"));
            }
            Some((_, name)) => Cow::Borrowed(utf8(name)?),
            None if self.is_utf8 => Cow::Borrowed(utf8(self.bytes)?),
            None => self.unmarked(encoding),
        };
        Ok(match self.host {
            Host::Dos if name.contains(&b'\\') => Cow::Owned(with_slashes(&name)),
            _ => name,
        })
    }

    fn unmarked(self, encoding: Option<NameEncoding>) -> Cow<'a, [u8]> {
        let is_utf8 = || std::str::from_utf8(self.bytes).is_ok();
        match encoding {
            _ if self.bytes.is_ascii() => Cow::Borrowed(self.bytes),
            Some(NameEncoding::CodePage(page)) => Cow::Owned(page.decode(self.bytes).into_bytes()),
            Some(NameEncoding::Utf8) => Cow::Borrowed(self.bytes),
            None if self.host == Host::Unix || is_utf8() => Cow::Borrowed(self.bytes),
            None => Cow::Owned(CODE_PAGE_437.decode(self.bytes).into_bytes()),
        }
    }
}

/// The path without meaningless components, and whether it had more of them than makers usually add, which is
/// `./` at the front and a slash after a folder. Empty for the packed folder itself.
pub(super) fn tidy(path: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let mut bare = path;
    while let Some(rest) = bare.strip_prefix(b"./") {
        bare = rest;
    }
    match bare {
        b"." => return (Cow::Borrowed(b""), false),
        // It leads outside, and is refused for that later.
        [b'/', ..] => return (Cow::Borrowed(bare), false),
        _ => bare = bare.strip_suffix(b"/").unwrap_or(bare),
    }
    let means_nothing = |component: &[u8]| matches!(component, b"" | b".");
    let mut components = bare.split(|&byte| byte == b'/');
    if bare.is_empty() || !components.any(means_nothing) {
        return (Cow::Borrowed(bare), false);
    }
    let components = bare.split(|&byte| byte == b'/');
    let meaning: Vec<&[u8]> = components.filter(|one| !means_nothing(one)).collect();
    (Cow::Owned(meaning.join(&b'/')), true)
}

/// Whether a name is that of a folder, for some programs at least.
pub(super) fn ends_in_separator(name: &[u8]) -> bool {
    matches!(name.last(), Some(b'/' | b'\\'))
}

/// Whether two names differ only in the separators `/` and `\`.
pub(super) fn differ_in_separators_only(a: &[u8], b: &[u8]) -> bool {
    with_slashes(a) == with_slashes(b)
}

fn utf8(name: &[u8]) -> Result<&[u8], ArchiveFault> {
    match std::str::from_utf8(name) {
        Ok(_) => Ok(name),
        Err(_) => Err(ArchiveFault::Damaged(
            "a name is marked as UTF-8 and is not",
        )),
    }
}

fn with_slashes(name: &[u8]) -> Vec<u8> {
    let slash = |&byte: &u8| if byte == b'\\' { b'/' } else { byte };
    name.iter().map(slash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8], is_utf8: bool, host: Host) -> Option<Vec<u8>> {
        decoded(bytes, is_utf8, host, None)
    }

    fn decoded(bytes: &[u8], is_utf8: bool, host: Host, encoding: Option<&str>) -> Option<Vec<u8>> {
        let name = RawName {
            bytes,
            is_utf8,
            host,
            unicode_path: None,
        };
        let encoding = encoding.map(|encoding| NameEncoding::parse(encoding).unwrap());
        name.path(encoding).ok().map(Cow::into_owned)
    }

    #[test]
    fn bytes_mean_what_their_maker_meant() {
        let decodes = |bytes, host, text: &str| {
            assert_eq!(plain(bytes, false, host).unwrap(), text.as_bytes());
        };
        decodes(b"\x81\xe1", Host::Dos, "üß");
        decodes("üß".as_bytes(), Host::Dos, "üß");
        assert_eq!(plain(b"\x81\xe1", false, Host::Unix).unwrap(), b"\x81\xe1");
        assert_eq!(
            plain("ü".as_bytes(), true, Host::Dos).unwrap(),
            "ü".as_bytes()
        );
        assert_eq!(plain(b"\x81", true, Host::Unix), None);
    }

    #[test]
    fn an_encoding_is_for_names_that_say_nothing() {
        let cyrillic = b"\x8f\xe0\xa8\xa2\xa5\xe2";
        for host in [Host::Dos, Host::Unix, Host::Other] {
            let name = decoded(cyrillic, false, host, Some("cp866")).unwrap();
            assert_eq!(name, "Привет".as_bytes());
            let marked = decoded("ü".as_bytes(), true, host, Some("cp866")).unwrap();
            assert_eq!(marked, "ü".as_bytes());
            let bytes = decoded(cyrillic, false, host, Some("utf-8")).unwrap();
            assert_eq!(bytes, cyrillic);
        }
    }

    #[test]
    fn a_unicode_field_counts_if_it_is_about_this_name() {
        let told = "ü".as_bytes();
        let with_field = |crc| RawName {
            bytes: b"?",
            is_utf8: false,
            host: Host::Dos,
            unicode_path: Some((crc, told)),
        };
        let right = crc32fast::hash(b"?");
        assert_eq!(&*with_field(right).path(None).unwrap(), told);
        assert_eq!(&*with_field(0).path(None).unwrap(), b"?");
    }

    #[test]
    fn backslashes_separate_only_where_dos_made_the_entry() {
        assert_eq!(plain(b"a\\b", false, Host::Dos).unwrap(), b"a/b");
        assert_eq!(plain(b"..\\b", false, Host::Dos).unwrap(), b"../b");
        assert_eq!(plain(b"a\\b", false, Host::Unix).unwrap(), b"a\\b");
        assert!(differ_in_separators_only(b"a\\b/c", b"a/b\\c"));
        assert!(!differ_in_separators_only(b"a\\b", b"a/c"));
    }

    #[test]
    fn paths_are_tidied_but_never_led_elsewhere() {
        for (path, tidied, is_untidy) in [
            ("a/", "a", false),
            ("./a/b", "a/b", false),
            ("././a", "a", false),
            ("./", "", false),
            (".", "", false),
            ("", "", false),
            ("a//", "a", true),
            ("a//b", "a/b", true),
            ("a/./b", "a/b", true),
            ("a/.", "a", true),
            ("/", "/", false),
            ("//a", "//a", false),
            (".//a", "/a", false),
            ("../a", "../a", false),
            ("a//../b", "a/../b", true),
        ] {
            let (found, is_found) = tidy(path.as_bytes());
            assert_eq!(&*found, tidied.as_bytes(), "{path}");
            assert_eq!(is_found, is_untidy, "{path}");
        }
    }
}
