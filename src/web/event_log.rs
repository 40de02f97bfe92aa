//! The events of the job that runs or ran last, kept for pages that come later.

use crate::cli::output::json::Object;
use crate::session::sync::Monitor;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most events that are kept. A page that comes later misses the oldest `file` events.
const KEPT: usize = 1000;

/// Events with numbers. Every page reads them from where it stopped.
pub(super) struct EventLog(Monitor<LoggedEvents>);

struct LoggedEvents {
    kept: VecDeque<LoggedEvent>,
    next: u64,
    pages: usize,
    /// When the last page left, or the log began.
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
            kept: VecDeque::new(),
            next: 1,
            pages: 0,
            alone_since: Instant::now(),
            is_closed: false,
        })))
    }

    /// Adds an event. Progress replaces the progress before it, which nobody needs any more.
    pub(super) fn push(&self, event: Object) {
        self.push_line(event.finish());
    }

    fn push_line(&self, line: String) {
        self.0.change(|entries| {
            let is_progress = |line: &str| line.starts_with(r#"{"event":"progress","#);
            let is_file = |line: &str| line.starts_with(r#"{"event":"file","#);
            if is_progress(&line) {
                entries.kept.retain(|entry| !is_progress(&entry.line));
            }
            if entries.kept.len() >= KEPT {
                let oldest = entries.kept.iter().position(|entry| is_file(&entry.line));
                entries.kept.remove(oldest.unwrap_or(0));
            }
            let number = entries.next;
            entries.next += 1;
            entries.kept.push_back(LoggedEvent { number, line });
        });
    }

    /// Forgets everything: another job begins.
    pub(super) fn clear(&self) {
        self.0.change(|entries| entries.kept.clear());
    }

    /// The events after number `after`, waited for as long as `time`; `None` when the log is closed.
    pub(super) fn after(&self, after: u64, time: Duration) -> Option<Vec<LoggedEvent>> {
        let is_new = |entry: &&LoggedEvent| entry.number > after;
        let entries = self.0.wait_while_for(time, |entries| {
            !entries.is_closed && !entries.kept.iter().any(|entry| is_new(&entry))
        });
        let new = entries.kept.iter().filter(is_new).cloned().collect();
        (!entries.is_closed).then_some(new)
    }

    /// Ends every page's stream.
    pub(super) fn close(&self) {
        self.0.change(|entries| entries.is_closed = true);
    }

    /// A page that reads; as long as one does, the log is not alone.
    pub(super) fn page(self: &Arc<Self>) -> OpenPage {
        self.0.change(|entries| entries.pages += 1);
        OpenPage(Arc::clone(self))
    }

    /// How long no page has been open.
    pub(super) fn alone(&self, now: Instant) -> Duration {
        let entries = self.0.lock();
        match entries.pages {
            0 => now.saturating_duration_since(entries.alone_since),
            _ => Duration::ZERO,
        }
    }
}

/// A page that reads the log.
pub(super) struct OpenPage(Arc<EventLog>);

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.0.0.change(|entries| {
            entries.pages -= 1;
            entries.alone_since = Instant::now();
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
    fn a_million_files_push_nothing_else_out() {
        let log = EventLog::new();
        log.push(Object::event("started"));
        for number in 0..3000 {
            log.push(numbered("file", number));
        }
        let got = lines(&log, 0);
        assert_eq!(got.len(), KEPT);
        assert!(got[0].contains("started"));
        assert!(got[KEPT - 1].contains(r#""number":2999"#));
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
