//! Where a symbolic link may point.

use super::{WirePath, limits};
use std::borrow::Cow;
use std::fmt;

/// The text of a link, and whether the link stays inside its transfer: it does if the text is leading `..`, at
/// most as many as the link has folders above it, and then plain components. A `.`, a slash at the end and a
/// double slash change nothing.
///
/// A `..` after a plain component counts as leading outside: if that component is itself a link, the kernel
/// goes up from the target of that link and not from where the text suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTarget<'a> {
    text: &'a [u8],
    leads_outside: bool,
}

impl<'a> LinkTarget<'a> {
    /// Checks `text`, the target of the link at `link`.
    ///
    /// # Errors
    /// [`LinkFault::Malformed`] if no link can have that text.
    pub fn parse(link: WirePath<'_>, text: &'a [u8]) -> Result<Self, LinkFault> {
        if text.is_empty() || text.len() > limits::PATH_BYTES || text.contains(&0) {
            return Err(LinkFault::Malformed);
        }
        Ok(LinkTarget {
            text,
            leads_outside: leads_outside(link, text),
        })
    }

    /// Takes text that [`LinkTarget::parse`] has checked before, and its result.
    pub(super) fn checked_before(text: &'a [u8], leads_outside: bool) -> Self {
        LinkTarget {
            text,
            leads_outside,
        }
    }

    /// The text of the link.
    pub fn as_bytes(self) -> &'a [u8] {
        self.text
    }

    /// Whether the link points, or could point, outside its transfer.
    pub fn leads_outside(self) -> bool {
        self.leads_outside
    }
}

fn leads_outside(link: WirePath<'_>, text: &[u8]) -> bool {
    let (mut up, mut levels) = (0, 0);
    for (number, component) in text.split(|&byte| byte == b'/').enumerate() {
        match component {
            b"" if number == 0 => return true,
            b"" | b"." => {}
            b".." if levels == 0 => up += 1,
            _ if WirePath::parse(component).is_err() => return true,
            _ => levels += 1,
        }
    }
    up > link.depth() || levels > limits::PATH_LEVELS || leads_out_on_windows(text)
}

/// Which links are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkRule {
    /// Those that stay inside the transfer.
    #[default]
    Inside,
    /// All, with the text that they have.
    All,
}

impl LinkRule {
    /// The rule that includes links that lead outside, or the one that does not.
    pub fn with_outside(takes_outside: bool) -> Self {
        match takes_outside {
            true => LinkRule::All,
            false => LinkRule::Inside,
        }
    }

    /// The text with which a link is carried. It is the link's own text, or a text without detours such as
    /// `d/../x` if only detours through folders of the transfer make the link lead outside. `is_folder` says
    /// whether a path of the transfer is a folder.
    ///
    /// # Errors
    /// Why the link is not carried.
    pub fn carried<'t>(
        self,
        link: WirePath<'_>,
        text: &'t [u8],
        is_folder: impl Fn(&[u8]) -> bool,
    ) -> Result<Cow<'t, [u8]>, LinkFault> {
        if !LinkTarget::parse(link, text)?.leads_outside() {
            return Ok(Cow::Borrowed(text));
        }
        let direct = without_detours(link, text, is_folder);
        match direct
            .filter(|direct| LinkTarget::parse(link, direct).is_ok_and(|t| !t.leads_outside))
        {
            Some(direct) => Ok(Cow::Owned(direct)),
            None if self == LinkRule::All => Ok(Cow::Borrowed(text)),
            None => Err(LinkFault::Outside),
        }
    }
}

/// The target with each pair of a folder and a `..` removed: `d/../x` becomes `x`. `None` if a component before
/// a `..` is not a real folder, or if the target is absolute or leads above the top.
fn without_detours(
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

/// Whether Windows could read a target as a drive, a share or a way up. Links on other systems hardly ever look
/// like that.
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
    /// The text is empty, too long or has a NUL byte.
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
        let parsed =
            LinkTarget::parse(WirePath::parse(link.as_bytes()).unwrap(), target.as_bytes());
        parsed.is_ok_and(|target| !target.leads_outside())
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
    fn links_outside_are_known() {
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
    fn what_leads_outside_is_carried_only_by_that_rule() {
        let carried = |rule: LinkRule, target: &'static str| {
            let link = WirePath::parse(b"d/a").unwrap();
            let text = rule.carried(link, target.as_bytes(), |path| path == b"d/e")?;
            Ok(String::from_utf8(text.into_owned()).unwrap())
        };
        for outside in ["/etc/passwd", "../../x", "no/../../x", "C:\\x", "/"] {
            assert_eq!(carried(LinkRule::Inside, outside), Err(LinkFault::Outside));
            assert_eq!(carried(LinkRule::All, outside).as_deref(), Ok(outside));
        }
        for rule in [LinkRule::Inside, LinkRule::All] {
            assert_eq!(carried(rule, "../x").as_deref(), Ok("../x"));
            assert_eq!(carried(rule, "e/../x").as_deref(), Ok("x"));
            assert_eq!(carried(rule, ""), Err(LinkFault::Malformed));
            assert_eq!(carried(rule, "a\0b"), Err(LinkFault::Malformed));
        }
    }

    #[test]
    fn a_detour_through_a_real_folder_is_removed() {
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
