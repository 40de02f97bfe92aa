//! `peerbridge demo`: both peers in one process, over loopback, through the same code as any transfer.

mod compare;
mod sample;

use super::loopback::{self, fresh_folder};
use super::send::check_sources;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::progress;
use crate::cli::options::numbers;
use crate::cli::output::format;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::{ReportStyle, Reporter};
use crate::cli::output::side::SideOutput;
use crate::cli::output::wording::Perspective;
use crate::session::{ReceiveOptions, SendOptions, Summary};
use std::path::{Path, PathBuf};

/// # Errors
/// A usage error, why the transfer failed, or a result that differs.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let streams = args.read("streams", numbers::streams)?;
    let progress = context.progress_style(progress(args));
    let mut paths: Vec<PathBuf> = args.words.iter().map(PathBuf::from).collect();
    check_sources(&paths)?;
    let folder = fresh_folder("demo")?;
    if paths.is_empty() {
        let source = folder.join("sample");
        context.console.say("making some files to send");
        sample::make(&source)?;
        paths.push(source);
    }
    let mut send = SendOptions::new(paths.clone());
    send.streams = streams;
    let mut receive = ReceiveOptions::new(folder.join("received"));
    receive.streams = streams;
    let outcome = transfer(&send, &receive, progress, context).and_then(|summaries| {
        let left_out = summaries.iter().map(|summary| summary.left_out).sum();
        let same = compare::all(&paths, &receive.destination, left_out)?;
        context.console.say(&format!(
            "verified: {}, {}, the same byte by byte",
            format::count(same.files, "file"),
            format::size(same.bytes)
        ));
        Ok(Exit::of_summaries(&summaries))
    });
    leave(&folder, context)?;
    outcome
}

/// Says where everything is. With `--quiet` nobody would find it, so removes it instead.
fn leave(folder: &Path, context: &Context<'_>) -> Result<(), CliError> {
    if context.console.is_quiet() {
        return std::fs::remove_dir_all(folder).map_err(CliError::cannot_write(folder));
    }
    context.console.say(&format!(
        "everything is in {}; delete it when you are done",
        folder.display()
    ));
    Ok(())
}

/// Both sides print, and only the receiver's events go to programs.
fn transfer(
    send: &SendOptions,
    receive: &ReceiveOptions,
    progress: ProgressStyle,
    context: &Context<'_>,
) -> Result<Vec<Summary>, CliError> {
    let style = |perspective, progress| ReportStyle {
        perspective,
        progress,
        colour: context.colour(),
        guides: false,
    };
    let side = SideOutput {
        label: |line| format!("sender:   {line}"),
        tells_programs: false,
        ..SideOutput::new(context.console)
    };
    let silent = Ledger::default();
    let sender = Reporter::new(side, &silent, style(Perspective::Sender, progress));
    let side = SideOutput {
        label: |line| format!("receiver: {line}"),
        ..SideOutput::new(context.console)
    };
    let style = style(Perspective::Receiver, ProgressStyle::Off);
    let receiver = Reporter::new(side, context.ledger, style);
    loopback::transfer(send, &sender, receive, &receiver)
}
