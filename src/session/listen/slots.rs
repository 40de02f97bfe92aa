//! How many proven peers a listener serves at once, and in total.
//!
//! No holder has a fixed share: many peers of one name or network may come as long as there are free slots. When
//! all are taken and a peer comes whose holder has fewer, the holder with the most slots gives one up: that of the
//! session that has made no progress for the longest time.

use crate::session::connection::clock::Liveness;
use crate::session::listen::guest_book::Network;
use crate::session::sync::lock;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How long a session that must give its slot up may take to end. Meanwhile the peer that waits for the slot is
/// still in its handshake.
const ENDING: Duration = Duration::from_secs(4);

/// How long a peer waits for the only slot before it is told that the listener is busy. Often the slot is that of
/// its own previous session, which is just ending.
const JUST_ENDED: Duration = Duration::from_secs(1);

/// Slots for proven peers.
pub(crate) struct SessionSlots {
    at_once: usize,
    /// Whether a peer may wait for its turn if it is probably the peer of a lost session.
    has_queue: bool,
    state: Mutex<SlotState>,
    freed: Condvar,
}

/// The party that has a slot: a name if secrets have names, else a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    Name(String),
    Network(Network),
}

impl Holder {
    /// The holder for a peer that has proven the secret of `name`.
    pub(crate) fn of(name: Option<&str>, peer: SocketAddr) -> Self {
        match name {
            Some(name) => Holder::Name(name.to_owned()),
            None => Holder::Network(Network::of(peer.ip())),
        }
    }
}

struct SlotState {
    taken: BTreeMap<u64, TakenSlot>,
    next: u64,
    /// How many more slots may be used up; `None`: any number.
    left: Option<usize>,
}

struct TakenSlot {
    holder: Holder,
    /// Its session, once it has begun.
    session: Option<Weak<Liveness>>,
    /// Its session was told to end.
    is_ending: bool,
}

impl SessionSlots {
    /// At most `at_once` peers at the same time, and any number in total.
    pub(crate) fn at_once(at_once: usize) -> Arc<Self> {
        SessionSlots::new(at_once, None, false)
    }

    /// One peer at a time. A peer that returns to its session gets an extra slot in which it waits for its turn.
    /// So does a peer that comes while the session's peer may be gone.
    pub(crate) fn one_at_a_time() -> Arc<Self> {
        SessionSlots::new(1, None, true)
    }

    /// At most `at_once` peers at the same time, until `in_all` slots are used up.
    pub(crate) fn limited(at_once: usize, in_all: usize) -> Arc<Self> {
        SessionSlots::new(at_once, Some(in_all), false)
    }

    fn new(at_once: usize, left: Option<usize>, has_queue: bool) -> Arc<Self> {
        Arc::new(SessionSlots {
            at_once,
            has_queue,
            state: Mutex::new(SlotState {
                taken: BTreeMap::new(),
                next: 0,
                left,
            }),
            freed: Condvar::new(),
        })
    }

    /// A slot for that holder, if one is free or another holder must give one up. `returns`: the peer has proven
    /// the key of an earlier session.
    pub(crate) fn take(self: &Arc<Self>, holder: Holder, returns: bool) -> Option<Slot> {
        let mut state = lock(&self.state);
        let is_full = |state: &mut SlotState| {
            let may_wait = self.has_queue && (returns || state.are_maybe_gone());
            !self.has_room(state) && !may_wait
        };
        if is_full(&mut state) {
            let longest_wait = match state.make_room(&holder) {
                true => ENDING,
                false if self.has_queue => JUST_ENDED,
                false => return None,
            };
            let waited = self.freed.wait_timeout_while(state, longest_wait, is_full);
            let (freed, result) = waited.unwrap_or_else(PoisonError::into_inner);
            if result.timed_out() {
                return None;
            }
            state = freed;
        }
        let number = state.next;
        state.next += 1;
        let taken = TakenSlot {
            holder,
            session: None,
            is_ending: false,
        };
        state.taken.insert(number, taken);
        Some(Slot {
            slots: Arc::clone(self),
            number,
        })
    }

    /// How many slots are taken now.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.state).taken.len()
    }

    /// Whether all slots are used up and no peer is here.
    pub(crate) fn are_used_up(&self) -> bool {
        let state = lock(&self.state);
        state.taken.is_empty() && state.left == Some(0)
    }

    fn has_room(&self, state: &SlotState) -> bool {
        let most = state
            .left
            .map_or(self.at_once, |left| left.min(self.at_once));
        state.taken.len() < most
    }
}

impl SlotState {
    /// Whether every session has ended or may have lost its peer.
    fn are_maybe_gone(&self) -> bool {
        let mut sessions = self.taken.values().map(|slot| slot.session.as_ref());
        sessions.all(|session| {
            session.is_some_and(|session| {
                session
                    .upgrade()
                    .is_none_or(|liveness| liveness.may_be_gone())
            })
        })
    }

    /// Tells one session to end for a newcomer. False if that would not be fairer.
    fn make_room(&mut self, newcomer: &Holder) -> bool {
        let mut counts: BTreeMap<&Holder, usize> = BTreeMap::new();
        for slot in self.taken.values().filter(|slot| !slot.is_ending) {
            *counts.entry(&slot.holder).or_default() += 1;
        }
        let own = counts.get(newcomer).copied().unwrap_or(0);
        let most = counts.values().copied().max().unwrap_or(0);
        // The holder that gives a slot up keeps at least as many as the newcomer gets, so that two holders never
        // take turns in taking a slot from each other.
        if own + 1 >= most {
            return false;
        }
        let has_most = |slot: &TakenSlot| !slot.is_ending && counts[&slot.holder] == most;
        let candidates = self.taken.iter().filter(|(_, slot)| has_most(slot));
        let sessions = candidates
            .filter_map(|(number, slot)| Some((*number, slot.session.as_ref()?.upgrade()?)));
        let longest = sessions.max_by_key(|(_, session)| session.stall.stalled());
        let Some((number, session)) = longest else {
            return false;
        };
        session.make_way();
        if let Some(slot) = self.taken.get_mut(&number) {
            slot.is_ending = true;
        }
        true
    }
}

/// A proven peer's slot. It is free again when this is dropped.
pub(crate) struct Slot {
    slots: Arc<SessionSlots>,
    number: u64,
}

impl Slot {
    /// Sets the session that uses the slot, so that it can be told to end.
    pub(crate) fn begun(&self, session: &Arc<Liveness>) {
        if let Some(slot) = lock(&self.slots.state).taken.get_mut(&self.number) {
            slot.session = Some(Arc::downgrade(session));
        }
    }

    /// The peer is done, and this slot will not be used again.
    pub(crate) fn use_up(self) {
        let mut state = lock(&self.slots.state);
        state.left = state.left.map(|left| left.saturating_sub(1));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.slots.state).taken.remove(&self.number);
        self.slots.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str) -> Holder {
        Holder::Name(name.to_owned())
    }

    fn take(slots: &Arc<SessionSlots>) -> Option<Slot> {
        slots.take(holder("alice"), false)
    }

    fn begin(slots: &Arc<SessionSlots>, name: &str) -> (Slot, Arc<Liveness>) {
        let slot = slots.take(holder(name), false).unwrap();
        let session = Arc::new(Liveness::new(Duration::from_secs(60)));
        slot.begun(&session);
        (slot, session)
    }

    #[test]
    fn a_slot_that_is_given_up_is_free_again() {
        let slots = SessionSlots::at_once(2);
        let first = take(&slots).unwrap();
        let second = take(&slots).unwrap();
        assert!(take(&slots).is_none());
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(take(&slots).is_some());
        second.use_up();
        assert!(!slots.are_used_up());
    }

    #[test]
    fn slots_that_were_used_up_are_not_given_again() {
        let slots = SessionSlots::limited(16, 2);
        let (lost, served) = (take(&slots).unwrap(), take(&slots).unwrap());
        assert!(take(&slots).is_none(), "two in all");
        drop(lost);
        served.use_up();
        let last = take(&slots).unwrap();
        assert!(take(&slots).is_none());
        last.use_up();
        assert!(slots.are_used_up());
    }

    #[test]
    fn whoever_has_the_most_gives_up_the_session_that_stalls_the_longest() {
        let slots = SessionSlots::at_once(3);
        let mut taken: Vec<_> = (0..3).map(|_| begin(&slots, "mallory")).collect();
        let (longest, session) = taken.remove(1);
        // All three wait for their peer, this one for the longest time.
        let _waiting = session.stall.wait();
        std::thread::sleep(Duration::from_millis(5));
        std::thread::scope(|scope| {
            let alice = scope.spawn(|| take(&slots));
            while !session.is_making_way() {
                std::thread::yield_now();
            }
            drop(longest);
            assert!(alice.join().unwrap().is_some());
        });
        assert!(taken.iter().all(|(_, other)| !other.is_making_way()));
    }

    #[test]
    fn where_one_is_served_only_somebody_who_may_be_that_one_waits() {
        let slots = SessionSlots::one_at_a_time();
        let first = begin(&slots, "alice");
        assert!(take(&slots).is_none(), "alive");
        let back = slots.take(holder("alice"), true);
        assert!(back.is_some(), "it returns");
        drop(back);
        let (slot, session) = first;
        drop(session);
        assert!(take(&slots).is_some(), "its session has ended");
        drop(slot);
        assert!(take(&slots).is_some());
    }

    #[test]
    fn nobody_gives_up_a_slot_to_somebody_who_would_have_more() {
        let slots = SessionSlots::at_once(2);
        let taken = [begin(&slots, "mallory"), begin(&slots, "bob")];
        assert!(take(&slots).is_none());
        assert!(slots.take(holder("bob"), false).is_none());
        assert!(taken.iter().all(|(_, session)| !session.is_making_way()));
    }
}
