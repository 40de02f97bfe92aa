//! The output of one side of a session: lines for people, events for programs.

use crate::cli::output::console::{Console, Verbosity};
use crate::cli::output::json::Object;
use crate::cli::output::wording;
use std::net::SocketAddr;

/// One side of a session on the console.
#[derive(Clone, Copy)]
pub(crate) struct SideOutput<'a> {
    pub(crate) console: &'a Console,
    /// Makes a line from a text: adds the time, or the name of the side.
    pub(crate) label: fn(&str) -> String,
    /// Whether events go to programs. If two sides run in one process, only one may send them.
    pub(crate) tells_programs: bool,
}

impl<'a> SideOutput<'a> {
    /// The only side in this process. Its lines need no label.
    pub(crate) fn new(console: &'a Console) -> SideOutput<'a> {
        SideOutput {
            console,
            label: str::to_owned,
            tells_programs: true,
        }
    }

    /// Prints a line if the verbosity is at least `level`.
    pub(crate) fn line(&self, level: Verbosity, text: &str) {
        self.console.line(level, &(self.label)(text));
    }

    pub(crate) fn say(&self, text: &str) {
        self.line(Verbosity::Normal, text);
    }

    pub(crate) fn detail(&self, text: &str) {
        self.line(Verbosity::Verbose, text);
    }

    pub(crate) fn insist(&self, text: &str) {
        self.line(Verbosity::Quiet, text);
    }

    pub(crate) fn tell(&self, event: impl FnOnce() -> Object) {
        if self.tells_programs {
            self.console.event(event);
        }
    }

    pub(crate) fn warn(&self, message: &str) {
        self.say(&format!("warning: {message}"));
        self.tell(|| Object::event("warning").text("message", message));
    }

    /// A listener waits for peers; `shown` are the addresses for people.
    pub(crate) fn listening(&self, addresses: &[SocketAddr], shown: &[SocketAddr]) {
        self.say(&format!("listening on {}", wording::endpoints(shown)));
        if let Some(first) = addresses.first() {
            self.tell(|| {
                Object::event("listening")
                    .text("address", &wording::endpoint(*first))
                    .number("port", first.port().into())
            });
        }
    }

    pub(crate) fn pinged(&self, peer: SocketAddr) {
        let peer = wording::peer(Some(peer));
        self.say(&format!("ping from {peer}, which knows the secret"));
        self.tell(|| Object::event("pinged").text("peer", &peer));
    }
}
