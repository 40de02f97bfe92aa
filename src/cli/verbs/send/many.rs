//! Sending to several receivers: what happens with each is told with its address.

use crate::cli::context::Context;
use crate::cli::options::choices::ProgressChoice;
use crate::cli::output::console::Console;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::peers::{PeerProgress, PeerStyle};
use crate::cli::output::progress::{self, ProgressStyle};
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::{self, Perspective};
use crate::session::{Event, Operator};
use std::net::SocketAddr;

/// The operator of a sender with several receivers.
pub(super) struct ManyReporter<'a> {
    reporter: &'a Reporter<'a>,
    console: &'a Console,
    ledger: &'a Ledger,
    peers: PeerProgress<'a>,
    progress: ProgressStyle,
}

impl<'a> ManyReporter<'a> {
    /// `reporter` tells what concerns no single receiver.
    pub(super) fn new(
        reporter: &'a Reporter<'a>,
        context: &Context<'a>,
        progress: ProgressChoice,
    ) -> ManyReporter<'a> {
        let progress = context.progress_style(progress);
        let style = PeerStyle {
            progress,
            colour: context.colour(),
            other: Perspective::Sender.other(),
            logged: str::to_owned,
        };
        ManyReporter {
            reporter,
            console: context.console,
            ledger: context.ledger,
            peers: PeerProgress::new(context.console, style),
            progress,
        }
    }

    /// Sends, and shows on a terminal how far each receiver is.
    pub(super) fn watch<R>(&self, session: impl FnOnce() -> R) -> R {
        match self.progress {
            ProgressStyle::Bar => progress::watch(|| self.peers.draw(), session),
            ProgressStyle::Lines | ProgressStyle::Off => session(),
        }
    }
}

impl Operator for ManyReporter<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::PeerLeft { peer } => self.peers.forget(*peer),
            event => self.reporter.event(event),
        }
    }

    fn event_with(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        self.peers.note(peer, name, event);
        match event {
            Event::Accepted { .. } | Event::Moving { .. } | Event::Progress(_) => {}
            Event::Finished(summary) => {
                self.ledger.finished(summary);
                let peer = wording::peer(Some(peer));
                let done = wording::done(Perspective::Sender, summary);
                self.console.say(&format!("{peer}: {done}"));
            }
            event => self.event(event),
        }
    }
}
