//! The second argument stage: each command interprets its arguments and becomes an action.

mod by_code;
mod completions;
mod demo;
mod dialogue;
mod doctor;
mod help;
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
#[cfg(feature = "web")]
use crate::cli::options::web::WebOptions;

/// What to do, interpreted and checked.
#[derive(Debug)]
pub(crate) enum Action {
    Send(send::Send),
    Receive(receive::Receive),
    Serve(serve::Serve),
    PingArgs(ping::PingArgs),
    Zip(zip::Zip),
    Unzip(unzip::Unzip),
    Doctor(doctor::Doctor),
    #[cfg(feature = "web")]
    Web(WebOptions),
    Completions(completions::Completions),
    Demo(demo::Demo),
    Secret(secret::SecretArgs),
    Help(help::Page),
    Version,
    Dialogue,
    /// No command, and no terminal to ask on.
    Usage,
}

impl Action {
    /// Interprets the arguments.
    ///
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<Action, CliError> {
        if args.has("help") {
            return Ok(Action::Help(help::Page::of(
                args.verb,
                help::HelpLevel::Full,
            )));
        }
        if args.has("h") {
            return Ok(Action::Help(help::Page::of(
                args.verb,
                help::HelpLevel::Short,
            )));
        }
        if args.has("version") {
            return Ok(Action::Version);
        }
        match args.verb {
            Some(Verb::Send) => send::Send::understand(args, context).map(Action::Send),
            Some(Verb::Receive) => receive::Receive::understand(args, context).map(Action::Receive),
            Some(Verb::Serve) => serve::Serve::understand(args, context).map(Action::Serve),
            Some(Verb::Ping) => ping::PingArgs::understand(args, context).map(Action::PingArgs),
            Some(Verb::Zip) => zip::Zip::understand(args).map(Action::Zip),
            Some(Verb::Unzip) => unzip::Unzip::understand(args).map(Action::Unzip),
            Some(Verb::Doctor) => doctor::Doctor::understand(args, context).map(Action::Doctor),
            #[cfg(feature = "web")]
            Some(Verb::Web) => web::understand(args, context).map(Action::Web),
            #[cfg(not(feature = "web"))]
            Some(Verb::Web) => Err(CliError::usage(
                "this peerbridge was built without its page",
                "build it with the feature web, or use send and receive",
            )),
            Some(Verb::Completions) => {
                completions::Completions::understand(args).map(Action::Completions)
            }
            Some(Verb::Demo) => demo::Demo::understand(args).map(Action::Demo),
            Some(Verb::Secret) => secret::SecretArgs::understand(args).map(Action::Secret),
            Some(Verb::Help) => help::Page::understand(args).map(Action::Help),
            None if context.terminal.can_ask() => Ok(Action::Dialogue),
            None => Ok(Action::Usage),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        match self {
            Action::Send(send) => send.run(context),
            Action::Receive(receive) => receive.run(context),
            Action::Serve(serve) => serve.run(context),
            Action::PingArgs(ping) => ping.run(context),
            Action::Zip(zip) => zip.run(context),
            Action::Unzip(unzip) => unzip.run(context),
            Action::Doctor(doctor) => doctor.run(context),
            #[cfg(feature = "web")]
            Action::Web(options) => web::run(options, context),
            Action::Completions(shell) => {
                context.console.result(&shell.script());
                Ok(Exit::Done)
            }
            Action::Demo(demo) => demo.run(context),
            Action::Secret(secret) => secret.run(context),
            Action::Help(page) => {
                context.console.result(&page.text());
                Ok(Exit::Done)
            }
            Action::Version => {
                context
                    .console
                    .result(concat!("peerbridge ", env!("CARGO_PKG_VERSION"), "\n"));
                Ok(Exit::Done)
            }
            Action::Dialogue => dialogue::run(context),
            Action::Usage => {
                context
                    .console
                    .show(&help::Page::of(None, help::HelpLevel::Full).text());
                Err(CliError::usage(
                    "no command given, and no terminal to ask on",
                    "start with send, receive, serve, demo, secret or help",
                ))
            }
        }
    }
}
