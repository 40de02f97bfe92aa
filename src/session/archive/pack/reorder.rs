//! Brings the workers' pieces to the writing thread in order, a bounded number at a time.

use crate::disk::{Piece, PieceIndex, Source};
use crate::session::sync::Monitor;
use std::collections::BTreeMap;
use std::io;

/// The most pieces that are ready and not written, in addition to those that workers have. This bounds the memory.
const AHEAD: u64 = 8;

/// Hands pieces out and takes them back. Holds a bounded number.
pub(super) struct ReorderBuffer<'a> {
    source: &'a Source,
    limit: u64,
    state: Monitor<ReorderState>,
}

struct ReorderState {
    /// The next piece to be worked on.
    next: Option<PieceIndex>,
    /// How many were handed out.
    taken: u64,
    /// How many were written.
    written: u64,
    /// Pieces that are ready, by number.
    ready: BTreeMap<u64, (PieceIndex, io::Result<Piece>)>,
    is_stopped: bool,
}

impl<'a> ReorderBuffer<'a> {
    /// A buffer for this many workers.
    pub(super) fn new(source: &'a Source, workers: usize) -> Self {
        ReorderBuffer {
            source,
            limit: workers as u64 + AHEAD,
            state: Monitor::new(ReorderState {
                next: source.manifest().index(0).map(PieceIndex::first),
                taken: 0,
                written: 0,
                ready: BTreeMap::new(),
                is_stopped: false,
            }),
        }
    }

    /// Packs pieces until none is left.
    pub(super) fn work(&self, mut pack: impl FnMut(PieceIndex) -> io::Result<Piece>) {
        // A worker that panics must not leave the others waiting for its piece.
        let stop = self.stop_when_dropped();
        while let Some((number, piece)) = self.take() {
            let packed = pack(piece);
            self.state
                .change(|state| state.ready.insert(number, (piece, packed)));
        }
        std::mem::forget(stop);
    }

    /// The next piece to write, in order. `None` if none is left, or it was stopped.
    pub(super) fn next(&self) -> Option<(PieceIndex, io::Result<Piece>)> {
        let mut state = self.state.wait_while(|state| {
            let is_ready = state.ready.contains_key(&state.written);
            !is_ready && !state.is_stopped && !state.is_finished()
        });
        let number = state.written;
        let ready = state.ready.remove(&number)?;
        state.written += 1;
        self.state.notify();
        Some(ready)
    }

    /// Whether everything was written.
    pub(super) fn is_finished(&self) -> bool {
        self.state.lock().is_finished()
    }

    /// Returns a guard that wakes and stops all waiting threads when it is dropped.
    pub(super) fn stop_when_dropped(&self) -> StopGuard<'_, 'a> {
        StopGuard(self)
    }

    fn take(&self) -> Option<(u64, PieceIndex)> {
        let mut state = self.state.wait_while(|state| {
            let is_full = state.taken - state.written >= self.limit;
            !state.is_stopped && state.next.is_some() && is_full
        });
        if state.is_stopped {
            return None;
        }
        let piece = state.next?;
        state.next = piece.next(self.source).or_else(|| {
            let following = self.source.manifest().index(piece.entry().get() + 1);
            following.map(PieceIndex::first)
        });
        let number = state.taken;
        state.taken += 1;
        Some((number, piece))
    }
}

impl ReorderState {
    fn is_finished(&self) -> bool {
        self.next.is_none() && self.written == self.taken
    }
}

/// See [`ReorderBuffer::stop_when_dropped`].
pub(super) struct StopGuard<'b, 'a>(&'b ReorderBuffer<'a>);

impl Drop for StopGuard<'_, '_> {
    fn drop(&mut self) {
        self.0.state.change(|state| state.is_stopped = true);
    }
}
