//! The first of two argument stages: sorts the arguments. Each verb then interprets them.

use crate::cli::error::CliError;
use crate::cli::given::Given;
use crate::cli::options::flags::{self, FLAGS, Flag, Takes};
use crate::cli::options::verbs::{self, Verb};
use crate::cli::output::console::{Audience, Verbosity};
use crate::crypto::MeetingCode;
use crate::model::nearest;
use getopts::{Fail, Matches};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The arguments of a command line, sorted but not yet interpreted.
#[derive(Debug)]
pub(crate) struct ParsedArgs {
    /// The first argument that is not an option.
    pub(crate) verb: Option<Verb>,
    /// The other arguments that are not options, in order.
    pub(crate) words: Vec<OsString>,
    options: Matches,
    odd: OddWords,
}

impl ParsedArgs {
    /// Sorts the arguments after the program's name.
    ///
    /// # Errors
    /// A usage error for unknown commands and options, and for options that do not fit the command.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<ParsedArgs, CliError> {
        let (texts, odd) = OddWords::set_aside(arguments)?;
        let mut words = texts.iter().filter(|text| !text.starts_with('-'));
        let verb_text = words.next().map_or("", String::as_str);
        let parsed = flags::parser().parse(&texts);
        let mut options = parsed.map_err(|fail| not_understood(fail, verb_text))?;
        let words = std::mem::take(&mut options.free).into_iter();
        let mut words: Vec<OsString> = words.map(|word| odd.put_back(word)).collect();
        let verb = match words.is_empty() {
            true => None,
            false => Some(verb(&words.remove(0))?),
        };
        let args = ParsedArgs {
            verb,
            words,
            options,
            odd,
        };
        args.check_values()?;
        args.check_options_fit()?;
        Ok(args)
    }

    /// Whether an option was given.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.options.opt_present(long)
    }

    /// An option's value.
    pub(crate) fn value(&self, long: &str) -> Option<String> {
        self.options.opt_str(long)
    }

    /// An option's value, as interpreted by `read`, which receives the option with its dashes and the value.
    ///
    /// # Errors
    /// That of `read`.
    pub(crate) fn read<T>(
        &self,
        long: &str,
        read: impl Fn(&str, &str) -> Result<T, CliError>,
    ) -> Result<Option<T>, CliError> {
        let value = self.value(long);
        value
            .map(|text| read(&format!("--{long}"), &text))
            .transpose()
    }

    /// An option's values.
    pub(crate) fn values(&self, long: &str) -> Vec<String> {
        self.options.opt_strs(long)
    }

    /// An option's value as a path, which need not be UTF-8.
    pub(crate) fn path(&self, long: &str) -> Option<PathBuf> {
        let value = self.options.opt_str(long)?;
        Some(self.odd.put_back(value).into())
    }

    /// All options that were given.
    pub(crate) fn given(&self) -> Given {
        Given::of(|flag| self.has(flag.long).then(|| self.value(flag.long)))
    }

    /// How much to print.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.has("quiet"), self.has("verbose")) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }

    /// Only paths may be other than UTF-8. A pattern, for example, would silently match nothing.
    fn check_values(&self) -> Result<(), CliError> {
        for flag in FLAGS {
            let (long, words) = (flag.long, flag.takes.choices());
            for value in self.values(long) {
                if self.odd.is_one(&value) && !matches!(flag.takes, Takes::Path(_)) {
                    return Err(CliError::usage(
                        format!("the value of --{long} is not UTF-8"),
                        "only paths may contain other bytes",
                    ));
                }
                if !words.is_empty() && !words.contains(&value.as_str()) {
                    return Err(CliError::usage(
                        format!("--{long} cannot be {value:?}"),
                        format!("--{long} takes {}", one_of(words)),
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_options_fit(&self) -> Result<(), CliError> {
        if self.has("quiet") && self.has("verbose") {
            return Err(CliError::usage(
                "--quiet and --verbose contradict each other",
                "give one of them",
            ));
        }
        // Without a command, only the options that every command has are allowed. These are the options of `help`.
        let verb = self.verb.unwrap_or(Verb::Help);
        let stray = FLAGS
            .iter()
            .find(|flag| self.has(flag.long) && !flag.verbs.contains(&verb));
        match (stray, self.verb) {
            (None, _) => Ok(()),
            (Some(flag), Some(verb)) => Err(CliError::usage(
                format!(
                    "{} does not go with {}",
                    both_names(flag),
                    verbs::entry(verb).name
                ),
                misplaced(flag.long, verb),
            )),
            (Some(flag), None) => Err(CliError::usage(
                format!("--{} needs a command before it", flag.long),
                "`peerbridge help` lists the commands",
            )),
        }
    }
}

/// `--listen (-l)`: the person may know only the letter, from another program.
fn both_names(flag: &Flag) -> String {
    match flag.short {
        Some(letter) => format!("--{} (-{letter})", flag.long),
        None => format!("--{}", flag.long),
    }
}

/// `auto, bar, lines or off`.
pub(crate) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

/// The reader of standard output: a person or a program. This works even if the rest of the command line is wrong, because `--json`
/// promises a last event then, too.
pub(crate) fn reader(arguments: &[OsString]) -> Audience {
    let before_end = arguments.iter().take_while(|word| *word != "--");
    match before_end.into_iter().any(|word| word == "--json") {
        true => Audience::Program,
        false => Audience::Person,
    }
}

fn verb(word: &OsStr) -> Result<Verb, CliError> {
    let shown = word.to_string_lossy();
    if let Some(entry) = verbs::by_name(&shown) {
        return Ok(entry.verb);
    }
    let hint = match nearest_verb(&shown) {
        Some(name) => format!("did you mean `peerbridge {name}`?"),
        None if shown == "version" => "did you mean `peerbridge --version`?".to_owned(),
        None if MeetingCode::from_input(&shown).is_ok() => {
            "run `peerbridge receive`, and type the code when it asks".to_owned()
        }
        None => "`peerbridge help` lists the commands".to_owned(),
    };
    Err(CliError::usage(format!("unknown command {shown:?}"), hint))
}

/// The command that was probably meant.
pub(crate) fn nearest_verb(word: &str) -> Option<&'static str> {
    nearest(word, verbs::VERBS.iter().map(|entry| entry.name))
}

fn misplaced(long: &str, verb: Verb) -> String {
    match (long, verb) {
        ("to", Verb::Receive) => "receive dials with --from HOST[:PORT]".to_owned(),
        ("from", Verb::Send) => "send dials with --to HOST[:PORT]".to_owned(),
        ("to" | "from", Verb::Ping) => "peerbridge ping HOST[:PORT]".to_owned(),
        // What these letters mean in Info-ZIP.
        ("listen" | "zip", Verb::Unzip) => "to see what an archive holds: --list".to_owned(),
        ("to", Verb::Unzip) => "to test an archive: --test".to_owned(),
        ("output", Verb::Unzip) => {
            "to replace files that are there: --existing overwrite".to_owned()
        }
        ("port", Verb::Unzip) => "unzip prints no contents: open the entry with --only".to_owned(),
        ("streams", Verb::Unzip) => "to keep files that are there: --existing skip".to_owned(),
        ("yes", Verb::Serve) => "serve never asks: leave it out".to_owned(),
        _ => format!(
            "`peerbridge help {}` lists what does",
            verbs::entry(verb).name
        ),
    }
}

/// `verb` is the first word of the command line.
fn not_understood(fail: Fail, verb: &str) -> CliError {
    match fail {
        Fail::UnrecognizedOption(name) => unknown(&name, verb),
        Fail::ArgumentMissing(name) => {
            let name = long(&name);
            let flag = FLAGS.iter().find(|flag| flag.long == name);
            let value = flag.and_then(|flag| flag.takes.value_name());
            CliError::usage(
                format!("--{name} needs a value"),
                format!("--{name} {}", value.unwrap_or("VALUE")),
            )
        }
        Fail::OptionDuplicated(name) | Fail::OptionMissing(name) => CliError::usage(
            format!("--{} is given more than once", long(&name)),
            "give it once",
        ),
        Fail::UnexpectedArgument(name) => CliError::usage(
            format!("--{} takes no value", long(&name)),
            format!("--{}", long(&name)),
        ),
    }
}

fn unknown(name: &str, verb: &str) -> CliError {
    if ["secret", "password", "passphrase", "word"].contains(&name) {
        return CliError::usage(
            format!("there is no --{name}: other users could read it in the process list"),
            "use --secret-file FILE or PEERBRIDGE_SECRET, or type it when you are asked",
        );
    }
    let of_info_zip = match (verb, name) {
        ("zip", "r") => Some("zip packs folders with everything in them"),
        ("zip", "1" | "9") => Some("--level 1 is fast, --level 9 compresses most"),
        ("unzip", "d") => {
            Some("unzip takes the folder without an option: peerbridge unzip ARCHIVE DIR")
        }
        ("zip" | "unzip", "P") => {
            Some("give the password with --zip-password-file FILE, or when you are asked")
        }
        ("unzip", "c") => Some("unzip prints no contents: open the entry with --only"),
        ("unzip", "j") => Some("unzip keeps the folders of an archive"),
        ("unzip", "u") => Some("unzip replaces older files with --existing newer"),
        ("unzip", "O" | "I") => Some("unzip takes the encoding of names with --name-encoding"),
        _ => None,
    };
    if let Some(hint) = of_info_zip {
        return CliError::usage(format!("there is no option -{name}"), hint);
    }
    let dashes = if name.chars().count() == 1 { "-" } else { "--" };
    let longs = || FLAGS.iter().map(|flag| flag.long);
    let part = || longs().find(|long| long.split('-').any(|part| part == name));
    let hint = match part().or_else(|| nearest(name, longs())) {
        Some(known) => format!("did you mean --{known}?"),
        None => "`peerbridge help VERB` lists the options; put `--` before paths that begin with \
                 a dash"
            .to_owned(),
    };
    CliError::usage(format!("unknown option {dashes}{name}"), hint)
}

/// An option's long name, from either of its names.
fn long(name: &str) -> String {
    let mut letters = name.chars();
    let short = letters.next().filter(|_| letters.next().is_none());
    let flag = FLAGS
        .iter()
        .find(|flag| short.is_some() && flag.short == short);
    flag.map_or(name, |flag| flag.long).to_owned()
}

/// Arguments that are not UTF-8. The parser takes text only, so each is replaced by a mark and its number
/// while it is parsed.
#[derive(Debug, Default)]
struct OddWords(Vec<OsString>);

impl OddWords {
    /// A noncharacter (Unicode Standard, section 23.7), which no meaningful text contains.
    const MARK: char = '\u{10ffff}';

    fn set_aside(arguments: &[OsString]) -> Result<(Vec<String>, OddWords), CliError> {
        let mut odd = OddWords::default();
        let mut options_ended = false;
        let mut texts = Vec::with_capacity(arguments.len());
        for argument in arguments {
            options_ended |= argument == "--";
            texts.push(match argument.to_str() {
                Some(text) if !text.contains(Self::MARK) => text.to_owned(),
                _ if !options_ended && argument.as_encoded_bytes().starts_with(b"-") => {
                    return Err(CliError::usage(
                        "an option is not UTF-8",
                        "write the value as a separate argument, and put `--` before paths that \
                         begin with a dash",
                    ));
                }
                _ => {
                    odd.0.push(argument.clone());
                    format!("{}{}", Self::MARK, odd.0.len() - 1)
                }
            });
        }
        Ok((texts, odd))
    }

    fn is_one(&self, text: &str) -> bool {
        text.starts_with(Self::MARK)
    }

    fn put_back(&self, text: String) -> OsString {
        let number = text.strip_prefix(Self::MARK).map(str::parse::<usize>);
        match number {
            Some(Ok(number)) if number < self.0.len() => self.0[number].clone(),
            _ => text.into(),
        }
    }
}

#[cfg(test)]
mod tests;
