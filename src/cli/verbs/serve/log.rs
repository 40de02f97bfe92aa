//! The log of a drop box: one line per transfer, or one JSON event.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::hook::Hook;
use crate::cli::options::choices::ProgressChoice;
use crate::cli::output::console::Console;
use crate::cli::output::entry::{EntryResult, Weight};
use crate::cli::output::json::Object;
use crate::cli::output::ledger::{DeliveredPaths, Ledger};
use crate::cli::output::peers::{PeerProgress, PeerStyle};
use crate::cli::output::progress::{self, ProgressStyle};
use crate::cli::output::timestamp::rfc3339;
use crate::cli::output::wording::Perspective;
use crate::cli::output::{format, wording};
use crate::model::quoted;
use crate::session::{Event, Operator, Reception, Secrets, Summary};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The operator of a drop box. Its sessions run in parallel, so each line makes sense by itself.
pub(super) struct Log<'a> {
    console: &'a Console,
    ledger: &'a Ledger,
    peers: PeerProgress<'a>,
    progress: ProgressStyle,
    hook: Option<Hook>,
}

impl<'a> Log<'a> {
    pub(super) fn new(context: &Context<'a>, progress: ProgressChoice, hook: Option<Hook>) -> Self {
        let progress = context.progress_of_many(progress);
        let style = PeerStyle {
            progress,
            colour: context.colour(),
            other: Perspective::Receiver.other(),
            logged: stamped,
        };
        Log {
            console: context.console,
            ledger: context.ledger,
            peers: PeerProgress::new(context.console, style),
            progress,
            hook,
        }
    }

    /// Serves, and shows on a terminal how far each peer is.
    pub(super) fn watch<R>(&self, session: impl FnOnce() -> R) -> R {
        match self.progress {
            ProgressStyle::Bar => progress::watch(|| self.peers.draw(), session),
            ProgressStyle::Lines | ProgressStyle::Off => session(),
        }
    }

    /// Says how long broken transfers are kept.
    pub(super) fn keeps(&self, time: Duration) {
        let days = format::count(time.as_secs() / (24 * 3600), "day");
        self.say(&format!(
            "what comes of a broken transfer is kept for {days} (--keep-partial)"
        ));
    }
}

impl Log<'_> {
    /// Warns of secrets that can be guessed, without telling any of them.
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
        self.warn(&format!(
            "{whose} easy to guess: `peerbridge secret` makes one that is not"
        ));
    }
}

impl Operator for Log<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listening { addresses } => {
                let text = wording::endpoints(addresses);
                self.say(&format!("listening on {text}"));
                if let Some(first) = addresses.first() {
                    self.console.event(|| {
                        Object::event("listening")
                            .text("address", &wording::endpoint(*first))
                            .number("port", first.port().into())
                    });
                }
            }
            Event::ProofFailed { peer, count } => {
                let peer = wording::peer(Some(*peer));
                self.warn(&format!("wrong secret from {peer} ({count} so far)"));
            }
            Event::Pinged { peer } => {
                let peer = wording::peer(Some(*peer));
                self.say(&format!("ping from {peer}, which knows the secret"));
                self.console
                    .event(|| Object::event("pinged").text("peer", &peer));
            }
            Event::Warning { message } => self.warn(message),
            Event::Kept { path } => {
                let path = quoted(path.as_os_str().as_encoded_bytes());
                self.warn(&format!("what arrived is kept in {path}"));
            }
            Event::Finished(summary) => self.ledger.finished(summary),
            Event::Connected { peer } => {
                let peer = wording::endpoint(*peer);
                self.detail(&format!("connected to {peer}"));
            }
            Event::Offer(offer) => {
                let peer = wording::peer(offer.peer);
                let names = wording::quoted_names(&offer.names, offer.tops);
                let contents = wording::contents(offer);
                self.detail(&format!("{peer} offers {names} ({contents})"));
            }
            Event::Authenticated { .. }
            | Event::StillLooking(_)
            | Event::Accepted { .. }
            | Event::Moving { .. }
            | Event::Progress(_)
            | Event::File { .. }
            | Event::Reconnecting { .. } => {}
            Event::PeerLeft { peer } => self.peers.forget(*peer),
        }
    }

    fn event_with(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        self.peers.note(peer, name, event);
        match event {
            Event::File {
                path,
                bytes,
                result,
                saved_as,
            } => {
                let entry = EntryResult {
                    path,
                    bytes: *bytes,
                    result,
                    saved_as: *saved_as,
                };
                self.entry(peer, name, entry);
            }
            event => self.event(event),
        }
    }

    fn received(&self, reception: &Reception<'_>) {
        let from = wording::named_peer(reception.peer, reception.name.unwrap_or_default());
        let (files, bytes, paths) = match reception.outcome {
            Ok(summary) => (summary.files, summary.bytes, DeliveredPaths::of(summary)),
            Err(_) => Default::default(),
        };
        let (exit, error) = match reception.outcome {
            Ok(summary) => {
                self.say(&received(&from, summary));
                match self.hook(reception, summary) {
                    Ok(()) => (Exit::of_summary(summary), None),
                    Err(error) => (error.exit(), Some(error.to_string())),
                }
            }
            Err(error) => (Exit::of_session(error), Some(error.to_string())),
        };
        if let Some(error) = &error {
            // The peer's own words come last, where they cannot be taken for what stands before.
            let line = format!("error: from {from}: exit {}: {error}", exit.code());
            self.insist(&line);
        }
        self.console.event(|| {
            let event = Object::event("received")
                .text("peer", &wording::peer(Some(reception.peer)))
                .text("name", reception.name.unwrap_or(""))
                .number("files", files)
                .number("bytes", bytes)
                .number("exit", exit.code().into());
            let event = paths.tell(event);
            match &error {
                Some(error) => event.text("error", error),
                None => event,
            }
        });
    }
}

impl Log<'_> {
    fn say(&self, line: &str) {
        self.console.say(&stamped(line));
    }

    fn detail(&self, line: &str) {
        self.console.detail(&stamped(line));
    }

    fn insist(&self, line: &str) {
        self.console.insist(&stamped(line));
    }

    /// Entries that are in place under their own names are not told one by one.
    fn entry(&self, peer: SocketAddr, name: Option<&str>, entry: EntryResult<'_>) {
        if entry.is_plain() {
            return;
        }
        let (weight, line) = entry.line(quoted);
        match weight {
            Weight::Error => self.insist(&line),
            // One line a transfer says how many there are.
            Weight::Notice | Weight::Step => self.detail(&line),
        }
        self.console.event(|| {
            let event = entry.object();
            event
                .text("peer", &wording::peer(Some(peer)))
                .text("name", name.unwrap_or_default())
        });
    }

    fn warn(&self, message: &str) {
        self.say(&format!("warning: {message}"));
        self.console
            .event(|| Object::event("warning").text("message", message));
    }

    fn hook(&self, reception: &Reception<'_>, summary: &Summary) -> Result<(), CliError> {
        match &self.hook {
            Some(hook) => hook.run(reception.peer, reception.name, summary),
            None => Ok(()),
        }
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
