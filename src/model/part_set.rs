//! A set of parts.

use super::{PartIndex, PartLayout, PartRange, in_memory, len64};
use std::ops::RangeInclusive;

/// A set of parts as a bitmap that grows to its largest member: 1 bit a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartSet {
    words: Vec<u64>,
    count: u64,
}

impl PartSet {
    /// The empty set.
    pub fn new() -> Self {
        PartSet::default()
    }

    /// Adds a part; false if it was in the set.
    pub fn insert(&mut self, part: PartIndex) -> bool {
        let (word, bit) = place(part.get());
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u64::from(new);
        new
    }

    /// Adds all parts from the first to the last, 64 at a time.
    pub fn insert_run(&mut self, parts: RangeInclusive<PartIndex>) {
        let (first, last) = (parts.start().get(), parts.end().get());
        let words = in_memory(first / 64)..=in_memory(last / 64);
        if self.words.len() <= *words.end() {
            self.words.resize(words.end() + 1, 0);
        }
        for number in words {
            let start = len64(number) * 64;
            let below_first = (1_u64 << first.saturating_sub(start)) - 1;
            let above_last = match (last - start).checked_add(1) {
                Some(count @ ..64) => u64::MAX << count,
                _ => 0,
            };
            let word = &mut self.words[number];
            let added = !(below_first | above_last | *word);
            *word |= added;
            self.count += u64::from(added.count_ones());
        }
    }

    /// Removes a part; false if it was not in the set.
    pub fn remove(&mut self, part: PartIndex) -> bool {
        let (word, bit) = place(part.get());
        let Some(found) = self.words.get_mut(word) else {
            return false;
        };
        let there = *found & bit != 0;
        *found &= !bit;
        self.count -= u64::from(there);
        there
    }

    /// Whether the part is in the set.
    pub fn contains(&self, part: PartIndex) -> bool {
        self.has(part.get())
    }

    /// Number of parts in the set.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// The parts that are in this set or in `other`.
    pub fn union(&self, other: &PartSet) -> PartSet {
        let (longer, shorter) = match self.words.len() >= other.words.len() {
            true => (self, other),
            false => (other, self),
        };
        let mut words = longer.words.clone();
        words
            .iter_mut()
            .zip(&shorter.words)
            .for_each(|(word, more)| *word |= more);
        PartSet {
            count: words.iter().map(|word| u64::from(word.count_ones())).sum(),
            words,
        }
    }

    /// Memory that the bitmap uses, in bytes.
    pub fn memory(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    /// The runs of parts in the set, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = PartRange> + '_ {
        let end = len64(self.words.len()) * 64;
        self.runs(end, true)
    }

    /// The parts in the set that `layout` has, ascending.
    pub fn parts(&self, layout: PartLayout) -> impl Iterator<Item = PartIndex> + '_ {
        let numbers = self
            .ranges()
            .flat_map(|range| range.start..range.start + range.length);
        numbers.map_while(move |number| layout.part(number).ok())
    }

    /// The runs of parts below `end` that are not in the set, ascending.
    pub fn gaps(&self, end: u64) -> impl Iterator<Item = PartRange> + '_ {
        self.runs(end, false)
    }

    fn runs(&self, end: u64, present: bool) -> impl Iterator<Item = PartRange> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let start = self.find(next, end, present)?;
            next = self.find(start, end, !present).unwrap_or(end);
            Some(PartRange {
                start,
                length: next - start,
            })
        })
    }

    /// The first index in `from..end` whose membership is `present`. Skips whole words that cannot hold one, and
    /// looks no further than the bitmap.
    fn find(&self, from: u64, end: u64, present: bool) -> Option<u64> {
        let barren = if present { 0 } else { u64::MAX };
        let mut index = from;
        while index < end {
            let Some(&word) = self.words.get(place(index).0) else {
                return (!present).then_some(index);
            };
            if index.is_multiple_of(64) && word == barren {
                index += 64;
            } else if self.has(index) == present {
                return Some(index);
            } else {
                index += 1;
            }
        }
        None
    }

    fn has(&self, index: u64) -> bool {
        let (word, bit) = place(index);
        self.words.get(word).is_some_and(|found| found & bit != 0)
    }
}

fn place(index: u64) -> (usize, u64) {
    (in_memory(index / 64), 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PartLayout;

    #[test]
    fn a_union_has_the_members_of_both() {
        let layout = PartLayout::known(65536 * 300, 65536).unwrap();
        let set = |numbers: &[u64]| {
            let mut set = PartSet::new();
            for &number in numbers {
                set.insert(layout.part(number).unwrap());
            }
            set
        };
        let both = set(&[1, 2, 299]).union(&set(&[0, 2]));
        assert_eq!(both, set(&[0, 1, 2, 299]));
        assert_eq!(set(&[0, 2]).union(&set(&[1, 2, 299])), both);
        assert_eq!(both.len(), 4);
    }

    #[test]
    fn a_run_adds_what_its_parts_would_add_one_by_one() {
        let layout = PartLayout::known(65536 * 300, 65536).unwrap();
        let edges = [0, 1, 62, 63, 64, 65, 127, 128, 191, 299];
        for first in edges {
            for last in edges.into_iter().filter(|&last| last >= first) {
                let part = |number| layout.part(number).unwrap();
                let mut run = PartSet::new();
                // Some parts are there already.
                for number in [1, 64, 190] {
                    run.insert(part(number));
                }
                let mut singly = run.clone();
                run.insert_run(part(first)..=part(last));
                for number in first..=last {
                    singly.insert(part(number));
                }
                assert_eq!(run, singly, "{first} to {last}");
            }
        }
    }

    #[test]
    fn ranges_and_gaps_mirror_each_other() {
        let layout = PartLayout::known(65536 * 300, 65536).unwrap();
        let mut set = PartSet::new();
        for index in [0, 1, 2, 63, 64, 65, 130, 299] {
            assert!(set.insert(layout.part(index).unwrap()));
        }
        assert!(!set.insert(layout.part(64).unwrap()));
        assert_eq!(set.len(), 8);
        let ranges: Vec<_> = set.ranges().map(|r| (r.start, r.length)).collect();
        assert_eq!(ranges, [(0, 3), (63, 3), (130, 1), (299, 1)]);
        let gaps: Vec<_> = set.gaps(300).map(|r| (r.start, r.length)).collect();
        assert_eq!(gaps, [(3, 60), (66, 64), (131, 168)]);
        assert!(set.remove(layout.part(64).unwrap()));
        assert!(!set.contains(layout.part(64).unwrap()));
        assert_eq!(
            set.gaps(400).last().map(|r| (r.start, r.length)),
            Some((300, 100))
        );
    }
}
