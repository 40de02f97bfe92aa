//! Names from a peer or the disk, made safe to show.

/// `bytes` as text that is safe to show on a terminal. Control characters, line ends, bidirectional
/// controls, invisible characters and bytes that are not UTF-8 become escapes. Backslashes stay as they
/// are, so escaping twice changes nothing.
///
/// ```
/// assert_eq!(peerbridge::escaped(b"report\x1b[2J\n.txt"), r"report\x1b[2J\n.txt");
/// ```
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut text, character);
        }
        for byte in chunk.invalid() {
            push_byte(&mut text, *byte);
        }
    }
    text
}

/// Like [`escaped`], but cut if the name is long: a name in an archive may have 64 KiB.
pub fn shortened(name: &[u8]) -> String {
    const CHARACTERS: usize = 255;
    let mut text = escaped(name);
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// `bytes` as one word of a shell command, for hints that people paste: safe to show, and quoted unless all
/// characters are plain.
pub fn shell_word(bytes: &[u8]) -> String {
    let text = escaped(bytes);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A name within a line of text: in quotes that nothing in it can end, and made safe to show.
pub fn quoted(bytes: &[u8]) -> String {
    let mut name = Vec::with_capacity(bytes.len() + 2);
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            name.push(b'\\');
        }
        name.push(byte);
    }
    format!("\"{}\"", escaped(&name))
}

/// Whether a character can deceive a reader of the terminal.
pub fn is_deceptive(character: char) -> bool {
    // They choose between two pictures of an emoji.
    let is_variation_selector = matches!(character, '\u{fe00}'..='\u{fe0f}');
    character.is_control()
        || is_default_ignorable(character) && !is_variation_selector
        // Line and paragraph separators, and what marks annotations.
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// Whether a character is invisible by itself: Unicode's property `Default_Ignorable_Code_Point`. Bidirectional
/// controls (Unicode Standard Annex 9) have it.
pub(super) fn is_default_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn push(text: &mut String, character: char) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        character if character.is_ascii_control() => push_byte(text, character as u8),
        character if is_deceptive(character) => text.extend(character.escape_unicode()),
        character => text.push(character),
    }
}

fn push_byte(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push_str("\\x");
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_word_as_one() {
        assert_eq!(shell_word(b"/in/a-1.txt"), "/in/a-1.txt");
        assert_eq!(shell_word(b"my files"), "'my files'");
        assert_eq!(shell_word(b"it's $(id)"), r"'it'\''s $(id)'");
        assert_eq!(shell_word(b""), "''");
    }

    #[test]
    fn nothing_ends_the_quotes_of_a_name() {
        assert_eq!(quoted(b"a b"), r#""a b""#);
        assert_eq!(quoted(br#"a" from "b\"#), r#""a\" from \"b\\""#);
        assert_eq!(quoted(b"a\nb\xff"), r#""a\nb\xff""#);
        assert_eq!(quoted(br"a\nb"), r#""a\\nb""#);
    }

    #[test]
    fn clearing_the_screen_is_shown() {
        assert_eq!(escaped(b"a\x1b[2Jb"), "a\\x1b[2Jb");
    }

    #[test]
    fn eight_bit_control_sequences_are_shown() {
        assert_eq!(escaped("a\u{9b}2Jb".as_bytes()), "a\\u{9b}2Jb");
        assert_eq!(escaped(b"a\x9b2Jb"), "a\\x9b2Jb");
    }

    #[test]
    fn a_carriage_return_does_not_overwrite_the_line() {
        assert_eq!(
            escaped(b"evil.exe\rharmless.txt"),
            "evil.exe\\rharmless.txt"
        );
    }

    #[test]
    fn a_line_end_does_not_forge_a_message() {
        assert_eq!(escaped(b"a\npeerbridge: done"), "a\\npeerbridge: done");
        assert_eq!(
            escaped("a\u{2028}b\u{85}c".as_bytes()),
            "a\\u{2028}b\\u{85}c"
        );
    }

    #[test]
    fn backspaces_bells_and_deletes_are_shown() {
        assert_eq!(escaped(b"a\x08\x07\x7f\0b"), "a\\x08\\x07\\x7f\\x00b");
    }

    #[test]
    fn a_reversed_extension_is_shown() {
        assert_eq!(
            escaped("photo\u{202e}gpj.exe".as_bytes()),
            "photo\\u{202e}gpj.exe"
        );
        for code in (0x202a..=0x202e)
            .chain(0x2066..=0x2069)
            .chain([0x61c, 0x200e, 0x200f])
        {
            let character = char::from_u32(code).unwrap();
            assert_eq!(
                escaped(character.to_string().as_bytes()),
                format!("\\u{{{code:x}}}")
            );
        }
    }

    #[test]
    fn invisible_characters_do_not_make_twins() {
        for character in [
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0041}',
        ] {
            let name = format!("read{character}me");
            assert_ne!(escaped(name.as_bytes()), name);
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown() {
        assert_eq!(escaped(b"caf\xe9\xff.txt"), "caf\\xe9\\xff.txt");
    }

    #[test]
    fn honest_names_stay_as_they_are() {
        for name in [
            "a b",
            "-rf",
            "$(id)",
            "ünï",
            "日本語",
            "C:\\x",
            "👍.txt",
            "שלום",
        ] {
            assert_eq!(escaped(name.as_bytes()), name);
        }
    }

    #[test]
    fn escaping_twice_changes_nothing() {
        let once = escaped(b"a\x1b\xff\\n\r");
        assert_eq!(escaped(once.as_bytes()), once);
    }
}
