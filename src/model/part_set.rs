//! A set of parts.

use super::{PartIndex, PartLayout, PartRange, in_memory, len64};

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
        numbers.filter_map(move |number| layout.part(number).ok())
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

    /// The first index in `from..end` whose membership is `present`. Skips whole words that cannot hold one.
    fn find(&self, from: u64, end: u64, present: bool) -> Option<u64> {
        let barren = if present { 0 } else { u64::MAX };
        let mut index = from;
        while index < end {
            let word = self.words.get(place(index).0).copied().unwrap_or(0);
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
