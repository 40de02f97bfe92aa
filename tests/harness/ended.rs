//! A program that has ended, and assertions about its output.

use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The output of a program, for messages.
pub fn told(shown: &str, output: &str, error: &str) -> String {
    format!("`{shown}`\n-- standard output:\n{output}\n-- standard error:\n{error}\n--")
}

/// The start of an event's line.
pub fn event(name: &str) -> String {
    format!("{{\"event\":\"{name}\",\"v\":1,")
}

/// A program that has ended, and its output.
pub struct Ended {
    pub(super) shown: String,
    pub(super) status: ExitStatus,
    pub(super) is_json: bool,
    pub(super) output: Vec<u8>,
    pub(super) error: Vec<u8>,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told())
    }
}

impl Ended {
    /// Fails unless it ended with this code and, if it prints events, with exactly one `done` with that code at
    /// the end.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{}", self.told());
        if self.is_json {
            let output = self.output();
            let last = output.lines().last().unwrap_or_default();
            let done = format!("{}\"exit\":{code},", event("done"));
            assert!(last.starts_with(&done), "{}", self.told());
            assert_eq!(output.matches(&event("done")).count(), 1, "{}", self.told());
        }
        self
    }

    /// Fails unless it ended by itself, with a documented code other than that of a bug.
    #[track_caller]
    pub fn exits_cleanly(self) -> Ended {
        let code = self.code().filter(|code| matches!(code, 0 | 2..=15));
        let code = code.unwrap_or_else(|| panic!("{}", self.told()));
        self.exits(code)
    }

    /// Fails unless this signal ended it.
    #[track_caller]
    pub fn was_killed_by(self, signal: Signal) -> Ended {
        assert_eq!(
            self.status.signal(),
            Some(signal.as_raw()),
            "{}",
            self.told()
        );
        self
    }

    /// Fails unless this text is on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Ended {
        assert!(
            self.error().contains(text),
            "{text:?} not in {}",
            self.told()
        );
        self
    }

    /// Fails if this text is on standard error.
    #[track_caller]
    pub fn never_says(self, text: &str) -> Ended {
        assert!(!self.error().contains(text), "{text:?} in {}", self.told());
        self
    }

    /// Fails unless there is exactly one error, which contains `error`, and its hint contains `hint`. An empty
    /// `hint` means that there must be none.
    #[track_caller]
    pub fn complains(self, error: &str, hint: &str) -> Ended {
        let text = self.error();
        let lines = |prefix: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.map(str::to_owned).collect()
        };
        let errors = lines("peerbridge: error: ");
        let hints = lines("peerbridge: hint: ");
        assert_eq!(errors.len(), 1, "{}", self.told());
        assert!(
            errors[0].contains(error),
            "{error:?} not in {}",
            self.told()
        );
        assert!(!errors[0].ends_with('.'), "{}", self.told());
        assert_eq!(hints.is_empty(), hint.is_empty(), "{}", self.told());
        assert!(
            hints.iter().all(|line| line.contains(hint)),
            "{}",
            self.told()
        );
        self
    }

    /// Its standard output, as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.output
    }

    /// Its standard output, as text.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Its standard error, as text.
    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.error).into_owned()
    }

    /// Its standard output and standard error.
    pub fn everything(&self) -> Vec<u8> {
        [self.output.as_slice(), &self.error].concat()
    }

    /// Its JSON events. Each line of standard output must be one, and exactly the last one is `done`.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let output = self.output();
        let parsed = output.lines().map(|line| {
            let event: Value = serde_json::from_str(line)
                .unwrap_or_else(|fault| panic!("{fault}: {line}\n{}", self.told()));
            assert_eq!(event["v"], 1, "{line}");
            assert!(event["event"].is_string(), "{line}");
            event
        });
        let events: Vec<Value> = parsed.collect();
        let ends = events.iter().filter(|event| event["event"] == "done");
        assert_eq!(ends.count(), 1, "{}", self.told());
        let last = events.last().expect("an event");
        assert_eq!(last["event"], "done", "{}", self.told());
        let code = self.status.code().unwrap_or(-1);
        assert_eq!(last["exit"], code, "{}", self.told());
        events
    }

    /// Its events of this name.
    #[track_caller]
    pub fn events_of(&self, name: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["event"] == name);
        events
    }

    /// The entries that did not arrive, according to its events: the path and the reason of each.
    #[track_caller]
    pub fn failures(&self) -> Vec<(String, String)> {
        let mut failed = self.events_of("file");
        failed.retain(|event| event["result"] == "failed");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let each = failed.iter();
        each.map(|event| (text(&event["path"]), text(&event["why"])))
            .collect()
    }

    /// Its last event.
    #[track_caller]
    pub fn done(&self) -> Value {
        self.events().pop().expect("an event")
    }

    /// A number of its last event.
    #[track_caller]
    pub fn total(&self, field: &str) -> u64 {
        let total = self.done()[field].as_u64();
        total.unwrap_or_else(|| panic!("no {field}: {}", self.told()))
    }

    /// The exit code; `None` after a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// How it ended and its output, for messages.
    pub fn told(&self) -> String {
        let status = self.status;
        let told = told(&self.shown, &self.output(), &self.error());
        format!("({status}) {told}")
    }
}
