//! How two programs find each other, and what they say when they don't.

use super::terminal::Terminal;
use crate::harness::trees::assert_same;
use crate::harness::{Scene, free_port, meet};
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn either_side_may_be_started_first() {
    let scene = Scene::new();
    let file = scene.file("file", "x");
    let port = free_port();
    let sender = scene.run("send file --wait 60 --to @").to(port).start();
    // Long enough for a few tries to fail.
    std::thread::sleep(std::time::Duration::from_millis(700));
    let receiver = scene.run(&format!("receive in --yes --port {port} --wait 60"));
    receiver.ends().exits(0);
    sender.ends().exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn nobody_comes_within_the_wait() {
    let scene = Scene::new();
    scene.file("file", "x");
    for line in ["receive in --yes", "send file --listen"] {
        let ended = scene.run(line).arg("--port=0").arg("--wait=1").ends();
        ended.exits(5).complains("nobody came within 1 s", "--wait");
    }
    assert!(scene.names_in("in").is_empty());
}

#[test]
fn nobody_listens() {
    let scene = Scene::new();
    scene.file("file", "x");
    for (line, wait) in [
        ("send file --to @", "--wait=0"),
        ("send file --to @", "--wait=1"),
        ("receive in --yes --from @", "--wait=1"),
    ] {
        let ended = scene.run(line).arg(wait).to(free_port()).ends();
        ended
            .exits(4)
            .complains("refused", "check that the other side is waiting");
    }
}

#[test]
fn no_wait_is_one_try() {
    let scene = Scene::new();
    scene.file("file", "x");
    let (received, sent) = scene.both("receive in --yes --port 0", "send file --wait 0 --to @");
    sent.exits(0);
    received.exits(0);
}

#[test]
fn a_port_in_use_is_said_at_once() {
    let scene = Scene::new();
    scene.file("file", "x");
    let other = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    for line in ["receive in --yes", "send file --listen"] {
        let ended = scene.run(line).arg(format!("--port={port}")).ends();
        ended.exits(4).complains("in use", "--port");
    }
}

#[test]
fn an_address_of_another_machine_cannot_be_listened_on() {
    let scene = Scene::new();
    let ended = scene
        .run("receive in --yes --port 0 --bind 192.0.2.1")
        .ends();
    ended.exits(4).complains("192.0.2.1", "--bind");
}

#[test]
fn an_unknown_host_is_named() {
    let scene = Scene::new();
    scene.file("file", "x");
    let ended = scene
        .run("send file --wait 0 --to no-such-host..invalid")
        .ends();
    ended
        .exits(4)
        .complains("no-such-host..invalid", "check the name");
}

#[test]
fn a_wrong_secret_ends_both_and_leaves_nothing() {
    let scene = Scene::new();
    scene.file("file", "x");
    for secret in [
        "another",
        "Orbit-velvet-Zq7-candle",
        "orbit-velvet-Zq7-candle ",
    ] {
        let receiver = scene.run("receive in --yes --port 0 --wait 3 --json");
        let sender = scene.run("send file --to @ --json").secret(secret);
        let (received, sent) = meet(receiver, sender);
        let sent = sent.exits(3).complains("the secrets differ", "same secret");
        received
            .exits(3)
            .says("wrong secret from ")
            .complains("secret", "same secret");
        assert_eq!(sent.done()["files"], 0);
        assert!(scene.names_in("in").is_empty());
    }
}

#[test]
fn a_listener_ends_after_five_wrong_secrets() {
    let scene = Scene::new();
    scene.file("file", "x");
    let receiver = scene.run("receive in --yes --port 0").start();
    for _ in 0..5 {
        let sender = scene.run("send file --to @").secret("wrong");
        sender.to(receiver.port()).ends().exits(3);
    }
    let received = receiver.ends().exits(3);
    received
        .says("(attempt 5 of 5)")
        .complains("5 attempts", "same secret");
}

#[test]
fn a_wrong_secret_does_not_keep_the_right_one_out() {
    let scene = Scene::new();
    let file = scene.file("file", "x");
    let receiver = scene.run("receive in --yes --port 0").start();
    let stranger = scene.run("send file --to @").secret("wrong");
    stranger.to(receiver.port()).ends().exits(3);
    scene
        .run("send file --to @")
        .to(receiver.port())
        .ends()
        .exits(0);
    receiver.ends().exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn two_senders_and_two_receivers_are_told_so() {
    let scene = Scene::new();
    scene.file("file", "x");
    for (listener, dialler, what) in [
        ("send file --listen", "send file --to @", "send"),
        ("receive in --yes", "receive in --yes --from @", "receive"),
    ] {
        let listener = scene.run(listener).arg("--port=0").arg("--wait=3");
        let (listened, dialled) = meet(listener, scene.run(dialler));
        let both = format!("both sides want to {what}");
        dialled.exits(2).complains(&both, "the other side must run");
        listened
            .exits(5)
            .says(&both)
            .says("127.0.0.1")
            .never_says("::ffff:");
    }
    assert!(scene.names_in("in").is_empty());
}

#[test]
fn another_program_at_the_port_is_no_peerbridge() {
    let scene = Scene::new();
    scene.file("file", "x");
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
    ] {
        let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = socket.accept().unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            // Until the program goes away.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let ended = scene.run("send file --to @").to(port).ends();
        ended.exits(11).complains(
            &format!("something answers at 127.0.0.1:{port}, but not peerbridge"),
            "check the address",
        );
        server.join().unwrap();
    }
}

#[test]
fn a_program_that_never_answers_is_not_tried_again() {
    let scene = Scene::new();
    scene.file("file", "x");
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let ended = scene.run("send file --to @").to(port).ends().exits(11);
    let ended = ended.complains(
        "but not peerbridge: it said nothing for 10 s",
        "check the address",
    );
    ended.never_says("reconnecting").never_says("resume");
}

/// One retry, in case a listener was just ending, and no more.
#[test]
fn a_program_that_hangs_up_is_looked_at_twice() {
    let scene = Scene::new();
    scene.file("file", "x");
    for line in ["send file --to @", "receive in --yes --from @", "ping @"] {
        let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            // A connection that is closed with unread data is reset.
            (0..2).for_each(|_| drop(socket.accept().unwrap()));
        });
        let ended = scene.run(line).to(port).ends().exits(11);
        let ended = ended.complains("but not peerbridge: it hung up", "check the address");
        ended.never_says("reconnecting").never_says("resume");
        server.join().unwrap();
    }
}

#[test]
fn a_second_peer_is_told_at_once_that_another_is_served() {
    let scene = Scene::new();
    scene.tree("tree", 5);
    scene.file("file", "x");
    let receiver = scene.listens("receive in --yes");
    let slow = scene.run("send tree --to @ --limit-rate 100K --json");
    let slow = slow.to(receiver.port()).start();
    slow.waits_for(1, "authenticated");
    let second = scene
        .run("send file --to @ --json")
        .to(receiver.port())
        .ends();
    let second = second
        .exits(4)
        .complains("busy with another peer", "in a moment");
    second.never_says("lost").never_says("resume");
    slow.ends().exits(0);
    receiver.ends().exits(0);

    let sender = scene.listens("send tree --listen --limit-rate 100K");
    let slow = scene
        .run("receive one --yes --from @ --json")
        .to(sender.port())
        .start();
    slow.waits_for(1, "authenticated");
    let second = scene
        .run("receive two --yes --from @")
        .to(sender.port())
        .ends();
    second
        .exits(4)
        .complains("busy with another peer", "in a moment");
    slow.ends().exits(0);
    sender.ends().exits(0);
}

/// While the person decides, the first sender waits, and others are told that the receiver is busy.
#[test]
fn a_second_peer_is_told_while_the_first_is_being_asked_about() {
    let scene = Scene::new();
    scene.file("file", "x");
    let receiver = scene.run("receive in --port 0 --bind 127.0.0.1");
    let mut receiver = Terminal::start(receiver);
    let port = receiver.port();
    let first = scene.run("send file --to @").to(port).start();
    receiver.shows("? ");
    let second = scene.run("send file --to @").to(port).ends();
    second
        .exits(4)
        .complains("busy with another peer", "in a moment");
    receiver.types("y");
    first.ends().exits(0);
    receiver.exits(0);
}

#[test]
fn strangers_at_the_port_do_not_end_a_receiver() {
    let scene = Scene::new();
    let file = scene.file("file", "x");
    let receiver = scene.run("receive in --yes --port 0").start();
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"",
        &[0; 600],
        b"\x16\x03\x01",
    ] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", receiver.port())).unwrap();
        let _ = stream.write_all(noise);
        // It may have been rejected already.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    scene
        .run("send file --to @")
        .to(receiver.port())
        .ends()
        .exits(0);
    receiver.ends().exits(0).never_says("warning");
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn a_port_is_free_again_at_once_while_old_connections_linger() {
    let scene = Scene::new();
    let file = scene.file("file", "x");
    let mut lingered = false;
    let port = free_port();
    for round in 0..3 {
        let listener = scene.run(&format!("send file --listen --port {port}"));
        let dialler = scene.run(&format!("receive in-{round} --yes --from @"));
        let listener = listener.start();
        is_hung_up_on(listener.port());
        dialler.to(listener.port()).ends().exits(0);
        listener.ends().exits(0);
        assert_same(&file, &scene.path(format!("in-{round}/file")));
        lingered |= is_in_time_wait(port);
    }
    if !lingered {
        // The system keeps a limited number of these connections. If others have used them up, there is nothing
        // to test.
        eprintln!("skipped: no connection of port {port} was in TIME_WAIT");
    }
}

/// A stranger whose connection the listener closes first, with nothing unread, so that its end stays in
/// TIME_WAIT.
fn is_hung_up_on(port: u16) {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&[0xff; 5]).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Whether a connection whose local end has this port is in TIME_WAIT: state 06 of proc(5).
fn is_in_time_wait(port: u16) -> bool {
    let ending = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1].ends_with(&ending) && fields[3] == "06"
        })
    })
}

#[test]
fn a_dry_run_asks_nobody() {
    let scene = Scene::new();
    scene.file("file", "x");
    let receiver = scene.run("receive in --port 0 --bind 127.0.0.1");
    let mut receiver = Terminal::start(receiver);
    let port = receiver.port();
    let asked = scene.run("send file --dry-run --to @").to(port).ends();
    asked
        .exits(0)
        .says("asking 127.0.0.1 what it lacks of")
        .never_says("waiting for them")
        .says("the receiver lacks 1 B");
    receiver.shows("the sender only asked what is here already");
    assert!(
        !receiver.everything().contains("[y/N]"),
        "{}",
        receiver.everything()
    );
    let sender = scene.run("send file --to @").to(port).start();
    receiver.shows(" free here");
    receiver.answers("Receive it into in? [y/N] ", "y");
    sender.ends().exits(0);
    receiver.exits(0);
    let both = scene.run("send file --dry-run --verify --to 127.0.0.1");
    let mut both = Terminal::start(both);
    both.shows("--dry-run and --verify contradict each other");
    both.exits(2);
}
