//! `peerbridge help`: pages made from the table of options.

use crate::cli::error::Error;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::flags::{self, FLAGS, Flag, Verb, VerbEntry};
use crate::cli::options::words::{no_words, too_many};

/// Which page.
#[derive(Debug)]
pub(crate) enum Page {
    Overview,
    Of(Verb),
}

/// The width of a page, in columns.
const WIDTH: usize = 78;
/// Where the explanations of options begin.
const OPTION_INDENT: usize = 28;

const SECRETS: &[&str] = &[
    "The secret comes from --secret-file, else PEERBRIDGE_SECRET, else the file that \
     PEERBRIDGE_SECRET_FILE names, else you are asked. It is never a word of the command line: \
     others could read it there.",
];

impl Page {
    /// The page for `--help` behind a verb.
    pub(crate) fn of(verb: Option<Verb>) -> Page {
        match verb {
            None | Some(Verb::Help) => Page::Overview,
            Some(verb) => Page::Of(verb),
        }
    }

    /// # Errors
    /// A usage error when there is no such page.
    pub(crate) fn understand(args: &ParsedArgs) -> Result<Page, Error> {
        let Some(word) = args.words.first() else {
            return no_words(args, "help").map(|()| Page::Overview);
        };
        if let Some(second) = args.words.get(1) {
            return Err(too_many("help", second));
        }
        match flags::verb(&word.to_string_lossy()) {
            Some(entry) => Ok(Page::Of(entry.verb)),
            None => Err(Error::usage(
                format!("there is no help about {:?}", word.to_string_lossy()),
                "`peerbridge help` lists what there is",
            )),
        }
    }

    /// The page's text.
    pub(crate) fn text(&self) -> String {
        match self {
            Page::Overview => overview(),
            Page::Of(verb) => page(flags::entry(*verb)),
        }
    }
}

fn overview() -> String {
    let mut text = String::new();
    wrap(
        &mut text,
        0,
        "peerbridge moves files and folders straight from one machine to another, encrypted with \
         a secret that both sides know. One side listens, the other one dials; either may send.",
    );
    text.push('\n');
    form(&mut text, "", "ask me, step by step");
    for entry in flags::VERBS {
        for (words, what) in entry.forms {
            form(&mut text, words, what);
        }
    }
    text.push_str(
        "\nThe quickest way:\n\n  \
         on one machine      peerbridge receive\n  \
         on the other one    peerbridge send PATH --to HOST\n\n",
    );
    wrap(
        &mut text,
        0,
        "and type the same secret on both (`peerbridge secret` makes one). \
         `peerbridge help VERB` shows the options of a verb.",
    );
    text
}

fn form(text: &mut String, words: &str, what: &str) {
    let command = format!("peerbridge {words}");
    text.push_str(&format!("  {command:<44}{what}\n"));
}

fn page(entry: &VerbEntry) -> String {
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
    text.push_str("\nOptions:\n\n");
    for flag in FLAGS.iter().filter(|flag| flag.verbs.contains(&entry.verb)) {
        option(&mut text, flag);
    }
    if FLAGS
        .iter()
        .any(|flag| flag.long == "secret-file" && flag.verbs.contains(&entry.verb))
    {
        for paragraph in SECRETS {
            text.push('\n');
            wrap(&mut text, 0, paragraph);
        }
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

fn option(text: &mut String, flag: &Flag) {
    let mut names = match flag.short {
        Some(short) => format!("  -{short}, --{}", flag.long),
        None => format!("      --{}", flag.long),
    };
    if let Some(value) = flag.takes.value_name() {
        names.push(' ');
        names.push_str(value);
    }
    if names.len() + 2 > OPTION_INDENT {
        text.push_str(&names);
        text.push('\n');
        names.clear();
    }
    let mut explained = String::new();
    wrap(&mut explained, OPTION_INDENT, flag.help);
    names.push_str(&" ".repeat(OPTION_INDENT - names.len()));
    text.push_str(&names);
    text.push_str(explained.trim_start());
}

/// Adds a paragraph, broken into lines that begin at `indent`.
fn wrap(text: &mut String, indent: usize, paragraph: &str) {
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

    fn pages() -> Vec<String> {
        let verbs = flags::VERBS.iter().map(|entry| Page::Of(entry.verb).text());
        verbs.chain([Page::Overview.text()]).collect()
    }

    #[test]
    fn every_page_fits_80_columns() {
        for page in pages() {
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{line}");
                assert_eq!(line, line.trim_end(), "blanks at the end");
            }
        }
    }

    #[test]
    fn every_option_is_on_the_pages_of_its_verbs_and_on_no_other() {
        for entry in flags::VERBS {
            let page = Page::Of(entry.verb).text();
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
        let page = Page::Overview.text();
        for entry in flags::VERBS {
            assert!(page.contains(&format!("peerbridge {}", entry.name)));
        }
    }

    #[test]
    fn every_example_parses() {
        for entry in flags::VERBS {
            for example in entry.examples {
                let commands = example.split([';', '|', '>']).map(str::trim);
                let mut ours = commands.filter(|command| command.starts_with("peerbridge "));
                let words = ours.next().unwrap();
                let words = words
                    .split(' ')
                    .skip(1)
                    .map(|word| word.trim_matches('\'').into());
                let args = ParsedArgs::parse(&words.collect::<Vec<_>>()).unwrap();
                assert_eq!(args.verb, Some(entry.verb), "{example}");
            }
        }
    }
}
