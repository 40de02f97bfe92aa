//! Remembers which parts this process wrote or proved in staging folders, for each run of a sender. A peer that
//! reconnects need not send or prove them again.

use super::{JournalMark, Staging};
use crate::disk::plan::Decision;
use crate::model::{PartSet, RunId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Most staging folders to remember; the oldest is forgotten first.
const REMEMBERED: usize = 64;

/// Most memory for their parts together, in bytes, at one bit a part.
const REMEMBERED_BYTES: u64 = 16 * 1024 * 1024;

/// The memory of one process about staging folders.
#[derive(Debug, Default)]
pub struct RunLedger(Mutex<VecDeque<RememberedRun>>);

#[derive(Debug)]
struct RememberedRun {
    staging: PathBuf,
    run: RunId,
    /// The state of the journal. Any later write to the staging folder appends to the journal, and so changes
    /// this.
    journal: JournalMark,
    parts: PartSet,
}

impl RunLedger {
    fn take(&self, staging: &Staging) -> Option<RememberedRun> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = runs
            .iter()
            .position(|known| known.staging == staging.path)?;
        runs.remove(at)
    }

    fn remember(&self, known: RememberedRun) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push_back(known);
        let bytes = |known: &RememberedRun| known.parts.memory();
        while runs.len() > REMEMBERED || runs.iter().map(bytes).sum::<u64>() > REMEMBERED_BYTES {
            runs.pop_front();
        }
    }
}

impl Staging {
    /// Counts the parts that `ledger` has for the same run as present, if nothing was written since. Forgets
    /// the parts of another run.
    pub fn recall(&self, run: RunId, ledger: &RunLedger) {
        let Some(known) = ledger.take(self) else {
            return;
        };
        if known.run != run || self.journal.mark() != Some(known.journal) {
            return;
        }
        let mut progress = self.progress();
        let layout = progress.layout;
        for part in known.parts.parts(layout) {
            if progress.recorded.contains(part) {
                progress.present.insert(part);
            }
        }
    }

    /// Stores the parts of `run` in `ledger`, before this is dropped.
    pub fn remember(&self, run: RunId, ledger: &RunLedger) {
        let Some(journal) = self.journal.mark() else {
            return;
        };
        let progress = self.progress();
        let mut parts = PartSet::new();
        for part in progress.recorded.parts(progress.layout) {
            // Parts that were compared but not copied into staging are compared again.
            let mut segments = progress.layout.segments(&self.manifest, part);
            let is_written = progress.present.contains(part)
                && segments.all(|piece| self.plan.decision(piece.entry) != Decision::Compare);
            if is_written {
                parts.insert(part);
            }
        }
        ledger.remember(RememberedRun {
            staging: self.path.clone(),
            run,
            journal,
            parts,
        });
    }
}
