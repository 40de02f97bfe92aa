//! Addresses at which two sides that use the library meet on this machine.

use peerbridge::{Event, ListenAddress, Operator, PeerAddress, Rendezvous};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};

/// A port of this machine that the system chooses.
pub fn any_port() -> ListenAddress {
    ListenAddress {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port: 0,
    }
}

/// Waits at a port that the system chooses.
pub fn listen() -> Rendezvous {
    Rendezvous::Listen(any_port())
}

/// Dials a port of this machine.
pub fn dial(port: u16) -> Rendezvous {
    let host = "127.0.0.1".into();
    Rendezvous::Dial(PeerAddress { host, port })
}

/// An operator that reports the listener's port, and accepts everything.
pub struct Port(Mutex<Sender<u16>>);

impl Port {
    /// An operator, and the channel on which it reports the port.
    pub fn new() -> (Port, Receiver<u16>) {
        let (sender, port) = mpsc::channel();
        (Port(Mutex::new(sender)), port)
    }
}

impl Operator for Port {
    fn event(&self, event: &Event<'_>) {
        if let Event::Listening { addresses } = event {
            let sender = self.0.lock().expect("not poisoned");
            sender.send(addresses[0].port()).expect("the test waits");
        }
    }
}
