//! The second argument stage: what was typed becomes an action with all that it needs.

mod completions;
mod demo;
mod doctor;
mod help;
mod manual;
mod ping;
mod piped;
mod receive;
mod secret;
mod send;
mod serve;
mod unzip;
mod zip;
mod zipped;

pub(crate) use receive::exit_of;
pub(crate) use zipped::{archive_of, check_password};

use crate::cli::Context;
use crate::cli::input::dialogue;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::flags::Verb;
use crate::cli::output::progress::{Colour, Style};
use crate::cli::output::report::Guide;
use crate::error::{Error, Exit};
use std::ffi::OsString;

/// What is to be done, understood and checked.
#[derive(Debug)]
pub(crate) enum Action {
    Send(send::Send),
    Receive(receive::Receive),
    Serve(serve::Serve),
    PingArgs(ping::PingArgs),
    Zip(zip::Zip),
    Unzip(unzip::Unzip),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Demo(demo::Demo),
    Secret,
    Help(help::Page),
    Version,
    Dialogue,
    /// No verb, and no terminal to ask on.
    Usage,
}

impl Action {
    /// Finds out what was meant.
    ///
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(typed: &ParsedArgs, context: &Context<'_>) -> Result<Action, Error> {
        if typed.has("help") {
            return Ok(Action::Help(help::Page::of(typed.verb)));
        }
        if typed.has("version") {
            return Ok(Action::Version);
        }
        match typed.verb {
            Some(Verb::Send) => send::Send::understand(typed, context).map(Action::Send),
            Some(Verb::Receive) => {
                receive::Receive::understand(typed, context).map(Action::Receive)
            }
            Some(Verb::Serve) => serve::Serve::understand(typed, context).map(Action::Serve),
            Some(Verb::Ping) => ping::PingArgs::understand(typed, context).map(Action::PingArgs),
            Some(Verb::Zip) => zip::Zip::understand(typed).map(Action::Zip),
            Some(Verb::Unzip) => unzip::Unzip::understand(typed).map(Action::Unzip),
            Some(Verb::Doctor) => doctor::Doctor::understand(typed, context).map(Action::Doctor),
            Some(Verb::Completions) => {
                completions::Completions::understand(typed).map(Action::Completions)
            }
            Some(Verb::Demo) => demo::Demo::understand(typed).map(Action::Demo),
            Some(Verb::Secret) => no_words(typed, "secret").map(|()| Action::Secret),
            Some(Verb::Help) => help::Page::understand(typed).map(Action::Help),
            None if context.terminal.can_ask() => Ok(Action::Dialogue),
            None => Ok(Action::Usage),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        match self {
            Action::Send(send) => send.run(context),
            Action::Receive(receive) => receive.run(context),
            Action::Serve(serve) => serve.run(context),
            Action::PingArgs(ping) => ping.run(context),
            Action::Zip(zip) => zip.run(context),
            Action::Unzip(unzip) => unzip.run(context),
            Action::Doctor(doctor) => doctor.run(context),
            Action::Completions(shell) => {
                context.console.result(&shell.script());
                Ok(Exit::Done)
            }
            Action::Demo(demo) => demo.run(context),
            Action::Secret => secret::run(context),
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
                context.console.show(&help::Page::Overview.text());
                Err(Error::usage(
                    "no verb is given, and there is no terminal to ask on",
                    "begin with send, receive, serve, demo, secret or help",
                ))
            }
        }
    }
}

fn no_words(typed: &ParsedArgs, verb: &str) -> Result<(), Error> {
    match typed.words.first() {
        None => Ok(()),
        Some(word) => Err(too_many(verb, word)),
    }
}

fn too_many(verb: &str, word: &OsString) -> Error {
    Error::usage(
        format!(
            "{verb} does not know what to do with {:?}",
            word.to_string_lossy()
        ),
        format!("`peerbridge help {verb}` shows how it is used"),
    )
}

/// How progress was asked to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressChoice {
    Auto,
    Always(Style),
}

impl ProgressChoice {
    /// # Errors
    /// A usage error.
    fn understand(typed: &ParsedArgs) -> Result<ProgressChoice, Error> {
        match typed.value("progress").as_deref() {
            None | Some("auto") => Ok(ProgressChoice::Auto),
            Some("bar") => Ok(ProgressChoice::Always(Style::Bar)),
            Some("lines") => Ok(ProgressChoice::Always(Style::Lines)),
            Some("off") => Ok(ProgressChoice::Always(Style::Off)),
            Some(other) => Err(Error::usage(
                format!("--progress cannot be {other:?}"),
                "--progress takes auto, bar, lines or off",
            )),
        }
    }

    /// What it comes to here.
    pub(crate) fn style(self, context: &Context<'_>) -> Style {
        let can_draw = context.terminal.error && !context.environment.is_dumb_terminal();
        match self {
            _ if context.console.is_quiet() => Style::Off,
            ProgressChoice::Always(style) => style,
            ProgressChoice::Auto if can_draw => Style::Bar,
            ProgressChoice::Auto => Style::Off,
        }
    }
}

impl Context<'_> {
    pub(crate) fn colour(&self) -> Colour {
        match self.terminal.error && !self.environment.no_color() {
            true => Colour::Allowed,
            false => Colour::Plain,
        }
    }

    pub(crate) fn guide(&self) -> Guide {
        match self.terminal.error {
            true => Guide::Person,
            false => Guide::Nobody,
        }
    }
}
