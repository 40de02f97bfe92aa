//! The threads of discovery: one sends queries, and one for each socket on the discovery port receives.

use super::Found;
use super::asker::Asker;
use super::schedule::PORTS;
use super::shared::Shared;
use crate::protocol::Presence;
use crate::session::events::StillLooking;
use crate::session::options::Discovery;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// Stack size of each thread, in bytes.
const STACK: usize = 256 * 1024;

/// Searches for others and answers their queries until it is dropped. After that it sends nothing.
pub struct Lookout {
    running: Option<Running>,
}

struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Lookout {
    /// Starts to search. Calls `on_found` once for each address of each peer that is found, on a thread of the
    /// lookout; it must neither block nor drop the lookout. With [`Discovery::Off`] it does nothing.
    ///
    /// # Errors
    /// The system's error if it has no port, no thread or no random bytes.
    pub fn start(
        mode: Discovery,
        presence: Presence,
        on_found: impl Fn(Found) + Send + Sync + 'static,
    ) -> io::Result<Lookout> {
        if mode == Discovery::Off {
            return Ok(Lookout { running: None });
        }
        let now = Instant::now();
        let shared = Arc::new(Shared::new(mode, presence, Box::new(on_found), now)?);
        // From here on, dropping this on an error ends the threads that run already.
        let mut running = Running {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
        };
        for socket in shared.ports.each() {
            let (shared, socket) = (Arc::clone(&shared), Arc::clone(socket));
            running.spawn("hear", move || shared.hear(&socket))?;
        }
        let mut asker = Asker::new(shared, now);
        running.spawn("ask", move || asker.run())?;
        Ok(Lookout {
            running: Some(running),
        })
    }

    /// What was sent and received so far, to help a person while no peer is found.
    #[must_use]
    pub fn sights(&self) -> StillLooking {
        let Some(Running { shared, .. }) = &self.running else {
            return StillLooking::default();
        };
        let port = shared.ports.port().filter(|port| PORTS.contains(port));
        let state = shared.state.lock();
        StillLooking {
            port,
            addresses: state.exchange.own.reachable(),
            sent: state.sent.taken,
            refused: state.sent.refused,
            heard: state.exchange.heard,
            ..StillLooking::default()
        }
    }
}

impl Running {
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new()
            .name(name.into())
            .stack_size(STACK);
        self.threads.push(thread.spawn(work)?);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.end();
        for thread in self.threads.drain(..) {
            // Only a panic makes this fail, and then the thread is over, too.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Channel, random_bytes};
    use crate::protocol::Role;
    use crate::session::sync::lock;
    use std::num::NonZeroU16;
    use std::sync::{Mutex, mpsc};

    /// One test takes every discovery port of this machine, and two without a port cannot find each other.
    static PORTS_IN_USE: Mutex<()> = Mutex::new(());

    fn meeting(role: Role, channel: u16) -> Presence {
        Presence::Meeting {
            role,
            channel: Channel::new(channel).unwrap(),
            port: NonZeroU16::new(9000).unwrap(),
        }
    }

    fn start(mode: Discovery, presence: Presence) -> (Lookout, mpsc::Receiver<Found>) {
        let (sender, finds) = mpsc::channel();
        let lookout = Lookout::start(mode, presence, move |found| {
            // The test may be over.
            let _ = sender.send(found);
        });
        (lookout.unwrap(), finds)
    }

    /// A channel for this run alone, because all tests on this machine share its loopback.
    fn channel() -> u16 {
        1000 + u16::from_be_bytes(random_bytes().unwrap()) % 9000
    }

    #[test]
    fn two_on_one_machine_find_each_other_and_no_other_channel() {
        let _ports = lock(&PORTS_IN_USE);
        let channel = channel();
        let (_alice, at_alice) = start(Discovery::Loopback, meeting(Role::Send, channel));
        let other = 1000 + (channel - 999) % 9000;
        let (_other, at_other) = start(Discovery::Loopback, meeting(Role::Send, other));
        let (_bob, at_bob) = start(Discovery::Loopback, meeting(Role::Receive, channel));
        let alice = at_bob.recv().unwrap();
        assert_eq!(alice.presence, meeting(Role::Send, channel));
        assert!(alice.address.ip().is_loopback());
        assert_eq!(alice.address.port(), 9000);
        assert_eq!(
            at_alice.recv().unwrap().presence,
            meeting(Role::Receive, channel)
        );
        assert!(at_other.try_recv().is_err());
    }

    #[test]
    fn more_peers_than_ports_still_find_one() {
        let _ports = lock(&PORTS_IN_USE);
        let channel = channel();
        let many: Vec<_> = (0..PORTS.len() + 2)
            .map(|_| start(Discovery::Loopback, meeting(Role::Send, channel)))
            .collect();
        let (_last, finds) = start(Discovery::Loopback, meeting(Role::Receive, channel));
        assert_eq!(finds.recv().unwrap().presence, meeting(Role::Send, channel));
        drop(many);
    }

    #[test]
    fn what_is_dropped_has_no_thread_and_no_socket_left() {
        let channel = channel();
        let (alice, _finds) = start(Discovery::Loopback, meeting(Role::Send, channel));
        let shared = Arc::downgrade(&alice.running.as_ref().unwrap().shared);
        drop(alice);
        assert_eq!(shared.strong_count(), 0);
    }

    #[test]
    fn off_does_nothing() {
        let (alice, finds) = start(Discovery::Off, meeting(Role::Send, channel()));
        assert!(alice.running.is_none());
        assert_eq!(alice.sights(), StillLooking::default());
        assert!(finds.recv().is_err(), "nobody is left to tell of finds");
    }
}
