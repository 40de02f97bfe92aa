//! The guided dialogue: `peerbridge` without arguments, for people who do not want to know options.
//!
//! `conversation` asks until it knows what is wanted, and asks again for an answer that cannot be used. Then
//! the same sessions run as for any command. If one fails because of an answer, only that is asked again.

mod answers;
mod conversation;
mod looking;
mod paths;
mod text;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::questions::{OnConflict, Questions};
use crate::cli::options::choices::ProgressChoice;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::cli::verbs::zipped::archive_of;
use crate::session::{
    self, Connect, Operator, Payload, ReceiveOptions, Rendezvous, SendOptions, SendSession,
};
use conversation::{Conversation, DialogueHalt, DialogueTask, Errand, Wish};
use looking::AddressQuestion;
use std::sync::Arc;

/// Asks what is wanted and does it. Whoever ends the input instead of answering has decided to leave:
/// that is no error.
///
/// # Errors
/// What stood in the way of a transfer.
pub(crate) fn run(context: &Context<'_>) -> Result<Exit, CliError> {
    let conversation = Conversation::new(context.answers, context.console, context.environment);
    context.console.show(text::GREETING);
    let ended = conversation
        .wish()
        .and_then(|wish| grant(wish, &conversation, context));
    match ended {
        Ok(exit) => Ok(exit),
        Err(DialogueHalt::EndOfInput) => {
            context.console.show(text::FAREWELL);
            Ok(Exit::Done)
        }
        Err(DialogueHalt::Failed(error)) => Err(error),
        // `grant` goes there.
        Err(DialogueHalt::Elsewhere(_)) => Ok(Exit::Done),
    }
}

/// Does it, and asks again for what failed.
fn grant(
    wish: Wish,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let mut rendezvous = wish.rendezvous;
    let mut secret = Arc::new(wish.secret);
    let transfer = match wish.task {
        DialogueTask::Send(errand) => DialogueTransfer::Send(options_of(errand)?),
        DialogueTask::Receive(folder) => DialogueTransfer::Receive(ReceiveOptions::new(folder)),
    };
    loop {
        let connect = Connect::new(rendezvous.clone(), Arc::clone(&secret));
        let ended = match &transfer {
            DialogueTransfer::Send(first) => send(&connect, first, conversation, context),
            DialogueTransfer::Receive(options) => receive(&connect, options, conversation, context),
        };
        let error = match ended {
            Err(DialogueHalt::Failed(error)) => error,
            Err(DialogueHalt::Elsewhere(address)) => {
                rendezvous = Rendezvous::Dial(address);
                continue;
            }
            other => return other,
        };
        let CliError::Session(fault) = &error else {
            return Err(error.into());
        };
        if !conversation.can_correct(fault, &rendezvous) {
            return Err(error.into());
        }
        context.console.erase();
        conversation.explain(&error);
        conversation.correct(fault, &mut rendezvous, &mut secret)?;
    }
}

/// A task with its options; they serve for every attempt.
enum DialogueTransfer {
    Send(SendOptions),
    Receive(ReceiveOptions),
}

fn options_of(errand: Errand) -> Result<SendOptions, CliError> {
    Ok(match errand.password {
        None => SendOptions::new(errand.paths),
        Some(password) => SendOptions::of(Payload::Archive(archive_of(errand.paths, password)?)),
    })
}

/// One session, with as many transfers as are wanted.
fn send(
    connect: &Connect,
    first: &SendOptions,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let style = context.report_style(Perspective::Sender, ProgressChoice::Auto);
    let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style);
    while_looking(&reporter, conversation, connect, |operator| {
        let mut session = SendSession::open(connect, operator).map_err(CliError::from)?;
        let mut sent = |options: &SendOptions| {
            let summary = reporter.watch(|| session.send(options));
            summary.map_err(|error| DialogueHalt::from(CliError::from(error)))
        };
        let mut summaries = vec![sent(first)?];
        while let Some(errand) = conversation.one_more(&connect.secret)? {
            summaries.push(sent(&options_of(errand)?)?);
        }
        session.finish().map_err(CliError::from)?;
        Ok(Exit::of_summaries(&summaries))
    })
}

/// Runs a session whose operator asks for an address while nobody is found.
fn while_looking(
    reporter: &Reporter<'_>,
    conversation: &Conversation<'_>,
    connect: &Connect,
    session: impl FnOnce(&dyn Operator) -> Result<Exit, DialogueHalt>,
) -> Result<Exit, DialogueHalt> {
    std::thread::scope(|scope| {
        let operator = AddressQuestion::new(reporter, conversation, scope, &connect.cancel);
        let ended = session(&operator);
        match (ended, operator.address()) {
            (Err(_), Some(address)) if connect.cancel.is_cancelled() => {
                Err(DialogueHalt::Elsewhere(address))
            }
            (ended, _) => ended,
        }
    })
}

fn receive(
    connect: &Connect,
    options: &ReceiveOptions,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let questions = Questions::Asked {
        answers: context.answers,
        console: context.console,
        destination: Some(options.destination.clone()),
        conflicts: OnConflict::Ask,
    };
    let style = context.report_style(Perspective::Receiver, ProgressChoice::Auto);
    let reporter = Reporter::new(context.console, context.ledger, questions, style)
        .with_comparer(context.answers);
    while_looking(&reporter, conversation, connect, |operator| {
        let received = reporter.watch(|| session::receive(connect, options, operator));
        Ok(Exit::of_summaries(&received.map_err(CliError::from)?))
    })
}
