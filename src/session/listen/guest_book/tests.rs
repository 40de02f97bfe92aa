//! Explores the book: every sequence of events up to a depth, with checks of what must hold after each.

use super::*;
use crate::model::limits;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Guesses of the one-shot listener that is explored.
const BUDGET: u32 = 2;

/// Guests that come in one sequence.
const GUESTS: u64 = 4;

fn address(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

fn named(name: &str) -> Claim {
    Claim::Word(Subject::Named(name.into()))
}

#[derive(Clone, Debug)]
enum Event {
    Arrive(u32),
    Claim(GuestId, Claim),
    Prove(GuestId),
    Spend(GuestId),
    GiveBack(GuestId),
    Withdraw(GuestId),
    Leave(GuestId),
    MakeRoom,
    Later(Duration),
}

/// A book, its clock, and what happened to it.
#[derive(Clone)]
struct World {
    book: GuestBook,
    start: Instant,
    now: Instant,
    /// Answers to guesses that were neither proven nor given back.
    guesses: u32,
    claims: Vec<Claim>,
}

impl World {
    fn new(budget: Budget, claims: &[Claim]) -> World {
        let now = Instant::now();
        World {
            book: GuestBook::new(budget, GuestLimits::of(8), now),
            start: now,
            now,
            guesses: 0,
            claims: claims.to_vec(),
        }
    }

    /// Everything that can happen next.
    fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::MakeRoom];
        if self.book.next < GUESTS {
            events.extend([Event::Arrive(1), Event::Arrive(2)]);
        }
        if self.book.budget == Budget::Slowed {
            events.push(Event::Later(Duration::from_millis(300)));
        }
        for (&id, guest) in &self.book.guests {
            events.push(Event::Leave(id));
            match guest.stage {
                GuestStage::Silent => {
                    events.extend(self.claims.iter().map(|c| Event::Claim(id, c.clone())));
                }
                GuestStage::Waiting(_) => events.push(Event::Withdraw(id)),
                GuestStage::Answered { .. } => {
                    events.extend([Event::Prove(id), Event::Spend(id), Event::GiveBack(id)]);
                }
                GuestStage::Proven | GuestStage::Leaving | GuestStage::Evicted => {}
            }
        }
        events
    }

    fn apply(&mut self, event: &Event, random: u64) {
        let before = self.book.clone();
        let at_word = |id: &GuestId| {
            let stage = before.guests.get(id).map(|guest| &guest.stage);
            let claim = Claim::Word(Subject::Sole);
            matches!(stage, Some(GuestStage::Answered { claim: of, .. }) if *of == claim)
        };
        let now = self.now;
        match event {
            Event::Arrive(from) => {
                let arrived = self.book.arrive(address(*from));
                let (_, evicted) = arrived.expect("somebody can give way");
                expect_may_go(&before, evicted);
            }
            Event::MakeRoom => expect_may_go(&before, self.book.evict()),
            Event::Claim(id, claim) => self.book.claim(*id, claim.clone(), now),
            Event::Prove(id) => {
                self.guesses -= u32::from(at_word(id));
                self.book.prove(*id, now);
            }
            Event::GiveBack(id) => {
                self.guesses -= u32::from(at_word(id));
                self.book.give_back(*id);
            }
            Event::Spend(id) => self.book.spend(*id, now),
            Event::Withdraw(id) => self.book.withdraw(*id),
            Event::Leave(id) => self.book.leave(*id, now),
            Event::Later(time) => self.now += *time,
        }
        let answered = |book: &GuestBook| {
            book.guests
                .values()
                .filter(|guest| {
                    let claim = Claim::Word(Subject::Sole);
                    matches!(&guest.stage, GuestStage::Answered { claim: of, .. } if *of == claim)
                })
                .count() as u32
        };
        let before = answered(&self.book);
        self.book.advance(self.now, random);
        self.guesses += answered(&self.book) - before;
    }

    /// Identifies a state, independent of the guests' numbers.
    fn key(&self) -> String {
        let guests: Vec<_> = self.book.guests.values().collect();
        let counts = (self.book.failed, self.book.answers % 2, self.book.next);
        format!("{guests:?} {counts:?} {}", self.guesses)
    }

    fn expect_sound(&self) {
        if let Budget::InAll(all) = self.book.budget {
            assert!(self.guesses <= all, "{} guesses answered", self.guesses);
        }
        assert!(self.book.guests.len() <= 2 * self.book.limits.connections);
        self.clone().expect_return();
        self.clone().expect_nobody_waits_for_ever();
    }

    /// A peer returns to its session and is answered as soon as other returns are done, whatever others have
    /// guessed.
    fn expect_return(mut self) {
        for _ in 0..GUESTS {
            let ids: Vec<_> = self.book.guests.keys().copied().collect();
            for id in ids {
                if let GuestStage::Answered {
                    claim: Claim::Return(_),
                    ..
                } = self.book.guests[&id].stage
                {
                    self.book.prove(id, self.now);
                }
            }
            self.book.advance(self.now, 0);
        }
        let (id, _) = self.book.arrive(address(9)).expect("there is room");
        self.book.claim(id, Claim::Return(TicketId(99)), self.now);
        self.book.advance(self.now, 0);
        assert_eq!(self.book.standing(id), Standing::Answer);
    }

    /// As time passes and each answer is settled, every guest is answered or turned away.
    fn expect_nobody_waits_for_ever(mut self) {
        for _ in 0..4 * GUESTS {
            self.now += Duration::from_secs(2);
            self.book.advance(self.now, 1);
            let ids: Vec<_> = self.book.guests.keys().copied().collect();
            ids.iter().for_each(|id| self.book.spend(*id, self.now));
        }
        let is_waiting = |guest: &Guest| matches!(guest.stage, GuestStage::Waiting(_));
        assert!(
            !self.book.guests.values().any(is_waiting),
            "{:?}",
            self.book
        );
    }
}

/// A guest that waits or was answered is never evicted.
fn expect_may_go(before: &GuestBook, evicted: Option<GuestId>) {
    if let Some(evicted) = evicted {
        let stage = &before.guests[&evicted].stage;
        assert!(
            matches!(stage, GuestStage::Silent | GuestStage::Leaving),
            "{stage:?}"
        );
    }
}

/// Tries every sequence of `depth` events from `world`. Returns the number of states.
fn explore(world: World, depth: usize) -> usize {
    let mut seen = HashSet::new();
    let mut layer = vec![world];
    for _ in 0..depth {
        let mut next = Vec::new();
        for world in layer {
            for event in world.events() {
                for random in [0, 1] {
                    let mut after = world.clone();
                    after.apply(&event, random);
                    let time = (after.now - after.start).as_millis();
                    if seen.insert(format!("{time} {}", after.key())) {
                        after.expect_sound();
                        next.push(after);
                    }
                }
            }
        }
        layer = next;
    }
    seen.len()
}

/// Ten events: enough for all guests to come, to claim and to be settled in every order.
#[test]
fn a_one_shot_listener_holds_its_promises_in_every_sequence_of_ten_events() {
    let claims = [Claim::Word(Subject::Sole), Claim::Return(TicketId(1))];
    let states = explore(World::new(Budget::InAll(BUDGET), &claims), 10);
    assert!(states > 1000, "{states}");
}

#[test]
fn a_drop_box_holds_its_promises_in_every_sequence_of_six_events() {
    let claims = [
        named("alice"),
        Claim::Word(Subject::Unknown),
        Claim::Return(TicketId(1)),
    ];
    let mut world = World::new(Budget::Slowed, &claims);
    // Each further mistake at the first network has a gap.
    for _ in 0..limits::FAILED_PROOFS {
        let Claim::Word(subject) = named("alice") else {
            unreachable!("a word");
        };
        let network = Network::of(address(1));
        world.book.charges.charge(network, &subject, world.now);
    }
    let states = explore(world, 6);
    assert!(states > 1000, "{states}");
}

fn slowed(connections: usize) -> (GuestBook, Instant) {
    let now = Instant::now();
    (
        GuestBook::new(Budget::Slowed, GuestLimits::of(connections), now),
        now,
    )
}

fn come(book: &mut GuestBook, from: u32, claim: Claim, now: Instant) -> GuestId {
    let (id, _) = book.arrive(address(from)).expect("there is room");
    book.claim(id, claim, now);
    id
}

fn answered(book: &GuestBook, ids: &[GuestId]) -> usize {
    let is_answered = |id: &&GuestId| book.standing(**id) == Standing::Answer;
    ids.iter().filter(is_answered).count()
}

#[test]
fn two_of_a_network_four_of_a_name_and_an_eighth_in_all_are_answered_at_once() {
    let (mut book, now) = slowed(256);
    let of_one: Vec<_> = (0..8)
        .map(|_| come(&mut book, 1, named("alice"), now))
        .collect();
    book.advance(now, 0);
    assert_eq!(answered(&book, &of_one), 2);
    let others: Vec<_> = (2..9)
        .map(|n| come(&mut book, n, named("alice"), now))
        .collect();
    book.advance(now, 0);
    assert_eq!(answered(&book, &of_one) + answered(&book, &others), 4);
    let (mut book, now) = slowed(256);
    let sole = Claim::Word(Subject::Sole);
    let all: Vec<_> = (0..60)
        .map(|n| come(&mut book, n, sole.clone(), now))
        .collect();
    book.advance(now, 0);
    assert_eq!(answered(&book, &all), 32);
}

#[test]
fn a_name_that_was_proven_here_waits_for_no_other() {
    let (mut book, now) = slowed(256);
    let first = come(&mut book, 1, named("alice"), now);
    book.advance(now, 0);
    book.prove(first, now);
    for _ in 0..20 {
        come(&mut book, 1, named("bob"), now);
    }
    for n in 2..30 {
        come(&mut book, n, named("alice"), now);
    }
    book.advance(now, 0);
    let alice = come(&mut book, 1, named("alice"), now);
    book.advance(now, 0);
    assert_eq!(book.standing(alice), Standing::Answer);
}

#[test]
fn a_full_line_takes_who_has_fewer_in_it_and_tells_the_newest_of_the_others() {
    let (mut book, now) = slowed(16);
    let guessers: Vec<_> = (0..4)
        .map(|_| come(&mut book, 1, named("bob"), now))
        .collect();
    let late = come(&mut book, 1, named("bob"), now);
    assert_eq!(book.standing(late), Standing::Refused);
    let other = come(&mut book, 2, named("bob"), now);
    assert_eq!(book.standing(other), Standing::Waiting);
    assert_eq!(book.standing(guessers[3]), Standing::Refused);
    assert_eq!(book.standing(guessers[2]), Standing::Waiting);
}

#[test]
fn the_oldest_of_whoever_has_the_most_gives_way() {
    let (mut book, now) = slowed(8);
    let of = [2, 1, 1, 1, 2, 3, 4, 5];
    let ids = of.map(|n| book.arrive(address(n)).unwrap().0);
    assert_eq!(book.arrive(address(6)).unwrap().1, Some(ids[1]));
    for n in 0..7 {
        assert!(book.arrive(address(n)).is_some());
    }
    assert!(
        book.arrive(address(7)).is_none(),
        "none of them has gone yet"
    );
    book.leave(ids[1], now);
    assert!(book.arrive(address(7)).is_some());
}

#[test]
fn who_leaves_the_line_costs_nothing_and_who_leaves_an_answer_a_guess() {
    let (mut book, now) = slowed(256);
    let ids: Vec<_> = (0..3)
        .map(|_| come(&mut book, 1, named("bob"), now))
        .collect();
    book.advance(now, 0);
    ids.iter().for_each(|id| book.leave(*id, now));
    assert_eq!(book.failed(), 2);
}
