//! `peerbridge help`: pages generated from the tables of commands and options, in two lengths.

use crate::cli::error::CliError;
use crate::cli::options::args::{self, ParsedArgs};
use crate::cli::options::flags::{Flag, Group, flags_of};
use crate::cli::options::verbs::{self, VERBS, Verb, VerbEntry};
use crate::cli::options::words;

/// How long the page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelpLevel {
    /// The essentials, on a terminal of 24 rows (`-h`).
    Short,
    /// Everything (`--help`).
    Full,
}

/// The width of a page, in columns.
const WIDTH: usize = 78;
/// The column in which the explanations of options begin.
const OPTION_INDENT: usize = 28;

const SECRETS: &str = "The secret comes from --secret-file, else PEERBRIDGE_SECRET, else the file \
    that PEERBRIDGE_SECRET_FILE names, else you are asked. It is never given on the command line, \
    where other users could read it.";

/// The page about a verb; the overview without one.
pub(super) fn page(verb: Option<Verb>, level: HelpLevel) -> String {
    let entry = verb.filter(|verb| *verb != Verb::Help).map(verbs::entry);
    match (entry, level) {
        (None, HelpLevel::Short) => short_overview(),
        (None, HelpLevel::Full) => overview(),
        (Some(entry), HelpLevel::Short) => short_page(entry),
        (Some(entry), HelpLevel::Full) => full_page(entry),
    }
}

/// The page for the arguments of `peerbridge help`.
///
/// # Errors
/// A usage error if there is no such page.
pub(super) fn asked(args: &ParsedArgs) -> Result<String, CliError> {
    let Some(word) = words::one(args, "help")? else {
        return Ok(overview());
    };
    let word = word.to_string_lossy();
    match verbs::by_name(&word) {
        Some(entry) => Ok(full_page(entry)),
        None => Err(CliError::usage(
            format!("no help about {word:?}"),
            match args::nearest_verb(&word) {
                Some(name) => format!("did you mean `peerbridge help {name}`?"),
                None => "`peerbridge help` lists the commands".to_owned(),
            },
        )),
    }
}

const INTRODUCTION: &str = "peerbridge moves files and folders straight from one machine to \
    another, encrypted with a secret that both sides know. One side listens, the other dials; \
    either may send.";

fn short_overview() -> String {
    let mut text = String::from("Usage: peerbridge COMMAND [OPTIONS]\n\nCommands:\n");
    for entry in VERBS {
        text.push_str(&format!("  {:<14}{}\n", entry.name, entry.brief()));
    }
    text.push_str(
        "\nFor example:\n  \
         on one machine    peerbridge receive\n  \
         on the other      peerbridge send PATH\n\n\
         Without a command, on a terminal, peerbridge asks what to do.\n\
         `peerbridge COMMAND -h` shows the options of a command, --help explains them.\n",
    );
    text
}

fn overview() -> String {
    let mut text = String::new();
    wrap(&mut text, 0, INTRODUCTION);
    text.push('\n');
    form(&mut text, "", "ask me, step by step");
    for entry in VERBS {
        for (words, what) in entry.forms {
            form(&mut text, words, what);
        }
    }
    text.push_str(
        "\nFor example:\n\n  \
         on one machine      peerbridge receive --listen\n  \
         on the other        peerbridge send PATH --to HOST\n\n",
    );
    wrap(
        &mut text,
        0,
        "and type the same secret on both (`peerbridge secret` makes one). \
         `peerbridge help COMMAND` explains a command and its options, `peerbridge COMMAND -h` shows \
         them in short.",
    );
    text
}

fn form(text: &mut String, words: &str, what: &str) {
    let command = format!("peerbridge {words}");
    text.push_str(&format!("  {command:<44}{what}\n"));
}

fn flags_in(verb: Verb, group: Group) -> impl Iterator<Item = &'static Flag> {
    flags_of(verb).filter(move |flag| flag.group == group)
}

/// The forms of the verb, its common options one a line, and the names of the others.
fn short_page(entry: &VerbEntry) -> String {
    let mut text = String::new();
    for (number, (words, _)) in entry.forms.iter().enumerate() {
        let label = if number == 0 { "Usage:" } else { "" };
        text.push_str(&format!("{label:<6} peerbridge {words}\n"));
    }
    text.push('\n');
    for flag in flags_in(entry.verb, Group::Common) {
        let names = names(flag);
        text.push_str(&format!("{names:<28}{}\n", flag.brief_with(entry.verb)));
    }
    text.push('\n');
    for group in Group::ALL.into_iter().skip(1) {
        let longs: Vec<_> = flags_in(entry.verb, group)
            .map(|flag| format!("--{}", flag.long))
            .collect();
        if !longs.is_empty() {
            let mut names = String::new();
            wrap(&mut names, 20, &longs.join(", "));
            text.push_str(&format!("{:<20}{}", group.heading(), names.trim_start()));
        }
    }
    text.push_str(&format!(
        "\n`peerbridge {} --help` explains them all.\n",
        entry.name
    ));
    text
}

fn full_page(entry: &VerbEntry) -> String {
    let mut text = String::new();
    for (words, _) in entry.forms {
        text.push_str(&format!("peerbridge {words}\n"));
    }
    if !entry.aliases.is_empty() {
        text.push_str(&format!("(also: {})\n", entry.aliases.join(", ")));
    }
    for paragraph in entry.about {
        text.push('\n');
        wrap(&mut text, 0, paragraph);
    }
    for group in Group::ALL {
        let mut flags = flags_in(entry.verb, group).peekable();
        if flags.peek().is_some() {
            text.push_str(&format!("\n{}:\n\n", group.heading()));
        }
        for flag in flags {
            option(&mut text, flag, entry.verb);
        }
    }
    if flags_in(entry.verb, Group::Connecting).any(|flag| flag.long == "secret-file") {
        text.push('\n');
        wrap(&mut text, 0, SECRETS);
    }
    text.push_str(match entry.examples.len() {
        1 => "\nExample:\n\n",
        _ => "\nExamples:\n\n",
    });
    for example in entry.examples {
        text.push_str(&format!("  {example}\n"));
    }
    text
}

/// `  -p, --port N`, with the long names below each other.
fn names(flag: &Flag) -> String {
    let indent = if flag.short.is_some() { 2 } else { 6 };
    format!("{:indent$}{}", "", flag.names())
}

fn option(text: &mut String, flag: &Flag, verb: Verb) {
    let mut names = names(flag);
    if names.len() + 2 > OPTION_INDENT {
        text.push_str(&names);
        text.push('\n');
        names.clear();
    }
    let mut explained = String::new();
    wrap(&mut explained, OPTION_INDENT, flag.help_with(verb));
    names.push_str(&" ".repeat(OPTION_INDENT - names.len()));
    text.push_str(&names);
    text.push_str(explained.trim_start());
}

/// Adds a paragraph, wrapped into lines that begin at `indent`.
pub(super) fn wrap(text: &mut String, indent: usize, paragraph: &str) {
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && indent + line.len() + 1 + word.len() > WIDTH {
            push_line(text, indent, &line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    push_line(text, indent, &line);
}

fn push_line(text: &mut String, indent: usize, line: &str) {
    text.push_str(&" ".repeat(indent));
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options::flags::FLAGS;

    fn pages(level: HelpLevel) -> Vec<String> {
        let verbs = VERBS.iter().map(|entry| page(Some(entry.verb), level));
        verbs.chain([page(None, level)]).collect()
    }

    #[test]
    fn the_short_pages_fit_a_terminal() {
        for page in pages(HelpLevel::Short) {
            assert!(page.lines().count() <= 24, "{page}");
        }
    }

    #[test]
    fn every_option_is_named_on_the_short_page_of_its_verb() {
        for entry in VERBS.iter().filter(|entry| entry.verb != Verb::Help) {
            let page = page(Some(entry.verb), HelpLevel::Short);
            for flag in flags_of(entry.verb) {
                assert!(page.contains(&format!("--{}", flag.long)), "{page}");
            }
        }
    }

    #[test]
    fn every_page_fits_80_columns() {
        for page in [pages(HelpLevel::Short), pages(HelpLevel::Full)].concat() {
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{line}");
                assert_eq!(line, line.trim_end(), "blanks at the end");
            }
        }
    }

    #[test]
    fn every_option_is_on_the_pages_of_its_verbs_and_on_no_other() {
        for entry in VERBS.iter().filter(|entry| entry.verb != Verb::Help) {
            let page = page(Some(entry.verb), HelpLevel::Full);
            for flag in FLAGS {
                let begins = |line: &str| {
                    let names = line.split("  ").find(|piece| !piece.is_empty());
                    let long = format!("--{}", flag.long);
                    names.is_some_and(|names| {
                        line.starts_with("  ")
                            && names.trim().starts_with('-')
                            && names.split([' ', ',']).any(|word| word == long)
                    })
                };
                let listed = page.lines().any(begins);
                assert_eq!(
                    listed,
                    flag.verbs.contains(&entry.verb),
                    "{} {}",
                    entry.name,
                    flag.long
                );
            }
        }
    }

    #[test]
    fn the_overview_names_every_verb() {
        let page = page(None, HelpLevel::Full);
        for entry in VERBS {
            assert!(page.contains(&format!("peerbridge {}", entry.name)));
        }
    }

    #[test]
    fn every_example_parses() {
        for entry in VERBS {
            for example in entry.examples {
                let commands = example.split([';', '|', '>']).map(str::trim);
                let mut ours = commands.filter(|command| command.starts_with("peerbridge "));
                let words = ours.next().unwrap();
                // Text between quotes counts as one word.
                let quoted = words.split('\'').enumerate();
                let words = quoted.flat_map(|(number, piece)| match number % 2 {
                    0 => piece.split_whitespace().collect(),
                    _ => vec![piece],
                });
                let words: Vec<_> = words.skip(1).map(Into::into).collect();
                let args = ParsedArgs::parse(&words).unwrap();
                assert_eq!(args.verb, Some(entry.verb), "{example}");
            }
        }
    }
}
