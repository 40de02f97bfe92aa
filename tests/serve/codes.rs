//! The exit codes of these verbs, and that each run with `--json` ends with exactly one `done`.

use crate::program::*;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Exactly one last event, with this code in it.
#[track_caller]
fn assert_done(ran: &Ran, exit: i32) {
    let last = ran.out.lines().last().unwrap_or_default();
    let begin = format!("{{\"event\":\"done\",\"v\":1,\"exit\":{exit},");
    assert!(last.starts_with(&begin), "{last}\n{}", ran.err);
    assert_eq!(ran.out.matches("\"event\":\"done\"").count(), 1);
}

/// Nobody listens there: it was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn every_way_that_these_verbs_end() {
    let folder = tempfile::tempdir().unwrap();
    let here = text(folder.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port().to_string();
    let nobody = format!("127.0.0.1:{}", free_port());
    let exposed = folder.path().join("exposed");
    set_mode(&exposed, "word\n", 0o644);
    let missing = folder.path().join("missing");
    let (port, bind) = (["--port", "0"], ["--bind", "127.0.0.1"]);
    let table: &[(&[&str], i32)] = &[
        (&["serve"], 2),
        (&["serve", here, "--max-peers", "0"], 2),
        (&["serve", here, "--secret-file", text(&exposed)], 2),
        (&["serve", here, bind[0], bind[1], "--port", &taken_port], 4),
        (
            &[
                "serve", here, bind[0], bind[1], port[0], port[1], "--wait", "0",
            ],
            5,
        ),
        (
            &[
                "send", here, "--listen", bind[0], bind[1], port[0], port[1], "--count", "2",
                "--wait", "0",
            ],
            5,
        ),
        (&["ping"], 2),
        (&["ping", &nobody, "--wait", "0"], 4),
        (&["ping", "no-such-host.invalid", "--wait", "0"], 4),
        (
            &["send", here, "--to", &nobody, "--dry-run", "--wait", "0"],
            4,
        ),
        (&["send", text(&missing), "--to", &nobody, "--dry-run"], 8),
        (&["send", here, "--to", &nobody, "--verify"], 2),
        (&["receive", "--yes", "--verify"], 2),
        (&["doctor", here, "--port", "0"], 0),
        (&["doctor", text(&missing), "--port", "0"], 0),
        (&["doctor", text(&exposed), "--port", "0"], 9),
        (
            &[
                "doctor",
                here,
                "--port",
                "0",
                "--secrets-file",
                text(&exposed),
            ],
            2,
        ),
        (
            &[
                "doctor",
                here,
                "--port",
                "0",
                "--secret-file",
                text(&exposed),
            ],
            2,
        ),
        (&["completions", "bash"], 0),
        (&["completions", "tcsh"], 2),
    ];
    for (words, exit) in table {
        let mut all = words.to_vec();
        all.push("--json");
        let ran = run(&all);
        assert_eq!(ran.exit, *exit, "{words:?}\n{}\n{}", ran.out, ran.err);
        assert_done(&ran, *exit);
        // What the doctor finds is a result, and no error of its own.
        let told = ran.err.contains("peerbridge: error: ");
        assert_eq!(told, *exit != 0 && words[0] != "doctor", "{}", ran.err);
        assert!(
            ran.out.lines().all(|line| line.starts_with('{')),
            "{}",
            ran.out
        );
    }
}

#[test]
fn a_ping_of_something_else_is_11_and_of_another_secret_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let web = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 64];
        stream.read_exact(&mut hello).unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    let ran = run(&["ping", &to, "--json"]).expect(11);
    assert_done(&ran, 11);
    web.join().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let served = Listening::start(&["serve", text(folder.path())]);
    let to = format!("127.0.0.1:{}", served.port);
    let output = peerbridge(&["ping", &to])
        .env("PEERBRIDGE_SECRET", "other")
        .output();
    let ran = Ran::of(output.unwrap()).expect(3);
    assert!(ran.err.contains("peerbridge: hint: "));
}

#[test]
fn what_a_drop_box_declines_has_a_code_on_each_side() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let source = tree(folder.path(), "tree", 3);
    let words = [
        "serve",
        text(&inbox),
        "--max-size",
        "400K",
        "--max-files",
        "6",
    ];
    let served = Listening::start(&words);
    let exits = |count: usize| -> Vec<_> {
        let received = served.wait_for("received", count);
        let exits = received
            .iter()
            .map(|line| number(&line.replace('}', ","), "exit"));
        exits.map(Option::unwrap).collect()
    };
    send(&source, served.port, &[]).expect(0);
    fs::write(inbox.join("tree/one"), b"mine").unwrap();
    let ran = send(&source, served.port, &[]).expect(6);
    assert!(ran.err.contains("in the way"), "{}", ran.err);
    assert_eq!(fs::read(inbox.join("tree/one")).unwrap(), b"mine");
    let large = folder.path().join("large");
    fs::write(&large, vec![0; 500 * 1024]).unwrap();
    send(&large, served.port, &[]).expect(6);
    let many = folder.path().join("many");
    fs::create_dir(&many).unwrap();
    (0..9).for_each(|n| fs::write(many.join(n.to_string()), b"").unwrap());
    send(&many, served.port, &[]).expect(6);
    assert_eq!(exits(4), [0, 7, 14, 14]);
    assert!(
        fs::read_dir(&inbox).unwrap().count() == 1,
        "nothing is left"
    );
}

#[test]
fn a_drop_box_ends_well_when_nobody_comes_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let served = Listening::start(&["serve", text(&inbox), "--wait", "2"]);
    let source = tree(folder.path(), "tree", 3);
    send(&source, served.port, &[]).expect(0);
    let done = served.wait_for("done", 1);
    assert_eq!(number(&done[0], "files"), Some(3));
    assert_eq!(served.ended(), 0);
}

#[test]
fn the_doctor_finds_what_a_broken_transfer_left() {
    let folder = tempfile::tempdir().unwrap();
    let here = text(folder.path());
    fs::create_dir(folder.path().join(".peerbridge-0123")).unwrap();
    let ran = run(&["doctor", here, "--port", "0"]).expect(0);
    let leftover = ran
        .out
        .lines()
        .find(|line| line.contains("stopped half-way"));
    assert!(
        leftover.is_some_and(|line| line.starts_with("look")),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("rm -r "), "{}", ran.out);
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = run(&["doctor", here, "--port", &port]).expect(4);
    assert!(
        ran.out.lines().any(|line| line.starts_with("fail  IPv4: ")),
        "{}",
        ran.out
    );
}

#[test]
fn a_slow_sender_still_brings_everything() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let served = Listening::start(&["serve", text(&inbox)]);
    let source = tree(folder.path(), "tree", 3);
    send(
        &source,
        served.port,
        &["--limit-rate", "600K", "--streams", "3"],
    )
    .expect(0);
    assert_same(&source, &inbox.join("tree"));
}
