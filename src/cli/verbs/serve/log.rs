//! The log of a drop box: one line per transfer, or one JSON event.

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::hook::Hook;
use crate::cli::output::console::Verbosity;
use crate::cli::output::entry::EntryResult;
use crate::cli::output::json::Object;
use crate::cli::output::ledger::{DeliveredPaths, Ledger};
use crate::cli::output::peers::PeerProgress;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::side::SideOutput;
use crate::cli::output::timestamp::rfc3339;
use crate::cli::output::wording::Perspective;
use crate::cli::output::{format, wording};
use crate::model::quoted;
use crate::session::{Event, Operator, Reception, Secrets, Summary};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The operator of a drop box. Its sessions run in parallel, so each line makes sense by itself.
pub(super) struct Log<'a> {
    side: SideOutput<'a>,
    ledger: &'a Ledger,
    pub(super) peers: PeerProgress<'a>,
    hook: Option<Hook>,
}

impl<'a> Log<'a> {
    pub(super) fn new(
        context: &Context<'a>,
        progress: Option<ProgressStyle>,
        hook: Option<Hook>,
    ) -> Self {
        let side = SideOutput {
            label: stamped,
            ..SideOutput::new(context.console)
        };
        let progress = context.progress_of_many(progress);
        Log {
            side,
            ledger: context.ledger,
            peers: PeerProgress::new(side, progress, context.colour(), Perspective::Receiver),
            hook,
        }
    }

    /// Logs how long broken transfers are kept.
    pub(super) fn keeps(&self, time: Duration) {
        let days = format::count(time.as_secs() / (24 * 3600), "day");
        self.side.say(&format!(
            "the data of a broken transfer is kept for {days} (--keep-partial)"
        ));
    }

    /// Warns about secrets that can be guessed, without showing any of them.
    pub(super) fn warn_of_weak(&self, secrets: &Secrets) {
        let whose = match secrets {
            Secrets::One(secret) if secret.looks_weak() => "the secret looks".to_owned(),
            Secrets::One(_) => return,
            Secrets::Named(named) => {
                let list = named.current();
                let weak = list.iter().filter(|named| named.secret.looks_weak());
                let names: Vec<_> = weak.map(|named| quoted(named.name.as_bytes())).collect();
                match names.len() {
                    0 => return,
                    _ => format!("the secrets of {} look", names.join(", ")),
                }
            }
        };
        self.side.warn(&format!(
            "{whose} easy to guess: `peerbridge secret` makes one that is not"
        ));
    }
}

impl Operator for Log<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listening { addresses } => self.side.listening(addresses, addresses),
            Event::ProofFailed { peer, count } => {
                let peer = wording::peer(Some(*peer));
                self.side
                    .warn(&format!("wrong secret from {peer} ({count} so far)"));
            }
            Event::Pinged { peer } => self.side.pinged(*peer),
            Event::Warning { message } => self.side.warn(message),
            Event::Kept { path } => {
                let path = quoted(path.as_os_str().as_encoded_bytes());
                self.side
                    .warn(&format!("the partial data is kept in {path}"));
            }
            Event::Finished(summary) => self.ledger.finished(summary),
            Event::Connected { peer } => {
                let peer = wording::endpoint(*peer);
                self.side.detail(&format!("connected to {peer}"));
            }
            Event::Offer(offer) => {
                let peer = wording::peer(offer.peer);
                let names = wording::quoted_names(&offer.names, offer.tops);
                let contents = wording::contents(offer);
                self.side
                    .detail(&format!("{peer} offers {names} ({contents})"));
            }
            Event::PeerLeft { peer } => self.peers.forget(*peer),
            Event::Authenticated { .. }
            | Event::StillLooking(_)
            | Event::Accepted { .. }
            | Event::Moving { .. }
            | Event::Progress(_)
            | Event::File { .. }
            | Event::Reconnecting { .. } => {}
        }
    }

    fn event_with(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        self.peers.note(peer, name, event);
        match EntryResult::of(event) {
            Some(entry) => self.entry(peer, name, entry),
            None => self.event(event),
        }
    }

    fn received(&self, reception: &Reception<'_>) {
        let from = wording::named_peer(reception.peer, reception.name.unwrap_or_default());
        let (exit, error) = match (reception.outcome, &self.hook) {
            (Ok(summary), hook) => {
                self.side.say(&received(&from, summary));
                let run = |hook: &Hook| hook.run(reception.peer, reception.name, summary);
                match hook.as_ref().map(run) {
                    Some(Err(error)) => (error.exit(), Some(error.to_string())),
                    Some(Ok(())) | None => (Exit::of_summary(summary), None),
                }
            }
            (Err(error), _) => (Exit::of_session(error), Some(error.to_string())),
        };
        if let Some(error) = &error {
            // The peer's own text comes last, so that it cannot pass for another part of the line.
            let line = format!("error: from {from}: exit {}: {error}", exit.code());
            self.side.insist(&line);
        }
        self.side.tell(|| {
            let nothing = Summary::default();
            let summary = reception.outcome.unwrap_or(&nothing);
            let event = Object::event("received")
                .text("peer", &wording::peer(Some(reception.peer)))
                .text("name", reception.name.unwrap_or(""))
                .number("files", summary.files)
                .number("bytes", summary.bytes)
                .number("exit", exit.code().into());
            let event = DeliveredPaths::of(summary).tell(event);
            event.some_text("error", error.as_deref())
        });
    }
}

impl Log<'_> {
    /// Entries that were delivered under their own names are not listed one by one.
    fn entry(&self, peer: SocketAddr, name: Option<&str>, entry: EntryResult<'_>) {
        if entry.is_plain() {
            return;
        }
        match entry.line(quoted) {
            (Verbosity::Quiet, line) => self.side.insist(&line),
            // The line of the transfer has their number.
            (_, line) => self.side.detail(&line),
        }
        self.side.tell(|| {
            let event = entry.object();
            event
                .text("peer", &wording::peer(Some(peer)))
                .text("name", name.unwrap_or_default())
        });
    }
}

/// A line with its time.
fn stamped(line: &str) -> String {
    format!("{} {line}", rfc3339(SystemTime::now()))
}

/// One transfer, complete or with entries left out.
fn received(from: &str, summary: &Summary) -> String {
    let mut line = format!(
        "received {} from {from}: {}, {} in {}",
        quoted(&summary.name),
        format::count(summary.files, "file"),
        format::size(summary.bytes),
        format::time(summary.elapsed),
    );
    if summary.resumed_bytes > 0 {
        let before = format::size(summary.resumed_bytes);
        line.push_str(&format!(", {before} of it resumed"));
    }
    if summary.skipped > 0 {
        let skipped = format::count(summary.skipped, "file");
        line.push_str(&format!(", {skipped} kept as it was"));
    }
    if summary.left_out > 0 {
        line.push_str(&format!(", {} left out", summary.left_out));
    }
    line
}
