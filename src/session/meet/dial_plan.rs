//! Decides which of the peers that were found is dialled when. Uses no sockets, and the caller gives the time.
//!
//! The sender dials at once, and the receiver a little later, in case it is not dialled. An instance is one run of
//! one peer, with all its addresses. These are dialled one after the other, and the first that connects gets the
//! Hello. Instances take turns, and a silent one delays the next by at most a second. An address whose listener
//! has a wrong secret is never dialled again.

use crate::model::limits;
use crate::protocol::{Instance, Role};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long the receiver waits to be dialled.
const RECEIVER_DELAY: Duration = Duration::from_millis(700);

/// Pause between two addresses of one instance.
const ADDRESS_PAUSE: Duration = Duration::from_millis(250);

/// How long an instance can delay the others.
const TURN: Duration = Duration::from_secs(1);

/// Pause before an address that could not be reached is dialled again.
const REST: Duration = Duration::from_secs(2);

/// The instances that were found, in the order of their turns.
#[derive(Debug)]
pub(super) struct DialPlan {
    delay: Duration,
    tries: VecDeque<Try>,
    /// Addresses that are never dialled again. At most as many as there can be finds.
    out: VecDeque<SocketAddr>,
    /// Hosts that are not dialled because they dial. Also bounded.
    diallers: VecDeque<IpAddr>,
    turn: Option<Turn>,
}

#[derive(Debug)]
struct Try {
    instance: Instance,
    /// When it may be dialled.
    from: Instant,
    addresses: Vec<(SocketAddr, AddressState)>,
    has_hello: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressState {
    /// To be dialled at this time or later.
    DialFrom(Instant),
    Dialling,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    instance: Instance,
    until: Instant,
}

/// How a dial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialEnd {
    /// No answer, or the answer that the peer is busy.
    Unreachable,
    /// The listener there does not know the secret, or is not peerbridge.
    Out,
}

impl DialPlan {
    pub(super) fn new(role: Role) -> Self {
        DialPlan {
            delay: match role {
                Role::Send => Duration::ZERO,
                Role::Receive => RECEIVER_DELAY,
            },
            tries: VecDeque::new(),
            out: VecDeque::new(),
            diallers: VecDeque::new(),
            turn: None,
        }
    }

    /// `instance` listens at `address`.
    pub(super) fn found(&mut self, instance: Instance, address: SocketAddr, now: Instant) {
        let is_dialler = self.diallers.contains(&address.ip().to_canonical());
        if is_dialler || self.out.contains(&address) {
            return;
        }
        let from = now + self.delay;
        let Some(known) = self.known(instance) else {
            let known = Try {
                instance,
                from,
                addresses: vec![(address, AddressState::DialFrom(from))],
                has_hello: false,
            };
            return push(&mut self.tries, known);
        };
        let is_new = known.addresses.iter().all(|(old, _)| *old != address);
        if is_new && known.addresses.len() < limits::FIND_ADDRESSES {
            let state = AddressState::DialFrom(known.from);
            known.addresses.push((address, state));
            // IPv4 first: a link-local address works for as long as its interface keeps its number.
            known
                .addresses
                .sort_by_key(|(address, _)| address.is_ipv6());
        }
    }

    /// This host has dialled this side, so the receiver need not dial it: with a wrong secret, that would cost
    /// both sides a second guess.
    pub(super) fn was_dialled_from(&mut self, host: IpAddr) {
        let host = host.to_canonical();
        push(&mut self.diallers, host);
        for known in &mut self.tries {
            known.addresses.retain(|(address, state)| {
                address.ip().to_canonical() != host || *state == AddressState::Dialling
            });
        }
        self.tries.retain(|known| !known.addresses.is_empty());
    }

    /// The address to dial now, if there is one. It counts as being dialled from now on.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Instance, SocketAddr)> {
        if self.turn.is_some_and(|turn| turn.until <= now) {
            self.turn = None;
        }
        let holder = self.turn.map(|turn| turn.instance);
        let may_dial = |known: &Try| holder.is_none_or(|holder| holder == known.instance);
        let mut tries = self.tries.iter_mut();
        let (known, position) = tries.find_map(|known| {
            let position = known.next_address(now).filter(|_| may_dial(known))?;
            Some((known, position))
        })?;
        let (address, state) = &mut known.addresses[position];
        *state = AddressState::Dialling;
        let due = (known.instance, *address);
        known.from = now + ADDRESS_PAUSE;
        self.turn.get_or_insert(Turn {
            instance: known.instance,
            until: now + TURN,
        });
        Some(due)
    }

    /// When the next address may be due.
    pub(super) fn next(&self) -> Option<Instant> {
        let times = self.tries.iter().filter_map(|known| {
            let own = known.earliest()?;
            let others = self.turn.filter(|turn| turn.instance != known.instance);
            Some(others.map_or(own, |turn| own.max(turn.until)))
        });
        times.min()
    }

    /// A connection to the instance was made, and the Hello was sent.
    pub(super) fn has_hello(&mut self, instance: Instance) {
        if let Some(known) = self.known(instance) {
            known.has_hello = true;
        }
    }

    fn known(&mut self, instance: Instance) -> Option<&mut Try> {
        let mut tries = self.tries.iter_mut();
        tries.find(|known| known.instance == instance)
    }

    /// The dial of `address` has ended. `with_hello`: a Hello was sent.
    pub(super) fn ended(
        &mut self,
        instance: Instance,
        address: SocketAddr,
        with_hello: bool,
        end: DialEnd,
        now: Instant,
    ) {
        if end == DialEnd::Out {
            push(&mut self.out, address);
        }
        let position = self
            .tries
            .iter()
            .position(|known| known.instance == instance);
        let Some(mut known) = position.and_then(|position| self.tries.remove(position)) else {
            return;
        };
        known.has_hello &= !with_hello;
        known
            .addresses
            .retain(|(other, _)| *other != address || end != DialEnd::Out);
        for (other, state) in &mut known.addresses {
            if *other == address {
                *state = AddressState::DialFrom(now + REST);
            }
        }
        let is_idle = known
            .addresses
            .iter()
            .all(|(_, state)| *state != AddressState::Dialling);
        if end == DialEnd::Out || is_idle {
            self.turn = self.turn.filter(|turn| turn.instance != instance);
        }
        // Its other addresses are dialled after the other instances had their turns.
        if !known.addresses.is_empty() {
            self.tries.push_back(known);
        }
    }
}

/// Adds to a queue of at most [`limits::FINDS`], in place of the oldest.
fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= limits::FINDS {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Try {
    /// The first address that may be dialled.
    fn next_address(&self, now: Instant) -> Option<usize> {
        if self.has_hello || now < self.from {
            return None;
        }
        let is_due = |state: AddressState| matches!(state, AddressState::DialFrom(at) if at <= now);
        self.addresses.iter().position(|(_, state)| is_due(*state))
    }

    /// When the next address of this instance may be dialled.
    fn earliest(&self) -> Option<Instant> {
        let times = self.addresses.iter().filter_map(|(_, state)| match state {
            AddressState::DialFrom(at) => Some((*at).max(self.from)),
            AddressState::Dialling => None,
        });
        times.min().filter(|_| !self.has_hello)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Instance = Instance([1; 8]);
    const OTHER: Instance = Instance([2; 8]);

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// The addresses dialled until `end`, each with its time in milliseconds.
    fn run(plan: &mut DialPlan, start: Instant, end: u64) -> Vec<(u64, String)> {
        let mut dialled = Vec::new();
        for time in 0..end {
            while let Some((_, address)) = plan.due(start + millis(time)) {
                dialled.push((time, address.to_string()));
            }
        }
        dialled
    }

    fn dials(list: &[(u64, &str)]) -> Vec<(u64, String)> {
        let owned = |(time, address): &(u64, &str)| (*time, (*address).to_owned());
        list.iter().map(owned).collect()
    }

    #[test]
    fn the_sender_dials_at_once_and_the_receiver_later() {
        let now = Instant::now();
        for (role, first) in [(Role::Send, 0), (Role::Receive, 700)] {
            let mut plan = DialPlan::new(role);
            plan.found(ONE, at("10.0.0.1:1"), now);
            assert_eq!(plan.next(), Some(now + millis(first)));
            assert_eq!(run(&mut plan, now, 5000), dials(&[(first, "10.0.0.1:1")]));
            assert_eq!(plan.next(), None);
        }
    }

    #[test]
    fn addresses_of_one_instance_are_dialled_one_after_the_other_ipv4_first() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        for address in ["[fd00::1]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:1"] {
            plan.found(ONE, at(address), now);
        }
        let expected = [(0, "10.0.0.1:1"), (250, "10.0.0.2:1"), (500, "[fd00::1]:1")];
        assert_eq!(run(&mut plan, now, 5000), dials(&expected));
    }

    #[test]
    fn whoever_has_the_hello_is_not_dialled_at_another_address() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        plan.found(ONE, at("10.0.0.1:1"), now);
        plan.found(ONE, at("10.0.0.2:1"), now);
        assert!(plan.due(now).is_some());
        plan.has_hello(ONE);
        assert_eq!(plan.next(), None);
        assert!(run(&mut plan, now, 5000).is_empty());
        plan.ended(ONE, at("10.0.0.1:1"), true, DialEnd::Unreachable, now);
        let expected = [(250, "10.0.0.2:1"), (2000, "10.0.0.1:1")];
        assert_eq!(run(&mut plan, now, 5000), dials(&expected));
    }

    #[test]
    fn a_silent_instance_holds_up_the_next_for_a_second() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        plan.found(ONE, at("10.0.0.1:1"), now);
        plan.found(OTHER, at("10.0.0.2:1"), now);
        assert!(plan.due(now).is_some());
        plan.has_hello(ONE);
        assert_eq!(plan.next(), Some(now + TURN));
        assert_eq!(run(&mut plan, now, 5000), dials(&[(1000, "10.0.0.2:1")]));
    }

    #[test]
    fn after_a_wrong_secret_the_address_is_out_and_the_instance_goes_last() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        plan.found(ONE, at("10.0.0.1:1"), now);
        plan.found(ONE, at("10.0.0.3:1"), now);
        plan.found(OTHER, at("10.0.0.2:1"), now);
        assert!(plan.due(now).is_some());
        plan.has_hello(ONE);
        plan.ended(ONE, at("10.0.0.1:1"), true, DialEnd::Out, now + millis(20));
        plan.found(ONE, at("10.0.0.1:1"), now + millis(30));
        plan.found(Instance([3; 8]), at("10.0.0.1:1"), now + millis(30));
        let later = now + millis(300);
        assert_eq!(plan.due(later), Some((OTHER, at("10.0.0.2:1"))));
        plan.ended(OTHER, at("10.0.0.2:1"), false, DialEnd::Out, later);
        assert_eq!(run(&mut plan, later, 5000), dials(&[(0, "10.0.0.3:1")]));
    }

    #[test]
    fn what_cannot_be_reached_is_dialled_again() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        plan.found(ONE, at("10.0.0.1:1"), now);
        assert!(plan.due(now).is_some());
        plan.ended(ONE, at("10.0.0.1:1"), false, DialEnd::Unreachable, now);
        assert_eq!(plan.next(), Some(now + REST));
        assert_eq!(run(&mut plan, now, 5000), dials(&[(2000, "10.0.0.1:1")]));
    }

    #[test]
    fn a_receiver_does_not_dial_who_dials() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Receive);
        plan.found(ONE, at("10.0.0.1:1"), now);
        plan.found(OTHER, at("10.0.0.2:1"), now);
        plan.was_dialled_from("::ffff:10.0.0.1".parse().unwrap());
        plan.found(ONE, at("10.0.0.1:1"), now);
        assert_eq!(run(&mut plan, now, 5000), dials(&[(700, "10.0.0.2:1")]));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut plan = DialPlan::new(Role::Send);
        for n in 0..1000u32 {
            let instance = Instance(u64::from(n).to_be_bytes());
            let address = SocketAddr::from((n.to_be_bytes(), 1));
            plan.found(instance, address, now);
            plan.found(ONE, address, now);
            plan.ended(instance, address, true, DialEnd::Out, now);
        }
        assert!(plan.tries.len() <= limits::FINDS);
        assert!(
            plan.tries
                .iter()
                .all(|known| known.addresses.len() <= limits::FIND_ADDRESSES)
        );
        assert!(plan.out.len() <= limits::FINDS);
        for n in 0..1000u32 {
            plan.was_dialled_from(n.to_be_bytes().into());
        }
        assert!(plan.diallers.len() <= limits::FINDS);
    }
}
