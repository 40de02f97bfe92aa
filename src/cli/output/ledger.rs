//! What a run has transferred, for its last event.

use crate::session::{Progress, Summary};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sums up finished transfers, and keeps the bytes that the current one has put on the line.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    finished: Totals,
    running_wire_bytes: u64,
}

/// All transfers of a run together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) same: u64,
    pub(crate) resumed_bytes: u64,
    /// Entries that were kept as they were.
    pub(crate) skipped: u64,
    pub(crate) elapsed: Duration,
}

impl Ledger {
    /// Records the progress of the current transfer.
    pub(crate) fn moving(&self, progress: Progress) {
        self.lock().running_wire_bytes = progress.wire_bytes;
    }

    /// Adds a finished transfer.
    pub(crate) fn finished(&self, summary: &Summary) {
        let mut entries = self.lock();
        entries.running_wire_bytes = 0;
        let totals = &mut entries.finished;
        totals.files = totals.files.saturating_add(summary.files);
        totals.bytes = totals.bytes.saturating_add(summary.bytes);
        totals.same = totals.same.saturating_add(summary.same);
        totals.wire_bytes = totals.wire_bytes.saturating_add(summary.wire_bytes);
        totals.resumed_bytes = totals.resumed_bytes.saturating_add(summary.resumed_bytes);
        totals.skipped = totals.skipped.saturating_add(summary.skipped);
        totals.elapsed = totals.elapsed.saturating_add(summary.elapsed);
    }

    /// Everything so far. An unfinished transfer counts only by its bytes on the line.
    pub(crate) fn totals(&self) -> Totals {
        let entries = self.lock();
        let mut totals = entries.finished;
        totals.wire_bytes = totals.wire_bytes.saturating_add(entries.running_wire_bytes);
        totals
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_transfer_counts_on_the_line_only() {
        let ledger = Ledger::default();
        ledger.finished(&Summary {
            files: 2,
            bytes: 10,
            wire_bytes: 7,
            elapsed: Duration::from_secs(1),
            ..Summary::default()
        });
        ledger.moving(Progress {
            bytes: 100,
            total: None,
            wire_bytes: 50,
        });
        let totals = ledger.totals();
        assert_eq!((totals.files, totals.bytes, totals.wire_bytes), (2, 10, 57));
    }
}
