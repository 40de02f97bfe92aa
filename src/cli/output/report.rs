//! Shows the events of a session in three ways: lines for people, a progress bar, and JSON for programs.

use crate::cli::error::CliError;
use crate::cli::hook::Hook;
use crate::cli::input::code_source::CodeSource;
use crate::cli::input::questions::{self, Questions};
use crate::cli::input::terminal::Answers;
use crate::cli::output::colour::Colour;
use crate::cli::output::entry::EntryResult;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::looking;
use crate::cli::output::progress::meter::Meter;
use crate::cli::output::progress::{self, ProgressStyle, Throttle, line};
use crate::cli::output::side::SideOutput;
use crate::cli::output::wording::{self, Perspective};
use crate::cli::platform;
use crate::cli::surroundings;
use crate::model::Existing;
use crate::model::escaped;
use crate::session::sync::lock;
use crate::session::{
    self, Acceptance, Conflicts, Event, Expansion, OfferSummary, Operator, Progress, Reception,
    StillLooking, Summary,
};
use std::sync::Mutex;
use std::time::Instant;

/// How to show one side of a session.
pub(crate) struct ReportStyle {
    pub(crate) perspective: Perspective,
    pub(crate) progress: ProgressStyle,
    pub(crate) colour: Colour,
    /// Whether to show a person what to type on the other side.
    pub(crate) guides: bool,
}

/// The operator that the command line gives to a session.
pub(crate) struct Reporter<'a> {
    side: SideOutput<'a>,
    ledger: &'a Ledger,
    style: ReportStyle,
    transfer: Mutex<TransferReport>,
    hook_failure: Mutex<Option<CliError>>,
    /// How to decide about offers.
    pub(crate) questions: Questions<'a>,
    /// A program to run after each transfer.
    pub(crate) hook: Option<Hook>,
    /// The person who compares the verification phrase.
    pub(crate) comparer: Option<&'a dyn Answers>,
    /// Where one-time codes come from.
    pub(crate) codes: CodeSource<'a>,
    /// The rate limit in bytes a second, to show it.
    pub(crate) rate_limit: Option<u64>,
}

/// What the reporter knows about the current transfer.
struct TransferReport {
    /// Whether it was accepted and has not ended.
    is_moving: bool,
    offer: OfferSummary,
    /// The name of the current file.
    current: String,
    meter: Meter,
    drawing: Throttle,
    telling: Throttle,
    /// The offer that a person accepted, if the connection was lost since.
    accepted_before: Option<OfferSummary>,
    /// Whether the person was told that the transfer may be interrupted.
    is_reassured: bool,
}

impl TransferReport {
    fn new(
        style: ProgressStyle,
        offer: OfferSummary,
        bytes: u64,
        limit: Option<u64>,
    ) -> TransferReport {
        let now = Instant::now();
        TransferReport {
            is_moving: false,
            meter: Meter::new(now, bytes, offer.bytes).with_limit(limit),
            offer,
            current: String::new(),
            drawing: match style {
                ProgressStyle::Lines => Throttle::seconds(now),
                ProgressStyle::Bar | ProgressStyle::Off => Throttle::bar(now),
            },
            telling: Throttle::seconds(now),
            accepted_before: None,
            is_reassured: false,
        }
    }
}

impl<'a> Reporter<'a> {
    /// Accepts everything that the options allow.
    pub(crate) fn new(
        side: SideOutput<'a>,
        ledger: &'a Ledger,
        style: ReportStyle,
    ) -> Reporter<'a> {
        let transfer = TransferReport::new(style.progress, OfferSummary::default(), 0, None);
        Reporter {
            side,
            ledger,
            questions: Questions::Unasked,
            style,
            transfer: Mutex::new(transfer),
            hook: None,
            hook_failure: Mutex::default(),
            comparer: None,
            codes: CodeSource::None,
            rate_limit: None,
        }
    }

    /// Runs a session and shows its progress, even while nothing is transferred.
    pub(crate) fn watch<R>(&self, session: impl FnOnce() -> R) -> R {
        match self.style.progress {
            ProgressStyle::Off => session(),
            ProgressStyle::Bar | ProgressStyle::Lines => {
                progress::watch(|| self.show(Instant::now()), session)
            }
        }
    }

    /// The failure of the hook, if there was one.
    pub(crate) fn hook_failure(&self) -> Option<CliError> {
        lock(&self.hook_failure).take()
    }
}

impl Operator for Reporter<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Moving { path } => self.moving(path),
            Event::Progress(progress) => self.progress(*progress),
            Event::Accepted {
                streams,
                present_bytes,
                claimed_bytes,
            } => {
                let proved_bytes = present_bytes.saturating_sub(*claimed_bytes);
                self.accepted(*streams, proved_bytes, *claimed_bytes);
            }
            Event::Finished(summary) => self.finished(summary),
            Event::File { .. } => self.entry(event),
            Event::Offer(offer) => self.offer(offer),
            Event::Warning { message } => self.side.warn(message),
            Event::Kept { path } => {
                self.ledger.keeps_something();
                let message = format!("the partial data is kept in {}", format::path(path));
                self.side.say(&message);
                self.side
                    .tell(|| Object::event("warning").text("message", &message));
            }
            Event::Reconnecting { attempt, pause } => {
                let mut transfer = lock(&self.transfer);
                transfer.is_moving = false;
                transfer.accepted_before = Some(transfer.offer.clone());
                drop(transfer);
                let what = match pause.is_zero() {
                    true => "waiting for the other side to reconnect".to_owned(),
                    false => format!("reconnecting in {}", format::time(*pause)),
                };
                self.side.warn(&format!("{what} (attempt {attempt})"));
            }
            Event::ProofFailed { peer, count } => {
                self.side.warn(&wording::wrong_secret(*peer, *count));
            }
            Event::Listening { addresses } => self.listening(addresses),
            Event::PeerLeft { .. } => {}
            Event::StillLooking(looking) => self.still_looking(looking),
            Event::Pinged { peer } => self.side.pinged(*peer),
            Event::Connected { peer } => {
                let peer = wording::endpoint(*peer);
                self.side.detail(&format!("connected to {peer}"));
                self.side
                    .tell(|| Object::event("connected").text("peer", &peer));
            }
            Event::Authenticated { peer } => {
                let peer = wording::peer(Some(*peer));
                self.side.detail(&format!("{peer} knows the secret"));
                self.side
                    .tell(|| Object::event("authenticated").number("streams", 1));
            }
        }
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        if lock(&self.transfer).accepted_before.as_ref() == Some(offer)
            && self.questions.are_asked()
        {
            self.side
                .say("the same offer again: resuming without another question");
            return Acceptance::Accept;
        }
        self.questions.accept(offer)
    }

    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        self.questions.accept_expansion(growth)
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        self.questions.resolve(conflicts)
    }

    fn compare(&self, phrase: &str) -> Acceptance {
        if let Some(operator) = self.questions.delegate() {
            return operator.compare(phrase);
        }
        match self.comparer {
            Some(answers) => questions::compare(phrase, answers, self.side.console),
            None => {
                self.side.warn(
                    "the other side requires the phrase to be compared: use --verify here, too",
                );
                Acceptance::Decline
            }
        }
    }

    fn one_time_code(&self) -> Option<String> {
        match self.questions.delegate() {
            Some(operator) => operator.one_time_code(),
            None => self.codes.get(self.side.console),
        }
    }

    fn received(&self, reception: &Reception<'_>) {
        if let (Some(hook), Ok(summary)) = (&self.hook, reception.outcome) {
            let ran = hook.run(reception.peer, reception.name, summary);
            if let Err(error) = ran {
                lock(&self.hook_failure).get_or_insert(error);
            }
        }
    }
}

impl Reporter<'_> {
    fn listening(&self, addresses: &[std::net::SocketAddr]) {
        if !self.style.guides {
            return self.side.listening(addresses, addresses);
        }
        let reachable = wording::reachable(addresses, &session::discovery::own_addresses());
        self.side.listening(addresses, &reachable);
        for line in wording::invitation(self.style.perspective, &reachable) {
            self.side.say(&line);
        }
    }

    fn still_looking(&self, looking: &StillLooking) {
        for line in looking::lines(looking, surroundings::hint()) {
            self.side.say(&line);
        }
        self.side.tell(|| {
            Object::event("looking")
                .number("sent", looking.sent)
                .number("refused", looking.refused)
                .number("heard", looking.heard)
                .number("unreachable", looking.unreachable.len() as u64)
        });
    }

    fn offer(&self, offer: &OfferSummary) {
        lock(&self.transfer).offer = offer.clone();
        let names = wording::names(&offer.names, offer.tops);
        let contents = wording::contents(offer);
        let peer = wording::peer(offer.peer);
        let text = wording::offered(self.style.perspective, &names, &peer, &contents);
        match self.style.perspective {
            Perspective::Opener | Perspective::Tester => self.side.detail(&text),
            // The question shows the offer.
            Perspective::Receiver if self.questions.are_asked() => {}
            _ => self.side.say(&text),
        }
        self.side.tell(|| {
            Object::event("offer")
                .number("files", offer.files)
                .number("dirs", offer.folders)
                .number("links", offer.links)
                .number_or_null("bytes", offer.bytes)
                .name("name", offer.names.first().map_or(b"", Vec::as_slice))
        });
    }

    /// Further connections join one by one. Programs get their number once all have joined.
    fn accepted(&self, streams: u16, present_bytes: u64, claimed_bytes: u64) {
        let mut transfer = lock(&self.transfer);
        let offer = std::mem::take(&mut transfer.offer);
        let total = offer.bytes;
        *transfer = TransferReport {
            is_moving: true,
            is_reassured: transfer.is_reassured,
            ..TransferReport::new(self.style.progress, offer, present_bytes, self.rate_limit)
        };
        drop(transfer);
        if present_bytes > 0 {
            self.ledger.keeps_something();
        }
        if present_bytes > 0 && total != Some(present_bytes) {
            let present = match total {
                Some(total) => format::part(present_bytes, total),
                None => format::size(present_bytes),
            };
            self.side.say(&format!("resuming: {present} already there"));
        }
        if claimed_bytes > 0 {
            let size = format::size(claimed_bytes);
            self.side
                .say(&format!("comparing {size} that may be there already"));
        }
        self.side.detail(&format!(
            "accepted; {} in parallel",
            format::count(streams.into(), "connection")
        ));
        if streams > 1 {
            self.side
                .tell(|| Object::event("authenticated").number("streams", streams.into()));
        }
    }

    fn moving(&self, path: &[u8]) {
        if self.style.progress == ProgressStyle::Bar
            && let Ok(mut transfer) = self.transfer.try_lock()
        {
            transfer.current = escaped(path);
        }
    }

    /// Called by every connection for every part. While one thread is here, the others do not wait for it.
    fn progress(&self, progress: Progress) {
        let Ok(mut transfer) = self.transfer.try_lock() else {
            return;
        };
        let now = Instant::now();
        // Archives are neither offered nor accepted, so progress starts here.
        transfer.is_moving = true;
        transfer.meter.note(now, progress);
        self.ledger.moving(progress);
        // A receiver reports itself what it keeps.
        if self.style.perspective == Perspective::Sender && progress.bytes > 0 {
            self.ledger.keeps_something();
        }
        if transfer.telling.passes(now) {
            let rate = transfer.meter.read(now).rate;
            self.side.tell(|| {
                Object::event("progress")
                    .number("bytes", progress.bytes)
                    .number_or_null("total", progress.total)
                    .number("rate", rate)
            });
        }
        drop(transfer);
        self.show(now);
    }

    /// Shows the progress, if it is time.
    fn show(&self, now: Instant) {
        let Ok(mut transfer) = self.transfer.try_lock() else {
            return;
        };
        let is_wanted = self.style.progress != ProgressStyle::Off && transfer.is_moving;
        if !is_wanted || !transfer.drawing.passes(now) {
            return;
        }
        let reading = transfer.meter.read(now);
        let other = self.style.perspective.other();
        if self.style.progress == ProgressStyle::Lines {
            self.side.say(&line::words(&reading, other));
            return;
        }
        let resumes = matches!(
            self.style.perspective,
            Perspective::Sender | Perspective::Receiver
        ) && reading.total.is_some();
        if resumes && !std::mem::replace(&mut transfer.is_reassured, true) {
            self.side.say("safe to interrupt: the same command resumes");
        }
        // Read each time, since the window's size may change. The last column stays free, because some terminals
        // wrap when it is used.
        let columns = platform::columns().unwrap_or(80).saturating_sub(1);
        let colour = self.style.colour;
        let drawn = line::draw(&reading, &transfer.current, other, columns, colour);
        self.side.console.draw(&[drawn]);
    }

    fn entry(&self, event: &Event<'_>) {
        let Some(entry) = EntryResult::of(event) else {
            return;
        };
        let (level, line) = entry.line(escaped);
        self.side.line(level, &line);
        self.side.tell(|| entry.object());
    }

    fn finished(&self, summary: &Summary) {
        let mut transfer = lock(&self.transfer);
        let was_moving = std::mem::take(&mut transfer.is_moving);
        if was_moving && self.style.progress == ProgressStyle::Lines {
            let reading = transfer.meter.read(Instant::now());
            self.side
                .say(&line::words(&reading, self.style.perspective.other()));
        }
        drop(transfer);
        self.side.console.erase();
        self.ledger.finished(summary);
        self.side
            .say(&wording::done(self.style.perspective, summary));
        let saved = wording::saved(self.style.perspective, &summary.delivered);
        for line in wording::not_carried(summary).into_iter().chain(saved) {
            self.side.say(&line);
        }
        if matches!(
            self.style.perspective,
            Perspective::Sender | Perspective::Receiver
        ) {
            let wire = format::size(summary.wire_bytes);
            self.side.detail(&format!("{wire} went over the network"));
        }
    }
}

#[cfg(test)]
mod tests;
