//! Parts that must come one after the other: those of a stream whose length is not known beforehand, and
//! those that are written to an output as they come.

use crate::model::{PartIndex, PartLayout, PartRange, limits};
use crate::protocol::PartCheck;
use crate::session::connection::channel::ensure_due;
use crate::session::error::Error;
use std::collections::HashMap;

/// The progress of a transfer whose parts come one after the other.
pub(crate) struct InOrder {
    layout: PartLayout,
    next: u64,
    /// Bytes received.
    pub(crate) length: u64,
    is_at_end: bool,
    /// CRC-32 of the parts that were written and not yet checked.
    unchecked: HashMap<PartIndex, u32>,
    /// The most bytes to accept, if the offer did not say how many there are.
    max_bytes: Option<u64>,
}

impl InOrder {
    /// Starts with nothing received. `max_bytes` limits a stream of unknown length.
    pub(crate) fn new(layout: PartLayout, max_bytes: Option<u64>) -> Self {
        InOrder {
            layout,
            next: 0,
            length: 0,
            is_at_end: false,
            unchecked: HashMap::new(),
            max_bytes,
        }
    }

    /// Records a part before it is written.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if it is not the next part, is empty, has the wrong length, or follows a part that
    /// was not full; [`Error::DeclinedHere`] beyond `max_bytes`.
    pub(crate) fn take(&mut self, part: PartIndex, length: usize) -> Result<(), Error> {
        ensure_due(part.get() == self.next, "another part than the next")?;
        let full = self.layout.length(part);
        let fits = match self.layout.total() {
            Some(_) => length == full,
            None => (1..=full).contains(&length) && !self.is_at_end,
        };
        ensure_due(fits, "a part of another length")?;
        self.next += 1;
        self.length += length as u64;
        self.is_at_end = length < full;
        match self.max_bytes {
            Some(limit) if self.length > limit => Err(Error::DeclinedHere {
                reason: format!("it is longer than the {limit} bytes that are allowed here"),
            }),
            _ => Ok(()),
        }
    }

    /// Records that the part was written, and its CRC-32.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if too many parts came without checks.
    pub(crate) fn wrote(&mut self, part: PartIndex, crc32: u32) -> Result<(), Error> {
        self.unchecked.insert(part, crc32);
        let is_allowed = self.unchecked.len() <= limits::CHECKS_OWED;
        ensure_due(is_allowed, "more parts in place of their checks")
    }

    /// Compares the CRC-32 of written parts with what the sender read. A difference is final, because written
    /// parts cannot be taken back.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if they differ, or a part does not exist.
    pub(crate) fn compare(
        &mut self,
        checks: impl IntoIterator<Item = PartCheck>,
    ) -> Result<(), Error> {
        for check in checks {
            let part = self.layout.part(check.index)?;
            let own = self.unchecked.remove(&part);
            if own.is_some_and(|own| own != check.crc32) {
                return Err(Error::NotVerified {
                    what: "a part differs from what the sender read".into(),
                });
            }
        }
        Ok(())
    }

    /// The parts after the last one received, if the length is known.
    pub(crate) fn missing(&self) -> Vec<PartRange> {
        let start = self.next;
        let length = self.layout.count().saturating_sub(start);
        match self.layout.total() {
            Some(_) if length > 0 => vec![PartRange { start, length }],
            _ => Vec::new(),
        }
    }

    /// Checks the length that the sender gives at the end. It must be given if the length was unknown before, and
    /// only then.
    ///
    /// # Errors
    /// [`Error::NotVerified`].
    pub(crate) fn close(&self, total: Option<u64>) -> Result<(), Error> {
        let is_true = match self.layout.total() {
            Some(_) => total.is_none(),
            None => total == Some(self.length),
        };
        ensure_due(is_true, "an end that is not where its parts end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u32 = limits::PART_BYTES_MIN;
    const FULL: usize = SIZE as usize;

    fn take(order: &mut InOrder, parts: &[(u64, usize)]) -> bool {
        let mut taken = parts.iter().map(|&(index, length)| {
            let part = order.layout.part(index).unwrap();
            order.take(part, length).is_ok()
        });
        taken.all(|is_taken| is_taken)
    }

    fn open() -> InOrder {
        InOrder::new(PartLayout::open(SIZE).unwrap(), None)
    }

    #[test]
    fn a_stream_ends_where_its_parts_end_and_nowhere_else() {
        let mut order = open();
        assert!(order.close(Some(0)).is_ok() && order.close(None).is_err());
        assert!(take(&mut order, &[(0, FULL), (1, 7)]));
        let end = FULL as u64 + 7;
        assert!(order.close(Some(end)).is_ok());
        for total in [None, Some(0), Some(end - 1), Some(end + 1)] {
            assert!(order.close(total).is_err(), "{total:?}");
        }
    }

    #[test]
    fn parts_come_one_after_the_other_and_only_the_last_is_short() {
        let bad: [&[(u64, usize)]; 7] = [
            &[(1, FULL)],
            &[(0, FULL), (0, FULL)],
            &[(0, FULL), (2, FULL)],
            &[(0, 7), (1, FULL)],
            &[(0, 7), (1, 7)],
            &[(0, 0)],
            &[(0, FULL + 1)],
        ];
        for parts in bad {
            assert!(!take(&mut open(), parts), "{parts:?}");
        }
    }

    #[test]
    fn a_known_length_is_said_once() {
        let layout = PartLayout::known(u64::from(SIZE) + 1, SIZE).unwrap();
        let mut order = InOrder::new(layout, None);
        assert!(!take(&mut order, &[(0, 1)]));
        assert!(take(&mut order, &[(0, FULL), (1, 1)]));
        assert!(order.close(None).is_ok());
        assert!(order.close(Some(u64::from(SIZE) + 1)).is_err());
    }

    #[test]
    fn checks_that_never_come_are_not_waited_for_without_end() {
        let mut order = open();
        let part = |index: usize| order.layout.part(index as u64).unwrap();
        let parts: Vec<_> = (0..=limits::CHECKS_OWED).map(part).collect();
        let (last, owed) = parts.split_last().unwrap();
        assert!(owed.iter().all(|part| order.wrote(*part, 7).is_ok()));
        assert!(order.wrote(*last, 7).is_err());
        let check = |index, crc32| PartCheck { index, crc32 };
        assert!(order.compare([check(0, 7), check(1, 7)]).is_ok());
        assert!(order.wrote(parts[0], 7).is_ok());
        assert!(order.compare([check(0, 8)]).is_err());
        assert!(order.compare([check(limits::PARTS, 7)]).is_err());
    }

    #[test]
    fn what_is_too_long_is_declined_at_the_first_byte_too_many() {
        let max_bytes = Some(u64::from(SIZE) + 3);
        let order = || InOrder::new(PartLayout::open(SIZE).unwrap(), max_bytes);
        assert!(take(&mut order(), &[(0, FULL), (1, 3)]));
        let mut order = order();
        assert!(take(&mut order, &[(0, FULL)]));
        let refused = order.take(order.layout.part(1).unwrap(), 4);
        assert!(matches!(refused, Err(Error::DeclinedHere { .. })));
    }
}
