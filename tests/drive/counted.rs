//! What both sides count when a transfer is repeated.

use crate::harness::proxy::Proxy;
use crate::harness::trees::{noise, recorded_bytes};
use crate::harness::{Ended, Scene, until};
use rustix::process::Signal;

const OLD: usize = 6 << 20;
const NEW: usize = 24 << 20;
const STOPS_AT: u64 = 10 << 20;

/// Files, bytes and resumed bytes, on which both agree.
#[track_caller]
fn counts(receiver: Ended, sender: Ended) -> [u64; 3] {
    let of = |ended: &Ended| {
        let done = ended.done();
        ["files", "bytes", "resumed_bytes"].map(|key| done[key].as_u64().expect("a number"))
    };
    let (received, sent) = (of(&receiver.exits(0)), of(&sender.exits(0)));
    assert_eq!(received, sent, "the receiver's and the sender's");
    received
}

fn both(scene: &Scene, existing: &str) -> [u64; 3] {
    let receive = format!("receive in --yes --port 0 --json --existing {existing}");
    let (receiver, sender) = scene.both(&receive, "send tree --to @ --json");
    counts(receiver, sender)
}

#[test]
fn complete_files_count_neither_as_delivered_nor_as_resumed() {
    for size in [10, 3_000_003] {
        let scene = Scene::new();
        let bytes = size as u64;
        scene.file("tree/a", noise(1, size));
        assert_eq!(both(&scene, "fail"), [1, bytes, 0], "fresh");
        assert_eq!(both(&scene, "fail"), [0, 0, 0], "unchanged");
        scene.file("tree/b", noise(2, size / 2));
        assert_eq!(both(&scene, "fail"), [1, bytes / 2, 0], "one more");
        scene.file("tree/a", noise(3, size + 1));
        assert_eq!(both(&scene, "skip"), [0, 0, 0], "kept as it was");
        assert_eq!(both(&scene, "overwrite"), [1, bytes + 1, 0], "changed");
    }
}

#[test]
fn data_of_an_interrupted_run_counts_as_resumed() {
    for is_old_there in [false, true] {
        let scene = Scene::new();
        scene.file("tree/a", noise(1, OLD));
        if is_old_there {
            assert_eq!(both(&scene, "fail"), [1, OLD as u64, 0]);
        }
        scene.file("tree/b", noise(2, NEW));
        let receiver = scene.run("receive in --yes --port 0 --retry 0").start();
        let wire = Proxy::holding_at(receiver.port(), STOPS_AT);
        let sender = scene.run("send tree --to @ --level 0 --streams 1 --retry 0");
        let sender = sender.to(wire.port()).start();
        wire.wait_for_acts(1);
        until("a recorded part", || {
            let parts = recorded_bytes(&scene.path("in"), u64::MAX, 1);
            (parts > 0).then_some(())
        });
        for side in [sender, receiver] {
            side.signal(Signal::KILL);
            side.ends().was_killed_by(Signal::KILL);
        }
        let [files, bytes, resumed] = both(&scene, "fail");
        let expected = match is_old_there {
            true => (1, NEW),
            false => (2, OLD + NEW),
        };
        assert_eq!((files, bytes), (expected.0, expected.1 as u64));
        assert!(resumed > 0 && resumed <= STOPS_AT, "{resumed}");
    }
}
