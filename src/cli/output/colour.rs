//! Colours, if they are allowed.

use crate::cli::environment::Environment;

/// Whether lines for people may be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// They go to a terminal.
    Allowed,
    /// They go elsewhere, or `NO_COLOR` is set.
    Plain,
}

/// Words that lines begin with, and the colour of each (ECMA-48, section 8.3.117).
const WORDS: [(&str, &str); 4] = [
    ("error:", "1;31"),
    ("warning:", "1;33"),
    ("hint:", "1;36"),
    ("done", "1;32"),
];

impl Colour {
    /// Whether colours are allowed on an output.
    pub(crate) fn of(is_terminal: bool, environment: &Environment) -> Colour {
        let can_colour = is_terminal && !environment.is_dumb_terminal();
        match can_colour && !environment.no_color() {
            true => Colour::Allowed,
            false => Colour::Plain,
        }
    }

    /// The line, with its first word coloured if that says what kind of line it is.
    pub(crate) fn line(self, line: &str) -> String {
        let word = WORDS.iter().find(|(word, _)| line.starts_with(word));
        match (self, word) {
            (Colour::Allowed, Some((word, code))) => {
                format!("{}{}", self.paint(code, word), &line[word.len()..])
            }
            _ => line.to_owned(),
        }
    }

    /// `text` in the colour of this code.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        match self {
            Colour::Allowed => format!("\x1b[{code}m{text}\x1b[0m"),
            Colour::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_that_says_what_it_is_has_a_colour() {
        assert_eq!(
            Colour::Allowed.line("error: no done"),
            "\x1b[1;31merror:\x1b[0m no done"
        );
        assert_eq!(Colour::Allowed.line("nothing done"), "nothing done");
        assert_eq!(Colour::Plain.line("error: no"), "error: no");
    }
}
