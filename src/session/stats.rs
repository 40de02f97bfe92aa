//! The figures of one transfer over all its connections, and the summary of them.

use crate::model::{EntryKind, Manifest, PartIndex, PartLayout, TransferId};
use crate::session::events::{Event, OfferSummary, Operator, Progress, Summary};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Bytes that went over the network in a session, both directions, all streams.
#[derive(Debug, Default)]
pub(crate) struct Traffic(AtomicU64);

impl Traffic {
    /// Counts `bytes` more.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Adds the bytes of an earlier session.
    pub(crate) fn carry_on(&self, earlier: &Traffic) {
        self.0.fetch_add(earlier.total(), Ordering::Relaxed);
    }

    /// All bytes so far.
    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one transfer, from its start to its end, over all connections that are lost on the way.
pub(crate) struct TransferStats {
    begun: Instant,
    wire_before: u64,
    transfer: Option<TransferId>,
    /// Whether it was accepted before.
    is_accepted: bool,
    /// Bytes that the receiver had or claimed when it last accepted.
    present_bytes: u64,
    /// Bytes that the receiver had and that were proved, over all connections.
    held_bytes: u64,
    has_grown: bool,
    staging: Option<PathBuf>,
}

impl TransferStats {
    /// Starts to count. `wire_bytes` have gone over the network before in this run.
    pub(crate) fn begin(wire_bytes: u64) -> Self {
        TransferStats {
            begun: Instant::now(),
            wire_before: wire_bytes,
            transfer: None,
            is_accepted: false,
            present_bytes: 0,
            held_bytes: 0,
            has_grown: false,
            staging: None,
        }
    }

    /// The receiver has read an offer. If it is not the interrupted transfer, the figures start again.
    pub(crate) fn offered(&mut self, transfer: TransferId) {
        if self.transfer.replace(transfer) != Some(transfer) {
            self.is_accepted = false;
            self.present_bytes = 0;
            self.held_bytes = 0;
            self.staging = None;
        }
    }

    /// The transfer is accepted, and the receiver has or claims `bytes` of it. The time starts here, so the time
    /// that a person took to decide does not count.
    pub(crate) fn accepted(&mut self, bytes: u64) {
        let is_first = !std::mem::replace(&mut self.is_accepted, true);
        if is_first {
            self.begun = Instant::now();
        }
        self.has_grown |= !is_first && bytes > self.present_bytes;
        self.present_bytes = bytes;
    }

    /// Received data is kept in this folder until it is delivered; `None`: nothing is kept.
    pub(crate) fn staged(&mut self, folder: Option<&Path>) {
        self.staging = folder.map(Path::to_owned);
    }

    /// The folder that keeps the received data.
    pub(crate) fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    /// Whether a transfer was offered and is not done.
    pub(crate) fn is_open(&self) -> bool {
        self.transfer.is_some()
    }

    /// Whether the receiver had more on the latest connection than on the one before, since the last call. If so,
    /// trying again makes progress.
    pub(crate) fn take_growth(&mut self) -> bool {
        std::mem::take(&mut self.has_grown)
    }

    /// Over one more connection, `bytes` at the receiver were proved.
    pub(crate) fn held(&mut self, bytes: u64) {
        self.held_bytes += bytes;
    }

    /// Bytes that did not have to be sent in this run, because the receiver had them and they were proved. At most
    /// what it had or claimed on the last connection.
    pub(crate) fn resumed_bytes(&self) -> u64 {
        self.held_bytes.min(self.present_bytes)
    }

    /// The bytes on the wire of this transfer, from the `wire_bytes` of the whole run.
    pub(crate) fn wire_bytes(&self, wire_bytes: u64) -> u64 {
        wire_bytes.saturating_sub(self.wire_before)
    }

    /// Completes a summary with these figures, and reports it.
    pub(crate) fn finish(&self, summary: Summary, operator: &dyn Operator) -> Summary {
        let summary = Summary {
            elapsed: self.begun.elapsed(),
            ..summary
        };
        operator.event(&Event::Finished(&summary));
        summary
    }
}

/// Reports the progress of a transfer to the operator. Used by the threads of all its streams.
pub(crate) struct ProgressReporter<'a> {
    operator: &'a dyn Operator,
    traffic: Arc<Traffic>,
    wire_before: u64,
    bytes: AtomicU64,
}

impl<'a> ProgressReporter<'a> {
    /// Starts at `bytes`, which the receiver has already.
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

    /// Reports which file a part belongs to, the first if there are several.
    pub(crate) fn at(&self, manifest: &Manifest, layout: &PartLayout, part: PartIndex) {
        if let Some(segment) = layout.segments(manifest, part).next() {
            let path = manifest.entry(segment.entry).path.as_bytes();
            self.operator.event(&Event::Moving { path });
        }
    }

    /// Reports that `bytes` more of `total` are done. Parts that had to be sent twice don't count twice.
    pub(crate) fn moved(&self, bytes: u64, total: Option<u64>) {
        let there = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.operator.event(&Event::Progress(Progress {
            bytes: total.map_or(there, |total| there.min(total)),
            total,
            wire_bytes: self.traffic.total().saturating_sub(self.wire_before),
        }));
    }
}

/// The most names to list.
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
    use std::time::Duration;

    const ONE: TransferId = TransferId([1; 16]);
    const OTHER: TransferId = TransferId([2; 16]);

    #[test]
    fn only_the_first_acceptance_starts_the_clock() {
        let mut tally = TransferStats::begin(0);
        tally.offered(ONE);
        tally.begun -= Duration::from_secs(60);
        tally.accepted(0);
        assert!(tally.begun.elapsed() < Duration::from_secs(60));
        let accepted = tally.begun;
        tally.offered(ONE);
        tally.accepted(50);
        assert_eq!(tally.begun, accepted);
    }

    #[test]
    fn what_an_earlier_connection_of_this_run_brought_is_not_resumed() {
        let mut tally = TransferStats::begin(10);
        tally.offered(ONE);
        tally.accepted(100);
        assert!(!tally.take_growth());
        tally.offered(ONE);
        tally.accepted(300);
        assert!(tally.take_growth());
        assert!(!tally.take_growth());
        assert_eq!(tally.resumed_bytes(), 0);
        assert_eq!(tally.wire_bytes(25), 15);
    }

    #[test]
    fn what_held_over_all_connections_is_resumed_but_no_more_than_is_there() {
        let mut tally = TransferStats::begin(0);
        tally.offered(ONE);
        tally.accepted(400);
        tally.held(100);
        tally.offered(ONE);
        tally.accepted(400);
        tally.held(150);
        assert_eq!(tally.resumed_bytes(), 250);
        tally.accepted(200);
        assert_eq!(tally.resumed_bytes(), 200);
    }

    #[test]
    fn something_else_begins_anew() {
        let mut tally = TransferStats::begin(0);
        assert!(!tally.is_open());
        tally.offered(ONE);
        tally.accepted(100);
        tally.held(50);
        tally.staged(Some(Path::new("here")));
        tally.offered(OTHER);
        assert_eq!(tally.staging(), None);
        tally.accepted(300);
        assert!(!tally.take_growth());
        assert_eq!(tally.resumed_bytes(), 0);
    }
}
