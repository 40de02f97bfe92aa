//! Sides that stop, stop reading or vanish silently; and people who take their time.

use crate::harness::library::{Port, dial, listen};
use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Scene, until};
use crate::sides::{receive, send, transfer};
use peerbridge::Secret;
use peerbridge::{
    Acceptance, Connect, Event, OfferSummary, Operator, ReceiveOptions, SendOptions, Unattended,
};
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;

const IDLE: [&str; 4] = ["--idle-timeout", "2", "--retry", "0"];

/// Resumes a transfer that was cut, and checks that it completes.
fn goes_on(from: &Path, into: &Path) {
    assert_eq!(trees::stagings(into).len(), 1);
    let (sender, receiver) = transfer(from, &[], into, &[]);
    assert!(sender.exits(0).total("resumed_bytes") > 0);
    receiver.exits(0);
    trees::assert_same(from, &into.join("tree"));
}

#[test]
fn a_pulled_cable_ends_both_sides_and_the_same_again_goes_on() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 24 * MIB, 1);
    for act in [Act::Silence, Act::Stop] {
        let receiver = receive(&into, &[LISTEN, IDLE].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.then(14 * MIB as u64, act);
        let to = [&["--to", "@", "-z", "0"][..], &IDLE].concat();
        let sender = send(&from, &to).to(proxy.port()).ends().exits(5);
        let receiver = receiver.ends().exits(5);
        for side in [sender, receiver] {
            assert!(side.error().contains("silent for 2 s"), "{side:?}");
        }
        goes_on(&from, &into);
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_peer_that_sends_heartbeats_and_reads_no_more_is_given_up() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 64 * MIB, 6);
    // The receiver hears nothing either, but its idle time is long, so it keeps sending heartbeats.
    let patient = ["--idle-timeout", "60", "--retry", "0"];
    let receiver = receive(&into, &[LISTEN, patient].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(14 * MIB as u64, Act::Deafen);
    // Longer than the interval of heartbeats.
    let idle = ["--idle-timeout", "5", "--retry", "0"];
    let to = [&["--to", "@", "-z", "0", "-n", "1"][..], &idle].concat();
    let sender = send(&from, &to).to(proxy.port()).ends().exits(5);
    assert!(sender.error().contains("silent for 5 s"), "{sender:?}");
    receiver.ends().exits(12);
    goes_on(&from, &into);
}

#[test]
fn a_stopped_process_is_given_up_and_the_same_again_goes_on() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    // More bytes than all buffers on the way can hold.
    trees::make_mixed(&from, 80 * MIB, 2);
    for stop_receiver in [true, false] {
        let receiver = receive(&into, &[LISTEN, IDLE].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.rate(16 * MIB as u64);
        let to = [&["--to", "@", "-z", "0"][..], &IDLE].concat();
        let sender = send(&from, &to).to(proxy.port()).start();
        proxy.wait_for_bytes(12 * MIB as u64);
        // On a busy machine the receiver may have read nothing of that.
        until("a recorded part", || {
            (trees::recorded_bytes(&into, u64::MAX, 1) > 0).then_some(())
        });
        let (stopped, other) = match stop_receiver {
            true => (receiver, sender),
            false => (sender, receiver),
        };
        stopped.signal(Signal::STOP);
        other.ends().exits(5);
        stopped.signal(Signal::CONT);
        let stopped = stopped.ends().exits_cleanly();
        assert!(matches!(stopped.code(), Some(5 | 12)), "{stopped:?}");
        goes_on(&from, &into);
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_process_stopped_for_a_while_goes_on_with_tries() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 32 * MIB, 3);
    let idle = ["--idle-timeout", "2"];
    let receiver = receive(&into, &[&LISTEN[..], &idle].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.rate(16 * MIB as u64);
    let to = [&["--to", "@", "-z", "0"][..], &idle].concat();
    let sender = send(&from, &to).to(proxy.port()).start();
    proxy.wait_for_bytes(12 * MIB as u64);
    receiver.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(4));
    receiver.signal(Signal::CONT);
    sender.ends().exits(0);
    receiver.ends().exits(0);
    trees::assert_same(&from, &into.join("tree"));
}

#[test]
fn an_outage_ends_by_itself() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 16 * MIB, 4);
    let idle = ["--idle-timeout", "2"];
    let receiver = receive(&into, &[&LISTEN[..], &idle].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(6 * MIB as u64, Act::Silence);
    let to = [&["--to", "@", "-z", "0"][..], &idle].concat();
    let sender = send(&from, &to).to(proxy.port()).start();
    proxy.wait_for_acts(1);
    // Long enough that both have given the connection up, and that at least one more try has failed.
    std::thread::sleep(Duration::from_secs(6));
    proxy.mend();
    sender.ends().exits(0);
    receiver.ends().exits(0);
    trees::assert_same(&from, &into.join("tree"));
}

/// An operator that takes its time to accept an offer.
struct Thoughtful(Port, Duration);

impl Operator for Thoughtful {
    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn accept(&self, _offer: &OfferSummary) -> Acceptance {
        std::thread::sleep(self.1);
        Acceptance::Accept
    }
}

#[test]
fn a_person_may_think_longer_than_the_idle_limit() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 3 * MIB, 5);
    let (told, port) = Port::new();
    let connect = |rendezvous| {
        let mut connect = Connect::new(rendezvous, Secret::from_text("word").unwrap());
        connect.idle_timeout = Duration::from_secs(1);
        connect.retries = 0;
        connect
    };
    let listen = connect(listen());
    let options = ReceiveOptions::new(into.clone());
    std::thread::scope(|scope| {
        let thinking = Thoughtful(told, Duration::from_secs(3));
        let receiving = scope.spawn(move || peerbridge::receive(&listen, &options, &thinking));
        let dial = connect(dial(port.recv().unwrap()));
        let sending = SendOptions::new(vec![from.clone()]);
        peerbridge::send(&dial, &sending, &Unattended).unwrap();
        receiving.join().unwrap().unwrap();
    });
    trees::assert_same(&from, &into.join("tree"));
}
