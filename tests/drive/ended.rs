//! A program that has ended, and what must be true of what it said.

use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

pub fn told(shown: &str, output: &str, error: &str) -> String {
    format!("`{shown}`\n-- standard output:\n{output}\n-- standard error:\n{error}\n--")
}

/// A program that has ended, and what it said.
pub struct Ended {
    shown: String,
    status: ExitStatus,
    output: Vec<u8>,
    error: Vec<u8>,
}

impl Ended {
    pub fn new(shown: String, status: ExitStatus, output: Vec<u8>, error: Vec<u8>) -> Ended {
        Ended {
            shown,
            status,
            output,
            error,
        }
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{}", self.told());
        self
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

    /// Fails unless this stands on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Ended {
        assert!(
            self.error().contains(text),
            "{text:?} not in {}",
            self.told()
        );
        self
    }

    #[track_caller]
    pub fn never_says(self, text: &str) -> Ended {
        assert!(!self.error().contains(text), "{text:?} in {}", self.told());
        self
    }

    /// Fails unless there is exactly one error, with what to do about it if `hint` tells a part of it.
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

    /// What it wrote to standard output, as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.output
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.error).into_owned()
    }

    /// Everything it wrote, both streams.
    pub fn everything(&self) -> Vec<u8> {
        [self.output.as_slice(), &self.error].concat()
    }

    /// Its JSON events. Each line of standard output must be one, and exactly the last one is `done`.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self
            .output()
            .lines()
            .map(|line| {
                let event: Value = serde_json::from_str(line)
                    .unwrap_or_else(|fault| panic!("{fault}: {line}\n{}", self.told()));
                assert_eq!(event["v"], 1, "{line}");
                assert!(event["event"].is_string(), "{line}");
                event
            })
            .collect();
        let ends = events
            .iter()
            .filter(|event| event["event"] == "done")
            .count();
        assert_eq!(ends, 1, "{}", self.told());
        let last = events.last().expect("an event");
        assert_eq!(last["event"], "done", "{}", self.told());
        assert_eq!(
            last["exit"],
            self.status.code().unwrap_or(-1),
            "{}",
            self.told()
        );
        events
    }

    /// Its last event.
    #[track_caller]
    pub fn done(&self) -> Value {
        self.events().pop().expect("an event")
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn told(&self) -> String {
        let status = self.status;
        let told = told(&self.shown, &self.output(), &self.error());
        format!("({status}) {told}")
    }
}
