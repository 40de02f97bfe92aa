//! QR codes for terminals.

use crate::cli::output::colour::Colour;
use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

/// Empty modules around the code, which scanners need.
const QUIET_ZONE: i32 = 4;

/// Black on white, whatever colours the terminal has.
const BLACK_ON_WHITE: &str = "\x1b[30;107m";
const NORMAL: &str = "\x1b[0m";

/// The text as a QR code of half blocks, with two rows of modules in a line; `None` if it is too long. Without
/// colours, the terminal is assumed to be dark.
pub(super) fn picture(text: &str, colour: Colour) -> Option<Zeroizing<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let is_coloured = matches!(colour, Colour::Allowed);
    let is_drawn = |x, y| code.get_module(x, y) == is_coloured;
    let end = code.size() + QUIET_ZONE;
    let mut picture = Zeroizing::new(String::new());
    for y in (-QUIET_ZONE..end).step_by(2) {
        if is_coloured {
            picture.push_str(BLACK_ON_WHITE);
        }
        for x in -QUIET_ZONE..end {
            // Below the last row there is nothing to draw.
            let lower = y + 1 < end && is_drawn(x, y + 1);
            picture.push(match (is_drawn(x, y), lower) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        picture.push_str(if is_coloured { NORMAL } else { "" });
        picture.push('\n');
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_code_and_an_empty_zone_around_it() {
        let text = "otpauth://totp/peerbridge:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        for (colour, drawn) in [(Colour::Allowed, true), (Colour::Plain, false)] {
            let picture = picture(text, colour).unwrap();
            let lines = picture.lines().map(|line| {
                let line = line.strip_prefix(BLACK_ON_WHITE).unwrap_or(line);
                line.strip_suffix(NORMAL)
                    .unwrap_or(line)
                    .chars()
                    .collect::<Vec<_>>()
            });
            let lines: Vec<_> = lines.collect();
            let width = (code.size() + 2 * QUIET_ZONE) as usize;
            assert!(lines.iter().all(|line| line.len() == width));
            assert_eq!(lines.len(), width.div_ceil(2));
            for (row, line) in (0..).step_by(2).zip(&lines) {
                for (column, character) in (0..).zip(line) {
                    let halves = match character {
                        '█' => [true, true],
                        '▀' => [true, false],
                        '▄' => [false, true],
                        _ => [false, false],
                    };
                    for (half, is_drawn) in (0..).zip(halves).take(width - row as usize) {
                        let (x, y) = (column - QUIET_ZONE, row + half - QUIET_ZONE);
                        let is_dark = is_drawn == drawn;
                        assert_eq!(is_dark, code.get_module(x, y), "{x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert!(picture(&"x".repeat(5000), Colour::Plain).is_none());
    }
}
