//! Where a symbolic link may point.

use super::{WirePath, limits};
use std::fmt;

/// The target of a link that stays inside its transfer: leading `..`, at most as many as the link has folders
/// above it, then plain components.
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
        if target == b"." {
            return Ok(LinkTarget(target));
        }
        let mut rest = target;
        let mut up = 0;
        while let Some(after) = rest.strip_prefix(b"..") {
            up += 1;
            match after {
                [] => rest = &[],
                [b'/', tail @ ..] => rest = tail,
                _ => {
                    up -= 1;
                    break;
                }
            }
        }
        if up > link.depth() {
            return Err(LinkFault::Outside);
        }
        if !rest.is_empty() && (WirePath::parse(rest).is_err() || leads_out_on_windows(target)) {
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
    }

    #[test]
    fn links_outside_are_refused() {
        assert!(!allowed("a", "../b"));
        assert!(!allowed("a", ".."));
        assert!(!allowed("d/a", "../../b"));
        assert!(!allowed("a", "/etc/passwd"));
        assert!(!allowed("d/a", "b/../../c"));
        assert!(!allowed("d/e/a", "x/../y"));
        assert!(!allowed("d/a", "..//etc"));
        assert!(!allowed("a", ""));
        assert!(!allowed("a", "C:\\x"));
        assert!(!allowed("a", "\\\\host\\share"));
        assert!(!allowed("d/a", "..\\..\\x"));
        assert!(!allowed("a", "b\\..\\..\\x"));
        assert!(!allowed("a", "x\0y"));
    }
}
