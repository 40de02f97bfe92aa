//! The guided dialogue: `peerbridge` without arguments, for people who do not want to learn options.
//!
//! `conversation` asks until it knows what is wanted, and repeats a question if its answer cannot be used. Then it
//! runs the same sessions as the commands do. If a session fails because of an answer, only that question is asked
//! again.

mod answers;
mod conversation;
mod looking;
mod paths;
mod text;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::Perspective;
use crate::session::{self, Connect, Operator, Rendezvous, SendOptions, SendSession};
use conversation::{Conversation, DialogueHalt, DialogueTask, Wish};
use looking::AddressQuestion;
use std::sync::Arc;

/// Asks what is wanted and does it. An end of the input instead of an answer is no error: the person leaves.
///
/// # Errors
/// Why a transfer failed.
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
    }
}

/// Does what is wanted, and asks again for answers that made it fail.
fn grant(
    wish: Wish,
    conversation: &Conversation<'_>,
    context: &Context<'_>,
) -> Result<Exit, DialogueHalt> {
    let mut rendezvous = wish.rendezvous;
    let mut secret = Arc::new(wish.secret);
    loop {
        let reporter = match &wish.task {
            DialogueTask::Send(_) => context.reporter(Perspective::Sender, None),
            DialogueTask::Receive(options) => {
                let mut reporter = context.reporter(Perspective::Receiver, None);
                reporter.questions = context.questions(Some(options.destination.clone()), true);
                reporter.comparer = Some(context.answers);
                reporter
            }
        };
        let connect = Connect::new(rendezvous.clone(), Arc::clone(&secret));
        let (ended, address) = std::thread::scope(|scope| {
            let operator = AddressQuestion::new(&reporter, conversation, scope, &connect.cancel);
            let ended = attempt(&wish.task, &connect, conversation, &reporter, &operator);
            (ended, operator.address())
        });
        match (ended, address) {
            (Err(_), Some(address)) if connect.cancel.is_cancelled() => {
                rendezvous = Rendezvous::Dial(address);
            }
            (Err(DialogueHalt::Failed(error)), _) => {
                conversation.correct(error, &mut rendezvous, &mut secret)?;
            }
            (ended, _) => return ended,
        }
    }
}

/// One session, with as many transfers as are wanted.
fn attempt(
    task: &DialogueTask,
    connect: &Connect,
    conversation: &Conversation<'_>,
    reporter: &Reporter<'_>,
    operator: &dyn Operator,
) -> Result<Exit, DialogueHalt> {
    let first = match task {
        DialogueTask::Send(first) => first,
        DialogueTask::Receive(options) => {
            let received = reporter.watch(|| session::receive(connect, options, operator));
            return Ok(Exit::of_summaries(&received?));
        }
    };
    let mut session = SendSession::open(connect, operator)?;
    let mut send = |options: &SendOptions| reporter.watch(|| session.send(options));
    let mut summaries = vec![send(first)?];
    while let Some(options) = conversation.one_more(&connect.secret)? {
        summaries.push(send(&options)?);
    }
    session.finish()?;
    Ok(Exit::of_summaries(&summaries))
}
