//! The library's public API: both peers in one process.

use peerbridge::crypto::Secret;
use peerbridge::session::{
    Connect, Event, ListenAddress, Operator, PeerAddress, ReceiveOptions, Rendezvous, SendOptions,
    SessionError, Summary, Unattended,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

fn secret(text: &str) -> Secret {
    Secret::from_text(text).expect("a test's secret")
}

/// Tells a test which port the listener got.
struct Port(std::sync::Mutex<mpsc::Sender<u16>>);

impl Operator for Port {
    fn event(&self, event: &Event<'_>) {
        if let Event::Listening { addresses } = event {
            let sender = self.0.lock().expect("not poisoned");
            sender.send(addresses[0].port()).expect("the test waits");
        }
    }
}

fn loopback() -> Rendezvous {
    Rendezvous::Listen(ListenAddress {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port: 0,
    })
}

fn dial(port: u16) -> Rendezvous {
    Rendezvous::Dial(PeerAddress {
        host: "127.0.0.1".into(),
        port,
    })
}

type Results = (
    Result<Summary, SessionError>,
    Result<Vec<Summary>, SessionError>,
);

fn transfer(source: &Path, destination: &Path, streams: u16, receiver_dials: bool) -> Results {
    let (sender, port) = mpsc::channel();
    let listening = Port(std::sync::Mutex::new(sender));
    let mut options = SendOptions::new(vec![source.to_owned()]);
    options.streams = Some(streams);
    let into = ReceiveOptions::new(destination.to_owned());
    let patient = |rendezvous| {
        let mut connect = Connect::new(rendezvous, secret("correct horse"));
        connect.idle_timeout = Duration::from_secs(20);
        connect
    };
    std::thread::scope(|scope| {
        if receiver_dials {
            let sending = scope
                .spawn(|| peerbridge::session::send(&patient(loopback()), &options, &listening));
            let port = port.recv().expect("the sender listens");
            let received = peerbridge::session::receive(&patient(dial(port)), &into, &Unattended);
            (sending.join().expect("no panic"), received)
        } else {
            let receiving = scope
                .spawn(|| peerbridge::session::receive(&patient(loopback()), &into, &listening));
            let port = port.recv().expect("the receiver listens");
            let sent = peerbridge::session::send(&patient(dial(port)), &options, &Unattended);
            (sent, receiving.join().expect("no panic"))
        }
    })
}

#[test]
fn a_folder_goes_across_either_way_with_one_and_four_streams() {
    for (streams, receiver_dials) in [(1, false), (1, true), (4, false), (4, true)] {
        let source = tempfile::tempdir().unwrap();
        let tree = source.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b/empty")).unwrap();
        std::fs::write(tree.join("small"), b"small").unwrap();
        std::fs::write(tree.join("a/none"), b"").unwrap();
        let large: Vec<u8> = (0..30_000_000u32).map(|n| (n ^ (n >> 9)) as u8).collect();
        std::fs::write(tree.join("a/large"), &large).unwrap();
        let destination = tempfile::tempdir().unwrap();
        let (sent, received) = transfer(&tree, destination.path(), streams, receiver_dials);
        let sent = sent.unwrap();
        let received = received.unwrap();
        assert_eq!(received.len(), 1);
        assert_eq!((sent.files, sent.left_out), (3, 0));
        let tree = destination.path().join("tree");
        assert_eq!(std::fs::read(tree.join("a/large")).unwrap(), large);
        assert_eq!(std::fs::read(tree.join("small")).unwrap(), b"small");
        assert!(tree.join("a/b/empty").is_dir());
        assert_eq!(std::fs::read_dir(destination.path()).unwrap().count(), 1);
    }
}
