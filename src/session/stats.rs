//! The figures of one transfer, over all the connections that it needs, and their summary.

use crate::model::{EntryKind, Manifest, TransferId};
use crate::session::events::{Event, OfferSummary, Operator, Progress, Summary};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes that went over the network in a session, both directions, all streams.
#[derive(Debug, Default)]
pub(crate) struct Traffic(AtomicU64);

impl Traffic {
    /// Counts `bytes` more.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Takes over what was counted in an earlier session.
    pub(crate) fn carry_on(&self, earlier: &Traffic) {
        self.0.fetch_add(earlier.total(), Ordering::Relaxed);
    }

    /// All so far.
    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one transfer, from its begin until it is done, through every connection that is lost on the
/// way.
pub(crate) struct TransferStats {
    begun: Instant,
    wire_before: u64,
    transfer: Option<TransferId>,
    /// Bytes of contents that were lacking when it was accepted first, `u64::MAX` where no length is known.
    lacking_bytes: Option<u64>,
    present_bytes: u64,
    has_grown: bool,
    staging: Option<PathBuf>,
}

impl TransferStats {
    /// Begins when `wire_bytes` have gone over the network in this run.
    pub(crate) fn begin(wire_bytes: u64) -> Self {
        TransferStats {
            begun: Instant::now(),
            wire_before: wire_bytes,
            transfer: None,
            lacking_bytes: None,
            present_bytes: 0,
            has_grown: false,
            staging: None,
        }
    }

    /// The receiver learned what is offered. Something else than what was cut off begins anew.
    pub(crate) fn offered(&mut self, transfer: TransferId) {
        if self.transfer.replace(transfer) != Some(transfer) {
            self.lacking_bytes = None;
            self.present_bytes = 0;
            self.staging = None;
        }
    }

    /// The transfer is accepted, and `bytes` of its `total` need not be sent. Its time begins here: a person may
    /// have thought it over before.
    pub(crate) fn accepted(&mut self, bytes: u64, total: Option<u64>) {
        let is_first = self.lacking_bytes.is_none();
        if is_first {
            self.begun = Instant::now();
        }
        let lacking = total.map_or(u64::MAX, |total| total.saturating_sub(bytes));
        self.lacking_bytes.get_or_insert(lacking);
        self.has_grown |= !is_first && bytes > self.present_bytes;
        self.present_bytes = bytes;
    }

    /// What arrives is kept in this folder until it is delivered.
    pub(crate) fn staged(&mut self, folder: &Path) {
        self.staging = Some(folder.to_owned());
    }

    /// Nothing arrived, and nothing is kept.
    pub(crate) fn unstaged(&mut self) {
        self.staging = None;
    }

    /// The folder that keeps what arrived.
    pub(crate) fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    /// Whether a transfer was offered and is not done.
    pub(crate) fn is_open(&self) -> bool {
        self.transfer.is_some()
    }

    /// Whether a connection found more at the receiver than the one before, since the last call: trying again
    /// brings the transfer on.
    pub(crate) fn take_growth(&mut self) -> bool {
        std::mem::take(&mut self.has_grown)
    }

    /// Delivered bytes that were already here before this run.
    pub(crate) fn resumed_bytes(&self, delivered: u64) -> u64 {
        delivered.saturating_sub(self.lacking_bytes.unwrap_or(u64::MAX))
    }

    /// Bytes on the wire of this transfer, out of the `wire_bytes` of the whole run.
    pub(crate) fn wire_bytes(&self, wire_bytes: u64) -> u64 {
        wire_bytes.saturating_sub(self.wire_before)
    }

    /// Completes the summary of what is done with what was counted here, and tells it.
    pub(crate) fn finish(&self, summary: Summary, operator: &dyn Operator) -> Summary {
        let summary = Summary {
            resumed_bytes: self.resumed_bytes(summary.bytes),
            elapsed: self.elapsed(),
            ..summary
        };
        operator.event(&Event::Finished(&summary));
        summary
    }

    /// How long it took since it was accepted first.
    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Tells the operator how far a transfer is; used by the threads of all its streams.
pub(crate) struct ProgressReporter<'a> {
    operator: &'a dyn Operator,
    traffic: Arc<Traffic>,
    wire_before: u64,
    bytes: AtomicU64,
}

impl<'a> ProgressReporter<'a> {
    /// Begins at `bytes` that are there already.
    pub(crate) fn new(
        operator: &'a dyn Operator,
        stats: &TransferStats,
        traffic: &Arc<Traffic>,
        bytes: u64,
    ) -> Self {
        ProgressReporter {
            operator,
            traffic: Arc::clone(traffic),
            wire_before: stats.wire_before,
            bytes: AtomicU64::new(bytes),
        }
    }

    /// `bytes` more are there, of `total`. Parts that had to be sent twice don't count twice.
    pub(crate) fn moved(&self, bytes: u64, total: Option<u64>) {
        let there = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.operator.event(&Event::Progress(Progress {
            bytes: total.map_or(there, |total| there.min(total)),
            total,
            wire_bytes: self.traffic.total().saturating_sub(self.wire_before),
        }));
    }
}

/// Names listed one by one.
const NAMES: usize = 8;

/// Sums up `manifest`. An archive has no peer.
pub(crate) fn offer_summary(
    manifest: &Manifest,
    peer: impl Into<Option<SocketAddr>>,
) -> OfferSummary {
    let mut summary = OfferSummary {
        peer: peer.into(),
        bytes: manifest.total(),
        ..OfferSummary::default()
    };
    for (_, entry) in manifest.entries() {
        match entry.kind {
            EntryKind::File(_) => summary.files += 1,
            EntryKind::Folder => summary.folders += 1,
            EntryKind::Link(_) => summary.links += 1,
        }
        if entry.path.depth() == 0 {
            summary.tops += 1;
            if summary.names.len() < NAMES {
                summary.names.push(entry.path.as_bytes().to_vec());
            }
        }
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TransferId = TransferId([1; 16]);
    const OTHER: TransferId = TransferId([2; 16]);

    #[test]
    fn only_the_first_acceptance_starts_the_clock() {
        let mut stats = TransferStats::begin(0);
        stats.offered(ONE);
        stats.begun -= Duration::from_secs(60);
        stats.accepted(0, Some(500));
        assert!(stats.elapsed() < Duration::from_secs(60));
        let accepted = stats.begun;
        stats.offered(ONE);
        stats.accepted(50, Some(500));
        assert_eq!(stats.begun, accepted);
    }

    #[test]
    fn what_an_earlier_connection_of_this_run_brought_is_not_resumed() {
        let mut stats = TransferStats::begin(10);
        stats.offered(ONE);
        stats.accepted(100, Some(500));
        assert!(!stats.take_growth());
        stats.offered(ONE);
        stats.accepted(300, Some(500));
        assert!(stats.take_growth());
        assert!(!stats.take_growth());
        assert_eq!(stats.resumed_bytes(500), 100);
        assert_eq!(stats.wire_bytes(25), 15);
    }

    #[test]
    fn files_that_were_whole_before_are_not_resumed() {
        let mut stats = TransferStats::begin(0);
        stats.offered(ONE);
        stats.accepted(400, Some(500));
        // Nothing was delivered, then one file of the 100 that were lacking, then one of 130.
        let resumed = [0, 100, 130].map(|delivered| stats.resumed_bytes(delivered));
        assert_eq!(resumed, [0, 0, 30]);
    }

    #[test]
    fn of_a_length_that_is_not_known_nothing_is_resumed() {
        let mut stats = TransferStats::begin(0);
        stats.offered(ONE);
        stats.accepted(0, None);
        assert_eq!(stats.resumed_bytes(500), 0);
    }

    #[test]
    fn something_else_begins_anew() {
        let mut stats = TransferStats::begin(0);
        assert!(!stats.is_open());
        stats.offered(ONE);
        stats.accepted(100, Some(500));
        stats.staged(Path::new("here"));
        stats.offered(OTHER);
        assert_eq!(stats.staging(), None);
        stats.accepted(300, Some(500));
        assert!(!stats.take_growth());
        assert_eq!(stats.resumed_bytes(500), 300);
    }
}
