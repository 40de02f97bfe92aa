//! How many proven peers a listener has at once, and in all.

use crate::session::sync::lock;
use std::sync::{Arc, Mutex};

/// Places for proven peers.
pub(crate) struct SessionSlots {
    at_once: usize,
    state: Mutex<SlotCounts>,
}

struct SlotCounts {
    taken: usize,
    /// How many more may be used up; `None`: any number.
    left: Option<usize>,
}

impl SessionSlots {
    /// So many at once, and any number one after the other.
    pub(crate) fn at_once(at_once: usize) -> Arc<Self> {
        SessionSlots::new(at_once, None)
    }

    /// So many at once, until `in_all` were used up.
    pub(crate) fn limited(at_once: usize, in_all: usize) -> Arc<Self> {
        SessionSlots::new(at_once, Some(in_all))
    }

    fn new(at_once: usize, left: Option<usize>) -> Arc<Self> {
        Arc::new(SessionSlots {
            at_once,
            state: Mutex::new(SlotCounts { taken: 0, left }),
        })
    }

    /// A seat, where one is free.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut state = lock(&self.state);
        let most = state
            .left
            .map_or(self.at_once, |left| left.min(self.at_once));
        if state.taken >= most {
            return None;
        }
        state.taken += 1;
        Some(Slot(Arc::clone(self)))
    }

    /// How many are taken now.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.state).taken
    }

    /// Whether no peer will ever be taken again, and none is there.
    pub(crate) fn are_used_up(&self) -> bool {
        let state = lock(&self.state);
        state.taken == 0 && state.left == Some(0)
    }
}

/// A proven peer's seat; free again when dropped.
pub(crate) struct Slot(Arc<SessionSlots>);

impl Slot {
    /// Its peer has got what it came for: nobody else will have this seat.
    pub(crate) fn use_up(self) {
        let mut state = lock(&self.0.state);
        state.left = state.left.map(|left| left.saturating_sub(1));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.0.state).taken -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_that_is_given_up_is_free_again() {
        let seats = SessionSlots::at_once(2);
        let first = seats.take().unwrap();
        let second = seats.take().unwrap();
        assert!(seats.take().is_none());
        drop(first);
        assert_eq!(seats.taken(), 1);
        assert!(seats.take().is_some());
        second.use_up();
        assert!(!seats.are_used_up());
    }

    #[test]
    fn seats_that_were_used_up_are_not_given_again() {
        let seats = SessionSlots::limited(16, 2);
        let (lost, served) = (seats.take().unwrap(), seats.take().unwrap());
        assert!(seats.take().is_none(), "two in all");
        drop(lost);
        served.use_up();
        let last = seats.take().unwrap();
        assert!(seats.take().is_none());
        last.use_up();
        assert!(seats.are_used_up());
    }
}
