//! `peerbridge unzip`.

mod list;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::terminal::Terminal;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::{existing, outside_links, progress};
use crate::cli::options::words::empty;
use crate::cli::output::wording::Perspective;
use crate::disk::{Archive, Glob, ListedKind, NameEncoding, Strictness, spool};
use crate::session::{self, Error, UnzipOptions};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The name of an archive from standard input.
const STANDARD_INPUT: &str = "standard input";

/// What to do with an archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnzipTask {
    List,
    Test,
    Open,
}

/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let Some((archive, words)) = args.words.split_first() else {
        return Err(CliError::usage(
            "there is no archive to open",
            "peerbridge unzip ARCHIVE [DIR]",
        ));
    };
    if archive.is_empty() {
        return Err(empty("the archive's name is empty"));
    }
    let task = task(args, words)?;
    let mut options = UnzipOptions::new(archive.into(), destination(words)?);
    options.existing = existing(args);
    options.portable_names = args.has("portable-names");
    options.any_expansion = args.has("yes");
    options.only = args.values("only");
    options.exclude = args.values("exclude");
    options.outside_links = outside_links(args);
    if args.has("strict") {
        options.strictness = Strictness::Strict;
    }
    options.name_encoding = args.read("name-encoding", encoding)?;
    options.zone = context.environment.time_zone();
    let archive = open(&options, context.terminal)?;
    match task {
        UnzipTask::List => {
            list::show(&archive, &options.zone, context.console);
            return Ok(Exit::Done);
        }
        UnzipTask::Test => {}
        UnzipTask::Open => check_destination(&options.destination, &archive)?,
    }
    let archive = session::check_archive(archive, &options)?;
    if archive.is_encrypted() {
        let file = args.path("zip-password-file");
        options.password = Some(credentials::get(file.as_deref(), context)?);
    }
    let progress = progress(args);
    let summary = if task == UnzipTask::Test {
        let reporter = context.reporter(Perspective::Tester, progress);
        let place = std::env::temp_dir();
        reporter.watch(|| session::verify(&archive, &options, &place, &reporter))?
    } else {
        let mut reporter = context.reporter(Perspective::Opener, progress);
        // Opening a file that is already here needs no consent. A person is asked only if something is in the way,
        // or the archive grows out of proportion.
        if !options.any_expansion && context.terminal.can_ask() {
            let folder = Some(options.destination.clone());
            reporter.questions = context.questions(folder, !args.has("existing"));
        }
        reporter.watch(|| session::unpack(&archive, &options, &reporter))?
    };
    Ok(Exit::of_summary(&summary))
}

fn task(args: &ParsedArgs, words: &[OsString]) -> Result<UnzipTask, CliError> {
    let (option, task) = match (args.has("list"), args.has("test")) {
        (true, true) => {
            return Err(CliError::usage(
                "--list and --test are two things to do",
                "give one of them",
            ));
        }
        (true, false) => ("--list", UnzipTask::List),
        (false, true) => ("--test", UnzipTask::Test),
        (false, false) => return Ok(UnzipTask::Open),
    };
    if !words.is_empty() {
        return Err(CliError::usage(
            format!("{option} opens nothing, so it needs no folder"),
            format!("leave out DIR or {option}"),
        ));
    }
    let selects = args.has("only") || args.has("exclude");
    match task {
        UnzipTask::List if selects => Err(CliError::usage(
            "--list shows all that an archive holds",
            "leave out --only and --exclude",
        )),
        _ => Ok(task),
    }
}

fn destination(words: &[OsString]) -> Result<PathBuf, CliError> {
    match words {
        [] => Ok(PathBuf::from(".")),
        [only] if only.is_empty() => Err(empty("the folder's name is empty")),
        [only] => Ok(PathBuf::from(only)),
        [_, second, ..] => Err(not_a_folder(second)),
    }
}

/// Info-ZIP takes names and patterns of entries after the archive. A new folder of that name is hardly intended.
fn check_destination(folder: &Path, archive: &Archive) -> Result<(), CliError> {
    let word = folder.as_os_str();
    let bytes = word.as_encoded_bytes();
    let is_pattern = bytes.iter().any(|byte| b"*?[".contains(byte));
    let pattern = Glob::parse(bytes).ok().filter(|_| is_pattern);
    let means = |path: &[u8]| {
        let matches = |pattern: &Glob| pattern.matches_file(path);
        path == bytes || pattern.as_ref().is_some_and(matches)
    };
    let mut files = archive
        .entries()
        .filter(|entry| entry.kind == ListedKind::File);
    match !folder.is_dir() && files.any(|file| means(file.path)) {
        true => Err(not_a_folder(word)),
        false => Ok(()),
    }
}

fn open(options: &UnzipOptions, terminal: Terminal) -> Result<Archive, CliError> {
    let reading = options.reading();
    let opened = match options.archive == Path::new("-") {
        true => {
            let file = standard_input(terminal)?;
            Archive::of_file(file, Path::new(STANDARD_INPUT), &reading)
        }
        false => Archive::open(&options.archive, &reading),
    };
    Ok(opened.map_err(Error::Archive)?)
}

/// Standard input as a file that can be read from its end.
fn standard_input(terminal: Terminal) -> Result<File, CliError> {
    terminal.check_input()?;
    if terminal.input {
        return Err(CliError::usage(
            "standard input is a terminal, so there is no archive",
            "pipe one into it: `... | peerbridge unzip - DIR`",
        ));
    }
    let folder = std::env::temp_dir();
    let failed = |source| CliError::CannotWrite {
        what: format!("a temporary file in {}", folder.display()),
        source,
    };
    let mut file = spool(&folder).map_err(failed)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
    Ok(file)
}

fn encoding(option: &str, name: &str) -> Result<NameEncoding, CliError> {
    NameEncoding::parse(name).ok_or_else(|| {
        let names: Vec<&str> = NameEncoding::names().collect();
        CliError::usage(
            format!("{option} does not know {name:?}"),
            format!(
                "it knows {}; for Shift-JIS: `bsdtar --options hdrcharset=CP932 -xf ARCHIVE`",
                names.join(", ")
            ),
        )
    })
}

fn not_a_folder(word: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> CliError {
    let word = word.as_ref().to_string_lossy();
    CliError::usage(
        format!("the word after the archive is the folder to open it into, not {word:?}"),
        "--only GLOB opens single entries: peerbridge unzip ARCHIVE [DIR] --only GLOB",
    )
}
