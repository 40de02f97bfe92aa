//! The guided dialogue: `peerbridge` without arguments, for people who do not want to know options.
//!
//! `conversation` asks until it knows what is wanted; a wrong answer is asked again. Then the same
//! sessions run as for any verb.

mod answers;
mod conversation;

use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::options::choices::ProgressChoice;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::cli::verbs::zipped::archive_of;
use crate::session::{self, Connect, Payload, ReceiveOptions, SendOptions, SendSession};
use conversation::{Conversation, DialogueHalt, DialogueTask, Errand, Wish};
use std::path::PathBuf;

/// Asks what is wanted and does it. Whoever ends the input instead of answering has decided to leave:
/// that is no error.
///
/// # Errors
/// What stood in the way of a transfer.
pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Error> {
    let conversation = Conversation::new(context.answers, context.console, context.environment);
    context.console.show(conversation::GREETING);
    let ended = conversation
        .wish()
        .and_then(|wish| grant(wish, &conversation, context));
    match ended {
        Ok(exit) => Ok(exit),
        Err(DialogueHalt::EndOfInput) => {
            context.console.show(conversation::FAREWELL);
            Ok(Exit::Done)
        }
        Err(DialogueHalt::Error(error)) => Err(error),
    }
}

fn grant(
    wish: Wish,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let connect = Connect::new(wish.rendezvous, wish.secret);
    match wish.task {
        DialogueTask::Send(first) => send(&connect, first, conversation, context),
        DialogueTask::Receive(destination) => receive(&connect, destination, context),
    }
}

/// One session, as many transfers as are wanted.
fn send(
    connect: &Connect,
    first: Errand,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let style = context.report_style(Perspective::Sender, ProgressChoice::Auto);
    let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style);
    let mut session = SendSession::open(connect, &reporter).map_err(Error::from)?;
    let mut summaries = Vec::new();
    let mut next = Some(first);
    while let Some(Errand { path, password }) = next {
        let options = match password {
            None => SendOptions::new(vec![path]),
            Some(password) => SendOptions::of(Payload::Archive(archive_of(path, password)?)),
        };
        let summary = reporter.watch(|| session.send(&options));
        summaries.push(summary.map_err(Error::from)?);
        next = conversation.one_more(&connect.secret)?;
    }
    session.finish().map_err(Error::from)?;
    Ok(Exit::of_summaries(&summaries))
}

fn receive(
    connect: &Connect,
    destination: PathBuf,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let questions = Questions::Asked {
        answers: context.answers,
        console: context.console,
        destination: destination.clone(),
        conflicts: OnConflict::Ask,
    };
    let style = context.report_style(Perspective::Receiver, ProgressChoice::Auto);
    let reporter = Reporter::new(context.console, context.ledger, questions, style)
        .with_comparer(context.answers);
    let options = ReceiveOptions::new(destination);
    let summaries = reporter
        .watch(|| session::receive(connect, &options, &reporter))
        .map_err(Error::from)?;
    Ok(Exit::of_summaries(&summaries))
}
