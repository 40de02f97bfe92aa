//! Where a symbolic link may point.

use super::{WirePath, limits};
use std::fmt;

/// The target of a link that stays inside its transfer: leading `..`, at most as many as the link has folders
/// above it, then plain components. A `.`, a slash at the end and a doubled one change nothing.
///
/// A `..` after a plain component is refused: if that component is itself a link, the kernel would go up from
/// another place than the text suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTarget<'a>(&'a [u8]);

impl<'a> LinkTarget<'a> {
    /// Checks that `target`, as the text of a link at `link`, stays inside the transfer.
    ///
    /// # Errors
    /// A [`LinkFault`] that says why not.
    pub fn parse(link: WirePath<'_>, target: &'a [u8]) -> Result<Self, LinkFault> {
        if target.is_empty() || target.len() > limits::PATH_BYTES {
            return Err(LinkFault::Malformed);
        }
        let (mut up, mut levels) = (0, 0);
        for (number, component) in target.split(|&byte| byte == b'/').enumerate() {
            match component {
                b"" if number == 0 => return Err(LinkFault::Outside),
                b"" | b"." => {}
                b".." if levels == 0 => up += 1,
                _ if WirePath::parse(component).is_err() => return Err(LinkFault::Outside),
                _ => levels += 1,
            }
        }
        if up > link.depth() || levels > limits::PATH_LEVELS || leads_out_on_windows(target) {
            return Err(LinkFault::Outside);
        }
        Ok(LinkTarget(target))
    }

    /// Takes bytes that went through [`LinkTarget::parse`] before.
    pub(super) fn checked_before(bytes: &'a [u8]) -> Self {
        LinkTarget(bytes)
    }

    /// The checked text of the link.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The target without a `..` behind a component that is a real folder: `d/../x` is `x`. `None` if one of those is
/// none, or nothing is to be resolved. `is_folder` is asked about paths in the transfer.
pub fn without_detours(
    link: WirePath<'_>,
    target: &[u8],
    is_folder: impl Fn(&[u8]) -> bool,
) -> Option<Vec<u8>> {
    let mut above: Vec<&[u8]> = match link.parent() {
        Some(folder) => folder.components().collect(),
        None => Vec::new(),
    };
    let (mut up, mut below): (usize, Vec<&[u8]>) = (0, Vec::new());
    for (number, component) in target.split(|&byte| byte == b'/').enumerate() {
        match component {
            b"" if number == 0 => return None,
            b"" | b"." => {}
            b".." if below.is_empty() => {
                above.pop()?;
                up += 1;
            }
            b".." => {
                let reached = [above.as_slice(), &below].concat();
                let mut folders = (above.len() + 1..=reached.len()).map(|end| &reached[..end]);
                if !folders.all(|folder| is_folder(&folder.join(&b'/'))) {
                    return None;
                }
                below.pop();
            }
            name => below.push(name),
        }
    }
    let ups = std::iter::repeat_n(&b".."[..], up);
    let components: Vec<&[u8]> = ups.chain(below).collect();
    match components.is_empty() {
        true => Some(b".".to_vec()),
        false => Some(components.join(&b'/')),
    }
}

/// Whether Windows could read a target as a drive, a share or a way up. Nobody else makes such links.
fn leads_out_on_windows(target: &[u8]) -> bool {
    target.split(|&byte| byte == b'/').any(|component| {
        let mut pieces = component.split(|&byte| byte == b'\\');
        let first = pieces.next().unwrap_or_default();
        let is_drive = matches!(first, [letter, b':'] if letter.is_ascii_alphabetic());
        first.len() < component.len()
            && (first.is_empty()
                || first == b".."
                || is_drive
                || pieces.any(|piece| piece == b".."))
    })
}

/// Why a link is not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// Empty or too long.
    Malformed,
    /// It points, or could point, outside the transfer.
    Outside,
}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkFault::Malformed => "the link is malformed",
            LinkFault::Outside => "the link leads outside",
        })
    }
}

impl std::error::Error for LinkFault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(link: &str, target: &str) -> bool {
        LinkTarget::parse(WirePath::parse(link.as_bytes()).unwrap(), target.as_bytes()).is_ok()
    }

    #[test]
    fn links_inside_pass() {
        assert!(allowed("a", "b"));
        assert!(allowed("d/a", "b"));
        assert!(allowed("d/a", "../b"));
        assert!(allowed("d/e/a", "../../x/y"));
        assert!(allowed("d/a", ".."));
        assert!(allowed("d/a", "..x"));
        assert!(allowed("a", "."));
        assert!(allowed("a", "B::Deparse.3pm.gz"));
        assert!(allowed("a", "b\\c"));
        for same in ["d/", "./d", "d/.", "d//f", "./", "././d/./"] {
            assert!(allowed("a", same), "{same}");
        }
        assert!(allowed("d/a", ".././b"));
    }

    #[test]
    fn links_outside_are_refused() {
        assert!(!allowed("a", "../b"));
        assert!(!allowed("a", ".."));
        assert!(!allowed("d/a", "../../b"));
        assert!(!allowed("a", "/etc/passwd"));
        assert!(!allowed("d/a", "b/../../c"));
        assert!(!allowed("d/e/a", "x/../y"));
        assert!(!allowed("d/a", ".././../etc"));
        assert!(!allowed("a", "//etc"));
        assert!(!allowed("a", "/"));
        assert!(!allowed("a", ""));
        assert!(!allowed("a", "C:\\x"));
        assert!(!allowed("a", "\\\\host\\share"));
        assert!(!allowed("d/a", "..\\..\\x"));
        assert!(!allowed("a", "b\\..\\..\\x"));
        assert!(!allowed("a", "x\0y"));
    }

    #[test]
    fn a_detour_through_a_real_folder_is_left_away() {
        let without = |link: &str, target: &str| {
            let link = WirePath::parse(link.as_bytes()).unwrap();
            let is_folder = |path: &[u8]| [&b"d"[..], b"d/e", b"d/e/f"].contains(&path);
            let target = without_detours(link, target.as_bytes(), is_folder);
            target.map(|target| String::from_utf8(target).unwrap())
        };
        assert_eq!(without("a", "d/../x").as_deref(), Some("x"));
        assert_eq!(without("d/a", "e/f/../../x").as_deref(), Some("x"));
        assert_eq!(without("d/a", "../d/e/../x").as_deref(), Some("../d/x"));
        assert_eq!(without("d/a", "e/../../x").as_deref(), Some("../x"));
        assert_eq!(without("a", "d/..").as_deref(), Some("."));
        assert_eq!(without("a", "no/../x"), None);
        assert_eq!(without("a", "d/no/../../x"), None);
        assert_eq!(without("a", "d/../../x"), None);
        assert_eq!(without("a", "/d/../x"), None);
    }
}
