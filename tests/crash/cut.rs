//! Connections that are cut at many places, with and without retries.

use crate::harness::chance::Chance;
use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{Ended, LISTEN, Scene};
use crate::sides::{receive, send};
use std::path::Path;

/// Runs a transfer over a connection that `breaks` prepares; either the receiver or the sender listens.
fn through(
    from: &Path,
    into: &Path,
    is_receiver_listening: bool,
    rest: &[&str],
    breaks: impl Fn(&Proxy),
) -> (Ended, Ended) {
    let streams = ["-n", "3", "-z", "0"];
    if is_receiver_listening {
        let receiver = receive(into, &[&LISTEN, rest].concat()).start();
        let proxy = Proxy::to(receiver.port());
        breaks(&proxy);
        let to = [&["--to", "@"][..], &streams, rest].concat();
        let sender = send(from, &to).to(proxy.port()).ends();
        (sender, receiver.ends())
    } else {
        let listen = [&LISTEN[..], &["--listen"], &streams, rest].concat();
        let sender = send(from, &listen).start();
        let proxy = Proxy::to(sender.port());
        breaks(&proxy);
        let dial = [&["--from", "@"][..], rest].concat();
        let receiver = receive(into, &dial).to(proxy.port()).ends();
        (sender.ends(), receiver)
    }
}

#[test]
fn cut_anywhere_the_same_again_ends_whole() {
    let mut chance = Chance::new(Chance::seed());
    let scene = Scene::new();
    let from = scene.path("tree");
    trees::make_mixed(&from, 9 * MIB, 1);
    let total = trees::total_bytes(&from);
    // Closely spaced within the handshake and the offer, then anywhere.
    let near = (0..10).map(|number| number * 97);
    let far = (0..10).map(|_| chance.below(total + 20_000));
    let offsets: Vec<u64> = near.chain(far).collect();
    let half = offsets.len() / 2;
    std::thread::scope(|scope| {
        for (lane, offsets) in offsets.chunks(half).enumerate() {
            let (from, into) = (&from, scene.path(format!("into {lane}")));
            scope.spawn(move || {
                for (number, &offset) in offsets.iter().enumerate() {
                    let listens = number % 2 == 0;
                    let act = if number % 4 < 2 { Act::Fin } else { Act::Reset };
                    let once = ["--retry", "0", "--wait", "1"];
                    let (sender, receiver) = through(from, &into, listens, &once, |proxy| {
                        proxy.then(offset, act);
                    });
                    for side in [sender, receiver] {
                        side.exits_cleanly();
                    }
                    if into.join("tree").exists() {
                        trees::assert_same(from, &into.join("tree"));
                    }
                    let (sender, receiver) = through(from, &into, !listens, &[], |_| {});
                    sender.exits(0);
                    receiver.exits(0);
                    trees::assert_same(from, &into.join("tree"));
                    assert!(trees::stagings(&into).is_empty());
                    std::fs::remove_dir_all(&into).unwrap();
                }
            });
        }
    });
}

#[test]
fn with_tries_a_line_that_breaks_again_and_again_ends_whole_without_a_hand() {
    let mut chance = Chance::new(Chance::seed());
    let scene = Scene::new();
    let from = scene.path("tree");
    trees::make_mixed(&from, 20 * MIB, 2);
    std::thread::scope(|scope| {
        for listens in [true, false] {
            let (from, into) = (&from, scene.path(format!("into {listens}")));
            let breaks: Vec<(u64, Act)> = (0..4)
                .map(|number| {
                    let act = if number % 2 == 0 {
                        Act::Reset
                    } else {
                        Act::Fin
                    };
                    (5 * MIB as u64 + chance.below(MIB as u64), act)
                })
                .collect();
            scope.spawn(move || {
                // Fewer retries than breaks: retries that make progress don't count.
                let tries = ["--retry", "2"];
                let (sender, receiver) = through(from, &into, listens, &tries, |proxy| {
                    for (bytes, act) in &breaks {
                        proxy.then(*bytes, *act);
                    }
                });
                for side in [sender.exits(0), receiver.exits(0)] {
                    // All connections belong to this run, and nothing existed before it.
                    assert_eq!(side.total("resumed_bytes"), 0, "{side:?}");
                    assert!(side.total("wire_bytes") > 20 * MIB as u64, "{side:?}");
                    let tells = ["reconnecting in", "waiting for the other side"];
                    assert!(
                        tells.iter().any(|tell| side.error().contains(tell)),
                        "{side:?}"
                    );
                }
                trees::assert_same(from, &into.join("tree"));
            });
        }
    });
}

#[test]
fn a_dead_stream_does_not_end_the_session() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 24 * MIB, 3);
    for listens in [true, false] {
        let once = ["--retry", "0"];
        let (sender, receiver) = through(&from, &into, listens, &once, |proxy| {
            proxy.then(8 * MIB as u64, Act::FinJoined);
        });
        sender.exits(0);
        receiver.exits(0);
        trees::assert_same(&from, &into.join("tree"));
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_listener_whose_old_connection_seems_alive_takes_the_peer_that_came_back() {
    let scene = Scene::new();
    let from = scene.path("tree");
    trees::make_mixed(&from, 16 * MIB, 4);
    std::thread::scope(|scope| {
        for listens in [true, false] {
            let (from, into) = (&from, scene.path(format!("into {listens}")));
            scope.spawn(move || {
                // The listener alone would wait for minutes; the dialler gives up sooner.
                let listener_patience = ["--idle-timeout", "300"];
                let (sender, receiver) =
                    through(from, &into, listens, &listener_patience, |proxy| {
                        proxy.then(5 * MIB as u64, Act::Orphan);
                    });
                sender.exits(0);
                receiver.exits(0);
                trees::assert_same(from, &into.join("tree"));
            });
        }
    });
}

#[test]
fn a_verdict_that_got_lost_is_asked_for_again() {
    let scene = Scene::new();
    let from = scene.path("file");
    trees::write(&from, &trees::noise(5, 300_000));
    let into = scene.path("into");
    let mut answers = None;
    for _ in 0..2 {
        let receiver = receive(&into, &LISTEN).start();
        let proxy = Proxy::to(receiver.port());
        // The verdict is the last message to the dialler: the connection is cut before its last byte.
        if let Some(answers) = answers {
            proxy.end_answers_at(answers - 1);
        }
        let sender = send(&from, &["--to", "@", "-z", "0"])
            .to(proxy.port())
            .ends();
        let (sender, receiver) = (sender.exits(0), receiver.ends().exits(0));
        assert_eq!(receiver.total("files"), 1);
        assert_eq!(
            sender.error().contains("reconnecting"),
            answers.is_some(),
            "{sender:?}"
        );
        let sent = std::fs::read(&from).unwrap();
        assert_eq!(std::fs::read(into.join("file")).unwrap(), sent);
        answers = Some(proxy.to_dialler());
        std::fs::remove_dir_all(&into).unwrap();
    }
}
