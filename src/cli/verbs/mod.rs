//! The second argument stage: each verb interprets its arguments as the options of a session, then runs it. All
//! errors of a command line are reported before anything is asked or opened.

mod by_code;
mod completions;
mod demo;
mod dialogue;
mod doctor;
mod help;
mod loopback;
mod manual;
mod ping;
pub(crate) mod piped;
mod receive;
mod secret;
mod send;
mod serve;
mod unzip;
#[cfg(feature = "web")]
mod web;
mod zip;
mod zipped;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::verbs::Verb;
use help::HelpLevel;

/// Does what a command line says.
///
/// # Errors
/// A usage error, or why it failed.
pub(crate) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let print = |text: &str| {
        context.console.result(text);
        Ok(Exit::Done)
    };
    if args.has("help") {
        return print(&help::page(args.verb, HelpLevel::Full));
    }
    if args.has("h") {
        return print(&help::page(args.verb, HelpLevel::Short));
    }
    if args.has("version") {
        return print(concat!("peerbridge ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    match args.verb {
        Some(Verb::Send) => send::run(args, context),
        Some(Verb::Receive) => receive::run(args, context),
        Some(Verb::Serve) => serve::run(args, context),
        Some(Verb::Ping) => ping::run(args, context),
        Some(Verb::Zip) => zip::run(args, context),
        Some(Verb::Unzip) => unzip::run(args, context),
        Some(Verb::Doctor) => doctor::run(args, context),
        #[cfg(feature = "web")]
        Some(Verb::Web) => web::run(args, context),
        #[cfg(not(feature = "web"))]
        Some(Verb::Web) => Err(CliError::usage(
            "this peerbridge was built without its page",
            "build it with the feature web, or use send and receive",
        )),
        Some(Verb::Completions) => print(&completions::script(args)?),
        Some(Verb::Demo) => demo::run(args, context),
        Some(Verb::Secret) => secret::run(args, context),
        Some(Verb::Help) => print(&help::asked(args)?),
        None if context.terminal.can_ask() => dialogue::run(context),
        None => {
            context.console.show(&help::page(None, HelpLevel::Full));
            Err(CliError::usage(
                "no command given, and no terminal to ask on",
                "start with send, receive, serve, demo, secret or help",
            ))
        }
    }
}
