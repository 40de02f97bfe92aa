//! Connections that have not proven themselves: few at once, and when there are too many the oldest of
//! whoever has the most gives way. An honest peer proves itself within a round trip or two, so it gets
//! through however many others sit there and wait.

use crate::model::limits;
use crate::session::listen::guess_limit::network;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, Weak};

/// The connections of a listener that have not proven themselves, oldest first.
pub(crate) struct PendingConnections {
    most: usize,
    state: Mutex<PendingState>,
}

#[derive(Default)]
struct PendingState {
    waiting: Vec<Waiting>,
    /// Threads at work, those that were told to give way included.
    threads: usize,
    next_number: u64,
}

struct Waiting {
    number: u64,
    network: IpAddr,
    stream: Weak<TcpStream>,
}

impl PendingConnections {
    /// As many as [`limits::UNPROVEN_CONNECTIONS`], and fewer where the process may have few
    /// descriptors: the others are for transfers.
    pub(crate) fn new(descriptors: Option<usize>) -> Arc<Self> {
        let most = descriptors.map_or(limits::UNPROVEN_CONNECTIONS, |descriptors| {
            (descriptors / 4).clamp(1, limits::UNPROVEN_CONNECTIONS)
        });
        Arc::new(PendingConnections {
            most,
            state: Mutex::default(),
        })
    }

    /// A place for a new connection, at the cost of an old one where there are too many. `None` when
    /// even those that gave way are not gone yet.
    pub(crate) fn enter(
        self: &Arc<Self>,
        stream: &Arc<TcpStream>,
        from: IpAddr,
    ) -> Option<PendingPlace> {
        let mut state = lock(&self.state);
        if state.threads >= 2 * self.most {
            return None;
        }
        if state.waiting.len() >= self.most {
            state.end_one();
        }
        let number = state.next_number;
        state.next_number += 1;
        state.threads += 1;
        state.waiting.push(Waiting {
            number,
            network: network(from),
            stream: Arc::downgrade(stream),
        });
        Some(PendingPlace {
            unproven: Arc::clone(self),
            number,
        })
    }

    /// Ends one connection, so that its descriptor comes free; false when there is none to end.
    pub(crate) fn make_room(&self) -> bool {
        lock(&self.state).end_one()
    }
}

impl PendingState {
    /// Ends the oldest connection of the network that has the most.
    fn end_one(&mut self) -> bool {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for waiting in &self.waiting {
            *counts.entry(waiting.network).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        let oldest = self.waiting.iter().position(|w| counts[&w.network] == most);
        let Some(oldest) = oldest else {
            return false;
        };
        let ended = self.waiting.remove(oldest);
        if let Some(stream) = ended.stream.upgrade() {
            // Its thread wakes up and finds the connection lost. It may be lost already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        true
    }
}

/// A place for an unproven connection; given back when dropped.
pub(crate) struct PendingPlace {
    unproven: Arc<PendingConnections>,
    number: u64,
}

impl Drop for PendingPlace {
    fn drop(&mut self) {
        let mut state = lock(&self.unproven.state);
        state.threads -= 1;
        let number = self.number;
        state.waiting.retain(|waiting| waiting.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    struct Ends {
        near: Arc<TcpStream>,
        far: TcpStream,
    }

    fn connect(listener: &TcpListener) -> Ends {
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        let near = Arc::new(near);
        Ends { near, far }
    }

    fn is_ended(ends: &mut Ends) -> bool {
        ends.far.set_nonblocking(true).unwrap();
        matches!(ends.far.read(&mut [0]), Ok(0))
    }

    #[test]
    fn the_oldest_of_whoever_has_the_most_gives_way() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let unproven = PendingConnections::new(Some(16));
        assert_eq!(unproven.most, 4);
        let [one, other] = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        let mut ends: Vec<_> = (0..5).map(|_| connect(&listener)).collect();
        let from = [other, one, one, one, other];
        let places: Vec<_> = ends
            .iter()
            .zip(from)
            .map(|(ends, from)| unproven.enter(&ends.near, from).unwrap())
            .collect();
        let ended: Vec<_> = ends.iter_mut().map(is_ended).collect();
        assert_eq!(ended, [false, true, false, false, false]);
        drop(places);
        assert_eq!(lock(&unproven.state).threads, 0);
        assert!(!unproven.make_room());
    }

    #[test]
    fn threads_are_bounded_also_when_they_are_slow_to_go() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let unproven = PendingConnections::new(Some(8));
        let ends = connect(&listener);
        let from = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut places: Vec<_> = (0..4).map(|_| unproven.enter(&ends.near, from)).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(unproven.enter(&ends.near, from).is_none());
        places.pop();
        assert!(unproven.enter(&ends.near, from).is_some());
    }
}
