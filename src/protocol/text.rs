//! Text that a peer chose.

use crate::model::{escaped, limits};
use std::fmt;

/// Text from a peer or for a peer: UTF-8 of at most [`limits::TEXT_BYTES`] bytes.
///
/// It is shown only through `Display`, which escapes whatever could steer a terminal or turn a line
/// around: control characters, line breaks, bidirectional marks and characters without a width.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PeerText(Box<str>);

impl PeerText {
    /// Takes our own text, truncated at a character boundary if it is too long.
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(limits::TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        PeerText(text.get(..end).unwrap_or_default().into())
    }

    /// Takes a peer's bytes; `None` if they are too many or not UTF-8.
    pub(super) fn from_peer(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > limits::TEXT_BYTES {
            return None;
        }
        Some(PeerText(std::str::from_utf8(bytes).ok()?.into()))
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for PeerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self.as_bytes()))
    }
}

impl fmt::Debug for PeerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let shown = |text: &str| PeerText::new(text).to_string();
        assert_eq!(shown("no space: größer 漢字"), "no space: größer 漢字");
        assert_eq!(shown("\x1b[31mred"), "\\x1b[31mred");
        assert_eq!(shown("a\rb\nc\td\0"), "a\\rb\\nc\\td\\x00");
        assert_eq!(shown("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(shown("\u{9b}x\u{2028}"), "\\u{9b}x\\u{2028}");
        assert_eq!(format!("{:?}", PeerText::new("\x07")), "\"\\x07\"");
    }

    #[test]
    fn the_length_is_bounded() {
        let long = "é".repeat(limits::TEXT_BYTES);
        assert_eq!(PeerText::new(&long).as_bytes().len(), limits::TEXT_BYTES);
        let odd = format!("x{long}");
        assert_eq!(PeerText::new(&odd).as_bytes().len(), limits::TEXT_BYTES - 1);
        assert!(PeerText::from_peer(&vec![b'x'; limits::TEXT_BYTES]).is_some());
        assert!(PeerText::from_peer(&vec![b'x'; limits::TEXT_BYTES + 1]).is_none());
        assert!(PeerText::from_peer(b"\xff").is_none());
    }
}
