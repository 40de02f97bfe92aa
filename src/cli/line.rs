//! `--via`: a command whose standard input and output are the line to the peer. `--stdio`: the other end of it.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::options::args::ParsedArgs;
use crate::cli::verbs::piped::at_most;
use crate::cli::{environment, platform};
use crate::session::{Error, Line, LineStreams, Rendezvous};
use std::io::{self, Read};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

/// How long a command may take to end after it has closed its output.
const ENDING: Duration = Duration::from_secs(1);

/// Options that choose another way to meet.
const OTHER_WAYS: [&str; 8] = [
    "to", "from", "listen", "bind", "port", "code", "count", "stdio",
];

/// The rendezvous over a line, if `--via` or `--stdio` is given, and how the command of `--via` ends.
///
/// # Errors
/// A usage error for options that do not go with it.
pub(crate) fn rendezvous(
    args: &ParsedArgs,
) -> Result<Option<(Rendezvous, Option<CommandEnd>)>, CliError> {
    let what = match (args.value("via"), args.has("stdio")) {
        (None, false) => return Ok(None),
        (Some(_), _) => "via",
        (None, true) => "stdio",
    };
    let others = OTHER_WAYS.iter().filter(|other| **other != what);
    if let Some(other) = others.into_iter().find(|other| args.has(other)) {
        return Err(CliError::usage(
            format!("--{what} and --{other} contradict each other"),
            "--via COMMAND reaches a peer that runs with --stdio; neither needs an address",
        ));
    }
    let option = format!("--{what}");
    at_most(args, "streams", 1, &option, "a line carries one stream")?;
    let Some(command) = args.value("via") else {
        at_most(args, "retry", 0, &option, "the side with --via starts anew")?;
        let line = Line::new("standard input and output", standard_streams);
        return Ok(Some((Rendezvous::AnswerOver(line), None)));
    };
    if command.trim().is_empty() {
        return Err(CliError::usage(
            "the command of --via is empty",
            "--via 'ssh HOST peerbridge receive --yes --stdio --secret-file FILE'",
        ));
    }
    let (sender, end) = mpsc::channel();
    let line = Line::new("the command of --via", move || {
        start(&command, sender.clone())
    });
    Ok(Some((Rendezvous::DialOver(line), Some(CommandEnd(end)))))
}

/// Checks that standard input and output are free to be the line.
///
/// # Errors
/// A usage error.
pub(crate) fn check_stdio(args: &ParsedArgs, context: &Context<'_>) -> Result<(), CliError> {
    if !args.has("stdio") {
        return Ok(());
    }
    let reads_input = args.words.iter().any(|word| word == "-");
    for (is_there, other) in [
        (args.has("json"), "--json"),
        (args.has("output"), "--output -"),
        (reads_input, "-"),
    ] {
        if is_there {
            return Err(CliError::usage(
                format!("--stdio and {other} contradict each other"),
                "with --stdio, standard input and output are the connection to the peer",
            ));
        }
    }
    if context.terminal.input || context.terminal.output {
        return Err(CliError::usage(
            "--stdio speaks to another peerbridge, but this is a terminal",
            "on the other machine: --via 'ssh HOST peerbridge receive --yes --stdio --secret-file FILE'",
        ));
    }
    Ok(())
}

/// How the command of `--via` ends.
#[derive(Debug)]
pub(crate) struct CommandEnd(Receiver<ExitStatus>);

/// The error to report. If the command reached no peer, it says how the command ended.
pub(crate) fn explain(error: Error, command: Option<&CommandEnd>) -> CliError {
    match (error, command) {
        (Error::NoConnection { source, .. }, Some(CommandEnd(end))) => CliError::Via {
            why: match end.recv_timeout(ENDING) {
                Ok(status) => format!("it ended with {status}"),
                Err(_) => source.to_string(),
            },
        },
        (other, _) => other.into(),
    }
}

fn standard_streams() -> io::Result<LineStreams> {
    Ok((Box::new(io::stdin()), Box::new(io::stdout())))
}

/// Starts the command in a shell. The secrets are not in its environment.
fn start(command: &str, end: Sender<ExitStatus>) -> io::Result<LineStreams> {
    let mut shell = platform::shell(command);
    environment::hide_secrets(&mut shell);
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let output = CommandOutput { output, child, end };
    Ok((Box::new(output), Box::new(input)))
}

/// The output of a command. When dropped, it waits for the command to end.
struct CommandOutput {
    output: ChildStdout,
    child: Child,
    end: Sender<ExitStatus>,
}

impl Read for CommandOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.output.read(buffer)
    }
}

impl Drop for CommandOutput {
    fn drop(&mut self) {
        if let Ok(status) = self.child.wait() {
            // The receiver may be gone already.
            let _ = self.end.send(status);
        }
    }
}
