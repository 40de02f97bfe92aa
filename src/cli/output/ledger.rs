//! Everything that a run has transferred, for its last event.

use crate::cli::hints::KeptData;
use crate::cli::output::json::Object;
use crate::model::len64;
use crate::session::sync::lock;
use crate::session::{Progress, Summary};
use std::path::PathBuf;
use std::sync::Mutex;

/// Sums up finished transfers, and keeps the bytes that the current one has put on the line.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// The sum of all finished transfers, without the paths of their entries.
    finished: Summary,
    delivered: DeliveredPaths,
    kept: KeptData,
    running_wire_bytes: u64,
}

/// The paths of delivered top-level entries: the first [`DeliveredPaths::MOST`], and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliveredPaths {
    first: Vec<PathBuf>,
    more: u64,
}

impl DeliveredPaths {
    const MOST: usize = 1000;

    /// The paths of one transfer.
    pub(crate) fn of(summary: &Summary) -> DeliveredPaths {
        let mut paths = DeliveredPaths::default();
        paths.add(&summary.delivered);
        paths
    }

    fn add(&mut self, paths: &[PathBuf]) {
        let room = Self::MOST.saturating_sub(self.first.len()).min(paths.len());
        self.first.extend_from_slice(&paths[..room]);
        self.more = self.more.saturating_add(len64(paths.len() - room));
    }

    /// Adds them to an event.
    pub(crate) fn tell(&self, event: Object) -> Object {
        let paths = self.first.iter();
        let paths: Vec<&[u8]> = paths
            .map(|path| path.as_os_str().as_encoded_bytes())
            .collect();
        event.names("paths", &paths).number("more_paths", self.more)
    }
}

impl Ledger {
    /// Records the progress of the current transfer.
    pub(crate) fn moving(&self, progress: Progress) {
        lock(&self.0).running_wire_bytes = progress.wire_bytes;
    }

    /// Adds a finished transfer.
    pub(crate) fn finished(&self, summary: &Summary) {
        let mut entries = lock(&self.0);
        entries.running_wire_bytes = 0;
        entries.kept = KeptData::Nothing;
        let totals = &mut entries.finished;
        totals.files = totals.files.saturating_add(summary.files);
        totals.bytes = totals.bytes.saturating_add(summary.bytes);
        totals.same = totals.same.saturating_add(summary.same);
        totals.wire_bytes = totals.wire_bytes.saturating_add(summary.wire_bytes);
        totals.resumed_bytes = totals.resumed_bytes.saturating_add(summary.resumed_bytes);
        totals.skipped = totals.skipped.saturating_add(summary.skipped);
        // One source that was sent to several receivers counts once.
        totals.foreign_owners = totals.foreign_owners.max(summary.foreign_owners);
        totals.hard_links = totals.hard_links.max(summary.hard_links);
        totals.attributes = totals.attributes.max(summary.attributes);
        totals.acls = totals.acls.max(summary.acls);
        totals.elapsed = totals.elapsed.saturating_add(summary.elapsed);
        entries.delivered.add(&summary.delivered);
    }

    /// Records that data of the current transfer is kept if it is interrupted.
    pub(crate) fn keeps_something(&self) {
        lock(&self.0).kept = KeptData::Something;
    }

    /// Whether data of an interrupted transfer is kept.
    pub(crate) fn kept(&self) -> KeptData {
        lock(&self.0).kept
    }

    /// The paths of everything that was delivered so far.
    pub(crate) fn delivered(&self) -> DeliveredPaths {
        lock(&self.0).delivered.clone()
    }

    /// The sum of everything so far. Of an unfinished transfer, only the bytes on the line count.
    pub(crate) fn totals(&self) -> Summary {
        let entries = lock(&self.0);
        let mut totals = entries.finished.clone();
        totals.wire_bytes = totals.wire_bytes.saturating_add(entries.running_wire_bytes);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
