//! The table of verbs: their names, forms and help texts.

/// The commands of peerbridge.
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
    Web,
    Completions,
    Help,
}

/// A verb's line in the table.
pub(crate) struct VerbEntry {
    pub(crate) verb: Verb,
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Its forms, without `peerbridge`, and what each does.
    pub(crate) forms: &'static [(&'static str, &'static str)],
    /// The rest of its help, a paragraph each.
    pub(crate) about: &'static [&'static str],
    /// Command lines to start from.
    pub(crate) examples: &'static [&'static str],
}

impl VerbEntry {
    /// Its name and its aliases.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        [&[self.name], self.aliases].concat()
    }

    /// What it does, in a few words.
    pub(crate) fn brief(&self) -> &'static str {
        self.forms.first().map_or("", |(_, what)| what)
    }
}

pub(crate) const VERBS: &[VerbEntry] = &[
    VerbEntry {
        verb: Verb::Send,
        name: "send",
        aliases: &["tx"],
        forms: &[
            ("send PATH...", "find a peer by a code"),
            (
                "send PATH... --to HOST[:PORT]",
                "dial a peer and send it files",
            ),
            ("send PATH... --listen", "send once a peer dials"),
            ("send - --name NAME", "send standard input"),
            ("send PATH... --zip", "send one encrypted archive"),
        ],
        about: &[
            "Sends files and folders to a peer that knows the same secret. A folder is sent with \
             everything in it; FOLDER/. stands for its contents alone. The command succeeds only \
             after the receiver has verified everything.",
            "If the connection is lost, run the same command again: it resumes where it stopped.",
            "If PATH is -, standard input is sent, under the name that --name gives it. It must be \
             the only PATH. Input is read once the receiver has accepted, and sent as it arrives, \
             so a lost connection cannot be resumed. The end of input counts as success even if \
             the program that writes it failed: use set -o pipefail.",
            "With --zip the receiver gets one encrypted zip archive and keeps it as it is: \
             NAME.zip for one path, archive.zip for several, or the name that --name gives. The \
             archive is made while it is sent, without a temporary file, so a lost connection \
             cannot be resumed. Its password comes from --zip-password-file, else from \
             PEERBRIDGE_ZIP_PASSWORD, else you are asked twice. It must differ from the secret.",
        ],
        examples: &[
            "peerbridge send photos",
            "peerbridge send photos notes.txt --to 192.0.2.7",
            "peerbridge send backup --to [2001:db8::7]:9000 --exclude '*.tmp'",
            "peerbridge send photos --listen --wait 600",
            "tar c photos | peerbridge send - --name photos.tar --to 192.0.2.7",
            "peerbridge send photos --zip --hide-names --to 192.0.2.7",
            "peerbridge send photos --via 'ssh host peerbridge receive --yes --stdio'",
        ],
    },
    VerbEntry {
        verb: Verb::Receive,
        name: "receive",
        aliases: &["recv", "rx"],
        forms: &[
            ("receive [DIR]", "wait for or find a peer, into DIR"),
            ("receive [DIR] --from HOST[:PORT]", "dial a peer that sends"),
            ("receive --output -", "write to standard output"),
        ],
        about: &[
            "Receives what one peer sends that knows the same secret, and saves it in DIR (default: \
             the current folder). You are asked before anything is accepted; scripts use --yes. \
             Nothing appears in DIR before it is complete and verified, and nothing there is \
             replaced without --existing.",
            "With --output - the contents of one file go to standard output, each part once it is \
             verified. The last part is held back until the sender confirms the end, so that a \
             transfer that breaks off never looks complete: the output is too short and the exit \
             code is not 0. Such a transfer cannot be resumed.",
        ],
        examples: &[
            "peerbridge receive Downloads",
            "peerbridge receive --from 192.0.2.7 --yes --max-size 2G",
            "peerbridge receive --output - --yes | tar x",
        ],
    },
    VerbEntry {
        verb: Verb::Serve,
        name: "serve",
        aliases: &[],
        forms: &[("serve DIR", "drop box: receive from many peers")],
        about: &[
            "Receives from many peers at once until it is stopped, and saves what they send in DIR. \
             It never asks: --max-size, --max-files and --existing say what is accepted. Each \
             transfer is a line in the log. A failure with one peer does not affect the others. A \
             peer that tries wrong secrets is answered more and more slowly.",
            "With --secrets-file each peer has its own secret and gives its name with --as; its \
             files go into DIR/NAME. Each line of that file is a name and a secret (# starts a \
             comment). It is read again when it changes. A line NAME --totp KEY below the name asks \
             it for a one-time code as well. A line of --max-size SIZE and \
             --max-files N below a name replaces the limits of the command line for that name.",
        ],
        examples: &[
            "peerbridge serve /srv/drop --secret-file /etc/peerbridge/secret --max-size 20G",
            "peerbridge serve drop --secrets-file names.txt --existing rename",
        ],
    },
    VerbEntry {
        verb: Verb::Ping,
        name: "ping",
        aliases: &[],
        forms: &[
            ("ping HOST[:PORT]", "test the secret, measure the speed"),
            ("ping", "show which peers are near"),
        ],
        about: &[
            "Proves the secret to a peer that listens, then measures for about four seconds the \
             round-trip time and the speed in each direction. No file is sent, and the peer keeps \
             waiting.",
            "Without HOST it shows who on this network waits for a peer by a code, and drop boxes with \
             --announce.",
        ],
        examples: &["peerbridge ping 192.0.2.7"],
    },
    VerbEntry {
        verb: Verb::Zip,
        name: "zip",
        aliases: &[],
        forms: &[("zip ARCHIVE PATH...", "make an encrypted zip archive")],
        about: &[
            "Packs files and folders into one zip archive, encrypted with WinZip's AES-256, which \
             7-Zip, libarchive and others open. ARCHIVE appears when it is complete, readable by you \
             only. A folder is packed with everything in it; FOLDER/. stands for its contents alone.",
            "The password comes from --zip-password-file, else from PEERBRIDGE_ZIP_PASSWORD, else \
             you are asked twice. It has 1 to 99 bytes; programs differ in characters beyond ASCII. \
             Without --hide-names, anyone can read the names, sizes and times in the archive.",
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
        verb: Verb::Unzip,
        name: "unzip",
        aliases: &[],
        forms: &[
            ("unzip ARCHIVE [DIR]", "open a zip archive"),
            ("unzip ARCHIVE --list", "show what is in it"),
            ("unzip ARCHIVE --test", "verify it, write nothing"),
            ("unzip - [DIR]", "open it from standard input"),
        ],
        about: &[
            "Unpacks any zip archive into DIR (default: the current folder). Nothing appears in DIR \
             before everything is verified, nothing outside DIR is touched, and nothing there is \
             replaced without --existing.",
            "It opens AES and ZipCrypto encryption, stored, deflate, Deflate64 and zstd. ZipCrypto \
             protects little, and a warning says so. Harmless faults get a warning; --strict refuses \
             them. Links that lead outside and devices are left out, with exit code 13.",
            "If an archive would grow suspiciously large, you are asked first; scripts use --yes. An \
             archive from standard input is kept in a private file meanwhile, in the folder that \
             TMPDIR names.",
        ],
        examples: &[
            "peerbridge unzip photos.zip Pictures",
            "peerbridge unzip backup.zip --zip-password-file password.txt --existing newer",
            "peerbridge unzip backup.zip --only 'docs/*.txt' --exclude drafts",
            "peerbridge unzip unknown.zip --list",
        ],
    },
    VerbEntry {
        verb: Verb::Demo,
        name: "demo",
        aliases: &[],
        forms: &[("demo [PATH...]", "try it: both peers on this machine")],
        about: &[
            "Runs a real transfer from this machine to itself over the loopback network, with a \
             fresh secret. It sends PATH, or a sample folder that it makes, and compares the result \
             with the source byte by byte. Everything stays in a folder whose name it prints.",
        ],
        examples: &["peerbridge demo", "peerbridge demo photos --streams 4"],
    },
    VerbEntry {
        verb: Verb::Secret,
        name: "secret",
        aliases: &[],
        forms: &[
            ("secret", "print a new secret, easy to say"),
            ("secret --totp NAME", "print a key for one-time codes"),
        ],
        about: &[
            "Prints a new secret on standard output. Tell it to the other side in a way you trust, \
             such as a phone call.",
            "With --totp NAME it prints a key for the one-time codes of an authenticator app: as a line \
             for a secrets file, as an otpauth:// URI, and on a terminal as a QR code. A sender with \
             such a line must also give a one-time code.",
        ],
        examples: &[
            "peerbridge secret",
            "(umask 077; peerbridge secret > secret.txt)",
        ],
    },
    VerbEntry {
        verb: Verb::Doctor,
        name: "doctor",
        aliases: &[],
        forms: &[("doctor [DIR]", "check what a transfer needs here")],
        about: &[
            "Checks what a transfer into DIR (default: the current folder) needs on this machine, \
             one line per check, and says how to fix each failure. It also finds unfinished \
             transfers. It asks the networks of this machine whether queries for peers come back; nothing \
             else leaves it.",
        ],
        examples: &[
            "peerbridge doctor",
            "peerbridge doctor /srv/drop --secret-file /etc/peerbridge/secret",
        ],
    },
    VerbEntry {
        verb: Verb::Web,
        name: "web",
        aliases: &[],
        forms: &[("web", "send and receive in a browser")],
        about: &[
            "Serves a page to the browser of this machine: send, receive, archives and the checks of \
             doctor, without a terminal. It prints the page's address and opens it. The page is for you \
             alone: it listens on the loopback address only, and the address holds a token.",
            "It ends with the page's button, with Ctrl-C, or when no page was open for a while. A page \
             that is closed does not end a transfer: open the same address again.",
        ],
        examples: &["peerbridge web", "peerbridge web --no-open --dir Downloads"],
    },
    VerbEntry {
        verb: Verb::Completions,
        name: "completions",
        aliases: &[],
        forms: &[("completions SHELL", "for bash, zsh or fish; or man")],
        about: &[
            "Prints the completion script for SHELL: bash, zsh or fish. With man instead of a shell \
             it prints the manual page.",
            "bash: peerbridge completions bash > /etc/bash_completion.d/peerbridge",
            "zsh: add source <(peerbridge completions zsh) to ~/.zshrc, or save the script as \
             _peerbridge in a folder of your fpath.",
            "fish: peerbridge completions fish > ~/.config/fish/completions/peerbridge.fish",
        ],
        examples: &[
            "peerbridge completions bash > /etc/bash_completion.d/peerbridge",
            "peerbridge completions man > peerbridge.1",
        ],
    },
    VerbEntry {
        verb: Verb::Help,
        name: "help",
        aliases: &[],
        forms: &[("help [VERB]", "this page, or the page of VERB")],
        about: &["Shows what a verb does and which options it has."],
        examples: &["peerbridge help send"],
    },
];

/// The verb of this name or alias.
pub(crate) fn by_name(name: &str) -> Option<&'static VerbEntry> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_found_by_each_of_its_names() {
        for entry in VERBS {
            for name in entry.aliases.iter().chain([&entry.name]) {
                assert_eq!(by_name(name).unwrap().verb, entry.verb);
            }
            assert_eq!(super::entry(entry.verb).name, entry.name);
            let forms = entry.forms.iter();
            assert!(forms.clone().count() > 0);
            assert!(
                forms
                    .map(|(form, _)| form)
                    .all(|form| form.starts_with(entry.name))
            );
            assert!(!entry.examples.is_empty());
        }
        assert!(by_name("steal").is_none());
    }
}
