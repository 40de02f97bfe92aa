//! The questions of a receiver before it accepts anything.

use crate::cli::input::terminal::{Answers, ask_until_good};
use crate::cli::output::console::Console;
use crate::cli::output::format;
use crate::cli::output::wording;
use crate::disk;
use crate::model::Existing;
use crate::session::{Acceptance, Conflicts, Expansion, OfferSummary, Operator};
use std::path::{Path, PathBuf};

/// How to decide about an offer.
pub(crate) enum Questions<'a> {
    /// No question: everything that the options allow is accepted.
    Unasked,
    /// A person at the terminal is asked.
    Asked {
        answers: &'a dyn Answers,
        console: &'a Console,
        /// `None` for standard output.
        destination: Option<PathBuf>,
        /// Whether to ask about names that are taken. Otherwise the transfer fails.
        resolves_conflicts: bool,
    },
    /// A person is asked on the page.
    #[cfg(feature = "web")]
    Delegated(&'a dyn Operator),
}

const ACCEPT_HELP: &str = "y accepts all of it, n declines. Nothing is replaced without another question, and \
     nothing appears before it is complete.";
const CONFLICT_HELP: &str = "s keeps what is there, r saves the new files under free names such as notes (1).txt, o \
     replaces what is there, n replaces it where the new file is newer, d declines everything.";
const EXPANSION_HELP: &str = "y opens it; n leaves it as it is. Nothing was written yet.";
const COMPARE_HELP: &str =
    "y if the other side shows the same words. If they differ, someone is in between: answer n.";

impl Questions<'_> {
    pub(crate) fn are_asked(&self) -> bool {
        !matches!(self, Questions::Unasked)
    }

    /// The operator that answers instead of the person at the terminal.
    pub(crate) fn delegate(&self) -> Option<&dyn Operator> {
        match self {
            #[cfg(feature = "web")]
            Questions::Delegated(operator) => Some(*operator),
            Questions::Unasked | Questions::Asked { .. } => None,
        }
    }

    /// Whether to accept an offer. No answer means no.
    pub(crate) fn accept(&self, offer: &OfferSummary) -> Acceptance {
        if let Some(operator) = self.delegate() {
            return operator.accept(offer);
        }
        let Questions::Asked { destination, .. } = self else {
            return Acceptance::Accept;
        };
        let (place, free) = match destination {
            Some(folder) => (shown(folder), free_room(folder)),
            None => ("standard output".to_owned(), None),
        };
        self.agree(&offer_question(offer, &place, free), ACCEPT_HELP)
    }

    /// What to do about names that are taken. No answer means to decline.
    pub(crate) fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        match self {
            Questions::Asked {
                answers,
                console,
                resolves_conflicts: true,
                ..
            } => {
                let question = conflict_question(conflicts);
                ask(*answers, console, &question, CONFLICT_HELP, conflict_answer)?
            }
            _ => self.delegate()?.resolve(conflicts),
        }
    }

    /// Whether to open an archive that grows suspiciously large. No answer means no.
    pub(crate) fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        match self.delegate() {
            Some(operator) => operator.accept_expansion(growth),
            None => self.agree(&expansion_question(growth), EXPANSION_HELP),
        }
    }

    fn agree(&self, question: &str, help: &str) -> Acceptance {
        match self {
            Questions::Asked {
                answers, console, ..
            } => agree(*answers, console, question, help),
            _ => Acceptance::Decline,
        }
    }
}

/// Shows the verification phrase, and asks until a person says whether the other side shows the same one. No
/// answer means no.
pub(crate) fn compare(phrase: &str, answers: &dyn Answers, console: &Console) -> Acceptance {
    let question = format!(
        "Compare this phrase with the other side, over a call or side by side:\n  {phrase}\n\
         Is it the same there? [y/N] "
    );
    agree(answers, console, &question, COMPARE_HELP)
}

/// Asks a question that can be answered with yes or no. No answer means no.
fn agree(answers: &dyn Answers, console: &Console, question: &str, help: &str) -> Acceptance {
    match ask(answers, console, question, help, yes_or_no) {
        Some(true) => Acceptance::Accept,
        Some(false) | None => Acceptance::Decline,
    }
}

/// Asks until the answer is understood, and explains the question for `?`; `None` at the end of input.
fn ask<T>(
    answers: &dyn Answers,
    console: &Console,
    question: &str,
    help: &str,
    understand: fn(&str) -> Option<T>,
) -> Option<T> {
    let asked = ask_until_good(
        |question| answers.line(question),
        question,
        |answer| understand(answer.trim()).ok_or_else(|| format!("  {help}")),
    );
    asked.unwrap_or_else(|error| {
        console.error(&error.to_string(), None);
        None
    })
}

/// A folder as it was typed, but `.` as an absolute path, which is more helpful.
fn shown(destination: &Path) -> String {
    let typed = format::path(destination);
    match std::path::absolute(destination) {
        Ok(whole) if typed == "." => format::path(&whole),
        _ => typed,
    }
}

/// Free bytes at a folder that exists or will be created.
fn free_room(destination: &Path) -> Option<u64> {
    let whole = std::path::absolute(destination).ok()?;
    let there = whole.ancestors().find(|folder| folder.is_dir())?;
    disk::free_bytes(there)
}

fn offer_question(offer: &OfferSummary, destination: &str, free: Option<u64>) -> String {
    let free = match free {
        Some(free) => format!("; {} free here", format::size(free)),
        None => String::new(),
    };
    format!(
        "{} offers {}\n  {}{free}\nReceive it into {destination}? [y/N] ",
        wording::peer(offer.peer),
        wording::names(&offer.names, offer.tops),
        wording::contents(offer),
    )
}

/// An answer to a question with `[y/N]`.
pub(crate) fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

fn expansion_question(growth: Expansion) -> String {
    format!(
        "The archive has {} and would grow to {} in {} files and folders, which is typical of archives made to \
         fill disks.\n\
         Open it anyway? [y/N] ",
        format::size(growth.archive_bytes),
        format::size(growth.bytes),
        growth.entries,
    )
}

fn conflict_question(conflicts: &Conflicts) -> String {
    format!(
        "Already there: {}\n(s)kip, (r)ename the new files, (o)verwrite, overwrite if (n)ewer, (d)ecline? [d] ",
        wording::names(&conflicts.names, conflicts.count)
    )
}

fn conflict_answer(answer: &str) -> Option<Option<Existing>> {
    Some(match answer.to_ascii_lowercase().as_str() {
        "s" | "skip" => Some(Existing::Skip),
        "r" | "rename" => Some(Existing::Rename),
        "o" | "overwrite" => Some(Existing::Overwrite),
        "n" | "newer" => Some(Existing::Newer),
        "" | "d" | "decline" | "no" => None,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::terminal::tests::Script;
    use crate::cli::output::console::tests::console;
    use crate::cli::output::console::{Audience, Verbosity};

    fn asked<T>(answers: &[&str], resolves_conflicts: bool, ask: fn(&Questions<'_>) -> T) -> T {
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let script = Script::new(answers);
        let questions = Questions::Asked {
            answers: &script,
            console: &console,
            destination: Some("in".into()),
            resolves_conflicts,
        };
        let meaning = ask(&questions);
        assert_eq!(script.left(), 0);
        meaning
    }

    fn accept(questions: &Questions<'_>) -> Acceptance {
        questions.accept(&OfferSummary::default())
    }

    fn resolve(questions: &Questions<'_>) -> Option<Existing> {
        questions.resolve(&Conflicts::default())
    }

    #[test]
    fn only_a_clear_yes_accepts() {
        assert_eq!(asked(&["y"], true, accept), Acceptance::Accept);
        assert_eq!(asked(&["what?", " YES "], true, accept), Acceptance::Accept);
        for answers in [&["n"][..], &[""], &[], &["perhaps"]] {
            assert_eq!(asked(answers, true, accept), Acceptance::Decline);
        }
    }

    #[test]
    fn an_archive_that_grows_needs_a_clear_yes() {
        let accept = |questions: &Questions<'_>| {
            questions.accept_expansion(Expansion {
                archive_bytes: 42_000,
                bytes: 5 << 30,
                entries: 1,
            })
        };
        assert_eq!(asked(&["y"], true, accept), Acceptance::Accept);
        for answers in [&["n"][..], &[""], &[], &["perhaps"]] {
            assert_eq!(asked(answers, true, accept), Acceptance::Decline);
        }
        assert_eq!(accept(&Questions::Unasked), Acceptance::Decline);
    }

    #[test]
    fn conflicts_are_decided_by_a_letter() {
        for (answer, meaning) in [
            ("s", Some(Existing::Skip)),
            ("rename", Some(Existing::Rename)),
            ("O", Some(Existing::Overwrite)),
            ("n", Some(Existing::Newer)),
            ("", None),
            ("d", None),
        ] {
            assert_eq!(asked(&["?", answer], true, resolve), meaning);
        }
        assert_eq!(asked(&[], true, resolve), None);
    }

    #[test]
    fn a_policy_that_was_typed_is_not_asked_about() {
        assert_eq!(asked(&[], false, resolve), None);
        assert_eq!(resolve(&Questions::Unasked), None);
        assert_eq!(accept(&Questions::Unasked), Acceptance::Accept);
    }

    #[test]
    fn an_offer_cannot_forge_its_own_question() {
        let offer = OfferSummary {
            names: vec![b"x\r\nReceive? [y/N] y\x1b[1A".to_vec()],
            tops: 1,
            files: 1,
            bytes: Some(5),
            ..OfferSummary::default()
        };
        let question = offer_question(&offer, "in", Some(3 << 20));
        assert_eq!(
            question,
            "the peer offers x\\r\\nReceive? [y/N] y\\x1b[1A\n  1 file, 5 B; 3.0 MiB free here\n\
             Receive it into in? [y/N] "
        );
    }
}
