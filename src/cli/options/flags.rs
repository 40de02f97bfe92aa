//! The table of options. The parser, the help, the manual and the completions are generated from it, so they
//! always agree.

use crate::cli::options::verbs::Verb;
use crate::model::Existing;
use Group::{Archive, Common, Connecting, Scripts};
use Takes::{Nothing, OneOf, Path, Value, Values};
use Verb::{
    Completions, Demo, Doctor, Help, Ping, Receive, Secret, Send, Serve, Unzip, Web, Zip as ZipVerb,
};
use getopts::Options;

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// One value of this name, once.
    Value(&'static str),
    /// One of these words, once.
    OneOf(&'static str, &'static [&'static str]),
    /// One value of this name each time; the option may be repeated.
    Values(&'static str),
    /// One path of this name, once; it need not be UTF-8.
    Path(&'static str),
}

impl Takes {
    /// The name of its value.
    pub(crate) fn value_name(self) -> Option<&'static str> {
        match self {
            Nothing => None,
            Value(name) | Values(name) | Path(name) | OneOf(name, _) => Some(name),
        }
    }

    /// The words that its value can be; empty if it may be anything.
    pub(crate) fn choices(self) -> &'static [&'static str] {
        match self {
            OneOf(_, words) => words,
            Nothing | Value(_) | Values(_) | Path(_) => &[],
        }
    }
}

/// The heading under which help shows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Common,
    Connecting,
    Archive,
    Scripts,
}

impl Group {
    pub(crate) const ALL: [Group; 4] = [Common, Connecting, Archive, Scripts];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Common => "Options",
            Connecting => "Connecting",
            Archive => "Archive",
            Scripts => "Scripts and output",
        }
    }
}

/// An option's line in the table.
pub(crate) struct Flag {
    pub(crate) group: Group,
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) takes: Takes,
    pub(crate) verbs: &'static [Verb],
    /// What it does. The part before the first colon, semicolon or bracket is its short form.
    pub(crate) help: &'static str,
    /// What it does with certain verbs, where that differs.
    pub(crate) verb_help: &'static [(Verb, &'static str)],
}

impl Flag {
    /// `-p, --port N`.
    pub(crate) fn names(&self) -> String {
        let short = self.short.map(|short| format!("-{short}, "));
        let value = self.takes.value_name().map(|value| format!(" {value}"));
        let (short, value) = (short.unwrap_or_default(), value.unwrap_or_default());
        format!("{short}--{}{value}", self.long)
    }

    /// What it does with `verb`.
    pub(crate) fn help_with(&self, verb: Verb) -> &'static str {
        let own = self.verb_help.iter().find(|(other, _)| *other == verb);
        own.map_or(self.help, |(_, help)| help)
    }

    /// The same in a few words.
    pub(crate) fn brief_with(&self, verb: Verb) -> &'static str {
        let help = self.help_with(verb);
        let end = help.find([';', ':', '(', '[']).unwrap_or(help.len());
        help[..end].trim_end()
    }

    const fn but(mut self, verb_help: &'static [(Verb, &'static str)]) -> Flag {
        self.verb_help = verb_help;
        self
    }
}

const EVERY_VERB: &[Verb] = &[
    Send,
    Receive,
    Serve,
    Ping,
    ZipVerb,
    Unzip,
    Demo,
    Secret,
    Doctor,
    Web,
    Completions,
    Help,
];
const CONNECTING: &[Verb] = &[Send, Receive, Serve, Ping];
const LISTENING: &[Verb] = &[Send, Receive, Serve];
const RECEIVING: &[Verb] = &[Receive, Serve];
const SAVING: &[Verb] = &[Receive, Serve, Unzip];
const TRANSFERRING: &[Verb] = &[Send, Receive, Demo];
const SHOWING_PROGRESS: &[Verb] = &[Send, Receive, Serve, ZipVerb, Unzip, Demo];
const KEEPING_LINKS: &[Verb] = &[Send, Receive, Serve, ZipVerb, Unzip];
const REPLACING: &[Verb] = &[Receive, Serve, Unzip, ZipVerb];

const EXISTING: [&str; Existing::ALL.len()] = {
    let mut words = [""; Existing::ALL.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = Existing::ALL[index].word();
        index += 1;
    }
    words
};
const LINKS: &[&str] = &["inside", "keep"];
const PROGRESS: &[&str] = &["auto", "bar", "lines", "off"];
const LEVELS: &[&str] = &["auto", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
pub(crate) const SHELLS: &[&str] = &["bash", "zsh", "fish", "man"];

const fn flag(
    group: Group,
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    verbs: &'static [Verb],
    help: &'static str,
) -> Flag {
    Flag {
        group,
        short,
        long,
        takes,
        verbs,
        help,
        verb_help: &[],
    }
}

#[rustfmt::skip]
pub(crate) const FLAGS: &[Flag] = &[
    flag(Common, Some('t'), "to", Value("HOST[:PORT]"), &[Send],
        "dial the receiver at this address; [ADDRESS]:PORT for IPv6 with a port"),
    flag(Common, Some('f'), "from", Value("HOST[:PORT]"), &[Receive],
        "dial the sender at this address; [ADDRESS]:PORT for IPv6 with a port"),
    flag(Common, Some('l'), "listen", Nothing, LISTENING,
        "wait for the receiver to dial")
        .but(&[(Receive, "wait for the sender to dial (the default without --from)"),
            (Serve, "has no effect: serve always listens")]),
    flag(Common, Some('y'), "yes", Nothing, &[Receive, Unzip],
        "accept without asking; needed where there is no terminal")
        .but(&[(Unzip, "ask nothing; also open an archive that grows suspiciously large")]),
    flag(Common, Some('e'), "existing", OneOf("MODE", &EXISTING), REPLACING,
        "what to do if a different file has the name: fail (the default; nothing is written), skip, \
         rename (the new file), overwrite, or newer (overwrite older files only); an identical file \
         counts as done")
        .but(&[(Receive, "what to do if a different file has the name: fail (nothing is written), \
            skip, rename (the new file), overwrite, or newer (overwrite older files only); on a \
            terminal you are asked, elsewhere the default is fail; an identical file counts as done"),
            (Unzip, "what to do if a different file has the name: fail (nothing is written), \
            skip, rename (the new file), overwrite, or newer (overwrite older files only); on a \
            terminal you are asked, elsewhere the default is fail; an identical file counts as done"),
            (ZipVerb, "what to do if ARCHIVE exists: fail (the default), skip, rename (the new one), \
            overwrite, or newer (overwrite if a source is newer)")]),
    flag(Common, None, "portable-names", Nothing, SAVING,
        "change names that some disks cannot store: control characters, bytes that are not UTF-8, < > : \" \\ | ? *, \
         and dots and spaces at the end become _; names of Windows devices (aux.txt) get a _ in front; a name that \
         differs from another only in case gets a number"),
    flag(Common, Some('x'), "exclude", Values("GLOB"), &[Send, ZipVerb, Unzip],
        "leave out names or paths that match (*, ?, [abc], **); may be repeated"),
    flag(Common, None, "links", OneOf("MODE", LINKS), KEEPING_LINKS,
        "which symbolic links to carry: inside (the default; those that stay inside what is sent) or keep (all, as \
         they are; both sides must choose keep); links below PATH are never followed")
        .but(&[(Receive, "which symbolic links to make: inside (the default; those that stay inside what is sent) \
            or keep (all, as they are; both sides must choose keep); no link is ever followed"),
            (Serve, "which symbolic links to make: inside (the default; those that stay inside what is sent) \
            or keep (all, as they are; both sides must choose keep); no link is ever followed"),
            (ZipVerb, "which symbolic links to pack: inside (the default; those that stay inside the archive) or \
            keep (all, as they are; unzip needs --links keep, too)"),
            (Unzip, "which symbolic links to make: inside (the default; those that stay inside DIR) or keep (all, \
            as they are); no link is ever followed")]),
    flag(Common, Some('L'), "follow-links", Nothing, &[Send, ZipVerb],
        "send what symbolic links point to")
        .but(&[(ZipVerb, "pack what symbolic links point to")]),
    flag(Common, None, "dry-run", Nothing, &[Send],
        "show what would be sent; send nothing, but ask the receiver how much it lacks"),
    flag(Common, None, "verify", Nothing, &[Send, Receive],
        "first compare four words with the other side; continue only if both people confirm \
         that they are the same"),
    flag(Common, Some('o'), "output", Value("-"), &[Receive],
        "write the one received file to standard output"),
    flag(Common, None, "list", Nothing, &[Unzip],
        "show modes, sizes, encryption, dates and names; open nothing"),
    flag(Common, None, "test", Nothing, &[Unzip],
        "read and verify everything; write nothing"),
    flag(Common, None, "only", Values("GLOB"), &[Unzip],
        "open only names or paths that match (with everything in such folders); may be repeated"),
    flag(Common, None, "strict", Nothing, &[Unzip],
        "refuse harmless faults and ZipCrypto"),
    flag(Common, None, "name-encoding", Value("NAME"), &[Unzip],
        "the code page of names not marked as UTF-8 (such as cp850 or cp866)"),
    flag(Common, None, "max-size", Value("SIZE"), RECEIVING,
        "decline larger offers (bytes, or a number with K, M, G or T, in units of 1024); a transfer of \
         unknown size is stopped when it exceeds that; each entry beyond the first 1,000 counts 4 KiB more"),
    flag(Common, None, "max-files", Value("N"), RECEIVING,
        "decline offers of more entries; files, folders and links count"),
    flag(Common, None, "max-peers", Value("N"), &[Serve],
        "serve at most N peers at once (default 16); others are told to try again"),
    flag(Common, None, "keep-partial", Value("DAYS"), &[Serve],
        "remove unfinished transfers after that time (default 14), if nobody resumes them"),
    flag(Common, Some('n'), "streams", Value("N"), TRANSFERRING,
        "use N parallel connections, 1 to 64 (default: chosen by machine and size)"),
    flag(Connecting, None, "limit-rate", Value("BYTES"), &[Send],
        "limit the bytes a second on the network (a number, or with K, M, G or T, in \
         units of 1024)"),
    flag(Common, Some('z'), "level", OneOf("LEVEL", LEVELS), &[Send, ZipVerb],
        "how hard to compress: auto (the default; stores what does not shrink), or 0 (not at all) to 9 \
         (most)"),
    flag(Common, None, "dir", Path("DIR"), &[Web],
        "the folder that the page saves into (default: Downloads in your home if it is there, else the \
         current folder); the page can choose another one"),
    flag(Common, None, "no-open", Nothing, &[Web],
        "print the page's address and start no browser"),
    flag(Common, None, "idle", Value("MINUTES"), &[Web],
        "end after that long without a page (default 15); never while something runs"),
    flag(Connecting, None, "code", Nothing, &[Send],
        "ask for the code that the receiver made (default: make one)"),
    flag(Connecting, None, "via", Value("COMMAND"), &[Send, Receive],
        "reach the peer through COMMAND, such as ssh: its standard input and output are the connection, and \
         the other side runs with --stdio"),
    flag(Connecting, None, "stdio", Nothing, &[Send, Receive],
        "answer the peer over standard input and output: the other end of --via; give the secret with \
         --secret-file"),
    flag(Connecting, None, "no-discovery", Nothing, &[Send, Receive, Ping, Web],
        "neither look for peers on the network nor answer them (or PEERBRIDGE_DISCOVERY=off)"),
    flag(Connecting, None, "announce", Nothing, &[Serve],
        "be shown by peerbridge ping on the same network"),
    flag(Connecting, Some('p'), "port", Value("N"), &[Send, Receive, Serve, Ping, Doctor, Web],
        "port (default 8080, or PEERBRIDGE_PORT); 0 listens on a free one and shows it")
        .but(&[(Ping, "the peer's port (default 8080, or PEERBRIDGE_PORT)"),
            (Doctor, "port to check (default 8080, or PEERBRIDGE_PORT)"),
            (Web, "the page's port (default: a free one)")]),
    flag(Connecting, Some('b'), "bind", Value("ADDR"), LISTENING,
        "listen on this address only (default: all, IPv6 and IPv4)"),
    flag(Connecting, Some('w'), "wait", Value("SECS"), CONNECTING,
        "wait that long for the peer (default: a listener waits forever, a dialler tries for 10 s, so \
         either side may start first)")
        .but(&[(Serve, "stop when nobody has come for that long (default: never)"),
            (Ping, "keep trying to connect for that long (default 10)")]),
    flag(Connecting, Some('i'), "idle-timeout", Value("SECS"), CONNECTING,
        "give up when the peer is silent for that long (default 30)"),
    flag(Connecting, Some('s'), "secret-file", Path("FILE"), &[Send, Receive, Serve, Ping, Doctor],
        "read the secret from the first line of FILE; refused if other users can read or change it"),
    flag(Connecting, None, "secrets-file", Path("FILE"), &[Serve, Doctor],
        "read a name and its secret from each line of FILE; each name gets the folder DIR/NAME; read \
         again when it changes; refused if other users can read or change it"),
    flag(Connecting, Some('a'), "as", Value("NAME"), &[Send, Ping],
        "your name at a drop box that has named secrets"),
    flag(Connecting, None, "count", Value("N"), &[Send],
        "send to N receivers, then end (with --listen; default 1)"),
    flag(Connecting, None, "retry", Value("N"), &[Send, Receive],
        "reconnect and resume up to N times (default 5) if the connection is lost"),
    flag(Archive, Some('Z'), "zip", Nothing, &[Send],
        "send one encrypted archive; the receiver keeps it as it is"),
    flag(Archive, None, "zip-password-file", Path("FILE"), &[Send, ZipVerb, Unzip],
        "read the archive's password from the first line of FILE (or set PEERBRIDGE_ZIP_PASSWORD); \
         refused if other users can read or change it"),
    flag(Archive, None, "hide-names", Nothing, &[Send, ZipVerb],
        "hide names and sizes; the archive then holds one encrypted archive"),
    flag(Archive, None, "name", Value("NAME"), &[Send],
        "the name that the receiver sees (with - or --zip)"),
    flag(Scripts, None, "on-receive", Path("PROGRAM"), RECEIVING,
        "run PROGRAM after each transfer, without a shell; it reads the delivered paths from standard \
         input, each with a NUL after it"),
    flag(Scripts, None, "hook-timeout", Value("SECS"), RECEIVING,
        "stop the program of --on-receive after this time (default: no limit)")
        .but(&[(Serve, "stop the program of --on-receive after this time (default 600)")]),
    flag(Common, None, "clean", Nothing, &[Doctor],
        "remove what unfinished transfers left: shows it, and asks on a terminal"),
    flag(Common, None, "checksum", Nothing, &[Send, Receive, Serve],
        "compare files of the same size and time as well; either side may ask for it"),
    flag(Scripts, None, "fsync", Nothing, RECEIVING,
        "force every file to disk before reporting success"),
    flag(Scripts, None, "progress", OneOf("STYLE", PROGRESS), SHOWING_PROGRESS,
        "how to show progress: auto (the default; a bar on a terminal, nothing elsewhere), bar, lines \
         (one a second, and one at the end) or off")
        .but(&[(Serve, "how to show transfers that run: auto (the default; a bar for each on a terminal, \
            lines elsewhere), bar, lines (one a minute for each) or off")]),
    flag(Scripts, None, "json", Nothing, EVERY_VERB,
        "print one JSON object a line on standard output; text goes to standard error"),
    flag(Scripts, None, "totp", Value("NAME"), &[Verb::Secret],
        "make a key for the one-time codes of NAME in a secrets file, instead of a secret"),
    flag(Scripts, Some('q'), "quiet", Nothing, EVERY_VERB, "print errors only"),
    flag(Scripts, Some('v'), "verbose", Nothing, EVERY_VERB, "print every step"),
    flag(Scripts, Some('h'), "help", Nothing, EVERY_VERB,
        "show help; -h shows the essentials"),
    flag(Scripts, Some('V'), "version", Nothing, EVERY_VERB, "show the version"),
];

/// The options of a verb.
pub(crate) fn flags_of(verb: Verb) -> impl Iterator<Item = &'static Flag> {
    FLAGS.iter().filter(move |flag| flag.verbs.contains(&verb))
}

/// The parser for all options of all verbs. Which of them fit a verb is checked afterwards, so that the
/// answer can say where an option belongs.
pub(crate) fn parser() -> Options {
    let mut options = Options::new();
    for flag in FLAGS {
        let mut short = flag.short.map(String::from).unwrap_or_default();
        if flag.long == "help" {
            // `-h` and `--help` show different pages, so they are two options for the parser.
            options.optflagmulti(&std::mem::take(&mut short), "", flag.help);
        }
        match flag.takes {
            Nothing => options.optflagmulti(&short, flag.long, flag.help),
            Value(name) | Path(name) | OneOf(name, _) => {
                options.optopt(&short, flag.long, flag.help, name)
            }
            Values(name) => options.optmulti(&short, flag.long, flag.help, name),
        };
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for flag in FLAGS {
            assert!(seen.insert(flag.long.to_owned()), "{}", flag.long);
            assert!(flag.long.len() > 1 && !flag.long.contains(' '));
            if let Some(short) = flag.short {
                assert!(short.is_ascii_alphabetic());
                assert!(seen.insert(short.to_string()), "{short}");
            }
            assert!(!flag.verbs.is_empty() && !flag.help.ends_with('.'));
            for (verb, _) in flag.verb_help {
                assert!(flag.verbs.contains(verb), "{} {verb:?}", flag.long);
            }
        }
    }

    #[test]
    fn the_parser_knows_the_whole_table() {
        let parser = parser();
        let matches = parser.parse(["x"]).unwrap();
        for flag in FLAGS {
            assert!(matches.opt_defined(flag.long));
            assert!(
                flag.short
                    .is_none_or(|short| matches.opt_defined(&short.to_string()))
            );
        }
    }

    #[test]
    fn a_verb_reads_about_itself_only() {
        let port = FLAGS.iter().find(|flag| flag.long == "port").unwrap();
        assert!(!port.help_with(Ping).contains("listen"));
        let yes = FLAGS.iter().find(|flag| flag.long == "yes").unwrap();
        assert!(!yes.help_with(Receive).contains("archive"));
        for flag in FLAGS {
            for verb in flag.verbs {
                let brief = flag.brief_with(*verb);
                assert!(!brief.is_empty(), "{}", flag.long);
                assert!(flag.group != Common || brief.len() <= 50, "{brief}");
            }
        }
    }

    #[test]
    fn there_is_no_option_that_takes_a_secret_itself() {
        assert!(
            FLAGS
                .iter()
                .all(|flag| !["secret", "password"].contains(&flag.long))
        );
    }
}
