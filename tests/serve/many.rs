//! Many peers at once.

use crate::program::*;
use std::fs;

#[test]
fn twenty_peers_at_once_each_with_a_tree_of_its_own() {
    const PEERS: usize = 20;
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Listening::start(&["serve", text(inbox.path()), "--max-peers", "20"]);
    let names: Vec<_> = (0..PEERS).map(|n| format!("tree{n}")).collect();
    std::thread::scope(|scope| {
        for (n, name) in names.iter().enumerate() {
            let source = tree(sources.path(), name, n as u32 * 2 + 1);
            let port = served.port;
            scope.spawn(move || send(&source, port, &[]).expect(0));
        }
    });
    let received = served.wait_for("received", PEERS);
    assert_eq!(received.len(), PEERS, "one line for each");
    for line in &received {
        assert_eq!(
            (number(line, "files"), number(line, "exit")),
            (Some(3), Some(0))
        );
    }
    for name in &names {
        assert_same(&sources.path().join(name), &inbox.path().join(name));
    }
    let peak = served.kibibytes("VmHWM");
    assert!(peak < PEERS as u64 * 24 * 1024, "{peak} KiB at most");
    let logged = served.said().matches("peerbridge: received ").count();
    assert_eq!(logged, PEERS);
    assert_eq!(fs::read_dir(inbox.path()).unwrap().count(), PEERS);
}

#[test]
fn who_finds_no_room_is_told_to_come_again() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Listening::start(&["serve", text(inbox.path()), "--max-peers", "1"]);
    let slow = tree(sources.path(), "slow", 1);
    let to = format!("127.0.0.1:{}", served.port);
    let mut first = peerbridge(&["send", text(&slow), "--to", &to, "--limit-rate", "64K"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the first peer's staging folder", || {
        fs::read_dir(inbox.path()).unwrap().next().map(drop)
    });
    let other = tree(sources.path(), "other", 2);
    let turned_away = send(&other, served.port, &[]).expect(4);
    assert!(turned_away.err.contains("busy"), "{}", turned_away.err);
    run(&["ping", &to]).expect(0);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    served.wait_for("received", 1);
    until("the seat", || {
        (send(&other, served.port, &[]).exit == 0).then_some(())
    });
    assert_same(&slow, &inbox.path().join("slow"));
    assert_same(&other, &inbox.path().join("other"));
}

#[test]
fn one_offer_goes_to_several_receivers_at_once() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tree(sources.path(), "gift", 7);
    let sender = Listening::start(&["send", text(&source), "--listen", "--count", "3"]);
    let from = format!("127.0.0.1:{}", sender.port);
    std::thread::scope(|scope| {
        for n in 0..3 {
            let folder = inbox.path().join(n.to_string());
            let from = &from;
            scope.spawn(move || {
                run(&["receive", text(&folder), "--from", from, "--yes"]).expect(0);
            });
        }
    });
    assert_eq!(sender.ended(), 0);
    for n in 0..3 {
        assert_same(&source, &inbox.path().join(n.to_string()).join("gift"));
    }
}

#[test]
fn a_receiver_that_declines_is_served_and_the_sender_says_so() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tree(sources.path(), "gift", 7);
    let sender = Listening::start(&["send", text(&source), "--listen", "--count", "2"]);
    let from = format!("127.0.0.1:{}", sender.port);
    let inbox = text(inbox.path());
    run(&[
        "receive",
        inbox,
        "--from",
        &from,
        "--yes",
        "--max-size",
        "1K",
    ])
    .expect(14);
    run(&["receive", inbox, "--from", &from, "--yes"]).expect(0);
    assert_eq!(sender.ended(), 6);
}

#[test]
fn a_ping_or_a_question_does_not_use_up_a_receiver() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tree(sources.path(), "gift", 9);
    let receiver = Listening::start(&["receive", text(inbox.path()), "--yes"]);
    let to = format!("127.0.0.1:{}", receiver.port);
    let pong = run(&["ping", &to, "--json"]).expect(0);
    assert_eq!(pong.out.matches("\"event\":\"pong\"").count(), 1);
    assert!(number(&pong.out, "up").is_some_and(|rate| rate > 0));
    assert!(number(&pong.out, "down").is_some_and(|rate| rate > 0));
    let asked = send(&source, receiver.port, &["--dry-run", "--json"]).expect(0);
    let lacking = asked.out.lines().find(|line| line.contains("\"lacking\""));
    assert_eq!(
        number(lacking.unwrap().replace('}', ",").as_str(), "bytes"),
        Some(310_000)
    );
    until("an empty folder", || {
        (fs::read_dir(inbox.path()).unwrap().count() == 0).then_some(())
    });
    send(&source, receiver.port, &[]).expect(0);
    assert_eq!(receiver.ended(), 0);
    assert_same(&source, &inbox.path().join("gift"));
}

/// A ping takes four seconds, longer than this drop box waits for somebody.
#[test]
fn a_drop_box_that_is_pinged_is_not_quiet() {
    let inbox = tempfile::tempdir().unwrap();
    let exit = until("a ping in time", || {
        let served = Listening::start(&["serve", text(inbox.path()), "--wait", "2"]);
        let ran = run(&["ping", &format!("127.0.0.1:{}", served.port), "--wait", "0"]);
        // On a machine so busy that the ping came too late there is nobody any more.
        (ran.exit != 4).then_some(ran.exit)
    });
    assert_eq!(exit, 0);
}

#[test]
fn a_question_about_what_is_there_already() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tree(sources.path(), "gift", 11);
    let served = Listening::start(&["serve", text(inbox.path())]);
    send(&source, served.port, &[]).expect(0);
    let asked = send(&source, served.port, &["--dry-run"]).expect(0);
    assert!(asked.err.contains("everything already"), "{}", asked.err);
    fs::remove_file(inbox.path().join("gift/deep/two")).unwrap();
    let asked = send(&source, served.port, &["--dry-run"]).expect(0);
    assert!(asked.err.contains("the peer lacks "), "{}", asked.err);
    until("nothing else", || {
        (fs::read_dir(inbox.path()).unwrap().count() == 1).then_some(())
    });
    assert_eq!(
        served.events("received").len(),
        1,
        "a question is no transfer"
    );
}

#[test]
fn a_receiver_that_dials_is_told_that_it_was_only_asked() {
    let (sources, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tree(sources.path(), "gift", 13);
    let sender = Listening::start(&["send", text(&source), "--listen", "--dry-run"]);
    let from = format!("127.0.0.1:{}", sender.port);
    let ran = run(&["receive", text(inbox.path()), "--from", &from, "--yes"]).expect(6);
    assert!(ran.err.contains("only asked"), "{}", ran.err);
    assert_eq!(sender.ended(), 0);
}
