//! Limits the size of an offer: each entry is charged when it arrives, before it is stored.

use crate::model::limits;
use crate::protocol::{DeclineReason, EntryCost};
use crate::session::error::Error;
use crate::session::receive::memory::{MemoryCharge, MemoryShortage};
use crate::session::receive::options::ReceiveOptions;
use crate::session::receive::prepare::OfferRefusal;

/// How much of its limits one offer has used.
pub(crate) struct Allowance<'b> {
    max_bytes: Option<u64>,
    max_files: Option<u64>,
    entries: u64,
    contents: u64,
    memory: MemoryCharge<'b>,
    shortage: Option<MemoryShortage>,
}

impl<'b> Allowance<'b> {
    /// An allowance of which nothing is used.
    pub(crate) fn new(options: &ReceiveOptions, memory: MemoryCharge<'b>) -> Self {
        Allowance {
            max_bytes: options.max_bytes,
            max_files: options.max_files,
            entries: 0,
            contents: 0,
            memory,
            shortage: None,
        }
    }

    /// Charges an entry. Returns whether it may be stored; after the first refusal, none may.
    pub(crate) fn take(&mut self, cost: EntryCost) -> bool {
        self.entries += 1;
        self.contents = self.contents.saturating_add(cost.contents);
        if self.shortage.is_none() && !self.is_over() {
            self.shortage = self.memory.grow(cost.memory).err();
        }
        let is_allowed = self.shortage.is_none() && !self.is_over();
        if !is_allowed {
            self.memory.give_back();
        }
        is_allowed
    }

    /// The memory charged for the offer, if it stayed within its limits.
    ///
    /// # Errors
    /// [`OfferRefusal`].
    pub(crate) fn settle(self) -> Result<MemoryCharge<'b>, OfferRefusal> {
        let over = |limit: Option<u64>, value: u64, what: &str| match limit {
            Some(limit) if value > limit => Some(format!(
                "the offer has {value} {what}, and {limit} are allowed here"
            )),
            _ => None,
        };
        let bytes = match self.entries_bytes() {
            0 => over(self.max_bytes, self.bytes(), "bytes"),
            _ => over(
                self.max_bytes,
                self.bytes(),
                "bytes including the room for its names",
            ),
        };
        let reason = bytes.or_else(|| over(self.max_files, self.entries, "files and folders"));
        if let Some(reason) = reason {
            let error = Error::DeclinedHere { reason };
            return Err(OfferRefusal::new(DeclineReason::Limit, error));
        }
        match self.shortage {
            None => Ok(self.memory),
            Some(MemoryShortage::OwnShare) => {
                Err(too_much(DeclineReason::Limit, "than one sender may have"))
            }
            Some(MemoryShortage::Everything) => Err(too_much(
                DeclineReason::Busy,
                "than other senders leave now",
            )),
        }
    }

    fn is_over(&self) -> bool {
        self.max_files.is_some_and(|most| self.entries > most)
            || self.max_bytes.is_some_and(|most| self.bytes() > most)
    }

    /// The bytes that count towards the limit of size.
    fn bytes(&self) -> u64 {
        self.contents.saturating_add(self.entries_bytes())
    }

    /// The bytes that the entries count in addition to their contents.
    fn entries_bytes(&self) -> u64 {
        self.entries.saturating_sub(limits::ENTRIES_UNCOUNTED) * limits::ENTRY_DISK_BYTES
    }
}

fn too_much(reason: DeclineReason, than: &str) -> OfferRefusal {
    let error = Error::DeclinedHere {
        reason: format!("the names of the offer take more memory {than}"),
    };
    OfferRefusal::new(reason, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::listen::slots::Holder;
    use crate::session::receive::memory::MemoryBudget;
    use std::path::PathBuf;

    const SMALL: EntryCost = EntryCost {
        contents: 10,
        memory: 100,
    };

    fn options(max_bytes: Option<u64>, max_files: Option<u64>) -> ReceiveOptions {
        ReceiveOptions {
            max_bytes,
            max_files,
            ..ReceiveOptions::new(PathBuf::new())
        }
    }

    /// How many entries are stored, and what is said of as many as there are.
    fn offer(options: &ReceiveOptions, memory: u64, entries: usize) -> (usize, String) {
        let budget = MemoryBudget::new(memory);
        let owner = Holder::Name("alice".into());
        let mut allowance = Allowance::new(options, budget.charge(owner));
        let stored = (0..entries).filter(|_| allowance.take(SMALL)).count();
        match allowance.settle() {
            Ok(_) => (stored, String::new()),
            Err(refusal) => (stored, refusal.error.to_string()),
        }
    }

    #[test]
    fn nothing_is_stored_beyond_a_limit() {
        let (stored, said) = offer(&options(None, Some(10)), u64::MAX, 5000);
        assert_eq!(stored, 10);
        assert!(said.contains("5000 files and folders, and 10"), "{said}");
        let (stored, said) = offer(&options(Some(99), None), u64::MAX, 20);
        assert_eq!(stored, 9);
        assert!(said.contains("200 bytes, and 99"), "{said}");
        let (stored, said) = offer(&options(None, None), 1000, 20);
        assert_eq!(stored, 5);
        assert!(said.contains("memory"), "{said}");
        assert_eq!(
            offer(&options(Some(200), Some(20)), 4000, 20),
            (20, String::new())
        );
    }

    #[test]
    fn many_names_count_as_the_room_that_they_take() {
        let with_names = 1010 * 10 + 10 * limits::ENTRY_DISK_BYTES;
        let enough = options(Some(with_names), None);
        assert_eq!(offer(&enough, u64::MAX, 1010), (1010, String::new()));
        let short = options(Some(with_names - 1), None);
        let (stored, said) = offer(&short, u64::MAX, 1010);
        assert_eq!(stored, 1009);
        assert!(said.contains("room for its names"), "{said}");
    }
}
