//! The cost of wrong guesses at a listener without a fixed budget: a growing gap before the next answer.
//!
//! A guess is charged to its network, to the name that it guesses at, and to all guesses together. Each of these
//! has its own gap. A name that was proven from a network within a day is charged there only for its own mistakes,
//! so others at the same address cannot keep it waiting.

use super::network::Network;
use crate::model::limits;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Mistakes are forgotten after this long without another.
const MISTAKES_KEPT: Duration = Duration::from_secs(300);

/// How long a proof is remembered.
const PROOF_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How the gap between two answers grows.
struct Tariff {
    /// Mistakes that cost nothing.
    free: u32,
    /// The first gap; each further mistake doubles it.
    first: Duration,
    longest: Duration,
}

/// Five answers fit into the nine seconds that a Hello may wait, so a person gets through even if four others
/// guess from the same address.
const NETWORK: Tariff = Tariff {
    free: limits::FAILED_PROOFS,
    first: Duration::from_millis(250),
    longest: Duration::from_millis(1500),
};

/// An IPv6 site may have thousands of networks. Together they get as much as sixteen.
const SITE: Tariff = Tariff {
    free: 16 * limits::FAILED_PROOFS,
    first: Duration::from_millis(16),
    longest: Duration::from_millis(125),
};

/// Guesses at one name, from all networks.
const NAME: Tariff = Tariff {
    free: 32,
    first: Duration::from_millis(50),
    longest: Duration::from_millis(500),
};

/// Guesses at the one-time codes of one name, from all networks. At any time, three codes of a million are right.
/// The longest gap still lets an answer fit into a handshake.
const CODE: Tariff = Tariff {
    free: limits::FAILED_PROOFS,
    first: Duration::from_millis(500),
    longest: Duration::from_secs(8),
};

/// All guesses: ten a second.
const OVERALL: Tariff = Tariff {
    free: 64,
    first: Duration::from_millis(100),
    longest: Duration::from_millis(100),
};

impl Tariff {
    fn gap(&self, mistakes: u32) -> Option<Duration> {
        let beyond = mistakes.checked_sub(self.free)?;
        let doubled = self.first.saturating_mul(1 << beyond.min(16));
        Some(doubled.min(self.longest))
    }
}

/// What a guess is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// The only secret.
    Sole,
    /// The secret of this name.
    Named(Arc<str>),
    /// The one-time code of this name. Only a peer that knows its secret gets here.
    Code(Arc<str>),
    /// A name that is not in the list, or no name. No guess can be right.
    Unknown,
}

impl Subject {
    /// The tariff for all guesses at it, from all networks.
    fn tariff(&self) -> &'static Tariff {
        match self {
            Subject::Code(_) => &CODE,
            Subject::Sole | Subject::Named(_) | Subject::Unknown => &NAME,
        }
    }

    /// The tariff for guesses at it from one network, where it was proven. A code is short, so a right one makes the
    /// next no cheaper to guess.
    fn tariff_where_proven(&self) -> &'static Tariff {
        match self {
            Subject::Code(_) => &CODE,
            Subject::Sole | Subject::Named(_) | Subject::Unknown => &NETWORK,
        }
    }
}

/// One account of mistakes.
#[derive(Clone, Copy, Debug)]
struct Account {
    mistakes: u32,
    latest: Instant,
    /// No answer before this time, if there is a gap.
    next: Instant,
}

impl Account {
    fn new(now: Instant) -> Self {
        Account {
            mistakes: 0,
            latest: now,
            next: now,
        }
    }

    fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.latest) >= MISTAKES_KEPT
    }

    fn gap(&self, tariff: &Tariff, now: Instant) -> Option<Duration> {
        tariff.gap(self.mistakes).filter(|_| !self.is_stale(now))
    }

    fn ready(&self, tariff: &Tariff, now: Instant) -> Instant {
        self.gap(tariff, now).map_or(now, |_| self.next.max(now))
    }

    fn answered(&mut self, tariff: &Tariff, now: Instant) {
        if let Some(gap) = self.gap(tariff, now) {
            self.next = now + gap;
        }
    }

    fn charge(&mut self, tariff: &Tariff, now: Instant) {
        if self.is_stale(now) {
            *self = Account::new(now);
        }
        self.mistakes = self.mistakes.saturating_add(1);
        self.latest = now;
        if let Some(gap) = self.gap(tariff, now) {
            self.next = self.next.max(now + gap);
        }
    }
}

/// The history of one name at one network.
#[derive(Clone, Debug)]
struct Pair {
    account: Account,
    proven: Option<Instant>,
}

/// All accounts of a listener.
#[derive(Clone, Debug)]
pub(super) struct Charges {
    networks: HashMap<Network, Account>,
    pairs: HashMap<(Network, Subject), Pair>,
    names: HashMap<Subject, Account>,
    overall: Account,
}

impl Charges {
    pub(super) fn new(now: Instant) -> Self {
        Charges {
            networks: HashMap::new(),
            pairs: HashMap::new(),
            names: HashMap::new(),
            overall: Account::new(now),
        }
    }

    /// Whether this name was proven from this network within a day.
    pub(super) fn is_proven(&self, network: Network, subject: &Subject, now: Instant) -> bool {
        let pair = self.pairs.get(&(network, subject.clone()));
        pair.and_then(|pair| pair.proven)
            .is_some_and(|proven| now.saturating_duration_since(proven) < PROOF_KEPT)
    }

    /// The recent mistakes of a network.
    pub(super) fn mistakes(&self, network: Network, now: Instant) -> u32 {
        let account = self.networks.get(&network);
        account
            .filter(|account| !account.is_stale(now))
            .map_or(0, |account| account.mistakes)
    }

    /// The earliest time to answer a guess.
    pub(super) fn ready(&self, network: Network, subject: &Subject, now: Instant) -> Instant {
        if self.is_proven(network, subject, now) {
            let pair = &self.pairs[&(network, subject.clone())];
            return pair.account.ready(subject.tariff_where_proven(), now);
        }
        let of = |account: Option<&Account>, tariff| {
            account.map_or(now, |account| account.ready(tariff, now))
        };
        let site = network.site().and_then(|site| self.networks.get(&site));
        of(self.networks.get(&network), &NETWORK)
            .max(of(site, &SITE))
            .max(of(self.names.get(subject), subject.tariff()))
            .max(self.overall.ready(&OVERALL, now))
    }

    /// A guess is answered now, and the next one must wait for the gap.
    pub(super) fn answered(&mut self, network: Network, subject: &Subject, now: Instant) {
        if self.is_proven(network, subject, now) {
            if let Some(pair) = self.pairs.get_mut(&(network, subject.clone())) {
                pair.account.answered(subject.tariff_where_proven(), now);
            }
            return;
        }
        if let Some(account) = self.networks.get_mut(&network) {
            account.answered(&NETWORK, now);
        }
        if let Some(site) = network.site().and_then(|site| self.networks.get_mut(&site)) {
            site.answered(&SITE, now);
        }
        if let Some(name) = self.names.get_mut(subject) {
            name.answered(subject.tariff(), now);
        }
        self.overall.answered(&OVERALL, now);
    }

    /// An answered guess was wrong.
    pub(super) fn charge(&mut self, network: Network, subject: &Subject, now: Instant) {
        let is_proven = self.is_proven(network, subject, now);
        self.pair(network, subject, now)
            .account
            .charge(subject.tariff_where_proven(), now);
        if is_proven {
            return;
        }
        self.network(network, now).charge(&NETWORK, now);
        if let Some(site) = network.site() {
            self.network(site, now).charge(&SITE, now);
        }
        // Guesses at the only secret are all guesses, which are charged already.
        if *subject != Subject::Sole {
            let name = self.names.entry(subject.clone());
            let name = name.or_insert_with(|| Account::new(now));
            name.charge(subject.tariff(), now);
        }
        self.overall.charge(&OVERALL, now);
    }

    /// The name was proven. Forgives its own mistakes at this network, and no others; wrong codes stay charged to the
    /// code.
    pub(super) fn forgive(&mut self, network: Network, subject: &Subject, now: Instant) {
        let was_proven = self.is_proven(network, subject, now);
        let pair = self.pair(network, subject, now);
        let own = match pair.account.is_stale(now) {
            true => 0,
            false => pair.account.mistakes,
        };
        pair.proven = Some(now);
        if matches!(subject, Subject::Code(_)) {
            return;
        }
        pair.account = Account::new(now);
        if let Some(account) = self.networks.get_mut(&network).filter(|_| !was_proven) {
            account.mistakes = account.mistakes.saturating_sub(own);
        }
    }

    fn network(&mut self, network: Network, now: Instant) -> &mut Account {
        if self.networks.len() >= limits::CHARGED_NETWORKS && !self.networks.contains_key(&network)
        {
            self.networks.retain(|_, account| !account.is_stale(now));
            make_room(&mut self.networks, |account| account.latest);
        }
        let account = self.networks.entry(network);
        account.or_insert_with(|| Account::new(now))
    }

    fn pair(&mut self, network: Network, subject: &Subject, now: Instant) -> &mut Pair {
        let key = (network, subject.clone());
        if self.pairs.len() >= limits::CHARGED_NETWORKS && !self.pairs.contains_key(&key) {
            // Proven pairs are removed after those that were only guessed at.
            make_room(&mut self.pairs, |pair| (pair.proven, pair.account.latest));
        }
        self.pairs.entry(key).or_insert_with(|| Pair {
            account: Account::new(now),
            proven: None,
        })
    }
}

/// Removes the entry with the lowest rank if the map is full.
fn make_room<K: Clone + Eq + std::hash::Hash, V, R: Ord>(
    map: &mut HashMap<K, V>,
    rank: impl Fn(&V) -> R,
) {
    if map.len() < limits::CHARGED_NETWORKS {
        return;
    }
    let lowest = map.iter().min_by_key(|(_, value)| rank(value));
    if let Some(lowest) = lowest.map(|(key, _)| key.clone()) {
        map.remove(&lowest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn network(n: u32) -> Network {
        Network::of(Ipv4Addr::from_bits(0x0a00_0000 + n).into())
    }

    fn named(name: &str) -> Subject {
        Subject::Named(name.into())
    }

    fn charged(times: u32, network: Network, subject: &Subject, now: Instant) -> Charges {
        let mut charges = Charges::new(now);
        for _ in 0..times {
            charges.charge(network, subject, now);
        }
        charges
    }

    #[test]
    fn a_few_mistakes_are_free_and_then_the_gap_grows_to_a_second_and_a_half() {
        let now = Instant::now();
        let gap = |times| {
            let charges = charged(times, network(1), &Subject::Sole, now);
            charges.ready(network(1), &Subject::Sole, now) - now
        };
        assert_eq!(gap(4), Duration::ZERO);
        assert_eq!(gap(5), NETWORK.first);
        assert_eq!(gap(6), 2 * NETWORK.first);
        assert_eq!(gap(20), NETWORK.longest);
        let charges = charged(20, network(1), &Subject::Sole, now);
        assert_eq!(charges.ready(network(2), &Subject::Sole, now), now);
        let later = now + MISTAKES_KEPT;
        assert_eq!(charges.ready(network(1), &Subject::Sole, later), later);
    }

    #[test]
    fn a_proof_forgives_its_own_name_at_its_own_network() {
        let now = Instant::now();
        let [alice, bob] = [named("alice"), named("bob")];
        let mut charges = charged(9, network(1), &bob, now);
        charges.charge(network(1), &alice, now);
        charges.forgive(network(1), &alice, now);
        assert_eq!(charges.ready(network(1), &alice, now), now);
        assert!(charges.ready(network(1), &bob, now) > now);
        assert_eq!(charges.mistakes(network(1), now), 9);
        charges.forgive(network(1), &bob, now);
        assert_eq!(charges.mistakes(network(1), now), 0);
    }

    #[test]
    fn a_proven_name_pays_for_its_own_mistakes_alone() {
        let now = Instant::now();
        let [alice, bob] = [named("alice"), named("bob")];
        let mut charges = charged(9, network(1), &bob, now);
        charges.forgive(network(1), &alice, now);
        assert!(!charges.is_proven(network(2), &alice, now));
        for _ in 0..9 {
            charges.charge(network(1), &alice, now);
        }
        assert!(charges.ready(network(1), &alice, now) > now);
        assert_eq!(charges.mistakes(network(1), now), 9, "only bob's");
        assert!(!charges.is_proven(network(1), &alice, now + PROOF_KEPT));
    }

    #[test]
    fn guesses_from_everywhere_have_one_rate_together() {
        let now = Instant::now();
        let mut charges = Charges::new(now);
        for n in 0..OVERALL.free {
            charges.charge(network(n), &Subject::Sole, now);
        }
        let ready = charges.ready(network(9999), &Subject::Sole, now);
        assert_eq!(ready, now + OVERALL.longest);
        charges.answered(network(9999), &Subject::Sole, ready);
        let next = charges.ready(network(9998), &Subject::Sole, ready);
        assert_eq!(next, ready + OVERALL.longest);
    }

    #[test]
    fn guesses_at_one_name_slow_no_other_name() {
        let now = Instant::now();
        let mut charges = Charges::new(now);
        for n in 0..NAME.free {
            charges.charge(network(n), &named("alice"), now);
        }
        assert!(charges.ready(network(999), &named("alice"), now) > now);
        assert_eq!(charges.ready(network(999), &named("bob"), now), now);
    }

    /// A day of guesses, each from another network and as soon as it is answered.
    #[test]
    fn codes_of_one_name_are_guessed_ever_more_slowly() {
        let begun = Instant::now();
        let mut charges = Charges::new(begun);
        let code = Subject::Code("alice".into());
        let (mut now, mut gap, mut guesses) = (begun, Duration::ZERO, 0);
        while now < begun + Duration::from_secs(24 * 3600) {
            charges.answered(network(guesses), &code, now);
            charges.charge(network(guesses), &code, now);
            guesses += 1;
            let ready = charges.ready(network(guesses), &code, now);
            assert!(ready - now >= gap, "guess {guesses}");
            (gap, now) = (ready - now, ready);
        }
        assert_eq!(gap, Duration::from_secs(8));
        let chance = f64::from(guesses) * 3.0 / 1e6;
        assert!(chance < 0.033, "{chance}");
        assert_eq!(charges.ready(network(guesses), &named("alice"), now), now);
    }

    /// The guesses come from the address of a peer whose codes are right again and again.
    #[test]
    fn codes_are_guessed_as_slowly_where_one_was_right() {
        let begun = Instant::now();
        let mut charges = Charges::new(begun);
        let code = Subject::Code("alice".into());
        let (mut now, mut guesses) = (begun, 0);
        while now < begun + Duration::from_secs(24 * 3600) && guesses < 100_000 {
            charges.forgive(network(1), &code, now);
            charges.answered(network(1), &code, now);
            charges.charge(network(1), &code, now);
            guesses += 1;
            now = charges.ready(network(1), &code, now);
        }
        let chance = f64::from(guesses) * 3.0 / 1e6;
        assert!(chance < 0.033, "{chance}");
        // Guesses elsewhere do not delay the peer whose code was right here.
        let mut charges = Charges::new(begun);
        charges.forgive(network(1), &code, begun);
        for n in 2..20 {
            charges.charge(network(n), &code, begun);
        }
        assert_eq!(charges.ready(network(1), &code, begun), begun);
    }

    #[test]
    fn a_site_pays_for_its_networks() {
        let now = Instant::now();
        let mut charges = Charges::new(now);
        let of = |n: u128| Network::of(IpAddr::V6((0x2001_0db8_u128 << 96 | n << 64).into()));
        for n in 0..u128::from(SITE.free) {
            charges.charge(of(n), &named("alice"), now);
        }
        charges.overall = Account::new(now);
        assert!(charges.ready(of(9999), &named("bob"), now) > now);
        assert_eq!(charges.ready(of(1 << 20), &named("bob"), now), now);
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_was_proven() {
        let now = Instant::now();
        let mut charges = Charges::new(now);
        charges.forgive(network(0), &Subject::Sole, now);
        for n in 1..2 * limits::CHARGED_NETWORKS as u32 {
            let now = now + Duration::from_millis(n.into());
            charges.charge(network(n), &Subject::Sole, now);
        }
        assert!(charges.networks.len() <= limits::CHARGED_NETWORKS);
        assert!(charges.pairs.len() <= limits::CHARGED_NETWORKS);
        assert!(charges.is_proven(network(0), &Subject::Sole, now));
    }
}
