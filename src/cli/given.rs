//! The options that a person typed, so that no hint suggests them again.

use crate::cli::options::flags::{FLAGS, Flag, Takes};

/// The options of a command line.
#[derive(Clone, Default)]
pub(crate) struct Given(Vec<GivenOption>);

#[derive(Clone)]
struct GivenOption {
    flag: &'static Flag,
    value: Option<String>,
}

/// Words in a hint that suggest giving an option differently, or not at all.
const CHANGES: [&str; 6] = [
    "leave out",
    "without",
    "another",
    "right",
    "check",
    "longer",
];

impl Given {
    /// The options for which `value_of` returns something: their value, if they have one.
    pub(crate) fn of(value_of: impl Fn(&Flag) -> Option<Option<String>>) -> Given {
        let given = FLAGS.iter().filter_map(|flag| {
            let value = value_of(flag)?;
            Some(GivenOption { flag, value })
        });
        Given(given.collect())
    }

    /// A hint without the suggestions that were followed already. `None` if nothing is left. Suggestions are
    /// separated by semicolons.
    pub(crate) fn without_done(&self, hint: &str) -> Option<String> {
        let left: Vec<&str> = hint
            .split("; ")
            .filter(|advice| !self.is_done(advice))
            .collect();
        (!left.is_empty()).then(|| left.join("; "))
    }

    fn is_done(&self, advice: &str) -> bool {
        let mut given = self.0.iter();
        let is_change = CHANGES.iter().any(|word| advice.contains(word));
        !is_change && given.any(|option| option.is_what(advice))
    }
}

impl GivenOption {
    /// Whether a suggestion is to give this option, with this value if it names one.
    fn is_what(&self, advice: &str) -> bool {
        let mut words = advice.split([' ', ',', ':', '(', ')', '`']);
        let name = |word: &str| word.strip_prefix("--") == Some(self.flag.long);
        if !words.any(name) {
            return false;
        }
        let next = words.next().unwrap_or_default();
        match self.flag.takes {
            Takes::Nothing => true,
            Takes::OneOf(..) => self.value.as_deref() == Some(next),
            // A number can always be another one, and more patterns can be given.
            Takes::Value("SECS" | "N") | Takes::Values(_) => false,
            // A suggestion to give the option names its value: `--name NAME`. Other hints only mention it.
            Takes::Value(value) | Takes::Path(value) => next == value,
        }
    }
}

#[cfg(test)]
mod tests;
