//! A path as it travels between peers: checked bytes, not a path on disk.

use super::escape::is_default_ignorable;
use super::limits;
use std::fmt;

/// A relative path of plain components joined by `/`, in the bytes of the sender's file system.
///
/// [`WirePath::parse`] guarantees that `/` and dots cannot lead out of a folder. It is not a
/// [`std::path::Path`]: only the disk floor turns it into one, and refuses paths to which its system gives
/// another meaning (drives and backslashes on Windows).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WirePath<'a>(&'a [u8]);

impl<'a> WirePath<'a> {
    /// Checks `bytes` and takes them as a path.
    ///
    /// # Errors
    /// A [`PathFault`] that names the first broken rule.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PathFault> {
        if bytes.is_empty() {
            return Err(PathFault::Empty);
        }
        if bytes.len() > limits::PATH_BYTES {
            return Err(PathFault::TooLong);
        }
        let mut levels = 0;
        for component in bytes.split(|&byte| byte == b'/') {
            check_component(component)?;
            levels += 1;
        }
        if levels > limits::PATH_LEVELS {
            return Err(PathFault::TooDeep);
        }
        Ok(WirePath(bytes))
    }

    /// Takes bytes that [`WirePath::parse`] has checked before.
    pub(super) fn checked_before(bytes: &'a [u8]) -> Self {
        WirePath(bytes)
    }

    /// The checked bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The components, outermost first; at least one, none of them empty.
    pub fn components(self) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.0.split(|&byte| byte == b'/')
    }

    /// The path of the folder that holds this entry; `None` at the top.
    pub fn parent(self) -> Option<WirePath<'a>> {
        let slash = self.0.iter().rposition(|&byte| byte == b'/')?;
        Some(WirePath(&self.0[..slash]))
    }

    /// How many folders hold this entry: 0 at the top.
    pub fn depth(self) -> usize {
        self.0.iter().filter(|&&byte| byte == b'/').count()
    }
}

impl fmt::Debug for WirePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// Why bytes from a peer are not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// No bytes, or an empty component: a leading, trailing or double `/`.
    Empty,
    /// Longer than [`limits::PATH_BYTES`], or a component longer than [`limits::COMPONENT_BYTES`].
    TooLong,
    /// More than [`limits::PATH_LEVELS`] components.
    TooDeep,
    /// A component `.` or `..`.
    Dots,
    /// A NUL byte.
    Nul,
    /// A component that begins like a staging folder, or that some disk takes for one that does.
    Staging,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathFault::Empty => "it has an empty part",
            PathFault::TooLong => "it is too long",
            PathFault::TooDeep => "it is nested too deeply",
            PathFault::Dots => "it has a part '.' or '..'",
            PathFault::Nul => "it has a NUL byte",
            PathFault::Staging => "it is a name that peerbridge keeps for itself",
        })
    }
}

impl std::error::Error for PathFault {}

/// How every staging folder's name begins.
pub(crate) const STAGING_PREFIX: &[u8] = b".peerbridge-";

/// Refuses components that would lead out of a folder on any system. Backslashes and colons are ordinary
/// characters on systems that allow them in names; on others the disk floor refuses such names.
fn check_component(component: &[u8]) -> Result<(), PathFault> {
    if component.is_empty() {
        return Err(PathFault::Empty);
    }
    if component.len() > limits::COMPONENT_BYTES {
        return Err(PathFault::TooLong);
    }
    if component.contains(&0) {
        return Err(PathFault::Nul);
    }
    if component == b"." || component == b".." {
        return Err(PathFault::Dots);
    }
    if may_be_staging(component) {
        return Err(PathFault::Staging);
    }
    Ok(())
}

/// Whether some disk may take a name for that of a staging folder. Many disks ignore case; HFS+, and ext4 in folders
/// that ignore case, ignore invisible characters too.
fn may_be_staging(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let visible = text.chars().filter(|&letter| !is_default_ignorable(letter));
    let head = visible.take(STAGING_PREFIX.len());
    let prefix = STAGING_PREFIX.iter().copied().map(char::from);
    head.map(|letter| letter.to_ascii_lowercase()).eq(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_refused() {
        let long_component = [b'x'; 256];
        let long_path = [&[b'x'; 250][..]; 20].join(&b'/');
        let deep = vec!["d"; 2000].join("/");
        let cases: &[(&[u8], PathFault)] = &[
            (b"", PathFault::Empty),
            (b"/abs", PathFault::Empty),
            (b"//x", PathFault::Empty),
            (b"a//b", PathFault::Empty),
            (b"a/", PathFault::Empty),
            (b".", PathFault::Dots),
            (b"..", PathFault::Dots),
            (b"../x", PathFault::Dots),
            (b"a/../../x", PathFault::Dots),
            (b"a/./x", PathFault::Dots),
            (b"a\0b", PathFault::Nul),
            (&long_component, PathFault::TooLong),
            (&long_path, PathFault::TooLong),
            (deep.as_bytes(), PathFault::TooDeep),
            (b".peerbridge-0123", PathFault::Staging),
            (b"a/.PeerBridge-x", PathFault::Staging),
            (".peer\u{200c}bridge-x".as_bytes(), PathFault::Staging),
            (
                "\u{feff}.PEERBRIDGE\u{206f}-".as_bytes(),
                PathFault::Staging,
            ),
            (
                b"a/.peerbridge\xef\xb8\x8f\xc2\xad-\xff",
                PathFault::Staging,
            ),
        ];
        for (bytes, fault) in cases {
            assert_eq!(
                WirePath::parse(bytes).err(),
                Some(*fault),
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn odd_but_harmless_names_pass() {
        let names: &[&[u8]] = &[
            b"-rf",
            b"a b",
            b"$(id)",
            b"it's \"quoted\"",
            b"\x1b[31mred",
            b"\xff\xfe",
            b"...",
            b"..x",
            b"12:30.log",
            b"a\\b",
            b"a:b",
            b"B::Deparse.3pm.gz",
            b"dosdevices/c:",
            b"\\;",
            b"..\\x",
            b".peerbridge",
            b".peerbridge\xff-",
            ".peerbridge\u{301}-".as_bytes(),
            "a\u{200d}b".as_bytes(),
            "\u{202e}txt".as_bytes(),
        ];
        for name in names {
            assert!(WirePath::parse(name).is_ok(), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn parts_of_a_path() {
        let path = WirePath::parse(b"a/b/c").unwrap();
        assert_eq!(path.depth(), 2);
        assert_eq!(path.parent().unwrap().as_bytes(), b"a/b");
        assert_eq!(path.components().last(), Some(&b"c"[..]));
        assert!(WirePath::parse(b"a").unwrap().parent().is_none());
    }
}
