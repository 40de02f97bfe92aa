//! Lines that end, at many places, with and without tries.

use super::support::chance::Chance;
use super::support::program::{Finished, LISTEN, Program};
use super::support::proxy::{Act, Proxy};
use super::support::trees::{self, MIB};
use std::path::Path;

/// Over a line that `breaks` prepares; who listens is who receives or who sends.
fn through(
    from: &Path,
    into: &Path,
    is_receiver_listening: bool,
    rest: &[&str],
    breaks: impl Fn(&Proxy),
) -> (Finished, Finished) {
    let streams = ["-n", "3", "-z", "0"];
    if is_receiver_listening {
        let mut receiver = Program::receive(into, &[&LISTEN, rest].concat()).start();
        let proxy = Proxy::to(receiver.port());
        breaks(&proxy);
        let to = [&["--to", proxy.address()][..], &streams, rest].concat();
        let sender = Program::send(from, &to).run();
        (sender, receiver.wait())
    } else {
        let listen = [&LISTEN[..], &["--listen"], &streams, rest].concat();
        let mut sender = Program::send(from, &listen).start();
        let proxy = Proxy::to(sender.port());
        breaks(&proxy);
        let dial = [&["--from", proxy.address()][..], rest].concat();
        let receiver = Program::receive(into, &dial).run();
        (sender.wait(), receiver)
    }
}

#[test]
fn cut_anywhere_the_same_again_ends_whole() {
    let mut chance = Chance::new(Chance::seed());
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("tree");
    trees::mixed(&from, 9 * MIB, 1);
    let total = trees::total_bytes(&from);
    // The handshake and the offer byte for byte, nearly; then anywhere.
    let near = (0..10).map(|number| number * 97);
    let far = (0..10).map(|_| chance.below(total + 20_000));
    let offsets: Vec<u64> = near.chain(far).collect();
    let half = offsets.len() / 2;
    std::thread::scope(|scope| {
        for (lane, offsets) in offsets.chunks(half).enumerate() {
            let (from, into) = (&from, work.path().join(format!("into {lane}")));
            scope.spawn(move || {
                for (number, &offset) in offsets.iter().enumerate() {
                    let listens = number % 2 == 0;
                    let act = if number % 4 < 2 { Act::Fin } else { Act::Reset };
                    let once = ["--retry", "0", "--wait", "1"];
                    let (sender, receiver) = through(from, &into, listens, &once, |proxy| {
                        proxy.then(offset, act);
                    });
                    for side in [sender, receiver] {
                        side.expect_clean();
                    }
                    if into.join("tree").exists() {
                        trees::assert_same(from, &into.join("tree"));
                    }
                    let (sender, receiver) = through(from, &into, !listens, &[], |_| {});
                    sender.expect(0);
                    receiver.expect(0);
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
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("tree");
    trees::mixed(&from, 20 * MIB, 2);
    std::thread::scope(|scope| {
        for listens in [true, false] {
            let (from, into) = (&from, work.path().join(format!("into {listens}")));
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
                // Fewer tries than breaks: those that bring it on don't count.
                let tries = ["--retry", "2"];
                let (sender, receiver) = through(from, &into, listens, &tries, |proxy| {
                    for (bytes, act) in &breaks {
                        proxy.then(*bytes, *act);
                    }
                });
                for side in [sender.expect(0), receiver.expect(0)] {
                    // All connections together, and nothing was there before this run.
                    assert_eq!(side.done("resumed_bytes"), 0, "{side:?}");
                    assert!(side.done("wire_bytes") > 20 * MIB as u64, "{side:?}");
                    let tells = ["trying again in", "waiting for the other side"];
                    assert!(tells.iter().any(|tell| side.err.contains(tell)), "{side:?}");
                }
                trees::assert_same(from, &into.join("tree"));
            });
        }
    });
}

#[test]
fn a_dead_stream_does_not_end_the_session() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 24 * MIB, 3);
    for listens in [true, false] {
        let once = ["--retry", "0"];
        let (sender, receiver) = through(&from, &into, listens, &once, |proxy| {
            proxy.then(8 * MIB as u64, Act::FinJoined);
        });
        sender.expect(0);
        receiver.expect(0);
        trees::assert_same(&from, &into.join("tree"));
        std::fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn a_listener_whose_old_connection_seems_alive_takes_the_peer_that_came_back() {
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("tree");
    trees::mixed(&from, 16 * MIB, 4);
    std::thread::scope(|scope| {
        for listens in [true, false] {
            let (from, into) = (&from, work.path().join(format!("into {listens}")));
            scope.spawn(move || {
                // The listener alone would wait for minutes; the dialler, who waits for it, does not.
                let listener_patience = ["--idle-timeout", "300"];
                let (sender, receiver) =
                    through(from, &into, listens, &listener_patience, |proxy| {
                        proxy.then(5 * MIB as u64, Act::Orphan);
                    });
                sender.expect(0);
                receiver.expect(0);
                trees::assert_same(from, &into.join("tree"));
            });
        }
    });
}

#[test]
fn a_verdict_that_got_lost_is_asked_for_again() {
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("file");
    trees::noise(&from, 300_000, 5);
    let into = work.path().join("into");
    let mut answers = None;
    for _ in 0..2 {
        let mut receiver = Program::receive(&into, &LISTEN).start();
        let proxy = Proxy::to(receiver.port());
        // The verdict is the last that goes to the dialler: it is cut before its last byte.
        if let Some(answers) = answers {
            proxy.end_answers_at(answers - 1);
        }
        let sender = Program::send(&from, &["--to", proxy.address(), "-z", "0"]).run();
        let (sender, receiver) = (sender.expect(0), receiver.wait().expect(0));
        assert_eq!(receiver.done("files"), 1);
        assert_eq!(
            sender.err.contains("trying again"),
            answers.is_some(),
            "{sender:?}"
        );
        let sent = std::fs::read(&from).unwrap();
        assert_eq!(std::fs::read(into.join("file")).unwrap(), sent);
        answers = Some(proxy.to_dialler());
        std::fs::remove_dir_all(&into).unwrap();
    }
}
