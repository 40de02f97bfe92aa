//! The events of the running or latest job, kept for pages that are opened later.

use crate::cli::output::json::Object;
use crate::session::sync::Monitor;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most events of one kind that are kept. Events of one kind never displace those of another, so a page that
/// is opened later always gets `started`, the open question and `done`.
const KEPT: usize = 1000;

/// Kinds of which only the latest event matters: the progress of a job, and the open question.
const LAST_ONLY: [&str; 3] = ["progress", "question", "answered"];

/// Kinds of which the first events are kept: a page shows the beginning of a long list.
const FIRST_ONLY: [&str; 1] = ["entry"];

/// Events with numbers. Every page reads them from where it stopped.
pub(super) struct EventLog(Monitor<LoggedEvents>);

struct LoggedEvents {
    /// The kept events of each kind, in the order of their numbers.
    kept: BTreeMap<String, VecDeque<LoggedEvent>>,
    next: u64,
    pages: usize,
    /// When the last page was closed, or the log was created.
    alone_since: Instant,
    is_closed: bool,
}

/// An event and its number.
#[derive(Clone)]
pub(super) struct LoggedEvent {
    pub(super) number: u64,
    pub(super) line: String,
}

impl EventLog {
    pub(super) fn new() -> Arc<EventLog> {
        Arc::new(EventLog(Monitor::new(LoggedEvents {
            kept: BTreeMap::new(),
            next: 1,
            pages: 0,
            alone_since: Instant::now(),
            is_closed: false,
        })))
    }

    /// Adds an event.
    pub(super) fn push(&self, event: Object) {
        self.push_line(event.finish());
    }

    fn push_line(&self, line: String) {
        self.0.change(|events| {
            let number = events.next;
            events.next += 1;
            let kind = kind(&line);
            let most = if LAST_ONLY.contains(&kind) { 1 } else { KEPT };
            let is_first_only = FIRST_ONLY.contains(&kind);
            let of_kind = events.kept.entry(kind.to_owned()).or_default();
            if of_kind.len() == most {
                if is_first_only {
                    return;
                }
                of_kind.pop_front();
            }
            of_kind.push_back(LoggedEvent { number, line });
        });
    }

    /// Forgets everything, because another job starts.
    pub(super) fn clear(&self) {
        self.0.change(|events| events.kept.clear());
    }

    /// The events after number `after`. Waits for one for at most `time`; `None` if the log is closed.
    pub(super) fn after(&self, after: u64, time: Duration) -> Option<Vec<LoggedEvent>> {
        let events = self
            .0
            .wait_while_for(time, |events| !events.is_closed && !events.go_beyond(after));
        (!events.is_closed).then(|| events.after(after))
    }

    /// Ends every page's stream.
    pub(super) fn close(&self) {
        self.0.change(|events| events.is_closed = true);
    }

    /// Registers a page. While one is registered, the log is not alone.
    pub(super) fn page(self: &Arc<Self>) -> OpenPage {
        self.0.change(|events| events.pages += 1);
        OpenPage(Arc::clone(self))
    }

    /// For how long no page has been open.
    pub(super) fn alone(&self, now: Instant) -> Duration {
        let events = self.0.lock();
        match events.pages {
            0 => now.saturating_duration_since(events.alone_since),
            _ => Duration::ZERO,
        }
    }
}

impl LoggedEvents {
    fn go_beyond(&self, after: u64) -> bool {
        let mut lasts = self.kept.values().filter_map(VecDeque::back);
        lasts.any(|last| last.number > after)
    }

    fn after(&self, after: u64) -> Vec<LoggedEvent> {
        let new = |events: &VecDeque<LoggedEvent>| {
            let first = events.partition_point(|event| event.number <= after);
            events.range(first..).cloned().collect::<Vec<_>>()
        };
        let mut found: Vec<LoggedEvent> = self.kept.values().flat_map(new).collect();
        found.sort_by_key(|event| event.number);
        found
    }
}

/// The kind of an event: [`Object::event`] writes it first.
fn kind(line: &str) -> &str {
    let behind = line.strip_prefix(r#"{"event":""#).unwrap_or_default();
    behind.split('"').next().unwrap_or_default()
}

/// A page that reads the log.
pub(super) struct OpenPage(Arc<EventLog>);

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.0.0.change(|events| {
            events.pages -= 1;
            events.alone_since = Instant::now();
        });
    }
}

/// Where a job's console writes its JSON lines.
pub(super) struct EventLines(pub(super) Arc<EventLog>);

/// Where it writes its lines for people: each becomes an event `said`.
pub(super) struct SaidLines(pub(super) Arc<EventLog>);

impl Write for EventLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            self.0.push_line(line.to_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for SaidLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            let line = line.strip_prefix("peerbridge: ").unwrap_or(line);
            self.0.push(Object::event("said").text("text", line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &EventLog, after: u64) -> Vec<String> {
        let entries = log.after(after, Duration::ZERO).unwrap();
        entries.into_iter().map(|entry| entry.line).collect()
    }

    fn numbered(name: &str, number: u64) -> Object {
        Object::event(name).number("number", number)
    }

    #[test]
    fn a_page_that_comes_later_gets_the_latest_progress_only() {
        let log = EventLog::new();
        log.push(Object::event("started"));
        for number in 0..10 {
            log.push(numbered("progress", number));
        }
        let got = lines(&log, 0);
        assert_eq!(got.len(), 2);
        assert!(got[1].contains(r#""number":9"#), "{}", got[1]);
        log.clear();
        assert!(lines(&log, 0).is_empty());
        log.push(Object::event("started"));
        assert_eq!(lines(&log, 11).len(), 1, "numbers go on after clearing");
    }

    #[test]
    fn no_kind_of_event_pushes_another_out() {
        let log = EventLog::new();
        log.push(Object::event("started"));
        log.push(numbered("question", 1));
        log.push(numbered("answered", 1));
        log.push(numbered("question", 2));
        for kind in ["said", "file", "entry", "warning"] {
            for number in 0..3000 {
                log.push(numbered(kind, number));
            }
        }
        let got = lines(&log, 0);
        assert_eq!(got.len(), 3 + 4 * KEPT);
        assert!(got[0].contains("started"), "{}", got[0]);
        assert!(got[1].contains("answered"), "{}", got[1]);
        assert!(
            got[2].contains(r#""question","v":1,"number":2"#),
            "{}",
            got[2]
        );
        let has = |kind: &str, number: u64| got.contains(&numbered(kind, number).finish());
        assert!(has("said", 2999) && !has("said", 0));
        assert!(has("entry", 0) && !has("entry", 2999));
        let after: Vec<String> = lines(&log, 4 + 3000);
        assert_eq!(after.len(), 3 * KEPT, "in the order of their numbers");
        assert!(after[0].contains("file"), "{}", after[0]);
    }

    #[test]
    fn it_is_alone_when_the_last_page_leaves() {
        let log = EventLog::new();
        let later = Instant::now() + Duration::from_secs(90);
        assert!(log.alone(later) >= Duration::from_secs(60));
        let (one, other) = (log.page(), log.page());
        drop(one);
        assert_eq!(log.alone(later), Duration::ZERO);
        drop(other);
        assert!(log.alone(later) > Duration::ZERO);
        log.close();
        assert!(log.after(0, Duration::ZERO).is_none());
    }
}
