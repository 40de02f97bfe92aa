//! Standard input and output instead of files.

use super::memory::watch;
use super::terminal::Terminal;
use crate::harness::is_long;
use crate::harness::trees::noise;
use crate::harness::{Ended, Running, Scene};
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Standard input that provides these bytes and then ends.
fn input(bytes: impl Into<Vec<u8>>) -> Stdio {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let bytes = bytes.into();
    // An error means that the reader stopped early, which the test checks itself.
    std::thread::spawn(move || drop(writer.write_all(&bytes)));
    reader.into()
}

/// A standard output whose reader is gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn zeros() -> Stdio {
    File::open("/dev/zero").expect("it is there").into()
}

/// Runs a transfer and returns how both ended, the listener first. `fed` is the sender's standard input, `@`
/// the other side.
fn meet(scene: &Scene, listener: &str, dialler: &str, fed: Stdio) -> (Ended, Ended) {
    let (listener, dialler) = (scene.run(listener), scene.run(dialler));
    let nothing = Stdio::null;
    let (near, far) = match dialler.shown().contains(" send ") {
        true => (nothing(), fed),
        false => (fed, nothing()),
    };
    let listener = listener.input(near).start();
    let dialler = dialler.to(listener.port()).input(far).start();
    let dialled = dialler.ends();
    (listener.ends(), dialled)
}

#[test]
fn what_is_piped_in_comes_out_the_same() {
    let sizes = [0, 10, 4 << 20, (9 << 20) + 1];
    for (number, size) in sizes.into_iter().enumerate() {
        let scene = Scene::new();
        let bytes = noise(number as u64, size);
        let (listener, dialler) = match number % 2 == 0 {
            true => (
                "receive --output - --yes --port 0",
                "send - --name x.tar --to @",
            ),
            false => (
                "send - --name x.tar --listen --port 0",
                "receive --output - --yes --from @",
            ),
        };
        let (listened, dialled) = meet(&scene, listener, dialler, input(bytes.clone()));
        let (listened, dialled) = (listened.exits(0), dialled.exits(0));
        let received = if number % 2 == 0 { listened } else { dialled };
        assert!(received.bytes() == bytes, "{size} bytes");
        assert!(received.error().contains("1 file"), "{}", received.told());
        assert_eq!(scene.names_in("."), ["home", "tmp"]);
    }
}

#[test]
fn standard_input_becomes_a_file_as_existing_says() {
    let scene = Scene::new();
    scene.file("in/notes.txt", "mine");
    let send = "send - --name notes.txt --to @ --json";
    let into = |rest: &str| format!("receive in --yes --port 0 --json {rest}");
    let kept = || fs::read(scene.path("in/notes.txt")).unwrap();
    let (received, sent) = meet(&scene, &into(""), send, input("theirs"));
    received.exits(7);
    sent.exits(6);
    let (received, sent) = meet(&scene, &into("--existing skip"), send, zeros());
    assert_eq!(received.exits(0).done()["files"], 0);
    assert_eq!(sent.exits(0).done()["files"], 0);
    assert_eq!(kept(), b"mine");
    let (received, sent) = meet(&scene, &into("--existing rename"), send, input("theirs"));
    let events = received.exits(0).events();
    let file = events.iter().find(|event| event["event"] == "file");
    assert_eq!(file.unwrap()["bytes"], 6);
    assert_eq!(sent.exits(0).done()["bytes"], 6);
    assert_eq!(scene.names_in("in"), ["notes (1).txt", "notes.txt"]);
    let (received, sent) = meet(&scene, &into("--existing overwrite"), send, input("theirs"));
    received.exits(0);
    sent.exits(0);
    assert_eq!(kept(), b"theirs");
}

#[test]
fn an_output_takes_a_file_and_nothing_else() {
    let scene = Scene::new();
    let bytes = noise(7, (5 << 20) + 3);
    scene.file("folder/file", &bytes);
    scene.file("none", "");
    let receive = "receive --output - --yes --port 0";
    for (paths, there) in [("folder/file", &bytes[..]), ("none", b"")] {
        let (received, sent) = scene.both(receive, &format!("send {paths} --to @ --streams 4"));
        sent.exits(0);
        assert!(received.exits(0).bytes() == there);
    }
    for paths in ["folder", "folder/file none"] {
        let (received, sent) = scene.both(receive, &format!("send {paths} --to @"));
        let received = received.exits(14);
        assert!(received.bytes().is_empty());
        received.complains("standard output takes one file", "");
        sent.exits(6)
            .complains("standard output takes one file", "folder");
    }
}

#[test]
fn a_consumer_that_stops_early_ends_both_sides() {
    for (send, fed) in [
        ("send - --name z --to @", zeros()),
        ("send file --to @", input("")),
    ] {
        let scene = Scene::new();
        scene.file("file", noise(1, 9 << 20));
        let receiver = scene.run("receive --output - --yes --port 0");
        let receiver = receiver.output(closed()).start();
        let sender = scene.run(send).to(receiver.port()).input(fed).start();
        let sent = sender.ends().exits(6);
        let received = receiver.ends().exits(9);
        received.complains("cannot write to standard output: Broken pipe", "start over");
        sent.says("the peer gave up: cannot write to standard output: Broken pipe");
    }
}

#[test]
fn input_that_cannot_be_read_is_not_taken_for_its_end() {
    let scene = Scene::new();
    for receive in [
        "receive in --yes --port 0",
        "receive --output - --yes --port 0",
    ] {
        let folder = File::open(scene.path("home")).unwrap();
        let send = "send - --name x --to @";
        let (received, sent) = meet(&scene, receive, send, folder.into());
        let sent = sent.exits(8);
        sent.complains("cannot read the input for x: Is a directory", "start over");
        let received = received.exits(8);
        assert!(received.bytes().is_empty());
        assert_eq!(scene.names_in("in"), [""; 0]);
    }
}

#[test]
fn a_stream_without_an_end_is_stopped_at_max_size() {
    let scene = Scene::new();
    for receive in ["receive in", "receive --output -"] {
        let receive = format!("{receive} --yes --port 0 --max-size 9M");
        let (received, sent) = meet(&scene, &receive, "send - --name x --to @", zeros());
        let received = received.exits(14);
        assert!(received.bytes().len() <= 9 << 20);
        received.complains(
            "it is longer than the 9437184 bytes that are allowed here",
            "",
        );
        sent.exits(6).complains("it is longer than", "start over");
        assert_eq!(scene.names_in("in"), [""; 0]);
    }
}

/// The last argument of each makes it wrong.
#[test]
fn what_does_not_go_with_a_pipe_is_a_usage_error() {
    let send = "send - --name x --to 127.0.0.1:9";
    let receive = "receive --output - --yes --port 0";
    let lines = [
        "send - --to 127.0.0.1:9".to_owned(),
        "send file --to 127.0.0.1:9 --name x".into(),
        format!("{send} file"),
        format!("{send} -"),
        format!("{send} --dry-run"),
        format!("{send} --follow-links"),
        format!("{send} --exclude=x"),
        format!("{send} --streams=2"),
        format!("{send} --retry=1"),
        "send - --name x --listen --count 2".into(),
        "send - --to 127.0.0.1:9 --name a/b".into(),
        "send - --to 127.0.0.1:9 --name ..".into(),
        "send - --to 127.0.0.1:9 --name .peerbridge-x".into(),
        "receive --yes --port 0 --output file".into(),
        "receive --yes --port 0 -".into(),
        format!("{receive} in"),
        format!("{receive} --fsync"),
        format!("{receive} --json"),
        format!("{receive} --existing=skip"),
        format!("{receive} --on-receive=/bin/true"),
        format!("{receive} --retry=1"),
        format!("{receive} --streams=2"),
    ];
    let scene = Scene::new();
    scene.file("file", "x");
    for line in lines {
        let ended = scene.run(&line).input(input("x")).ends();
        let ended = ended.exits(2);
        let text = ended.error();
        assert!(text.contains("peerbridge: hint: "), "{line}: {text}");
        assert_eq!(scene.names_in("."), ["file", "home", "tmp"], "{line}");
    }
    let empty = scene.run("send - --to 127.0.0.1:9 --name").arg("");
    empty.input(input("x")).ends().exits(2);
}

#[test]
fn nothing_is_read_from_a_terminal_nor_written_to_one() {
    let scene = Scene::new();
    let lines = [
        ("send - --name x --listen", "standard input is a terminal"),
        ("unzip - out", "standard input is a terminal"),
        ("receive --output - --yes", "standard output is a terminal"),
    ];
    for (line, complaint) in lines {
        let mut terminal = Terminal::start(scene.run(line));
        terminal.shows(complaint);
        terminal.exits(2);
    }
}

/// `PEERBRIDGE_TEST_LONG=1` makes the stream 10 GiB long.
#[test]
fn a_long_stream_costs_no_memory() {
    let bytes: u64 = if is_long() { 10 << 30 } else { 96 << 20 };
    let scene = Scene::new();
    let limit = Duration::from_secs(1800);
    let head = Command::new("head")
        .args(["-c", &bytes.to_string(), "/dev/zero"])
        .stdout(Stdio::piped())
        .spawn();
    let mut head = head.expect("head is everywhere");
    let count = Command::new("wc")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut count = count.expect("wc is everywhere");
    let output = count.stdin.take().expect("a pipe");
    let receiver = scene.run("receive --output - --yes --port 0");
    let receiver = receiver.output(output).limit(limit).start();
    let sender = scene.run("send - --name zeros --to @").to(receiver.port());
    let fed = head.stdout.take().expect("a pipe");
    let sender = sender.input(fed).limit(limit).start();
    let (is_over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for id in [receiver.id(), sender.id()] {
            let (is_over, peak) = (&is_over, &peak);
            scope.spawn(move || watch(id, is_over, peak));
        }
        let ends: [Running; 2] = [sender, receiver];
        let ends = ends.map(Running::ends);
        is_over.store(true, Ordering::SeqCst);
        for ended in ends {
            ended.exits(0);
        }
    });
    assert!(head.wait().expect("an end").success());
    let counted = count.wait_with_output().expect("an end").stdout;
    assert_eq!(String::from_utf8_lossy(&counted).trim(), bytes.to_string());
    let peak = peak.load(Ordering::SeqCst);
    assert!(peak > 0 && peak <= 64 << 20, "{peak} bytes");
}

/// The system replaces a closed stream by /dev/null, which the program must not take for a real stream.
#[test]
fn a_closed_stream_is_neither_empty_input_nor_somewhere_to_write() {
    let scene = Scene::new();
    let shell = |line: &str, redirection: &str| {
        let script = format!("exec \"$0\" \"$@\" {redirection}");
        scene.run(line).under(["/bin/sh", "-c", &script])
    };
    let lines = [
        (
            "send - --name x --to 127.0.0.1",
            "<&-",
            8,
            "standard input is closed",
        ),
        ("unzip -", "<&-", 8, "standard input is closed"),
        (
            "receive --output - --yes",
            ">&-",
            9,
            "standard output is closed",
        ),
        ("secret", ">&-", 9, "standard output is closed"),
        ("secret --totp alice", ">&-", 9, "standard output is closed"),
    ];
    for (line, redirection, code, error) in lines {
        shell(line, redirection)
            .exits(code)
            .complains(error, "/dev/null");
    }
    // An explicit /dev/null is accepted.
    shell("secret", "> /dev/null").exits(0);
    let receiver = shell("receive --output - --yes --port 0", "> /dev/null").start();
    let sender = shell("send - --name x --to @", "< /dev/null");
    sender.to(receiver.port()).exits(0);
    receiver.ends().exits(0);
}
