//! The result for one entry, as a line for people and as an event for programs.

use crate::cli::output::console::Verbosity;
use crate::cli::output::json::Object;
use crate::session::{Event, FileResult};

/// The result for one entry.
#[derive(Clone, Copy)]
pub(crate) struct EntryResult<'a> {
    path: &'a [u8],
    bytes: u64,
    result: &'a FileResult,
    saved_as: Option<&'a [u8]>,
}

impl<'a> EntryResult<'a> {
    /// The result that an event reports; `None` if it is another event.
    pub(crate) fn of(event: &'a Event<'_>) -> Option<EntryResult<'a>> {
        match event {
            Event::File {
                path,
                bytes,
                result,
                saved_as,
            } => Some(EntryResult {
                path,
                bytes: *bytes,
                result,
                saved_as: *saved_as,
            }),
            _ => None,
        }
    }

    /// The lowest verbosity at which it is printed, and the line, with names formatted by `show`.
    pub(crate) fn line(&self, show: fn(&[u8]) -> String) -> (Verbosity, String) {
        let path = show(self.path);
        match (self.result, self.saved_as) {
            (FileResult::Failed { why }, _) => {
                (Verbosity::Quiet, format!("error: left out {path}: {why}"))
            }
            (FileResult::Skipped, _) => (
                Verbosity::Normal,
                format!("skipped, kept as it was: {path}"),
            ),
            (_, Some(new)) => {
                let new = show(new);
                (Verbosity::Normal, format!("saved as {new}, next to {path}"))
            }
            (FileResult::Delivered, None) => (Verbosity::Verbose, format!("delivered {path}")),
            (FileResult::Identical, None) => (Verbosity::Verbose, format!("already there: {path}")),
        }
    }

    /// The event.
    pub(crate) fn object(&self) -> Object {
        let (word, why) = match self.result {
            FileResult::Delivered => ("delivered", None),
            FileResult::Identical => ("identical", None),
            FileResult::Skipped => ("skipped", None),
            FileResult::Failed { why } => ("failed", Some(why.as_str())),
        };
        let mut event = Object::event("file")
            .name("path", self.path)
            .number("bytes", self.bytes)
            .text("result", word);
        if let Some(new) = self.saved_as {
            event = event.name("saved_as", new);
        }
        event.some_text("why", why)
    }

    /// Whether it was delivered under its own name, or existed already.
    pub(crate) fn is_plain(&self) -> bool {
        let is_there = matches!(self.result, FileResult::Delivered | FileResult::Identical);
        is_there && self.saved_as.is_none()
    }
}
