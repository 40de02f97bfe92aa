//! Facts that this run knows about each staged file.

use crate::model::EntryIndex;
use std::sync::atomic::{AtomicU8, Ordering};

/// A fact about a staged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mark {
    /// It exists.
    There = 1,
    /// This run created it, and unwritten bytes read as zeros.
    Sparse = 2,
    /// It has its contents, final mtime and mode, and is synced if required.
    Finished = 4,
    /// Its source failed: parts do not hold its real contents.
    Failed = 8,
    /// It arrived as a whole and was verified.
    Whole = 16,
    /// It was compared with the old file of its name, and differs.
    Differs = 32,
    /// The disk refused it.
    Refused = 64,
}

/// The marks of all entries, one byte each, set by several threads.
#[derive(Debug)]
pub(crate) struct Marks(Vec<AtomicU8>);

impl Marks {
    pub(super) fn new(entries: usize) -> Self {
        Marks((0..entries).map(|_| AtomicU8::new(0)).collect())
    }

    pub(crate) fn has(&self, entry: EntryIndex, mark: Mark) -> bool {
        self.0[entry.get()].load(Ordering::Acquire) & mark as u8 != 0
    }

    pub(crate) fn set(&self, entry: EntryIndex, mark: Mark) {
        self.0[entry.get()].fetch_or(mark as u8, Ordering::AcqRel);
    }

    pub(crate) fn unset(&self, entry: EntryIndex, mark: Mark) {
        self.0[entry.get()].fetch_and(!(mark as u8), Ordering::AcqRel);
    }
}
