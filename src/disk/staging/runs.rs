//! What this process wrote or proved in staging folders, and for which run of a sender: a connection that was
//! lost and comes back needs none of it again.

use super::{JournalMark, Staging};
use crate::disk::plan::Decision;
use crate::model::{PartIndex, PartSet, RunId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Staging folders that are remembered; the oldest is forgotten first.
const REMEMBERED: usize = 64;

/// Memory for all of their parts together, in bytes: one bit a part.
const REMEMBERED_BYTES: u64 = 16 * 1024 * 1024;

/// What is remembered of staging folders, for one process.
#[derive(Debug, Default)]
pub struct RunLedger(Mutex<VecDeque<RememberedRun>>);

#[derive(Debug)]
struct RememberedRun {
    staging: PathBuf,
    run: RunId,
    /// Whoever writes to the staging folder meanwhile appends to the journal.
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
    /// Counts the parts as there that `ledger` knows of the same run, where nothing was written since. Of
    /// another run it forgets them.
    pub fn recall(&self, run: RunId, ledger: &RunLedger) {
        let Some(known) = ledger.take(self) else {
            return;
        };
        if known.run != run || self.journal.mark() != Some(known.journal) {
            return;
        }
        let mut progress = self.progress();
        let layout = progress.layout;
        for range in known.parts.ranges() {
            for number in range.start..range.start + range.length {
                let part = layout.part(number).ok();
                let is_recorded = |part: &PartIndex| progress.recorded.contains(*part);
                if let Some(part) = part.filter(is_recorded) {
                    progress.present.insert(part);
                }
            }
        }
    }

    /// Has `ledger` remember what is here of `run`, before this is dropped.
    pub fn remember(&self, run: RunId, ledger: &RunLedger) {
        let Some(journal) = self.journal.mark() else {
            return;
        };
        let progress = self.progress();
        let mut parts = PartSet::new();
        for range in progress.present.ranges() {
            for number in range.start..range.start + range.length {
                let Ok(part) = progress.layout.part(number) else {
                    continue;
                };
                // What was only compared in place is compared again.
                let mut segments = progress.layout.segments(&self.manifest, part);
                let is_written = progress.recorded.contains(part)
                    && segments.all(|piece| self.plan.decision(piece.entry) != Decision::Compare);
                if is_written {
                    parts.insert(part);
                }
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
