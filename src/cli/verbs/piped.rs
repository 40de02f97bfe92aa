//! `-`: standard input as the source, standard output as the destination.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::numbers;
use crate::session::{Error, Output, Stream};
use std::io;

/// Standard input as the source, if the only argument is `-`.
///
/// # Errors
/// A usage error for options that do not go with it.
pub(crate) fn input(args: &ParsedArgs, context: &Context<'_>) -> Result<Option<Stream>, CliError> {
    if !args.words.iter().any(|word| word == "-") {
        return match args.has("name") && !args.has("zip") {
            false => Ok(None),
            true => Err(CliError::usage(
                "--name is for standard input and archives; files keep their names",
                "send - --name NAME sends standard input; --zip makes an archive",
            )),
        };
    }
    if args.words.len() > 1 {
        return Err(CliError::usage(
            "standard input (-) cannot be sent with other paths",
            "send - --name NAME; ./- is a file of that name",
        ));
    }
    for other in ["exclude", "follow-links", "links", "dry-run", "zip"] {
        if args.has(other) {
            return Err(contradiction(
                other,
                "-",
                "standard input is read as it arrives",
            ));
        }
    }
    at_most(
        args,
        "count",
        1,
        "-",
        "standard input can be read only once",
    )?;
    at_most(args, "retry", 0, "-", "standard input cannot be read again")?;
    at_most(args, "streams", 1, "-", "standard input is sent in order")?;
    context.terminal.check_input()?;
    if context.terminal.input {
        return Err(CliError::usage(
            "standard input is a terminal, so there is nothing to send",
            "some-program | peerbridge send - --name NAME --to HOST",
        ));
    }
    let Some(name) = args.value("name") else {
        return Err(CliError::usage(
            "standard input has no name, but the receiver needs one",
            "send - --name NAME",
        ));
    };
    let stream = Stream::new(name, io::stdin());
    stream.map(Some).map_err(|error| {
        CliError::usage(
            Error::from(error).to_string(),
            "--name takes a plain file name, without folders",
        )
    })
}

/// Standard output as the destination, if `--output -` is given.
///
/// # Errors
/// A usage error for options that do not go with it.
pub(crate) fn output(args: &ParsedArgs, context: &Context<'_>) -> Result<Option<Output>, CliError> {
    let folder = args.words.first();
    match args.value("output").as_deref() {
        None if folder.is_some_and(|word| word == "-") => {
            return Err(CliError::usage(
                "- is not a folder",
                "receive --output - writes to standard output; ./- is a folder of that name",
            ));
        }
        None => return Ok(None),
        Some("-") => {}
        Some(_) => {
            return Err(CliError::usage(
                "--output takes only -, which is standard output",
                "receive DIR saves files in a folder, under their own names",
            ));
        }
    }
    if folder.is_some() {
        return Err(CliError::usage(
            "a folder and --output - contradict each other",
            "give one of them",
        ));
    }
    for other in ["json", "existing", "links", "fsync", "on-receive"] {
        if args.has(other) {
            let why = "only the contents of the file are written to standard output";
            return Err(contradiction(other, "-", why));
        }
    }
    at_most(args, "retry", 0, "-", "output cannot be taken back")?;
    at_most(
        args,
        "streams",
        1,
        "-",
        "standard output is written in order",
    )?;
    context.terminal.check_output()?;
    if context.terminal.output {
        return Err(CliError::usage(
            "standard output is a terminal; refusing to write file contents to it",
            "peerbridge receive --output - | some-program, or > FILE",
        ));
    }
    Ok(Some(Output::new("standard output", io::stdout())))
}

/// Refuses a number above `most` for an option, in a command line with `what`.
///
/// # Errors
/// A usage error.
pub(crate) fn at_most(
    args: &ParsedArgs,
    long: &str,
    most: u64,
    what: &str,
    why: &str,
) -> Result<(), CliError> {
    match args.read::<u64>(long, numbers::whole(0..=u64::MAX))? {
        Some(number) if number > most => Err(contradiction(&format!("{long} {number}"), what, why)),
        _ => Ok(()),
    }
}

fn contradiction(option: &str, what: &str, why: &str) -> CliError {
    CliError::usage(
        format!("--{option} does not go with {what}: {why}"),
        format!("leave out --{option}"),
    )
}
