//! Shows the events of a session three ways: lines for people, a progress bar, JSON for programs.

use crate::cli::error::Error;
use crate::cli::hook::Hook;
use crate::cli::input::questions::{self, Questions};
use crate::cli::input::terminal::Answers;
use crate::cli::output::console::Console;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::looking;
use crate::cli::output::progress::{self, Colour, ProgressStyle, Speed, Throttle};
use crate::cli::output::wording::{self, Perspective};
use crate::model::Existing;
use crate::model::escaped;
use crate::session::{
    Acceptance, Comparison, Conflicts, Event, Expansion, FileResult, OfferSummary, Operator,
    Progress, Reception, StillLooking, Summary,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How one side of a session is shown.
pub(crate) struct ReportStyle {
    pub(crate) perspective: Perspective,
    pub(crate) progress: ProgressStyle,
    pub(crate) colour: Colour,
    pub(crate) guide: Guide,
    pub(crate) programs: Programs,
    /// Put before each line if both sides print: `sender: `.
    pub(crate) label: &'static str,
}

/// Whether to say what to type on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guide {
    /// A person is watching.
    Person,
    /// A script or a log.
    Nobody,
}

/// Whether this side's events go to programs; of two sides in one process, only one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Programs {
    /// If `--json` is given.
    Told,
    /// Never.
    Untold,
}

/// The operator that the command line gives to a session.
pub(crate) struct Reporter<'a> {
    console: &'a Console,
    ledger: &'a Ledger,
    questions: Questions<'a>,
    style: ReportStyle,
    pace: Mutex<RatePace>,
    hook: Option<Hook>,
    hook_failure: Mutex<Option<Error>>,
    comparer: Option<&'a dyn Answers>,
}

/// When something was last drawn or told.
struct RatePace {
    speed: Speed,
    drawing: Throttle,
    telling: Throttle,
}

impl RatePace {
    fn new(style: ProgressStyle, bytes: u64) -> RatePace {
        let now = Instant::now();
        RatePace {
            speed: Speed::new(now, bytes),
            drawing: match style {
                ProgressStyle::Lines => Throttle::lines(now),
                ProgressStyle::Bar | ProgressStyle::Off => Throttle::bar(now),
            },
            telling: Throttle::events(now),
        }
    }
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(
        console: &'a Console,
        ledger: &'a Ledger,
        questions: Questions<'a>,
        style: ReportStyle,
    ) -> Reporter<'a> {
        let pace = Mutex::new(RatePace::new(style.progress, 0));
        Reporter {
            console,
            ledger,
            questions,
            style,
            pace,
            hook: None,
            hook_failure: Mutex::default(),
            comparer: None,
        }
    }

    /// Runs a program after each transfer.
    pub(crate) fn with_hook(mut self, hook: Option<Hook>) -> Self {
        self.hook = hook;
        self
    }

    /// Lets a person compare the verification phrase.
    pub(crate) fn with_comparer(mut self, answers: &'a dyn Answers) -> Self {
        self.comparer = Some(answers);
        self
    }

    /// The failure of the hook, if there was one.
    pub(crate) fn hook_failure(&self) -> Option<Error> {
        let mut failure = self.hook_failure.lock();
        failure.as_mut().ok().and_then(|failure| failure.take())
    }
}

impl Operator for Reporter<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Progress(progress) => self.progress(*progress),
            Event::Accepted {
                streams,
                present_bytes,
                claimed_bytes,
            } => {
                let proved_bytes = present_bytes.saturating_sub(*claimed_bytes);
                *self.pace() = RatePace::new(self.style.progress, proved_bytes);
                self.accepted(*streams, proved_bytes, *claimed_bytes);
            }
            Event::Finished(summary) => self.finished(summary),
            Event::File {
                path,
                bytes,
                result,
            } => self.file(path, *bytes, result),
            Event::Offer(offer) => self.offer(offer),
            Event::Warning { message } => self.warning(message),
            Event::Kept { path } => {
                let path = escaped(path.as_os_str().as_encoded_bytes());
                let message = format!("what arrived is kept in {path}");
                self.say(&message);
                self.tell(|| Object::event("warning").text("message", &message));
            }
            Event::Reconnecting { attempt, pause } => {
                let what = match pause.is_zero() {
                    true => "waiting for the other side to reconnect".to_owned(),
                    false => format!("reconnecting in {}", format::time(*pause)),
                };
                self.warning(&format!("{what} (attempt {attempt})"));
            }
            Event::ProofFailed { peer, count } => {
                self.warning(&wording::wrong_secret(*peer, *count));
            }
            Event::Listening { addresses } => self.listening(addresses),
            Event::StillLooking(looking) => self.still_looking(looking),
            Event::Connected { peer } => {
                let peer = wording::endpoint(*peer);
                self.detail(&format!("connected to {peer}"));
                self.tell(|| Object::event("connected").text("peer", &peer));
            }
            Event::Authenticated { peer } => {
                let peer = wording::peer(Some(*peer));
                self.detail(&format!("{peer} knows the secret"));
                self.tell(|| Object::event("authenticated").number("streams", 1));
            }
        }
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        self.questions.accept(offer)
    }

    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        self.questions.accept_expansion(growth)
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        self.questions.resolve(conflicts)
    }

    fn compare(&self, phrase: &str) -> Comparison {
        match self.comparer {
            Some(answers) => questions::compare(phrase, answers, self.console),
            None => {
                self.warning(
                    "the other side requires the phrase to be compared: use --verify here, too",
                );
                Comparison::Different
            }
        }
    }

    fn received(&self, reception: &Reception<'_>) {
        if let (Some(hook), Ok(summary)) = (&self.hook, reception.outcome) {
            let ran = hook.run(reception.peer, reception.name, summary);
            if let (Err(error), Ok(mut failure)) = (ran, self.hook_failure.lock()) {
                failure.get_or_insert(error);
            }
        }
    }
}

impl Reporter<'_> {
    fn listening(&self, addresses: &[std::net::SocketAddr]) {
        let Some(first) = addresses.first() else {
            return;
        };
        self.say(&format!("listening on {}", wording::endpoints(addresses)));
        if self.style.guide == Guide::Person {
            self.say(&wording::what_to_type(self.style.perspective, *first));
        }
        self.tell(|| {
            Object::event("listening")
                .text("address", &wording::endpoint(*first))
                .number("port", first.port().into())
        });
    }

    fn still_looking(&self, looking: &StillLooking) {
        for line in looking::lines(looking) {
            self.say(&line);
        }
        let sights = &looking.sights;
        self.tell(|| {
            Object::event("looking")
                .number("sent", sights.sent)
                .number("refused", sights.refused)
                .number("heard", sights.heard)
                .number("unreachable", looking.unreachable.len() as u64)
        });
    }

    fn offer(&self, offer: &OfferSummary) {
        let names = wording::names(&offer.names, offer.tops);
        let contents = wording::contents(offer);
        let peer = wording::peer(offer.peer);
        match self.style.perspective {
            Perspective::Sender => self.say(&format!("offering {names} to {peer} ({contents})")),
            Perspective::Maker => self.say(&format!("packing {names} ({contents})")),
            Perspective::Opener | Perspective::Tester => {
                self.detail(&format!("contains {names} ({contents})"))
            }
            // The question says it.
            Perspective::Receiver if self.questions.are_asked() => {}
            Perspective::Receiver => self.say(&format!("{peer} offers {names} ({contents})")),
        }
        self.tell(|| {
            Object::event("offer")
                .number("files", offer.files)
                .number("dirs", offer.folders)
                .number("links", offer.links)
                .number_or_null("bytes", offer.bytes)
                .name("name", offer.names.first().map_or(b"", Vec::as_slice))
        });
    }

    /// Further connections join one by one; programs get their number once all are there.
    fn accepted(&self, streams: u16, proved_bytes: u64, claimed_bytes: u64) {
        if proved_bytes > 0 {
            let size = format::size(proved_bytes);
            self.say(&format!("resuming: {size} already there"));
        }
        if claimed_bytes > 0 {
            let size = format::size(claimed_bytes);
            self.say(&format!("comparing {size} that may be there already"));
        }
        self.detail(&format!(
            "accepted; {} in parallel",
            format::count(streams.into(), "connection")
        ));
        if streams > 1 {
            self.tell(|| Object::event("authenticated").number("streams", streams.into()));
        }
    }

    /// Called by every connection for every part. While one thread is here, the others do not wait for it.
    fn progress(&self, progress: Progress) {
        let Ok(mut pace) = self.pace.try_lock() else {
            return;
        };
        let now = Instant::now();
        let rate = pace.speed.measure(now, progress.bytes);
        self.ledger.moving(progress);
        if pace.telling.passes(now) {
            self.tell(|| {
                Object::event("progress")
                    .number("bytes", progress.bytes)
                    .number_or_null("total", progress.total)
                    .number("rate", rate)
            });
        }
        if self.style.progress == ProgressStyle::Off || !pace.drawing.passes(now) {
            return;
        }
        match self.style.progress {
            ProgressStyle::Bar => {
                let bar = progress::bar(progress, rate, self.style.colour);
                self.console.draw(&bar);
            }
            _ => self.say(progress::line(progress, rate).trim_start()),
        }
    }

    fn file(&self, path: &[u8], bytes: u64, result: &FileResult) {
        let shown = escaped(path);
        let (word, why) = match result {
            FileResult::Delivered => ("delivered", None),
            FileResult::Identical => ("identical", None),
            FileResult::Skipped => ("skipped", None),
            FileResult::Failed { why } => ("failed", Some(why)),
        };
        match result {
            FileResult::Delivered => self.detail(&format!("delivered {shown}")),
            FileResult::Identical => self.detail(&format!("already there: {shown}")),
            FileResult::Skipped => self.say(&format!("skipped, kept as it was: {shown}")),
            FileResult::Failed { why } => {
                self.insist(&format!("error: left out {shown}: {why}"));
            }
        }
        self.tell(|| {
            let event = Object::event("file")
                .name("path", path)
                .number("bytes", bytes)
                .text("result", word);
            match why {
                Some(why) => event.text("why", why),
                None => event,
            }
        });
    }

    fn warning(&self, message: &str) {
        self.say(&format!("warning: {message}"));
        self.tell(|| Object::event("warning").text("message", message));
    }

    fn finished(&self, summary: &Summary) {
        self.console.erase();
        self.ledger.finished(summary);
        self.say(&wording::done(self.style.perspective, summary));
        if matches!(
            self.style.perspective,
            Perspective::Sender | Perspective::Receiver
        ) {
            let wire = format::size(summary.wire_bytes);
            self.detail(&format!("{wire} went over the network"));
        }
    }

    fn say(&self, text: &str) {
        self.console.say(&format!("{}{text}", self.style.label));
    }

    fn detail(&self, text: &str) {
        self.console.detail(&format!("{}{text}", self.style.label));
    }

    fn insist(&self, text: &str) {
        self.console.insist(&format!("{}{text}", self.style.label));
    }

    fn tell(&self, event: impl FnOnce() -> Object) {
        if self.style.programs == Programs::Told {
            self.console.event(event);
        }
    }

    fn pace(&self) -> MutexGuard<'_, RatePace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
