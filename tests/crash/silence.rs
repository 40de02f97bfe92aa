//! Sides that stop, stop reading, vanish without a word; and people who take their time.

use super::support::program::{LISTEN, Program};
use super::support::proxy::{Act, Proxy};
use super::support::trees::{self, MIB};
use peerbridge::{
    Acceptance, Connect, ListenAddress, OfferSummary, Operator, PeerAddress, ReceiveOptions,
    Rendezvous, Secret, SendOptions, Unattended,
};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

const IDLE: [&str; 4] = ["--idle-timeout", "2", "--retry", "0"];

/// Goes on with a transfer that was cut, and finds it whole.
fn goes_on(from: &Path, into: &Path) {
    assert_eq!(trees::stagings(into).len(), 1);
    let (sender, receiver) = super::support::program::transfer(from, &[], into, &[]);
    assert!(sender.expect(0).done("resumed_bytes") > 0);
    receiver.expect(0);
    trees::assert_same(from, &into.join("tree"));
}

#[test]
fn a_pulled_cable_ends_both_sides_and_the_same_again_goes_on() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 24 * MIB, 1);
    for act in [Act::Silence, Act::Stop] {
        let mut receiver = Program::receive(&into, &[LISTEN, IDLE].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.then(14 * MIB as u64, act);
        let to = [&["--to", proxy.address(), "-z", "0"][..], &IDLE].concat();
        let sender = Program::send(&from, &to).run().expect(5);
        let receiver = receiver.wait().expect(5);
        for side in [sender, receiver] {
            assert!(side.err.contains("silent for 2 s"), "{side:?}");
        }
        goes_on(&from, &into);
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_peer_that_sends_heartbeats_and_reads_no_more_is_given_up() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 64 * MIB, 6);
    // The receiver hears nothing either, but has the patience to send heartbeats all the while.
    let patient = ["--idle-timeout", "60", "--retry", "0"];
    let mut receiver = Program::receive(&into, &[LISTEN, patient].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(14 * MIB as u64, Act::Deafen);
    // Longer than heartbeats are apart.
    let idle = ["--idle-timeout", "5", "--retry", "0"];
    let to = [&["--to", proxy.address(), "-z", "0", "-n", "1"][..], &idle].concat();
    let sender = Program::send(&from, &to).run().expect(5);
    assert!(sender.err.contains("silent for 5 s"), "{sender:?}");
    receiver.wait().expect(12);
    goes_on(&from, &into);
}

#[test]
fn a_stopped_process_is_given_up_and_the_same_again_goes_on() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    // More than all the buffers on the way can hold.
    trees::mixed(&from, 80 * MIB, 2);
    for stop_receiver in [true, false] {
        let mut receiver = Program::receive(&into, &[LISTEN, IDLE].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.rate(16 * MIB as u64);
        let to = [&["--to", proxy.address(), "-z", "0"][..], &IDLE].concat();
        let sender = Program::send(&from, &to).start();
        while proxy.bytes_from_dialler() < 12 * MIB as u64 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let (stopped, other) = match stop_receiver {
            true => (receiver, sender),
            false => (sender, receiver),
        };
        stopped.signal("STOP");
        other.wait().expect(5);
        stopped.signal("CONT");
        let stopped = stopped.wait().expect_clean();
        assert!(matches!(stopped.code(), Some(5 | 12)), "{stopped:?}");
        goes_on(&from, &into);
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_process_stopped_for_a_while_goes_on_with_tries() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 32 * MIB, 3);
    let idle = ["--idle-timeout", "2"];
    let mut receiver = Program::receive(&into, &[&LISTEN[..], &idle].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.rate(16 * MIB as u64);
    let to = [&["--to", proxy.address(), "-z", "0"][..], &idle].concat();
    let sender = Program::send(&from, &to).start();
    while proxy.bytes_from_dialler() < 12 * MIB as u64 {
        std::thread::sleep(Duration::from_millis(2));
    }
    receiver.signal("STOP");
    std::thread::sleep(Duration::from_secs(4));
    receiver.signal("CONT");
    sender.wait().expect(0);
    receiver.wait().expect(0);
    trees::assert_same(&from, &into.join("tree"));
}

#[test]
fn an_outage_ends_by_itself() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 16 * MIB, 4);
    let idle = ["--idle-timeout", "2"];
    let mut receiver = Program::receive(&into, &[&LISTEN[..], &idle].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(6 * MIB as u64, Act::Silence);
    let to = [&["--to", proxy.address(), "-z", "0"][..], &idle].concat();
    let sender = Program::send(&from, &to).start();
    proxy.wait_for_acts(1);
    // Long enough that both have given the connection up and at least one more try went into the void.
    std::thread::sleep(Duration::from_secs(6));
    proxy.mend();
    sender.wait().expect(0);
    receiver.wait().expect(0);
    trees::assert_same(&from, &into.join("tree"));
}

/// Somebody who thinks about an offer.
struct Thoughtful(Duration);

impl Operator for Thoughtful {
    fn accept(&self, _offer: &OfferSummary) -> Acceptance {
        std::thread::sleep(self.0);
        Acceptance::Accept
    }
}

#[test]
fn a_person_may_think_longer_than_the_idle_limit() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 3 * MIB, 5);
    // Taken and given back: the sender tries again until somebody listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let connect = |rendezvous| {
        let mut connect = Connect::new(rendezvous, Secret::from_text("word").unwrap());
        connect.idle_timeout = Duration::from_secs(1);
        connect.retries = 0;
        connect
    };
    let listen = connect(Rendezvous::Listen(ListenAddress {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port,
    }));
    let dial = connect(Rendezvous::Dial(PeerAddress {
        host: "127.0.0.1".into(),
        port,
    }));
    let options = ReceiveOptions::new(into.clone());
    std::thread::scope(|scope| {
        let thinking = Thoughtful(Duration::from_secs(3));
        let receiving = scope.spawn(move || peerbridge::receive(&listen, &options, &thinking));
        let sending = SendOptions::new(vec![from.clone()]);
        peerbridge::send(&dial, &sending, &Unattended).unwrap();
        receiving.join().unwrap().unwrap();
    });
    trees::assert_same(&from, &into.join("tree"));
}
