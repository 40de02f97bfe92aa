//! The parts that are still to be sent, shared by the threads of all streams.
//!
//! A transfer has rounds. In a round, every stream takes parts until none is left and then says so. Once all
//! streams have, the first stream ends the round. A stream that dies hands its part back. Parts that were lost on
//! the way are named by the receiver, which opens the next round with them.
//!
//! Parts that the receiver claims to have are not handed out. Round 0 stays open until the receiver has compared
//! them with their digests, and those that differ join it.

use crate::model::{PartIndex, PartLayout, PartRange, PartSet, limits};
use crate::protocol::StreamNumber;
use crate::session::sync::Monitor;
use std::collections::VecDeque;
use std::sync::MutexGuard;

/// The parts of a transfer that are still to be sent.
pub(crate) struct PartQueue {
    layout: PartLayout,
    state: Monitor<PartQueueState>,
}

struct PartQueueState {
    /// The parts to hand out next.
    runs: VecDeque<PartRange>,
    /// Parts that differ at the receiver, which follow when no run is left. A receiver may name millions of runs, and
    /// a set has one bit for each part.
    differing: PartSet,
    /// Parts that the receiver claims to have and has not named as different.
    claimed: PartSet,
    /// Whether digests of claimed parts are still to be sent.
    is_digesting: bool,
    /// Whether the receiver is still comparing claimed parts.
    is_comparing: bool,
    round: u32,
    phase: RoundPhase,
    /// Joined streams that take parts now.
    active: usize,
    /// Joined streams that have ended this round.
    ended: Vec<StreamNumber>,
    /// How many streams joined, how many of these died, and how many streams may take parts.
    joined: usize,
    dead: usize,
    working: usize,
}

/// A joined stream's place in the order in which they came, from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JoinOrder(usize);

#[derive(Clone, Copy, PartialEq, Eq)]
enum RoundPhase {
    /// Parts are handed out.
    Open,
    /// Everything was handed out and the receiver decides.
    Closed,
    /// Nothing will be handed out any more.
    Finished,
}

impl PartQueue {
    /// Opens round 0 with all parts of `layout` that the receiver neither has nor claims.
    pub(crate) fn new(layout: PartLayout, have: &PartSet, claims: &PartSet) -> Self {
        PartQueue {
            layout,
            state: Monitor::new(PartQueueState {
                runs: have.union(claims).gaps(layout.count()).collect(),
                differing: PartSet::new(),
                claimed: claims.clone(),
                is_digesting: claims.len() > 0,
                is_comparing: claims.len() > 0,
                round: 0,
                phase: RoundPhase::Open,
                active: 0,
                ended: Vec::new(),
                joined: 0,
                dead: 0,
                working: usize::MAX,
            }),
        }
    }

    /// The next part; `None` when none is left in this round. While claimed parts may still turn out to differ, it
    /// waits.
    pub(crate) fn take(&self) -> Option<PartIndex> {
        self.take_from(self.state.wait_while(PartQueueState::may_get_more))
    }

    /// The next part for the joined stream of this `order`. A stream beyond the current number of streams rests
    /// until it is needed; `resting` is called before it does.
    pub(crate) fn take_at(&self, order: JoinOrder, resting: impl FnOnce()) -> Option<PartIndex> {
        let is_resting = |state: &PartQueueState| {
            let working = state.working.saturating_add(state.dead);
            order.0 >= working && state.phase == RoundPhase::Open && !state.runs.is_empty()
        };
        let state = self.state.lock();
        if is_resting(&state) {
            drop(state);
            resting();
        } else {
            drop(state);
        }
        let waits = |state: &PartQueueState| is_resting(state) || state.may_get_more();
        self.take_from(self.state.wait_while(waits))
    }

    fn take_from(&self, mut state: MutexGuard<'_, PartQueueState>) -> Option<PartIndex> {
        if state.phase != RoundPhase::Open {
            return None;
        }
        let run = state.runs.front_mut()?;
        let index = run.start;
        run.start += 1;
        run.length -= 1;
        if run.length == 0 {
            state.runs.pop_front();
            state.refill(self.layout);
            // Wakes resting streams, which now end their round.
            self.state.notify();
        }
        // Always there: runs were cut to the layout when they were added.
        self.layout.part(index).ok()
    }

    /// All digests were sent.
    pub(crate) fn end_digesting(&self) {
        self.state.change(|state| state.is_digesting = false);
    }

    /// The receiver has compared all its claims. False if it had nothing to compare, or has said so before.
    pub(crate) fn end_comparing(&self) -> bool {
        self.state
            .change(|state| std::mem::take(&mut state.is_comparing))
    }

    /// These claimed parts differ at the receiver, so they are sent in round 0. False if it is not comparing, or
    /// if one of them was not claimed or was named before.
    pub(crate) fn add_differing(&self, ranges: &[PartRange]) -> bool {
        self.state.change(|state| {
            for range in ranges {
                for number in range.start..range.start.saturating_add(range.length) {
                    let part = self.layout.part(number).ok();
                    if !part.is_some_and(|part| state.claimed.remove(part)) {
                        return false;
                    }
                }
                if let Ok(parts) = self.layout.run(*range) {
                    state.differing.insert_run(parts);
                }
            }
            state.refill(self.layout);
            state.is_comparing
        })
    }

    /// The contents have ended: no part is left in this round.
    pub(crate) fn exhaust(&self) {
        self.state.change(|state| state.runs.clear());
    }

    /// How many streams take parts now, including the first.
    pub(crate) fn streams(&self) -> usize {
        let state = self.state.lock();
        state.active.min(state.working) + 1
    }

    /// This many streams take parts from now on, including the first.
    pub(crate) fn set_streams(&self, streams: usize) {
        self.state
            .change(|state| state.working = streams.saturating_sub(1));
    }

    /// The round that is open or was closed last. It stays while any stream sends parts of it.
    pub(crate) fn round(&self) -> u32 {
        self.state.lock().round
    }

    /// How many parts are still to be handed out in this round.
    pub(crate) fn left(&self) -> u64 {
        let state = self.state.lock();
        let soon: u64 = state.runs.iter().map(|run| run.length).sum();
        soon + state.differing.len()
    }

    /// Registers a new joined stream.
    pub(crate) fn join(&self) -> JoinOrder {
        let mut state = self.state.lock();
        state.joined += 1;
        JoinOrder(state.joined - 1)
    }

    /// A joined stream begins: waits for an open round and takes part in it. `None` when the transfer
    /// is finished.
    pub(crate) fn enter(&self) -> Option<u32> {
        let mut state = self
            .state
            .wait_while(|state| state.phase == RoundPhase::Closed);
        if state.phase == RoundPhase::Finished {
            return None;
        }
        state.active += 1;
        Some(state.round)
    }

    /// A joined stream has said that it has no more in this round.
    pub(crate) fn end(&self, stream: StreamNumber) {
        self.state.change(|state| {
            state.active -= 1;
            state.ended.push(stream);
        });
    }

    /// A joined stream died. What it was about to send is handed out again.
    pub(crate) fn died(&self, unsent: Option<PartIndex>) {
        self.state.change(|state| {
            state.active -= 1;
            state.dead += 1;
            if let Some(part) = unsent {
                state.runs.push_front(PartRange {
                    start: part.get(),
                    length: 1,
                });
            }
        });
    }

    /// Waits for the round after `round`; false when the transfer is finished.
    pub(crate) fn wait_after(&self, round: u32) -> bool {
        let state = self.state.wait_while(|state| {
            state.phase != RoundPhase::Finished
                && (state.round == round || state.phase == RoundPhase::Closed)
        });
        state.phase != RoundPhase::Finished
    }

    /// Called by the first stream when no part is left: waits until the other streams have ended the round, and
    /// closes it. `None` if there are parts again, or the transfer is finished.
    pub(crate) fn close_round(&self) -> Option<ClosedRound> {
        let mut state = self.state.wait_while(|state| {
            let is_busy = state.active > 0 || state.is_checking();
            state.phase == RoundPhase::Open && is_busy && state.runs.is_empty()
        });
        if state.phase != RoundPhase::Open || !state.runs.is_empty() {
            return None;
        }
        state.phase = RoundPhase::Closed;
        let mut streams = std::mem::take(&mut state.ended);
        streams.sort_unstable();
        Some(ClosedRound {
            round: state.round,
            streams,
        })
    }

    /// Opens `round` with the parts that the receiver still lacks. False if that is not the next round, the
    /// current one is not closed, or a range has parts that don't exist.
    pub(crate) fn open_round(&self, round: u32, ranges: &[PartRange]) -> bool {
        let mut state = self.state.lock();
        let exists = |range: &PartRange| {
            let end = range.start.checked_add(range.length);
            range.length > 0 && end.is_some_and(|end| end <= self.layout.count())
        };
        if state.phase != RoundPhase::Closed
            || round != state.round + 1
            || !ranges.iter().all(exists)
        {
            return false;
        }
        state.runs = ranges.iter().copied().collect();
        state.round = round;
        state.phase = RoundPhase::Open;
        self.state.notify();
        true
    }

    /// Nothing more will be sent. Wakes all threads, which then return.
    pub(crate) fn finish(&self) {
        self.state
            .change(|state| state.phase = RoundPhase::Finished);
    }

    /// Whether the transfer is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.state.lock().phase == RoundPhase::Finished
    }

    /// Whether everything was handed out and the receiver decides.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().phase == RoundPhase::Closed
    }
}

impl PartQueueState {
    /// Takes runs from the parts that differ, if no other is left.
    fn refill(&mut self, layout: PartLayout) {
        if !self.runs.is_empty() || self.differing.len() == 0 {
            return;
        }
        self.runs = self.differing.ranges().take(limits::RANGES).collect();
        let runs = self.runs.iter().flat_map(|&run| layout.run(run));
        for part in runs.flat_map(PartLayout::each) {
            self.differing.remove(part);
        }
    }

    /// Whether there is nothing to send now, but claimed parts may still turn out to differ.
    fn may_get_more(&self) -> bool {
        self.phase == RoundPhase::Open && self.runs.is_empty() && self.is_checking()
    }

    fn is_checking(&self) -> bool {
        self.is_digesting || self.is_comparing
    }
}

/// A round in which nothing is left to send.
pub(crate) struct ClosedRound {
    /// Its number.
    pub(crate) round: u32,
    /// The joined streams that ended it properly.
    pub(crate) streams: Vec<StreamNumber>,
}

#[cfg(test)]
mod tests;
