//! The exit codes of the verbs for servers and scripts. Each run has `--json`, so each ends with exactly one
//! `done`.

use crate::harness::trees::set_mode;
use crate::harness::{Scene, free_port};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn every_way_that_these_verbs_end() {
    let scene = Scene::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    let nobody = format!("127.0.0.1:{}", free_port());
    set_mode(&scene.file("exposed", "word\n"), 0o644);
    let here = "--bind 127.0.0.1";
    let table = [
        ("serve", 2),
        ("serve . --max-peers 0", 2),
        ("serve . --secret-file exposed", 2),
        (&format!("serve . {here} --port {taken}"), 4),
        (&format!("serve . {here} --port 0 --wait 0"), 5),
        (
            &format!("send . --listen {here} --port 0 --count 2 --wait 0"),
            5,
        ),
        ("ping", 2),
        (&format!("ping {nobody} --wait 0"), 4),
        ("ping no-such-host..invalid --wait 0", 4),
        (&format!("send . --to {nobody} --dry-run --wait 0"), 4),
        (&format!("send missing --to {nobody} --dry-run"), 8),
        (&format!("send . --to {nobody} --verify"), 2),
        ("receive --yes --verify", 2),
        ("doctor . --port 0", 0),
        ("doctor missing --port 0", 0),
        ("doctor exposed --port 0", 9),
        ("doctor . --port 0 --secrets-file exposed", 2),
        ("doctor . --port 0 --secret-file exposed", 2),
        ("completions bash", 0),
        ("completions tcsh", 2),
    ];
    for (line, exit) in table {
        let ended = scene.run(line).arg("--json").exits(exit);
        // The findings of `doctor` are results, and not errors of its own.
        let is_told = ended.error().contains("peerbridge: error: ");
        let is_error = exit != 0 && !line.starts_with("doctor");
        assert_eq!(is_told, is_error, "{ended:?}");
        let output = ended.output();
        assert!(
            output.lines().all(|line| line.starts_with('{')),
            "{ended:?}"
        );
    }
}

#[test]
fn a_ping_of_something_else_is_11_and_of_another_secret_3() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 64]).unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    scene.run("ping @ --json").to(port).exits(11);
    web.join().unwrap();

    let served = scene.listens("serve .");
    let ping = scene.run("ping @").secret("other").to(served.port());
    ping.exits(3).says("peerbridge: hint: ");
}

#[test]
fn what_a_drop_box_declines_has_a_code_on_each_side() {
    let scene = Scene::new();
    scene.tree("tree", 3);
    let served = scene.listens("serve inbox --max-size 400K --max-files 6");
    let port = served.port();
    scene.sends("tree", port).exits(0);
    scene.file("inbox/tree/one", "mine");
    scene.sends("tree", port).exits(6).says("in the way");
    assert_eq!(fs::read(scene.path("inbox/tree/one")).unwrap(), b"mine");
    scene.file("large", vec![0; 500 * 1024]);
    scene.sends("large", port).exits(6);
    for number in 0..9 {
        scene.file(format!("many/{number}"), "");
    }
    scene.sends("many", port).exits(6);
    let received = served.waits_for(4, "received");
    let exits: Vec<_> = received.iter().map(|event| &event["exit"]).collect();
    assert_eq!(exits, [0, 7, 14, 14]);
    assert_eq!(scene.names_in("inbox"), ["tree"]);
}

#[test]
fn a_drop_box_ends_well_when_nobody_comes_any_more() {
    let scene = Scene::new();
    let served = scene.listens("serve inbox --wait 2");
    scene.tree("tree", 3);
    scene.sends("tree", served.port()).exits(0);
    let ended = served.ends().exits(0);
    assert_eq!(ended.total("files"), 3);
}

#[test]
fn the_doctor_finds_what_a_broken_transfer_left() {
    let scene = Scene::new();
    scene.folder(".peerbridge-0123");
    let told = scene.run("doctor . --port 0").exits(0).output();
    let leftover = told.lines().find(|line| line.contains("unfinished since"));
    assert!(
        leftover.is_some_and(|line| line.starts_with("look")),
        "{told}"
    );
    assert!(told.contains("peerbridge doctor --clean "), "{told}");
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let told = scene.run("doctor . --port %").to(port).exits(4).output();
    assert!(
        told.lines().any(|line| line.starts_with("fail  IPv4: ")),
        "{told}"
    );
}

#[test]
fn a_slow_sender_still_brings_everything() {
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    scene.tree("tree", 3);
    let slow = scene.sends("tree --limit-rate 600K --streams 3", served.port());
    slow.exits(0);
    scene.assert_same("tree", "inbox/tree");
}
