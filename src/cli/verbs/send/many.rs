//! Sending to several receivers: events are shown with the receiver's address.

use crate::cli::context::Context;
use crate::cli::output::peers::PeerProgress;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::Reporter;
use crate::cli::output::side::SideOutput;
use crate::cli::output::wording::{self, Perspective};
use crate::session::{Event, Operator};
use std::net::SocketAddr;

/// The operator of a sender with several receivers.
pub(super) struct ManyReporter<'a> {
    /// Reports what concerns no single receiver.
    reporter: &'a Reporter<'a>,
    context: &'a Context<'a>,
    pub(super) peers: PeerProgress<'a>,
}

impl<'a> ManyReporter<'a> {
    pub(super) fn new(
        reporter: &'a Reporter<'a>,
        context: &'a Context<'a>,
        progress: Option<ProgressStyle>,
    ) -> ManyReporter<'a> {
        let side = SideOutput::new(context.console);
        let progress = context.progress_style(progress);
        let peers = PeerProgress::new(side, progress, context.colour(), Perspective::Sender);
        ManyReporter {
            reporter,
            context,
            peers,
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
                self.context.ledger.finished(summary);
                let peer = wording::peer(Some(peer));
                let done = wording::done(Perspective::Sender, summary);
                self.context.console.say(&format!("{peer}: {done}"));
            }
            event => self.event(event),
        }
    }
}
