//! The peers that were found, each with its addresses.

use crate::model::limits;
use crate::protocol::Instance;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// At most [`limits::FINDS`] instances, ordered by when they were last heard, oldest first.
#[derive(Debug, Default)]
pub(super) struct Finds(VecDeque<Find>);

#[derive(Debug)]
struct Find {
    instance: Instance,
    addresses: Vec<SocketAddr>,
}

impl Finds {
    /// Records that `instance` was heard from `address`. Returns whether that is new.
    pub(super) fn insert(&mut self, instance: Instance, address: SocketAddr) -> bool {
        let position = self.0.iter().position(|find| find.instance == instance);
        let known = position.and_then(|position| self.0.remove(position));
        if known.is_none() && self.0.len() >= limits::FINDS {
            self.0.pop_front();
        }
        let mut find = known.unwrap_or(Find {
            instance,
            addresses: Vec::new(),
        });
        let is_news =
            !find.addresses.contains(&address) && find.addresses.len() < limits::FIND_ADDRESSES;
        if is_news {
            find.addresses.push(address);
        }
        self.0.push_back(find);
        is_news
    }

    /// Whether no peer was found yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(n: usize) -> Instance {
        Instance((n as u64).to_be_bytes())
    }

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn an_address_is_news_once() {
        let mut finds = Finds::default();
        assert!(finds.is_empty());
        assert!(finds.insert(instance(1), address(1)));
        assert!(!finds.insert(instance(1), address(1)));
        assert!(finds.insert(instance(1), address(2)));
        assert!(finds.insert(instance(2), address(1)));
        assert!(!finds.is_empty());
    }

    #[test]
    fn peers_and_their_addresses_are_bounded() {
        let mut finds = Finds::default();
        for n in 0..10_000 {
            finds.insert(instance(n), address(1));
            finds.insert(instance(0), address(n as u16));
        }
        assert_eq!(finds.0.len(), limits::FINDS);
        assert!(
            finds
                .0
                .iter()
                .all(|find| find.addresses.len() <= limits::FIND_ADDRESSES)
        );
        assert!(
            !finds.insert(instance(0), address(1)),
            "what is heard from stays"
        );
    }
}
