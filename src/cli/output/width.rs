//! How many columns text takes on a terminal.
//!
//! std has no function for it. The ranges are the wide characters of the Unicode Standard, annex 11, and the marks
//! that take no column of their own, as far as file names need them. A character that is counted too wide only
//! leaves a gap. One that is counted too narrow could break the line, so the ranges are generous.

/// Characters of two columns.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),   // Hangul jamo
    (0x231a, 0x231b),   // watch, hourglass
    (0x23e9, 0x23f3),   // media controls, clocks
    (0x25fd, 0x25fe),   // squares
    (0x2614, 0x2615),   // umbrella, hot beverage
    (0x2630, 0x2637),   // trigrams
    (0x2648, 0x2653),   // zodiac
    (0x267f, 0x267f),   // wheelchair
    (0x268a, 0x2693),   // digrams, anchor
    (0x26a1, 0x26ff),   // symbols
    (0x2705, 0x27bf),   // dingbats
    (0x2b1b, 0x2b55),   // squares, star, circle
    (0x2e80, 0x303e),   // CJK radicals and punctuation
    (0x3041, 0x4dbf),   // kana, bopomofo, CJK extension A
    (0x4dc0, 0xa4cf),   // CJK, Yi
    (0xa960, 0xa97c),   // Hangul jamo extended
    (0xac00, 0xd7a3),   // Hangul syllables
    (0xf900, 0xfaff),   // CJK compatibility
    (0xfe10, 0xfe19),   // vertical forms
    (0xfe30, 0xfe6f),   // CJK compatibility forms
    (0xff01, 0xff60),   // full-width forms
    (0xffe0, 0xffe6),   // full-width signs
    (0x16fe0, 0x18cff), // Tangut, Khitan
    (0x1aff0, 0x1b2ff), // kana supplements
    (0x1d300, 0x1d376), // tai xuan jing
    (0x1f000, 0x1faff), // tiles, emoji
    (0x20000, 0x3fffd), // CJK extensions
];

/// Characters that join the one before: combining marks and joiners.
const NARROW: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x0e34, 0x0e3a),
    (0x0e47, 0x0e4e),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x20d0, 0x20ff),
    (0x3099, 0x309a),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xe0100, 0xe01ef),
];

/// The columns of one character.
pub(crate) fn of(character: char) -> usize {
    let code = u32::from(character);
    let within = |ranges: &[(u32, u32)]| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    };
    match code {
        0x20..0x300 => 1,
        _ if within(NARROW) => 0,
        _ if within(WIDE) => 2,
        _ => 1,
    }
}

/// The columns of a text.
pub(crate) fn of_text(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// The end of the text in at most `columns`, after `..` if something is left out. The end of a path says more than
/// its beginning.
pub(crate) fn tail(text: &str, columns: usize) -> String {
    if of_text(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(2);
    let mut begin = text.len();
    for (position, character) in text.char_indices().rev() {
        match left.checked_sub(of(character)) {
            Some(rest) => (left, begin) = (rest, position),
            None => break,
        }
    }
    format!("..{}", &text[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        assert_eq!(of_text("photos"), 6);
        assert_eq!(of_text("写真"), 4);
        assert_eq!(of_text("e\u{301}"), 1);
        assert_eq!(of_text("한글"), 4);
        assert_eq!(of_text("🎄"), 2);
        assert_eq!(of_text("é"), 1);
        assert_eq!(of_text("Ünïcödé"), 7);
    }

    #[test]
    fn a_long_path_shows_its_end() {
        assert_eq!(tail("photos/a.jpg", 12), "photos/a.jpg");
        assert_eq!(tail("photos/a.jpg", 8), "../a.jpg");
        assert_eq!(tail("写真写真", 7), "..写真");
        for columns in 2..12 {
            assert!(of_text(&tail("写真/写真.jpg", columns)) <= columns);
        }
    }
}
