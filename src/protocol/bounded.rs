//! Lists that are never longer than fits into one message.

use std::ops::Deref;

/// A list of at most `MAX` items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Takes as many items as fit; the iterator keeps the rest.
    pub fn take_from(items: &mut impl Iterator<Item = T>) -> Self {
        Bounded(items.take(MAX).collect())
    }

    /// Adds an item, if there is room for it.
    pub fn push_if_room(&mut self, item: T) {
        if self.0.len() < MAX {
            self.0.push(item);
        }
    }

    /// Takes a list whose length a decoder has checked.
    pub(super) fn counted(items: Vec<T>) -> Self {
        debug_assert!(items.len() <= MAX);
        Bounded(items)
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Bounded(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> IntoIterator for Bounded<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_stays_in_the_iterator() {
        let mut items = 0..5;
        let first = Bounded::<u8, 3>::take_from(&mut items);
        let second = Bounded::<u8, 3>::take_from(&mut items);
        assert_eq!(first[..], [0, 1, 2]);
        assert_eq!(second[..], [3, 4]);
    }

    #[test]
    fn what_has_no_room_is_not_added() {
        let mut list = Bounded::<u8, 2>::default();
        (0..5).for_each(|item| list.push_if_room(item));
        assert_eq!(list[..], [0, 1]);
    }
}
