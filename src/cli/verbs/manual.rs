//! The manual page, made from the same table as the parser and the help.

use super::help;
use crate::cli::options::flags::{FLAGS, Flag};
use crate::cli::options::verbs::{self, VERBS};

/// The date when the page was last checked.
const DATE: &str = "2026-11-26";

/// The environment variables.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PEERBRIDGE_SECRET", "the secret"),
    (
        "PEERBRIDGE_SECRET_FILE",
        "a file whose first line is the secret",
    ),
    (
        "PEERBRIDGE_OTP",
        "the one-time code, if the other side wants one",
    ),
    ("PEERBRIDGE_ZIP_PASSWORD", "the password of an archive"),
    ("PEERBRIDGE_PORT", "the port, if no option gives one"),
    (
        "PEERBRIDGE_DISCOVERY",
        "how far to look for peers: on (default), loopback (this machine), off",
    ),
    ("NO_COLOR", "if not empty, no colours are used"),
];

/// The environment of the program of --on-receive.
const HOOK: &[(&str, &str)] = &[
    (
        "PEERBRIDGE_PATHS_FILE",
        "a file with the absolute path of each file and folder that was delivered, a NUL behind each; \
         the same file is the program's standard input",
    ),
    (
        "PEERBRIDGE_PATH",
        "the path, if exactly one was delivered and it has no control character; else not set",
    ),
    ("PEERBRIDGE_FILES", "how many files"),
    ("PEERBRIDGE_BYTES", "how many bytes"),
    ("PEERBRIDGE_PEER", "the sender's address"),
    (
        "PEERBRIDGE_NAME",
        "the sender's name; empty without named secrets",
    ),
];

/// The exit codes.
const EXITS: &[(&str, &str)] = &[
    (
        "0",
        "everything is there and verified, or was there already",
    ),
    ("1", "unexpected: a bug, or the system itself fails"),
    (
        "2",
        "wrong usage, two paths with the same name, both sides send or both receive, or a question without a terminal to ask it on",
    ),
    (
        "3",
        "wrong secret, one-time code or password of an archive, or the phrase differs",
    ),
    (
        "4",
        "cannot reach the peer: name not found, refused, busy with another peer, port in use, cannot bind, the command of --via reached no peer (try again)",
    ),
    ("5", "nobody came, or the peer fell silent (try again)"),
    ("6", "the peer declined, or cannot write what it is sent"),
    ("7", "a file is in the way, and the policy is fail"),
    (
        "8",
        "a source is missing, unreadable or changed while it was sent, everything is excluded, or standard input is closed",
    ),
    (
        "9",
        "cannot write here: disk full, no permission, read-only, or standard output is closed",
    ),
    ("10", "the data does not verify (try again)"),
    (
        "11",
        "the peer has another protocol version, or is not peerbridge",
    ),
    (
        "12",
        "the connection was lost; the same command resumes where it stopped, except pipes and --zip, of which nothing is kept (try again)",
    ),
    ("13", "done, but some entries were left out; each is named"),
    ("14", "declined here: by you, a limit, or an unsafe name"),
    ("15", "the hook failed; the files are there"),
];

/// The page, in the language of man(7).
pub(crate) fn page() -> String {
    let mut text = format!(
        ".\\\" Made by `peerbridge completions man`.\n\
         .TH PEERBRIDGE 1 \"{DATE}\" \"peerbridge {}\" \"User Commands\"\n\
         .SH NAME\npeerbridge \\- move files and folders straight from one machine to another\n\
         .SH SYNOPSIS\n",
        env!("CARGO_PKG_VERSION")
    );
    text.push_str(".B peerbridge\n");
    for (words, _) in VERBS.iter().flat_map(|entry| entry.forms) {
        text.push_str(&format!(".br\n.B peerbridge {}\n", escaped(words)));
    }
    text.push_str(".SH DESCRIPTION\n");
    paragraph(
        &mut text,
        "One side listens, the other one dials; either may send. Both know a secret and prove it to \
         each other before anything else is exchanged. Everything is encrypted on the way. To resume \
         an interrupted transfer, run the same command again. Nothing appears under its own name \
         before it is complete and verified. Without arguments, on a terminal, peerbridge asks for \
         what it needs.",
    );
    text.push_str(".SH COMMANDS\n");
    for entry in VERBS {
        text.push_str(&format!(".SS {}\n", escaped(&entry.names().join(", "))));
        for words in entry.about {
            paragraph(&mut text, words);
        }
    }
    text.push_str(".SH OPTIONS\n");
    for flag in FLAGS {
        option(&mut text, flag);
    }
    text.push_str(".SH SECRETS\n");
    paragraph(
        &mut text,
        "The secret comes from --secret-file, else PEERBRIDGE_SECRET, else the file that \
         PEERBRIDGE_SECRET_FILE names, else you are asked. It is never given on the command line.",
    );
    text.push_str(".SH ENVIRONMENT\n");
    list(&mut text, ENVIRONMENT);
    paragraph(&mut text, "The program of --on-receive also gets:");
    list(&mut text, HOOK);
    text.push_str(".SH EXIT STATUS\n");
    list(&mut text, EXITS);
    text.push_str(".SH EXAMPLES\n");
    text.push_str(".nf\n");
    for example in VERBS.iter().flat_map(|entry| entry.examples) {
        text.push_str(&format!("{}\n", escaped(example)));
    }
    text.push_str(".fi\n");
    text
}

fn option(text: &mut String, flag: &Flag) {
    text.push_str(&format!(".TP\n.B {}\n", escaped(&flag.names())));
    lines(text, &format!("{}.", flag.help));
    for (verb, help) in flag.verb_help {
        lines(text, &format!("With {}: {help}.", verbs::entry(*verb).name));
    }
    if flag.verbs.len() < VERBS.len() {
        let verbs: Vec<_> = flag
            .verbs
            .iter()
            .map(|verb| verbs::entry(*verb).name)
            .collect();
        text.push_str(&format!("(with {})\n", escaped(&verbs.join(", "))));
    }
}

fn list(text: &mut String, rows: &[(&str, &str)]) {
    for (name, what) in rows {
        text.push_str(&format!(".TP\n.B {}\n", escaped(name)));
        lines(text, what);
    }
}

/// Adds a paragraph. The first below a heading needs no macro.
fn paragraph(text: &mut String, words: &str) {
    let heads = text
        .lines()
        .last()
        .is_some_and(|line| line.starts_with(".S"));
    if !heads {
        text.push_str(".PP\n");
    }
    lines(text, words);
}

/// Adds running text, wrapped into lines.
fn lines(text: &mut String, words: &str) {
    let words: Vec<String> = words.split_whitespace().map(escaped).collect();
    help::wrap(text, 0, &words.join(" "));
}

/// Escapes what has a meaning in man(7): backslashes, dashes, and a dot or quote at the beginning of a line.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_docs_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/peerbridge.1");
        if std::env::var_os("PEERBRIDGE_WRITE_MANUAL").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "make it again: peerbridge completions man > docs/peerbridge.1"
        );
    }

    #[test]
    fn every_verb_option_and_exit_code_is_on_it() {
        let page = page();
        for entry in VERBS {
            assert!(page.contains(&format!(".SS {}", entry.name)));
        }
        for flag in FLAGS {
            let long = format!("\\-\\-{}", escaped(flag.long));
            assert!(page.contains(&long), "{}", flag.long);
        }
        let codes: Vec<_> = EXITS.iter().map(|(code, _)| code.to_string()).collect();
        let expected: Vec<_> = (0..=15).map(|code| code.to_string()).collect();
        assert_eq!(codes, expected);
    }
}
