//! Floor 4, beside the command line: a page in the browser of this machine.
//!
//! `server` accepts connections on the loopback address, `http` reads requests and writes responses, `guard`
//! decides which requests are allowed, and `api` answers them. `jobs` runs one transfer at a time with the
//! session's own types. Its events are those of `--json`, kept in `event_log` until a page reads them; its
//! questions wait in `questions` for an answer of any page.

mod api;
mod browser;
pub(crate) mod commands;
mod event_log;
mod fields;
mod files;
mod guard;
mod http;
mod job;
mod jobs;
mod json;
mod private_folder;
mod questions;
mod refused;
mod server;
mod uploads;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::web::WebOptions;
use crate::cli::output::json::Object;
use crate::session::Error;
use crate::web::commands::Commands;
use crate::web::guard::Guard;
use crate::web::server::Server;

/// Serves the page until it is asked to end.
///
/// # Errors
/// The port cannot be had, or the system has no random bytes.
pub(crate) fn run(
    options: WebOptions,
    commands: Commands,
    context: &Context<'_>,
) -> Result<Exit, CliError> {
    let (listener, address) = server::listen(options.port).map_err(CliError::Session)?;
    let (guard, url) = Guard::new(address)?;
    let opens_browser = options.opens_browser;
    private_folder::remove_abandoned();
    let server = Server::new(options, commands, guard, context.environment.clone());
    let console = context.console;
    console.insist(&format!("the page is at {url}"));
    console.say(
        "Only this machine's browser can open it, and only with the whole address. Ctrl-C ends it.",
    );
    console.event(|| Object::event("page").text("url", &url));
    let shown = match opens_browser {
        true => browser::open_page(&url).map(Some),
        false => Ok(None),
    };
    let shown = shown.unwrap_or_else(|error| {
        console.say(&format!(
            "cannot start a browser ({error}): open the address yourself"
        ));
        None
    });
    let served = server.serve(&listener);
    drop(shown);
    served.map_err(|source| CliError::Session(Error::System { source }))?;
    Ok(Exit::Done)
}
