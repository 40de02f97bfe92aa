//! A line that is edited while it is typed: what each key does, and how the line looks. Does not use the terminal
//! itself.

use crate::cli::output::width;

/// Longer than any path that a system accepts, in characters.
const LONGEST_LINE: usize = 64 * 1024;

/// The most candidates to show.
const SHOWN: usize = 40;

/// The completed text up to the cursor, and the candidates if there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    /// The text, as far as it is certain.
    pub(crate) text: String,
    /// The candidates, if more than one fits.
    pub(crate) candidates: Vec<String>,
}

/// Completes the text before the cursor.
pub(crate) type Completer<'a> = &'a dyn Fn(&str) -> Completion;

/// The result of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EditStep {
    /// The line may look different.
    Redraw,
    /// Candidates to show above the line.
    Show(Vec<String>),
    /// The line is done.
    Entered,
    /// The end of input: Ctrl-D on an empty line.
    Ended,
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-Z.
    Suspended,
}

/// The line, and the bytes of a key that is not complete.
#[derive(Default)]
pub(crate) struct Editor {
    text: Vec<char>,
    cursor: usize,
    /// Bytes of an incomplete character or escape sequence.
    pending: Vec<u8>,
}

impl Editor {
    /// Takes one byte from the terminal.
    pub(crate) fn take(&mut self, byte: u8, complete: Completer<'_>) -> EditStep {
        if !self.pending.is_empty() || byte == 0x1b || byte >= 0x80 {
            self.pending.push(byte);
            self.take_pending();
            return EditStep::Redraw;
        }
        match byte {
            b'\r' | b'\n' => return EditStep::Entered,
            b'\t' => return self.complete(complete),
            0x03 => return EditStep::Interrupted,
            0x04 if self.text.is_empty() => return EditStep::Ended,
            0x1a => return EditStep::Suspended,
            0x01 => self.cursor = 0,
            0x05 => self.cursor = self.text.len(),
            0x02 => self.cursor = self.cursor.saturating_sub(1),
            0x06 => self.cursor = (self.cursor + 1).min(self.text.len()),
            0x04 => self.delete(),
            0x08 | 0x7f => self.erase(self.cursor.saturating_sub(1)),
            0x0b => self.text.truncate(self.cursor),
            0x15 => self.erase(0),
            0x17 => self.erase(self.word_start()),
            control if control < 0x20 => {}
            plain => self.insert(char::from(plain)),
        }
        EditStep::Redraw
    }

    /// What was typed.
    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The part of the line that fits into `columns`, and the cursor's column in it.
    pub(crate) fn view(&self, columns: usize) -> (String, usize) {
        let shown: Vec<(String, usize)> = self.text.iter().map(|c| picture(*c)).collect();
        let width_of =
            |part: &[(String, usize)]| part.iter().map(|(_, width)| width).sum::<usize>();
        let mut begin = 0;
        while width_of(&shown[begin..self.cursor]) > columns {
            begin += 1;
        }
        let mut end = self.cursor;
        while end < shown.len() && width_of(&shown[begin..=end]) <= columns {
            end += 1;
        }
        let text = shown[begin..end].iter().map(|(text, _)| text.as_str());
        (text.collect(), width_of(&shown[begin..self.cursor]))
    }

    /// Handles a character or an escape sequence once it is complete.
    fn take_pending(&mut self) {
        if self.pending[0] == 0x1b {
            let done = match self.pending[..] {
                [_] | [_, b'[' | b'O'] => false,
                [_, b'[' | b'O', .., last] => (0x40..0x7f).contains(&last),
                _ => true,
            };
            if done {
                let key = std::mem::take(&mut self.pending);
                self.act_on(&key[1..]);
            }
            return;
        }
        match std::str::from_utf8(&self.pending) {
            Ok(text) => {
                let typed: Vec<char> = text.chars().collect();
                self.pending.clear();
                typed.into_iter().for_each(|c| self.insert(c));
            }
            Err(error) if error.error_len().is_some() => {
                self.pending.clear();
                self.insert(char::REPLACEMENT_CHARACTER);
            }
            Err(_) => {}
        }
    }

    /// Handles arrows and similar keys (ECMA-48, xterm). Ignores the marks around a paste, and other keys.
    fn act_on(&mut self, key: &[u8]) {
        match key {
            b"[D" | b"OD" => self.cursor = self.cursor.saturating_sub(1),
            b"[C" | b"OC" => self.cursor = (self.cursor + 1).min(self.text.len()),
            b"[H" | b"OH" | b"[1~" => self.cursor = 0,
            b"[F" | b"OF" | b"[4~" => self.cursor = self.text.len(),
            b"[3~" => self.delete(),
            _ => {}
        }
    }

    fn insert(&mut self, character: char) {
        if self.text.len() < LONGEST_LINE {
            self.text.insert(self.cursor, character);
            self.cursor += 1;
        }
    }

    fn delete(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    fn erase(&mut self, from: usize) {
        self.text.drain(from..self.cursor);
        self.cursor = from;
    }

    fn word_start(&self) -> usize {
        let before = &self.text[..self.cursor];
        let is_blank = |c: &char| c.is_whitespace() || std::path::is_separator(*c);
        let end = before
            .iter()
            .rposition(|c| !is_blank(c))
            .map_or(0, |at| at + 1);
        before[..end]
            .iter()
            .rposition(is_blank)
            .map_or(0, |at| at + 1)
    }

    fn complete(&mut self, complete: Completer<'_>) -> EditStep {
        let before: String = self.text[..self.cursor].iter().collect();
        let Completion {
            text,
            mut candidates,
        } = complete(&before);
        if text != before {
            let rest = self.text.split_off(self.cursor);
            self.text = text.chars().collect();
            self.cursor = self.text.len();
            self.text.extend(rest);
            return EditStep::Redraw;
        }
        if candidates.len() < 2 {
            return EditStep::Redraw;
        }
        let more = candidates.len().saturating_sub(SHOWN);
        candidates.truncate(SHOWN);
        if more > 0 {
            candidates.push(format!("and {more} more"));
        }
        EditStep::Show(candidates)
    }
}

/// A character as it is shown, and its columns. Replaces a character that could control the terminal.
fn picture(character: char) -> (String, usize) {
    match character.is_control() {
        true => ("?".to_owned(), 1),
        false => (character.to_string(), width::of(character)),
    }
}

/// The longest common beginning of all names.
pub(crate) fn common_prefix<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<char> = names.next().unwrap_or_default().chars().collect();
    let length = names.fold(first.len(), |length, name| {
        let same = first
            .iter()
            .zip(name.chars())
            .take_while(|(a, b)| **a == *b);
        length.min(same.count())
    });
    first[..length].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(text: &str) -> Completion {
        Completion {
            text: text.to_owned(),
            candidates: Vec::new(),
        }
    }

    fn typed(keys: &str) -> Editor {
        let mut editor = Editor::default();
        for byte in keys.bytes() {
            assert_eq!(editor.take(byte, &nothing), EditStep::Redraw, "{keys:?}");
        }
        editor
    }

    #[test]
    fn keys_edit_the_line() {
        for (keys, text) in [
            ("abc", "abc"),
            ("abc\x7f\x08d", "ad"),
            ("ac\x1b[Db", "abc"),
            ("bc\x01a\x05d", "abcd"),
            ("bc\x1b[Ha\x1b[Fd", "abcd"),
            ("xabc\x1b[H\x1b[3~", "abc"),
            ("xabc\x01\x04", "abc"),
            ("one two\x17", "one "),
            ("one/two\x17", "one/"),
            ("gone\x15here", "here"),
            ("here, gone\x02\x02\x02\x02\x02\x02\x0b", "here"),
            ("\u{e4}\u{65e5}\x7f", "\u{e4}"),
            ("\x1b[200~pasted text\x1b[201~", "pasted text"),
            ("a\x1b[1;5Cb\x1bxc", "abc"),
        ] {
            assert_eq!(typed(keys).text(), text, "{keys:?}");
        }
        let mut broken = typed("a");
        for byte in [0xc3, b'(', b'b'] {
            broken.take(byte, &nothing);
        }
        assert_eq!(broken.text(), "a\u{fffd}b");
    }

    #[test]
    fn some_keys_end_the_line() {
        let mut editor = typed("a");
        assert_eq!(editor.take(0x04, &nothing), EditStep::Redraw);
        for (byte, step) in [
            (b'\r', EditStep::Entered),
            (b'\n', EditStep::Entered),
            (0x03, EditStep::Interrupted),
            (0x1a, EditStep::Suspended),
        ] {
            assert_eq!(editor.take(byte, &nothing), step);
        }
        assert_eq!(Editor::default().take(0x04, &nothing), EditStep::Ended);
    }

    #[test]
    fn tab_completes_before_the_cursor_and_shows_what_may_be_meant() {
        let complete = |text: &str| match text {
            "f" => Completion {
                text: "file".to_owned(),
                candidates: vec!["file one".to_owned(), "file two".to_owned()],
            },
            other => Completion {
                text: other.to_owned(),
                candidates: vec!["file one".to_owned(), "file two".to_owned()],
            },
        };
        let mut editor = typed("fx\x1b[D");
        assert_eq!(editor.take(b'\t', &complete), EditStep::Redraw);
        assert_eq!(editor.text(), "filex");
        let shown = editor.take(b'\t', &complete);
        assert!(matches!(shown, EditStep::Show(names) if names.len() == 2));
        assert_eq!(common_prefix(["abc", "abd", "ab"]), "ab");
        assert_eq!(common_prefix([]), "");
    }

    #[test]
    fn the_view_follows_the_cursor_and_counts_wide_characters() {
        let editor = typed("0123456789");
        assert_eq!(editor.view(20), ("0123456789".to_owned(), 10));
        assert_eq!(editor.view(4), ("6789".to_owned(), 4));
        let editor = typed("0123456789\x01");
        assert_eq!(editor.view(4), ("0123".to_owned(), 0));
        let wide = typed("\u{65e5}\u{672c}\u{8a9e}");
        assert_eq!(wide.view(5), ("\u{672c}\u{8a9e}".to_owned(), 4));
        assert_eq!(wide.view(0), (String::new(), 0));
    }
}
