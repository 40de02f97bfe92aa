//! Brings the workers' pieces to the writing thread in order, a bounded number at a time.

use crate::disk::{Piece, PieceIndex, Source};
use crate::session::sync::lock;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pieces that may be ready and unwritten, beside those that workers have: this bounds the memory.
const AHEAD: u64 = 8;

/// Hands pieces out and takes them back; holds a bounded number.
pub(super) struct ReorderBuffer<'a> {
    source: &'a Source,
    limit: u64,
    state: Mutex<ReorderState>,
    changed: Condvar,
}

struct ReorderState {
    /// The next piece to be worked on.
    next: Option<PieceIndex>,
    /// How many were handed out.
    taken: u64,
    /// How many were written.
    written: u64,
    /// What is ready, by number.
    ready: BTreeMap<u64, (PieceIndex, io::Result<Piece>)>,
    is_stopped: bool,
}

impl<'a> ReorderBuffer<'a> {
    /// A buffer for this many workers.
    pub(super) fn new(source: &'a Source, workers: usize) -> Self {
        ReorderBuffer {
            source,
            limit: workers as u64 + AHEAD,
            state: Mutex::new(ReorderState {
                next: source.manifest().index(0).map(PieceIndex::first),
                taken: 0,
                written: 0,
                ready: BTreeMap::new(),
                is_stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Packs piece after piece until there is none left.
    pub(super) fn work(&self, mut pack: impl FnMut(PieceIndex) -> io::Result<Piece>) {
        // A worker that panics must not leave the others waiting for its piece.
        let stop = self.stop_when_dropped();
        while let Some((number, piece)) = self.take() {
            let packed = pack(piece);
            let mut state = lock(&self.state);
            state.ready.insert(number, (piece, packed));
            self.changed.notify_all();
        }
        std::mem::forget(stop);
    }

    /// The next piece to be written, in order; `None` when there is none left, or it was stopped.
    pub(super) fn next(&self) -> Option<(PieceIndex, io::Result<Piece>)> {
        let mut state = lock(&self.state);
        loop {
            let number = state.written;
            if let Some(ready) = state.ready.remove(&number) {
                state.written += 1;
                self.changed.notify_all();
                return Some(ready);
            }
            if state.is_stopped || (state.next.is_none() && state.written == state.taken) {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Whether everything was written.
    pub(super) fn is_finished(&self) -> bool {
        let state = lock(&self.state);
        state.next.is_none() && state.written == state.taken
    }

    /// Ends all waiting, once what is returned is dropped.
    pub(super) fn stop_when_dropped(&self) -> StopGuard<'_, 'a> {
        StopGuard(self)
    }

    fn take(&self) -> Option<(u64, PieceIndex)> {
        let mut state = lock(&self.state);
        while !state.is_stopped && state.next.is_some() && self.is_full(&state) {
            state = self.wait(state);
        }
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

    fn is_full(&self, state: &ReorderState) -> bool {
        state.taken - state.written >= self.limit
    }

    fn wait<'g>(&self, guard: MutexGuard<'g, ReorderState>) -> MutexGuard<'g, ReorderState> {
        let guard = self.changed.wait(guard);
        guard.unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`ReorderBuffer::stop_when_dropped`].
pub(super) struct StopGuard<'b, 'a>(&'b ReorderBuffer<'a>);

impl Drop for StopGuard<'_, '_> {
    fn drop(&mut self) {
        lock(&self.0.state).is_stopped = true;
        self.0.changed.notify_all();
    }
}
