//! The checks of parts that come in any order: a part may come before its check, or the check before the part.

use crate::model::{PartIndex, limits};
use crate::session::connection::channel::ensure_due;
use crate::session::error::Error;
use crate::session::receive::memory::MemoryCharge;
use std::collections::HashMap;

/// Parts and checks for which memory is charged at once.
const STEP: usize = 4096;

/// The parts of a round of which only the CRC-32 of one side is known.
pub(crate) struct UncheckedParts<'b> {
    /// As this side wrote them.
    written: HashMap<PartIndex, u32>,
    /// As the sender read them; they have not come yet.
    announced: HashMap<PartIndex, u32>,
    different: Vec<PartIndex>,
    memory: MemoryCharge<'b>,
    /// Number of parts for which there is memory.
    room: usize,
}

impl<'b> UncheckedParts<'b> {
    /// No parts. More than [`limits::CHECKS_OWED`] will be charged to `memory`.
    pub(crate) fn new(memory: MemoryCharge<'b>) -> Self {
        UncheckedParts {
            written: HashMap::new(),
            announced: HashMap::new(),
            different: Vec::new(),
            memory,
            room: limits::CHECKS_OWED,
        }
    }

    /// Takes the CRC-32 of a part that was written.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if there is no memory for it.
    pub(crate) fn wrote(&mut self, part: PartIndex, crc32: u32) -> Result<(), Error> {
        match self.announced.remove(&part) {
            Some(theirs) => self.compare(part, crc32, theirs),
            None => drop(self.written.insert(part, crc32)),
        }
        self.charge()
    }

    /// Takes a part's CRC-32 from the sender.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if there is no memory for it.
    pub(crate) fn check(&mut self, part: PartIndex, crc32: u32) -> Result<(), Error> {
        match self.written.remove(&part) {
            Some(own) => self.compare(part, own, crc32),
            None => drop(self.announced.insert(part, crc32)),
        }
        self.charge()
    }

    /// Forgets everything about the round. Returns the parts that differ.
    pub(crate) fn end_round(&mut self) -> Vec<PartIndex> {
        (self.written, self.announced) = (HashMap::new(), HashMap::new());
        self.memory.give_back();
        self.room = limits::CHECKS_OWED;
        std::mem::take(&mut self.different)
    }

    fn compare(&mut self, part: PartIndex, own: u32, theirs: u32) {
        if own != theirs {
            self.different.push(part);
        }
    }

    fn charge(&mut self) -> Result<(), Error> {
        let count = self.written.len() + self.announced.len() + self.different.len();
        if count <= self.room {
            return Ok(());
        }
        let step = STEP as u64 * limits::UNCHECKED_PART_MEMORY_BYTES;
        let is_charged = self.memory.grow(step).is_ok();
        ensure_due(
            is_charged,
            "more parts without their checks, or checks without their parts",
        )?;
        self.room += STEP;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PartLayout;
    use crate::session::listen::slots::Holder;
    use crate::session::receive::memory::MemoryBudget;

    fn part(number: u64) -> PartIndex {
        let size = limits::PART_BYTES_MIN;
        let layout = PartLayout::known(limits::PARTS * u64::from(size), size);
        layout.unwrap().part(number).unwrap()
    }

    fn owner() -> Holder {
        Holder::Name("alice".into())
    }

    #[test]
    fn a_part_and_its_check_may_come_in_either_order_and_cost_nothing_then() {
        // No memory beside that for the parts that are owed.
        let budget = MemoryBudget::new(0);
        let mut parts = UncheckedParts::new(budget.charge(owner()));
        for number in 0..3 * limits::CHECKS_OWED as u64 {
            parts.wrote(part(number), 1).unwrap();
            parts.check(part(number), 1).unwrap();
            parts.check(part(number + 1), 1).unwrap();
            parts.wrote(part(number + 1), 1).unwrap();
        }
        assert!(parts.end_round().is_empty());
    }

    #[test]
    fn parts_that_differ_are_told_at_the_end_of_their_round_once() {
        let budget = MemoryBudget::new(0);
        let mut parts = UncheckedParts::new(budget.charge(owner()));
        parts.wrote(part(7), 1).unwrap();
        parts.check(part(7), 2).unwrap();
        parts.check(part(8), 2).unwrap();
        parts.wrote(part(8), 1).unwrap();
        parts.wrote(part(9), 1).unwrap();
        assert_eq!(parts.end_round(), [part(7), part(8)]);
        parts.check(part(9), 2).unwrap();
        assert!(parts.end_round().is_empty(), "it was of an earlier round");
    }

    #[test]
    fn what_one_side_alone_knows_is_charged_and_given_back() {
        type Take = fn(&mut UncheckedParts<'_>, u64) -> Result<(), Error>;
        let takes: [Take; 2] = [
            |parts, number| parts.wrote(part(number), 1),
            |parts, number| parts.check(part(number), 1),
        ];
        // Half of it is for one owner.
        let budget = MemoryBudget::new(2 * 3 * STEP as u64 * limits::UNCHECKED_PART_MEMORY_BYTES);
        let most = limits::CHECKS_OWED + 3 * STEP;
        for take in takes {
            let mut parts = UncheckedParts::new(budget.charge(owner()));
            for _ in 0..2 {
                for number in 0..most as u64 {
                    take(&mut parts, number).unwrap();
                    // The same again is not another one.
                    take(&mut parts, number).unwrap();
                }
                assert!(take(&mut parts, most as u64).is_err());
                parts.end_round();
            }
        }
    }
}
