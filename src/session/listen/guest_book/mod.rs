//! Guests are connections that have not proven the secret yet. This book decides whose Hello is answered next.
//!
//! Each answered Hello is a chance to try a secret, so it is charged as a guess before it is answered. Only a
//! proof gives the guess back. The book is a pure state machine: each method takes an event and the time, and
//! [`GuestBook::advance`] then decides which guests are answered. The tests explore it exhaustively.
//!
//! ```text
//! arrive -> Silent -- claim --> Waiting -- advance --> Answered -- prove --> Proven
//!             |                   |                       |
//!             |                   | refused               | spend: charged
//!             |                   v                       v
//!             |                Leaving                 Leaving
//!             |                   |                       |
//!             +---- evict --------+-----------------------+------> Evicted
//! ```
//!
//! A guest that waits or was answered is never evicted: an honest dialler would take that for an attack.
//!
//! A claim waits in one of three lanes. Returns prove a key that nobody can guess, so they are always answered.
//! Guesses at a name that was proven from the same network within a day have a second lane. All others share the
//! open lane.

mod charges;
mod network;
#[cfg(test)]
mod tests;

pub(crate) use charges::Subject;
pub(crate) use network::Network;

use crate::model::{in_memory, len64};
use charges::Charges;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

/// The most answers at once to one network in the open lane, or to one proven name at a network.
const FLIGHT_OF_NETWORK: usize = 2;

/// The same for an IPv6 site.
const FLIGHT_OF_SITE: usize = 16 * FLIGHT_OF_NETWORK;

/// The most answers at once to guesses at one name.
const FLIGHT_OF_NAME: usize = 4;

/// The most peers of one name from which a one-time code is expected at once.
const FLIGHT_OF_CODE: usize = 5;

/// The most answers at once to returns to one session. Its own peer makes one.
const FLIGHT_OF_RETURN: usize = 2;

/// One connection that has not proven the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GuestId(u64);

/// A session that its peer may return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TicketId(pub(crate) u64);

/// What a Hello wants to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A secret that people know. It can be guessed.
    Word(Subject),
    /// The return key of a session. It cannot be guessed.
    Return(TicketId),
}

/// How many guesses a listener allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// This many in the listener's whole life.
    InAll(u32),
    /// Any number, but answered more and more slowly.
    Slowed,
}

/// How many guests there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestLimits {
    connections: usize,
}

impl GuestLimits {
    /// Limits for `connections` connections, at least eight. At most seven eighths of them wait or are answered,
    /// so that there is always one that can give way.
    pub(crate) fn of(connections: usize) -> Self {
        GuestLimits {
            connections: connections.max(8),
        }
    }

    /// The most claims that wait in a lane.
    fn waiting(self, lane: Lane) -> usize {
        match lane {
            Lane::Open => self.connections / 4,
            Lane::Return | Lane::Proven => self.connections / 8,
            Lane::Code => self.codes(),
        }
    }

    /// The most answers at once in one lane.
    fn flight(self, lane: Lane) -> usize {
        match lane {
            Lane::Open | Lane::Return | Lane::Proven => self.connections / 8,
            Lane::Code => self.codes(),
        }
    }

    /// The most peers from which a one-time code is expected at once; as many more may wait in line. They use part
    /// of the eighth that the other lanes leave.
    fn codes(self) -> usize {
        match self.connections {
            0..24 => 0,
            enough => (enough / 32).max(1),
        }
    }
}

/// The state of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
enum GuestStage {
    Silent,
    Waiting(Claim),
    Answered {
        claim: Claim,
        lane: Lane,
    },
    Proven,
    /// It is being told why it was turned away.
    Leaving,
    /// Its connection was shut down, and its thread has not ended yet.
    Evicted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Return,
    Proven,
    Code,
    Open,
}

#[derive(Clone, Debug)]
struct Guest {
    network: Network,
    stage: GuestStage,
}

/// What a guest that made a claim must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Wait.
    Waiting,
    /// Its Hello may be answered now.
    Answer,
    /// There is no room, or no guess left.
    Refused,
}

/// The guests of one listener.
#[derive(Clone, Debug)]
pub(crate) struct GuestBook {
    budget: Budget,
    limits: GuestLimits,
    guests: BTreeMap<GuestId, Guest>,
    next: u64,
    charges: Charges,
    failed: u32,
    /// The number of answers so far. Every second one goes to a network with the fewest mistakes.
    answers: u64,
}

impl GuestBook {
    pub(crate) fn new(budget: Budget, limits: GuestLimits, now: Instant) -> Self {
        GuestBook {
            budget,
            limits,
            guests: BTreeMap::new(),
            next: 0,
            charges: Charges::new(now),
            failed: 0,
            answers: 0,
        }
    }

    /// Guesses that were wrong, so far.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// Whether no guess will be answered any more.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.budget, Budget::InAll(all) if self.failed >= all)
    }

    /// A connection came. Returns its number and the guest that must give way, if one must. `None` if no guest
    /// can.
    pub(crate) fn arrive(&mut self, from: IpAddr) -> Option<(GuestId, Option<GuestId>)> {
        if self.guests.len() >= 2 * self.limits.connections {
            return None;
        }
        let is_here = |guest: &&Guest| guest.stage != GuestStage::Evicted;
        let evicted = match self.guests.values().filter(is_here).count() < self.limits.connections {
            true => None,
            false => Some(self.evict()?),
        };
        let id = GuestId(self.next);
        self.next += 1;
        let guest = Guest {
            network: Network::of(from),
            stage: GuestStage::Silent,
        };
        self.guests.insert(id, guest);
        Some((id, evicted))
    }

    /// Chooses a guest that gives way to free its descriptor: among those that have sent nothing or are leaving,
    /// the oldest of the network that has the most.
    pub(crate) fn evict(&mut self) -> Option<GuestId> {
        let can_go =
            |guest: &Guest| matches!(guest.stage, GuestStage::Silent | GuestStage::Leaving);
        let mut of: BTreeMap<Network, usize> = BTreeMap::new();
        for guest in self.guests.values().filter(|guest| can_go(guest)) {
            *of.entry(guest.network).or_default() += 1;
        }
        let most = *of.values().max()?;
        let mut guests = self.guests.iter_mut();
        let (&id, guest) = guests.find(|(_, guest)| can_go(guest) && of[&guest.network] == most)?;
        guest.stage = GuestStage::Evicted;
        Some(id)
    }

    /// A guest has sent its Hello, or has proven the secret and must also give a code.
    pub(crate) fn claim(&mut self, id: GuestId, claim: Claim, now: Instant) {
        let may_claim =
            |guest: &&Guest| matches!(guest.stage, GuestStage::Silent | GuestStage::Proven);
        let Some(guest) = self.guests.get(&id).filter(may_claim) else {
            return;
        };
        let network = guest.network;
        let stage = match self.has_room_to_wait(network, &claim, now) {
            true => GuestStage::Waiting(claim),
            false => GuestStage::Leaving,
        };
        self.set(id, stage);
    }

    /// A guest has waited for too long.
    pub(crate) fn withdraw(&mut self, id: GuestId) {
        if self.standing(id) == Standing::Waiting {
            self.set(id, GuestStage::Leaving);
        }
    }

    /// What a guest that made a claim must do now.
    pub(crate) fn standing(&self, id: GuestId) -> Standing {
        match self.guests.get(&id).map(|guest| &guest.stage) {
            Some(GuestStage::Waiting(_)) => Standing::Waiting,
            Some(GuestStage::Answered { .. }) => Standing::Answer,
            _ => Standing::Refused,
        }
    }

    /// Answers every guest that may be answered now; `random` decides between networks. Returns whether anything
    /// changed.
    pub(crate) fn advance(&mut self, now: Instant, random: u64) -> bool {
        let mut has_changed = false;
        if self.is_spent() {
            has_changed |= self.refuse_words();
        }
        while let Some((id, lane)) = self.pick(now, random) {
            self.answer(id, lane, now);
            has_changed = true;
        }
        has_changed
    }

    /// When the next waiting guest may be answered without another event; `None` if an event must come first.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let ready = self.guests.values().filter_map(|guest| match &guest.stage {
            GuestStage::Waiting(Claim::Word(subject)) if self.budget == Budget::Slowed => {
                Some(self.charges.ready(guest.network, subject, now))
            }
            _ => None,
        });
        ready.filter(|ready| *ready > now).min()
    }

    /// The guest has proven what it claimed.
    pub(crate) fn prove(&mut self, id: GuestId, now: Instant) {
        if let Some((network, Claim::Word(subject))) = self.settle(id, GuestStage::Proven) {
            self.charges.forgive(network, &subject, now);
        }
    }

    /// The guest was answered and has proven nothing.
    pub(crate) fn spend(&mut self, id: GuestId, now: Instant) {
        if let Some((network, Claim::Word(subject))) = self.settle(id, GuestStage::Leaving) {
            self.failed = self.failed.saturating_add(1);
            if self.budget == Budget::Slowed {
                self.charges.charge(network, &subject, now);
            }
        }
    }

    /// The guest was allowed an answer that was not sent.
    pub(crate) fn give_back(&mut self, id: GuestId) {
        self.settle(id, GuestStage::Leaving);
    }

    /// The guest is gone. If it was answered and proved nothing, its guess is spent.
    pub(crate) fn leave(&mut self, id: GuestId, now: Instant) {
        self.spend(id, now);
        self.guests.remove(&id);
    }

    /// Takes an answered guest's claim.
    fn settle(&mut self, id: GuestId, stage: GuestStage) -> Option<(Network, Claim)> {
        let guest = self.guests.get_mut(&id)?;
        let GuestStage::Answered { claim, .. } = &guest.stage else {
            return None;
        };
        let claim = claim.clone();
        guest.stage = stage;
        Some((guest.network, claim))
    }

    fn set(&mut self, id: GuestId, stage: GuestStage) {
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.stage = stage;
        }
    }

    fn answer(&mut self, id: GuestId, lane: Lane, now: Instant) {
        let Some(guest) = self.guests.get_mut(&id) else {
            return;
        };
        let GuestStage::Waiting(claim) = guest.stage.clone() else {
            return;
        };
        if let (Claim::Word(subject), Budget::Slowed) = (&claim, self.budget) {
            self.charges.answered(guest.network, subject, now);
        }
        guest.stage = GuestStage::Answered { claim, lane };
        self.answers += 1;
    }

    fn refuse_words(&mut self) -> bool {
        let mut has_changed = false;
        for guest in self.guests.values_mut() {
            if let GuestStage::Waiting(Claim::Word(_)) = guest.stage {
                guest.stage = GuestStage::Leaving;
                has_changed = true;
            }
        }
        has_changed
    }

    fn lane(&self, network: Network, claim: &Claim, now: Instant) -> Lane {
        match claim {
            Claim::Return(_) => Lane::Return,
            Claim::Word(Subject::Code(_)) => Lane::Code,
            Claim::Word(subject) if self.charges.is_proven(network, subject, now) => Lane::Proven,
            Claim::Word(_) => Lane::Open,
        }
    }

    /// Whether one more guest may wait in its lane. A full lane rejects another guest for it: the newest guest of
    /// the network that has the most guests there or, among equals, the most mistakes.
    fn has_room_to_wait(&mut self, network: Network, claim: &Claim, now: Instant) -> bool {
        let lane = self.lane(network, claim, now);
        let waiting: Vec<_> = self
            .guests
            .iter()
            .filter_map(|(id, guest)| match &guest.stage {
                GuestStage::Waiting(other) => Some((*id, guest.network, other)),
                _ => None,
            })
            .filter(|(_, network, other)| self.lane(*network, other, now) == lane)
            .map(|(id, network, _)| (id, network))
            .collect();
        if waiting.len() < self.limits.waiting(lane) {
            return true;
        }
        let weight = |of: Network, more: usize| {
            let count = waiting.iter().filter(|(_, network)| *network == of).count();
            (count + more, self.charges.mistakes(of, now))
        };
        let heaviest = waiting.iter().max_by_key(|(id, of)| (weight(*of, 0), *id));
        match heaviest {
            Some(&(id, of)) if weight(of, 0) > weight(network, 1) => {
                self.set(id, GuestStage::Leaving);
                true
            }
            _ => false,
        }
    }

    /// The guest that is answered next: the oldest of a network. The network is chosen at random, every second
    /// time among those with the fewest mistakes.
    fn pick(&self, now: Instant, random: u64) -> Option<(GuestId, Lane)> {
        let flight = Flight::of(self);
        let mut ready: BTreeMap<(Lane, Network), GuestId> = BTreeMap::new();
        for (id, guest) in &self.guests {
            if let GuestStage::Waiting(claim) = &guest.stage {
                let lane = self.lane(guest.network, claim, now);
                if self.may_be_answered(guest.network, claim, lane, &flight, now) {
                    ready.entry((lane, guest.network)).or_insert(*id);
                }
            }
        }
        let (&(lane, _), _) = ready.first_key_value()?;
        let in_lane = ready.iter().filter(|((of, _), _)| *of == lane);
        let mut in_lane: Vec<_> = in_lane.map(|(&(_, network), &id)| (network, id)).collect();
        if self.answers.is_multiple_of(2) {
            let mistakes = |network| self.charges.mistakes(network, now);
            let fewest = in_lane
                .iter()
                .map(|(network, _)| mistakes(*network))
                .min()?;
            in_lane.retain(|(network, _)| mistakes(*network) == fewest);
        }
        let chosen = in_memory(random % len64(in_lane.len()));
        Some((in_lane[chosen].1, lane))
    }

    fn may_be_answered(
        &self,
        network: Network,
        claim: &Claim,
        lane: Lane,
        flight: &Flight<'_>,
        now: Instant,
    ) -> bool {
        let same = flight.count(|_, other, _| other == claim);
        let has_lane = flight.count(|_, _, of| of == lane) < self.limits.flight(lane);
        let subject = match claim {
            Claim::Return(_) => return same < FLIGHT_OF_RETURN && has_lane,
            Claim::Word(subject) => subject,
        };
        if let Budget::InAll(all) = self.budget {
            let words = flight.count(|_, claim, _| matches!(claim, Claim::Word(_)));
            return words < all.saturating_sub(self.failed) as usize;
        }
        let pair = flight.count(|of, other, _| of == network && other == claim);
        let in_open = |is_one: &dyn Fn(Network, &Claim) -> bool| {
            flight.count(|of, claim, lane| lane == Lane::Open && is_one(of, claim))
        };
        let site = network.site();
        let has_room = match lane {
            Lane::Return | Lane::Proven => pair < FLIGHT_OF_NETWORK,
            Lane::Code => same < FLIGHT_OF_CODE,
            Lane::Open => {
                in_open(&|of, _| of == network) < FLIGHT_OF_NETWORK
                    && in_open(&|of, _| site.is_some() && of.site() == site) < FLIGHT_OF_SITE
                    && (*subject == Subject::Sole
                        || in_open(&|_, other| other == claim) < FLIGHT_OF_NAME)
            }
        };
        has_room && has_lane && self.charges.ready(network, subject, now) <= now
    }
}

/// The answers that were given and not settled yet.
struct Flight<'a>(Vec<(Network, &'a Claim, Lane)>);

impl<'a> Flight<'a> {
    fn of(book: &'a GuestBook) -> Self {
        let answered = book.guests.values().filter_map(|guest| match &guest.stage {
            GuestStage::Answered { claim, lane } => Some((guest.network, claim, *lane)),
            _ => None,
        });
        Flight(answered.collect())
    }

    fn count(&self, is_one: impl Fn(Network, &Claim, Lane) -> bool) -> usize {
        let answers = self.0.iter();
        answers
            .filter(|(of, claim, lane)| is_one(*of, claim, *lane))
            .count()
    }
}
