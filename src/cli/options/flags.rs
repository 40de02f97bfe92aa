//! The one table of verbs and options. The parser and the help text are built from it, so neither can
//! know an option that the other does not.

use crate::model::Existing;
use getopts::Options;

/// What peerbridge can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Send,
    Receive,
    Serve,
    Ping,
    Zip,
    Unzip,
    Demo,
    Secret,
    Doctor,
    Completions,
    Help,
}

/// A verb's line in the table.
pub(crate) struct VerbEntry {
    pub(crate) verb: Verb,
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Its forms behind `peerbridge`, and what each does.
    pub(crate) forms: &'static [(&'static str, &'static str)],
    /// What more there is to say in its help, a paragraph each.
    pub(crate) about: &'static [&'static str],
    /// Command lines to begin with.
    pub(crate) examples: &'static [&'static str],
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// One value of this name, once.
    Value(&'static str),
    /// One of these words, once.
    OneOf(&'static str, &'static [&'static str]),
    /// One value of this name, as often as one likes.
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

    /// The words that its value is one of; empty where it may be anything.
    pub(crate) fn choices(self) -> &'static [&'static str] {
        match self {
            OneOf(_, words) => words,
            Nothing | Value(_) | Values(_) | Path(_) => &[],
        }
    }
}

/// An option's line in the table.
pub(crate) struct Flag {
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) takes: Takes,
    pub(crate) verbs: &'static [Verb],
    pub(crate) help: &'static str,
}

use Takes::{Nothing, OneOf, Path, Value, Values};
use Verb::{Completions, Demo, Doctor, Help, Ping, Receive, Secret, Send, Serve, Unzip, Zip};

const EVERY_VERB: &[Verb] = &[
    Send,
    Receive,
    Serve,
    Ping,
    Zip,
    Unzip,
    Demo,
    Secret,
    Doctor,
    Completions,
    Help,
];
const CONNECTING: &[Verb] = &[Send, Receive, Serve, Ping];
const LISTENING: &[Verb] = &[Send, Receive, Serve];
const TAKING: &[Verb] = &[Receive, Serve];
const MOVING: &[Verb] = &[Send, Receive, Demo];
const SHOWING_PROGRESS: &[Verb] = &[Send, Receive, Zip, Unzip, Demo];
const REPLACING: &[Verb] = &[Receive, Serve, Unzip, Zip];

const EXISTING: [&str; Existing::ALL.len()] = {
    let mut words = [""; Existing::ALL.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = Existing::ALL[index].word();
        index += 1;
    }
    words
};
const PROGRESS: &[&str] = &["auto", "bar", "lines", "off"];
const LEVELS: &[&str] = &["auto", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
pub(crate) const SHELLS: &[&str] = &["bash", "zsh", "fish", "man"];

pub(crate) const VERBS: &[VerbEntry] = &[
    VerbEntry {
        verb: Send,
        name: "send",
        aliases: &["tx"],
        forms: &[
            (
                "send PATH... --to HOST[:PORT]",
                "dial a peer, give it files",
            ),
            ("send PATH... --listen", "the same, once a peer dials"),
            ("send - --name NAME", "the same with standard input"),
            ("send PATH... --zip", "the same as one encrypted archive"),
        ],
        about: &[
            "Gives files and folders to a peer that knows the same secret. A folder comes with all \
             that is in it; FOLDER/. stands for its contents alone. The end is told only after the \
             peer has verified everything.",
            "If the connection is lost, run the same command again: it goes on where it stopped.",
            "A PATH that is - stands for standard input, alone and with the name that --name gives              it. It is read once the peer has accepted, and sent as it comes; if the connection is              lost it cannot go on. An end of input is taken for the end also when the program that              writes it has failed: use set -o pipefail.",
            "With --zip the peer gets one encrypted zip archive that it keeps, and not the files: \
             NAME.zip for one path, archive.zip for several, or what --name says. It is made while \
             it is sent, without a file in between; if the connection is lost it cannot go on. Its \
             password comes from --zip-password-file, else PEERBRIDGE_ZIP_PASSWORD, else you are \
             asked twice, and must be another than the secret.",
        ],
        examples: &[
            "peerbridge send photos notes.txt --to 192.0.2.7",
            "peerbridge send backup --to [2001:db8::7]:9000 --exclude '*.tmp'",
            "peerbridge send photos --listen --wait 600",
            "tar c photos | peerbridge send - --name photos.tar --to 192.0.2.7",
            "peerbridge send photos --zip --hide-names --to 192.0.2.7",
        ],
    },
    VerbEntry {
        verb: Receive,
        name: "receive",
        aliases: &["recv", "rx"],
        forms: &[
            ("receive [DIR]", "wait for a peer, put it into DIR"),
            ("receive [DIR] --from HOST[:PORT]", "dial a peer that sends"),
            ("receive --output -", "to standard output"),
        ],
        about: &[
            "Takes what one peer sends that knows the same secret, and puts it into DIR (the \
             current folder unless told). You are asked before anything is taken; a script says \
             --yes. Nothing appears in DIR before it is complete and verified, and nothing there \
             is replaced unless --existing says so.",
            "With --output - the contents of one file go to standard output, verified part by part              as they come. The last part is held back until the sender's end of it has come, so that              a transfer that breaks off never looks whole: it is too short, and the exit code is not              0. It cannot go on later.",
        ],
        examples: &[
            "peerbridge receive Downloads",
            "peerbridge receive --from 192.0.2.7 --yes --max-size 2G",
            "peerbridge receive --output - --yes | tar x",
        ],
    },
    VerbEntry {
        verb: Serve,
        name: "serve",
        aliases: &[],
        forms: &[("serve DIR", "drop box: receive from many peers")],
        about: &[
            "Takes what peers send that know the secret, many at once, until it is stopped, and puts \
             it into DIR. Nobody is asked: --max-size, --max-files and --existing say what may \
             come. Each transfer is a line in the log. What goes wrong with one peer ends nothing \
             else, and who tries wrong secrets is answered ever more slowly.",
            "With --secrets-file each peer has a secret of its own and says its name with --as; \
             what it sends goes into DIR/NAME. The file has a name and a secret a line (# begins a \
             comment) and is read again when it changes. A line of --max-size SIZE and --max-files N \
             behind a name holds for that name in place of what the command line says.",
        ],
        examples: &[
            "peerbridge serve /srv/drop --secret-file /etc/peerbridge/secret --max-size 20G",
            "peerbridge serve drop --secrets-file names.txt --existing rename",
        ],
    },
    VerbEntry {
        verb: Ping,
        name: "ping",
        aliases: &[],
        forms: &[("ping HOST[:PORT]", "prove the secret, measure the line")],
        about: &[
            "Proves the secret with a peer that listens, and measures in about four seconds how \
             long a message takes there and back and how much the line carries each way. No file \
             is moved, and a peer that waits goes on waiting.",
        ],
        examples: &["peerbridge ping 192.0.2.7"],
    },
    VerbEntry {
        verb: Zip,
        name: "zip",
        aliases: &[],
        forms: &[("zip ARCHIVE PATH...", "make an encrypted zip archive")],
        about: &[
            "Puts files and folders into one zip archive, encrypted with AES-256 in the way of WinZip, \
             which 7-Zip, libarchive and others open. ARCHIVE appears when it is whole, readable by \
             you only. A folder comes with all that is in it; FOLDER/. stands for its contents alone.",
            "The password comes from --zip-password-file, else PEERBRIDGE_ZIP_PASSWORD, else you are \
             asked twice. It has 1 to 99 bytes; programs differ in those beyond ASCII. Names, sizes \
             and times in the archive can be read without it, unless --hide-names is given.",
            "Windows Explorer, Archive Utility of macOS, Info-ZIP's unzip and Java cannot open AES \
             encryption. Their users need 7-Zip (Windows, Linux), Keka or The Unarchiver (macOS), \
             bsdtar, or peerbridge unzip.",
        ],
        examples: &[
            "peerbridge zip photos.zip photos --exclude '*.tmp'",
            "peerbridge zip backup.zip docs notes.txt --hide-names --existing overwrite",
        ],
    },
    VerbEntry {
        verb: Unzip,
        name: "unzip",
        aliases: &[],
        forms: &[
            ("unzip ARCHIVE [DIR]", "open a zip archive"),
            ("unzip ARCHIVE --list", "show what it holds"),
            ("unzip ARCHIVE --test", "verify it, write nothing"),
            ("unzip - [DIR]", "the same from standard input"),
        ],
        about: &[
            "Puts what is in a zip archive into DIR (the current folder by default), whoever made it. \
             Nothing appears in DIR before all of it is verified, nothing outside of DIR is touched, \
             and nothing there is replaced unless --existing says so.",
            "It opens AES and ZipCrypto encryption, stored, deflate, Deflate64 and zstd. ZipCrypto \
             protects little, and a warning says so. Faults without effect are warned of and passed \
             over; --strict refuses them. A link that leads outside and a device are left out, and the \
             exit code is 13.",
            "An archive that would become far larger than it is, is opened only after a question, or \
             with --yes. An archive from standard input is kept in a private file meanwhile, in the \
             folder that TMPDIR names.",
        ],
        examples: &[
            "peerbridge unzip photos.zip Pictures",
            "peerbridge unzip backup.zip --zip-password-file password.txt --existing newer",
            "peerbridge unzip backup.zip --only 'docs/*.txt' --exclude drafts",
            "peerbridge unzip unknown.zip --list",
        ],
    },
    VerbEntry {
        verb: Demo,
        name: "demo",
        aliases: &[],
        forms: &[("demo [PATH...]", "try it: both peers on this machine")],
        about: &[
            "Runs a real transfer from this machine to itself, over the loopback network and with \
             a fresh secret: of PATH, or of a sample folder that it makes. Then it compares the \
             result with the source byte by byte. Everything stays in a folder that it names.",
        ],
        examples: &["peerbridge demo", "peerbridge demo photos --streams 4"],
    },
    VerbEntry {
        verb: Secret,
        name: "secret",
        aliases: &[],
        forms: &[("secret", "print a fresh secret, easy to say")],
        about: &[
            "Prints a fresh secret on standard output. Tell it to the other side over something \
             you trust, such as a call.",
        ],
        examples: &[
            "peerbridge secret",
            "(umask 077; peerbridge secret > secret.txt)",
        ],
    },
    VerbEntry {
        verb: Doctor,
        name: "doctor",
        aliases: &[],
        forms: &[("doctor [DIR]", "check what a transfer needs here")],
        about: &[
            "Checks what a transfer into DIR (the current folder unless told) needs on this \
             machine, a line a check, and says what to do about each that fails. Finds what broken \
             transfers left there. Nothing leaves this machine.",
        ],
        examples: &[
            "peerbridge doctor",
            "peerbridge doctor /srv/drop --secret-file /etc/peerbridge/secret",
        ],
    },
    VerbEntry {
        verb: Completions,
        name: "completions",
        aliases: &[],
        forms: &[("completions SHELL", "for bash, zsh or fish; or man")],
        about: &[
            "Writes the script that lets a shell complete what you type to standard output: SHELL \
             is bash, zsh or fish. With man in its place it writes the manual page.",
        ],
        examples: &[
            "peerbridge completions bash > /etc/bash_completion.d/peerbridge",
            "peerbridge completions man > peerbridge.1",
        ],
    },
    VerbEntry {
        verb: Help,
        name: "help",
        aliases: &[],
        forms: &[("help [VERB]", "this page, or one about VERB")],
        about: &["Shows what a verb does and which options it has."],
        examples: &["peerbridge help send"],
    },
];

const fn flag(
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    verbs: &'static [Verb],
    help: &'static str,
) -> Flag {
    Flag {
        short,
        long,
        takes,
        verbs,
        help,
    }
}

#[rustfmt::skip]
pub(crate) const FLAGS: &[Flag] = &[
    flag(Some('t'), "to", Value("HOST[:PORT]"), &[Send],
        "dial the receiver there; [ADDRESS]:PORT for IPv6 with a port"),
    flag(Some('f'), "from", Value("HOST[:PORT]"), &[Receive],
        "dial the sender there; [ADDRESS]:PORT for IPv6 with a port"),
    flag(Some('l'), "listen", Nothing, LISTENING,
        "wait for the peer to dial (what receive does unless told, and serve always)"),
    flag(Some('p'), "port", Value("N"), &[Send, Receive, Serve, Ping, Doctor],
        "the port, 8080 unless told (or PEERBRIDGE_PORT); 0 lets the system choose one to listen \
         on, which is shown"),
    flag(Some('b'), "bind", Value("ADDR"), LISTENING,
        "listen on this address only, and not on all of this machine's"),
    flag(Some('w'), "wait", Value("SECS"), CONNECTING,
        "listening: how long to wait for the peer (for ever unless told); dialling: keep trying \
         that long (10), so that either side may start first; serve: end when nobody has come for \
         that long"),
    flag(Some('i'), "idle-timeout", Value("SECS"), CONNECTING,
        "give up when the peer is silent that long (30)"),
    flag(Some('s'), "secret-file", Path("FILE"), &[Send, Receive, Serve, Ping, Doctor],
        "the first line of FILE is the secret; refused when other users can read or change it"),
    flag(None, "secrets-file", Path("FILE"), &[Serve, Doctor],
        "a name and a secret a line; each name gets the folder DIR/NAME; read again when it \
         changes; refused when other users can read or change it"),
    flag(Some('a'), "as", Value("NAME"), &[Send, Ping],
        "the name to go by at a drop box whose secrets have names"),
    flag(Some('y'), "yes", Nothing, &[Receive, Unzip],
        "ask nothing: receive accepts, and needs it where there is no terminal; unzip opens also what \
         becomes far larger than it is"),
    flag(Some('e'), "existing", OneOf("MODE", &EXISTING), REPLACING,
        "what to do when another file has the name: fail (before anything is written), skip, \
         rename the new one, overwrite, or newer (overwrite only older ones); receive and unzip ask \
         at a terminal unless told, and take an identical file for done"),
    flag(None, "zip-password-file", Path("FILE"), &[Send, Zip, Unzip],
        "the first line of FILE is the archive's password (or PEERBRIDGE_ZIP_PASSWORD); refused \
         when other users can read or change it"),
    flag(None, "list", Nothing, &[Unzip],
        "show modes, sizes, what is encrypted, dates and names, and open nothing"),
    flag(None, "test", Nothing, &[Unzip],
        "read and verify everything, and write nothing"),
    flag(None, "only", Values("GLOB"), &[Unzip],
        "open only names or paths like this, with all that is in such folders; may be given many \
         times"),
    flag(None, "strict", Nothing, &[Unzip],
        "refuse an archive for faults that change nothing, and ZipCrypto"),
    flag(None, "name-encoding", Value("NAME"), &[Unzip],
        "the code page of names that are not marked as UTF-8, as cp850 or cp866"),
    flag(Some('o'), "output", Value("-"), &[Receive],
        "write the one file that is received to standard output"),
    flag(None, "max-size", Value("SIZE"), TAKING,
        "decline larger offers, and end what comes to more: bytes, or with K, M, G or T in units of \
         1024; each file, folder and link beyond the first 1,000 counts 4 KiB more"),
    flag(None, "max-files", Value("N"), TAKING,
        "decline offers of more files, folders and links"),
    flag(None, "max-peers", Value("N"), &[Serve],
        "take so many peers at once (16), and tell more to come again"),
    flag(None, "keep-partial", Value("DAYS"), &[Serve],
        "remove what came of a broken transfer when nobody came back for it in that time (14)"),
    flag(None, "on-receive", Path("PROGRAM"), TAKING,
        "run PROGRAM after each transfer, without a shell; it reads the paths that came from standard \
         input, each with a NUL behind it"),
    flag(None, "hook-timeout", Value("SECS"), TAKING,
        "stop the program of --on-receive after this time (serve: 600; receive: no limit)"),
    flag(None, "fsync", Nothing, TAKING,
        "force every file to the disk before saying done"),
    flag(None, "checksum", Nothing, &[Send, Receive, Serve],
        "compare also files of the same size and time, and don't take them for the same; either side may \
         ask for it"),
    flag(None, "count", Value("N"), &[Send],
        "with --listen: serve so many receivers, then end (1)"),
    flag(Some('n'), "streams", Value("N"), MOVING,
        "connections side by side, 1 to 64; by the machine and the size unless told"),
    flag(Some('z'), "level", OneOf("LEVEL", LEVELS), &[Send, Zip],
        "compression: auto (the default: stores what does not shrink), or 0 (none) to 9 (most)"),
    flag(None, "name", Value("NAME"), &[Send],
        "with - or --zip: the name that standard input or the archive gets at the peer"),
    flag(Some('Z'), "zip", Nothing, &[Send],
        "send one encrypted archive that the peer keeps, and not the files"),
    flag(Some('x'), "exclude", Values("GLOB"), &[Send, Zip, Unzip],
        "leave out names or paths like this (*, ?, [abc], **); may be given many times"),
    flag(Some('L'), "follow-links", Nothing, &[Send, Zip],
        "take what links point to, and not the links"),
    flag(None, "hide-names", Nothing, &[Send, Zip],
        "names and sizes inside don't show: the archive holds one encrypted archive"),
    flag(None, "limit-rate", Value("BYTES"), &[Send],
        "send at most so many bytes a second: a number, or with K, M or G in units of 1024"),
    flag(None, "dry-run", Nothing, &[Send],
        "say what would be sent and how much of it the peer still lacks, and send nothing"),
    flag(None, "verify", Nothing, &[Send, Receive],
        "show a phrase of four words on both sides, and go on only when both persons say that it \
         is the same"),
    flag(None, "retry", Value("N"), &[Send, Receive],
        "after a lost connection dial again up to N times and go on (5)"),
    flag(None, "progress", OneOf("STYLE", PROGRESS), SHOWING_PROGRESS,
        "auto (the default: a bar on a terminal, else nothing), bar, lines or off"),
    flag(None, "json", Nothing, EVERY_VERB,
        "one JSON object a line on standard output, text on standard error only"),
    flag(Some('q'), "quiet", Nothing, EVERY_VERB, "errors only"),
    flag(Some('v'), "verbose", Nothing, EVERY_VERB, "say what happens, a line a step"),
    flag(Some('h'), "help", Nothing, EVERY_VERB, "show this help"),
    flag(Some('V'), "version", Nothing, EVERY_VERB, "show the version"),
];

/// The verb of this name or alias.
pub(crate) fn verb(name: &str) -> Option<&'static VerbEntry> {
    VERBS
        .iter()
        .find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// A verb's line in the table.
pub(crate) fn entry(verb: Verb) -> &'static VerbEntry {
    VERBS
        .iter()
        .find(|entry| entry.verb == verb)
        .unwrap_or(&VERBS[0])
}

/// The parser for all options of all verbs: which of them fit a verb is checked afterwards, so that
/// the answer can say where an option belongs.
pub(crate) fn parser() -> Options {
    let mut options = Options::new();
    for flag in FLAGS {
        let short = flag.short.map(String::from).unwrap_or_default();
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
        }
    }

    #[test]
    fn every_verb_is_found_by_each_of_its_names() {
        for entry in VERBS {
            for name in entry.aliases.iter().chain([&entry.name]) {
                assert_eq!(verb(name).unwrap().verb, entry.verb);
            }
            assert_eq!(super::entry(entry.verb).name, entry.name);
            assert!(
                entry
                    .forms
                    .iter()
                    .all(|(form, _)| form.starts_with(entry.name))
            );
            assert!(!entry.examples.is_empty());
        }
        assert!(verb("steal").is_none());
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
    fn there_is_no_option_that_takes_a_secret_itself() {
        assert!(
            FLAGS
                .iter()
                .all(|flag| !["secret", "password"].contains(&flag.long))
        );
    }
}
