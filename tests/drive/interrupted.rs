//! Transfers that are stopped in the middle, and resume.

use crate::harness::proxy::Proxy;
use crate::harness::trees::{assert_same, noise};
use crate::harness::{Run, Running, Scene};
use rustix::process::Signal;
use std::time::Duration;

const FILE: usize = 32 << 20;
const STOPS_AT: u64 = 14 << 20;

/// A transfer of one large file, stopped in the middle.
struct Stopped {
    scene: Scene,
    wire: Proxy,
    sender: Running,
    receiver: Running,
}

const SEND: &str = "send file --json --idle-timeout 3 --retry 0";
const RECEIVE: &str = "receive in --yes --json --idle-timeout 3 --retry 0";

/// Which side listens.
#[derive(Clone, Copy)]
enum Listener {
    Sender,
    Receiver,
}

impl Stopped {
    fn new(listener: Listener, streams: u16) -> Stopped {
        let scene = Scene::new();
        scene.file("file", noise(1, FILE));
        let streams = format!("--streams={streams}");
        let sender = scene.run(SEND).arg(streams).arg("--level=0");
        let receiver = scene.run(RECEIVE);
        let listens = |run: Run| run.arg("--listen").arg("--port=0").start();
        let (wire, sender, receiver) = match listener {
            Listener::Receiver => {
                let receiver = listens(receiver);
                let wire = Proxy::holding_at(receiver.port(), STOPS_AT);
                let sender = sender.arg("--to").arg("@").to(wire.port()).start();
                (wire, sender, receiver)
            }
            Listener::Sender => {
                let sender = listens(sender);
                let wire = Proxy::holding_at(sender.port(), STOPS_AT);
                let receiver = receiver.arg("--from").arg("@").to(wire.port()).start();
                (wire, sender, receiver)
            }
        };
        wire.wait_for_acts(1);
        Stopped {
            scene,
            wire,
            sender,
            receiver,
        }
    }
}

/// Runs the same commands again, without a proxy.
fn goes_on(scene: &Scene) {
    let receiver = scene.run(RECEIVE).arg("--port=0").start();
    let sender = scene
        .run(SEND)
        .arg("--to")
        .arg("@")
        .to(receiver.port())
        .ends()
        .exits(0);
    let receiver = receiver.ends().exits(0);
    assert_same(&scene.path("file"), &scene.path("in/file"));
    assert_eq!(scene.names_in("in"), ["file"]);
    for ended in [sender, receiver] {
        let ended = ended.says("may be there already");
        let done = ended.done();
        let resumed = done["resumed_bytes"].as_u64().unwrap();
        // Data in flight at the stop does not count.
        assert!(resumed > STOPS_AT / 4, "{resumed}: {}", ended.told());
        let wire = done["wire_bytes"].as_u64().unwrap();
        assert!(wire < FILE as u64, "{wire}: {}", ended.told());
    }
}

fn sender_is_stopped(signal: Signal, listener: Listener, streams: u16) {
    let stopped = Stopped::new(listener, streams);
    stopped.sender.signal(signal);
    stopped.sender.ends().was_killed_by(signal);
    stopped.wire.release();
    let received = stopped.receiver.ends().exits(12);
    let received = received.complains("the connection was lost", "run the same command again");
    let staging = the_staging_folder(&stopped.scene);
    received.says(&staging);
    goes_on(&stopped.scene);
}

fn receiver_is_stopped(signal: Signal, listener: Listener, streams: u16) {
    let stopped = Stopped::new(listener, streams);
    // The proxy holds, but data that came through it may not be written and recorded yet.
    std::thread::sleep(Duration::from_millis(500));
    stopped.receiver.signal(signal);
    stopped.receiver.ends().was_killed_by(signal);
    stopped.wire.release();
    let sent = stopped.sender.ends().exits(12);
    sent.complains("the connection was lost", "run the same command again");
    the_staging_folder(&stopped.scene);
    goes_on(&stopped.scene);
}

/// The staging folder. Nothing else may be in the destination before the transfer is done.
fn the_staging_folder(scene: &Scene) -> String {
    let names = scene.names_in("in");
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].starts_with(".peerbridge-"), "{names:?}");
    names[0].clone()
}

#[test]
fn ctrl_c_at_the_sender() {
    sender_is_stopped(Signal::INT, Listener::Receiver, 1);
}

#[test]
fn ctrl_c_at_a_sender_that_listens() {
    sender_is_stopped(Signal::INT, Listener::Sender, 2);
}

#[test]
fn ctrl_c_at_the_receiver() {
    receiver_is_stopped(Signal::INT, Listener::Receiver, 2);
}

#[test]
fn sigterm_at_the_sender() {
    sender_is_stopped(Signal::TERM, Listener::Receiver, 4);
}

#[test]
fn sigterm_at_a_receiver_that_dials() {
    receiver_is_stopped(Signal::TERM, Listener::Sender, 1);
}

#[test]
fn kill_9_at_the_receiver() {
    receiver_is_stopped(Signal::KILL, Listener::Receiver, 1);
}

#[test]
fn a_line_that_falls_silent_ends_both_within_the_idle_limit() {
    let stopped = Stopped::new(Listener::Receiver, 1);
    for ended in [stopped.sender.ends(), stopped.receiver.ends()] {
        let ended = ended.exits(5);
        ended.complains("silent for 3 s", "run the same command again");
    }
    the_staging_folder(&stopped.scene);
    goes_on(&stopped.scene);
}

#[test]
fn a_lost_connection_is_dialled_again() {
    let scene = Scene::new();
    // More than the kernel buffers while nothing is carried, on two connections in both directions.
    const LENGTH: usize = 2 * FILE;
    scene.file("file", noise(2, LENGTH));
    let receiver = scene
        .run("receive in --yes --port 0 --json --idle-timeout 3")
        .start();
    let wire = Proxy::holding_at(receiver.port(), STOPS_AT);
    let sender = scene.run("send file --to @ --level 0 --json --idle-timeout 3");
    let sender = sender.to(wire.port()).start();
    wire.wait_for_acts(1);
    sender.says("reconnecting");
    wire.release();
    let sender = sender.ends().exits(0);
    receiver.ends().exits(0);
    assert_same(&scene.path("file"), &scene.path("in/file"));
    let done = sender.says("resuming: ").done();
    // Data that this same run brought before does not count as resumed, and is not sent twice. Data that the
    // kernel had accepted but not carried when the connection was lost does not pass this proxy.
    assert_eq!(done["resumed_bytes"], 0);
    let passed = wire.passed();
    assert!(passed < LENGTH as u64 * 3 / 2, "{passed} bytes");
}

#[test]
fn neither_a_process_list_nor_staging_holds_the_secret_in_the_middle() {
    let stopped = Stopped::new(Listener::Receiver, 2);
    let secret = crate::harness::SECRET.as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    for running in [&stopped.sender, &stopped.receiver] {
        let words = running.process_list_entry();
        assert!(!words.is_empty() && !holds(&words));
    }
    let staging = stopped
        .scene
        .path("in")
        .join(the_staging_folder(&stopped.scene));
    assert_eq!(crate::harness::trees::mode(&staging), 0o700);
    let mut files = 0;
    let mut folders = vec![staging];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            assert!(!holds(&std::fs::read(&path).unwrap()), "{path:?}");
        }
    }
    assert!(files >= 2, "contents and a journal");
}

#[test]
fn a_peer_that_does_not_come_back_is_a_lost_connection() {
    let scene = Scene::new();
    scene.file("file", noise(2, FILE));
    let receiver = scene.run(RECEIVE).arg("--port=0").start();
    let mut wire = Proxy::holding_at(receiver.port(), STOPS_AT);
    let sender = scene.run("send file --to @ --level 0 --wait 0 --retry 2");
    // The first proxy is useless from now on, because its receiver is gone.
    let sender = sender.to(wire.port()).start();
    wire.wait_for_acts(1);
    receiver.signal(Signal::KILL);
    receiver.ends();
    wire.refuse();
    let sent = sender.ends().exits(12).says("(attempt 2)");
    sent.complains("the connection was lost", "run the same command again");
}
