//! Memory for current offers, charged before it is used.

use crate::model::limits;
use crate::session::listen::slots::Holder;
use crate::session::sync::lock;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The memory of all offers of this process, over all its listeners.
pub(crate) static OFFERS: MemoryBudget = MemoryBudget::new(limits::OFFERS_MEMORY_BYTES);

/// An amount of memory that several owners share. One owner can have at most half of it.
pub(crate) struct MemoryBudget {
    bytes: u64,
    taken: Mutex<BTreeMap<Holder, u64>>,
}

/// Why no memory is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryShortage {
    /// Its owner has used its own share.
    OwnShare,
    /// All owners together have used everything.
    Everything,
}

impl MemoryBudget {
    /// A budget of which nothing is used.
    pub(crate) const fn new(bytes: u64) -> Self {
        MemoryBudget {
            bytes,
            taken: Mutex::new(BTreeMap::new()),
        }
    }

    /// A charge of 0 bytes for `owner`.
    pub(crate) fn charge(&self, owner: Holder) -> MemoryCharge<'_> {
        MemoryCharge {
            budget: self,
            owner,
            bytes: 0,
        }
    }
}

/// The memory charged for one offer; given back when dropped.
pub(crate) struct MemoryCharge<'b> {
    budget: &'b MemoryBudget,
    owner: Holder,
    bytes: u64,
}

impl<'b> MemoryCharge<'b> {
    /// A further charge of 0 bytes for the same owner.
    pub(crate) fn another(&self) -> MemoryCharge<'b> {
        self.budget.charge(self.owner.clone())
    }

    /// Charges `bytes` more.
    ///
    /// # Errors
    /// [`MemoryShortage`]; nothing more is charged.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), MemoryShortage> {
        let mut taken = lock(&self.budget.taken);
        let own = taken.get(&self.owner).copied().unwrap_or(0);
        if own + bytes > self.budget.bytes / 2 {
            return Err(MemoryShortage::OwnShare);
        }
        if taken.values().sum::<u64>() + bytes > self.budget.bytes {
            return Err(MemoryShortage::Everything);
        }
        taken.insert(self.owner.clone(), own + bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// Gives everything charged so far back.
    pub(crate) fn give_back(&mut self) {
        let mut taken = lock(&self.budget.taken);
        if let Some(own) = taken.get_mut(&self.owner) {
            *own -= self.bytes;
            if *own == 0 {
                taken.remove(&self.owner);
            }
        }
        self.bytes = 0;
    }
}

impl Drop for MemoryCharge<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Holder {
        Holder::Name(name.to_owned())
    }

    #[test]
    fn one_owner_has_half_and_a_dropped_charge_is_given_back() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.charge(named("alice"));
        let mut second = budget.charge(named("alice"));
        assert_eq!(first.grow(30), Ok(()));
        assert_eq!(second.grow(21), Err(MemoryShortage::OwnShare));
        assert_eq!(second.grow(20), Ok(()));
        drop(first);
        assert_eq!(second.grow(30), Ok(()));
        drop(second);
        assert!(lock(&budget.taken).is_empty());
    }

    #[test]
    fn all_owners_together_have_the_whole() {
        let budget = MemoryBudget::new(100);
        let mut charges = ["alice", "bob", "carol"].map(|name| budget.charge(named(name)));
        assert_eq!(charges[0].grow(50), Ok(()));
        assert_eq!(charges[1].grow(40), Ok(()));
        assert_eq!(charges[2].grow(11), Err(MemoryShortage::Everything));
        charges[1].give_back();
        assert_eq!(charges[2].grow(50), Ok(()));
    }
}
