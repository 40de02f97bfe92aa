//! The output for programs on standard output, and for people on standard error.

use crate::harness::proxy::Proxy;
use crate::harness::trees::noise;
use crate::harness::{Ended, Scene, meet};

fn is_plain(ended: &Ended) -> bool {
    let is_plain = |byte: &u8| *byte == b'\n' || (*byte >= b' ' && *byte != 0x7f);
    ended.everything().iter().all(is_plain)
}

fn kinds(ended: &Ended) -> Vec<String> {
    let events = ended.events();
    let kinds = events
        .iter()
        .map(|event| event["event"].as_str().unwrap().to_owned());
    kinds.filter(|kind| kind != "progress").collect()
}

#[test]
fn events_tell_a_transfer_from_its_beginning_to_its_end() {
    let scene = Scene::new();
    scene.file("tree/file", "12345");
    let (received, sent) = scene.both(
        "receive in --yes --port 0 --json",
        "send tree --to @ --json",
    );
    let (received, sent) = (received.exits(0), sent.exits(0));
    let common = ["connected", "authenticated", "offer"];
    assert_eq!(kinds(&sent), [&common[..], &["done"]].concat());
    let expected = [&["listening"][..], &common, &["file", "file", "done"]].concat();
    assert_eq!(kinds(&received), expected);
    for ended in [&received, &sent] {
        let events = ended.events();
        let offer = events
            .iter()
            .find(|event| event["event"] == "offer")
            .unwrap();
        assert_eq!((&offer["files"], &offer["dirs"]), (&1.into(), &1.into()));
        assert_eq!(
            (&offer["bytes"], &offer["name"]),
            (&5.into(), &"tree".into())
        );
        let done = ended.done();
        assert_eq!((&done["exit"], &done["files"]), (&0.into(), &1.into()));
        assert_eq!(
            (&done["bytes"], &done["resumed_bytes"]),
            (&5.into(), &0.into())
        );
        assert!(done["seconds"].is_f64() && done["error"].is_null());
        assert!(is_plain(ended), "{}", ended.told());
    }
    let port = received.events()[0]["port"].as_u64().unwrap();
    assert!((1..=65535).contains(&port));
}

#[test]
fn exactly_one_done_ends_every_run() {
    let scene = Scene::new();
    scene.file("file", "x");
    for (line, exit) in [
        ("--json", 2),
        ("send --json", 2),
        ("send --json --no-such-option", 2),
        ("--json nonsense", 2),
        ("send missing --to 127.0.0.1 --json", 8),
        ("send file --to 127.0.0.1:1 --wait 0 --json", 4),
        ("receive in --yes --port 0 --wait 0 --json", 5),
        ("receive --port 70000 --json", 2),
        ("help --json", 0),
        ("secret --json", 0),
    ] {
        let ended = scene.run(line).ends().exits(exit);
        let done = ended.done();
        assert_eq!(done["error"].is_string(), exit != 0, "{}", ended.told());
        if exit != 0 {
            let error = done["error"].as_str().unwrap();
            ended.says(&format!("peerbridge: error: {error}\n"));
        }
    }
}

#[test]
fn quiet_says_nothing_but_errors() {
    let scene = Scene::new();
    scene.file("file", "x");
    let receiver = scene
        .run("receive in --yes --quiet --port 0 --json")
        .start();
    // With `--quiet` nothing is printed, so the port is read from the JSON events.
    let port = receiver.port();
    let sent = scene
        .run("send file --quiet --to @")
        .to(port)
        .ends()
        .exits(0);
    assert_eq!(
        (sent.error(), sent.output()),
        (String::new(), String::new())
    );
    assert_eq!(receiver.ends().exits(0).error(), "");
    let ended = scene.run("send missing -q --to @").to(1).ends();
    ended.exits(8).complains("missing", "spelling");
}

#[test]
fn verbose_says_each_step() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    let (received, sent) = scene.both("receive in --yes --port 0 --verbose", "send tree --to @ -v");
    for ended in [received.exits(0).says("delivered tree/file"), sent.exits(0)] {
        let ended = ended
            .says("connected to 127.0.0.1:")
            .says("knows the secret");
        let ended = ended.says("went over the network");
        assert!(is_plain(&ended), "{}", ended.told());
        assert!(
            ended
                .error()
                .lines()
                .all(|line| line.starts_with("peerbridge: "))
        );
        assert_eq!(ended.output(), "");
    }
}

#[test]
fn without_a_terminal_progress_shows_only_when_asked_for() {
    let scene = Scene::new();
    scene.file("file", noise(3, 24 << 20));
    for (style, shows) in [("auto", false), ("off", false), ("lines", true)] {
        let receiver = format!("receive in-{style} --yes --port 0 --json --progress {style}");
        let receiver = scene.run(&receiver).start();
        let wire = Proxy::holding_at(receiver.port(), 8 << 20);
        let sender = scene
            .run("send file --to @ --level 0 --json --progress")
            .arg(style);
        let sender = sender.to(wire.port()).start();
        wire.wait_for_acts(1);
        // Longer than the interval between two lines.
        std::thread::sleep(std::time::Duration::from_millis(5200));
        wire.release();
        for ended in [sender.ends().exits(0), receiver.ends().exits(0)] {
            assert_eq!(
                ended.error().contains("% of 24.0 MiB"),
                shows,
                "{}",
                ended.told()
            );
            assert!(is_plain(&ended), "{}", ended.told());
            let events = ended.events();
            let progress = events.iter().find(|event| event["event"] == "progress");
            assert_eq!(progress.expect("one a second")["total"], 24 << 20);
        }
    }
}

#[test]
fn the_bar_can_be_asked_for_and_stays_without_colour() {
    let scene = Scene::new();
    scene.file("file", noise(4, 24 << 20));
    for no_color in ["", "1"] {
        let receiver = scene.run("receive --yes --port 0 --existing rename --json");
        let receiver = receiver
            .in_folder(scene.folder(format!("in{no_color}")))
            .start();
        let wire = Proxy::holding_at(receiver.port(), 8 << 20);
        let sender = scene.run("send file --to @ --level 0 --progress bar");
        let sender = sender.env("NO_COLOR", no_color).to(wire.port()).start();
        wire.wait_for_acts(1);
        // Longer than the time after which a bar is drawn.
        std::thread::sleep(std::time::Duration::from_millis(400));
        wire.release();
        let sent = sender.ends().exits(0);
        receiver.ends().exits(0);
        assert!(sent.error().contains(" of 24.0 MiB"), "{}", sent.told());
        assert!(!sent.error().contains("\x1b[32m"), "{}", sent.told());
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_mistakes_to_standard_error() {
    let scene = Scene::new();
    for line in ["help", "--help", "help send", "send --help", "--version"] {
        let ended = scene.run(line).ends().exits(0);
        assert!(ended.output().contains("peerbridge"), "{}", ended.told());
        assert_eq!(ended.error(), "");
    }
    let ended = scene.run("recieve").ends().exits(2);
    assert_eq!(ended.output(), "");
    ended.says("receive");
}

#[test]
fn without_arguments_and_without_a_terminal_it_says_how_it_is_used() {
    let scene = Scene::new();
    let ended = scene.run("").ends().exits(2);
    ended.says("peerbridge help");
}

#[test]
fn names_on_the_command_line_cannot_command_the_terminal() {
    let scene = Scene::new();
    let name = "no\x1b[2Jsuch\r\nfile";
    let ended = scene
        .run("send --to 127.0.0.1:1 --wait 0 --json")
        .arg(name)
        .ends();
    let ended = ended
        .exits(8)
        .complains("no\\x1b[2Jsuch\\r\\nfile", "spelling");
    assert!(is_plain(&ended));
    let (received, sent) = meet(
        scene.run("receive --port 0 --yes --wait 0"),
        scene.run("send --wait 0 --to @").arg(name),
    );
    received.exits(5);
    sent.exits(8);
}

#[test]
fn a_fresh_secret_is_one_line_and_worth_something() {
    let scene = Scene::new();
    let first = scene.run("secret").ends().exits(0);
    let second = scene.run("secret").ends().exits(0);
    assert_ne!(first.output(), second.output());
    assert_eq!(first.output().lines().count(), 1);
    let text = first.error();
    let (_, after) = text.split_once("strength: ").unwrap();
    let bits: u32 = after.split_once(" bits").unwrap().0.parse().unwrap();
    assert!(bits >= 40, "{}", first.told());
    let told = scene.run("secret --json").ends().exits(0);
    assert!(told.events()[0]["bits"].as_u64().unwrap() >= 40);
}

#[test]
fn the_demonstration_verifies_and_leaves_only_what_it_names() {
    let scene = Scene::new();
    let ended = scene.run("demo").ends().exits(0).says("verified: ");
    let left = scene.names_in("tmp");
    assert_eq!(left.len(), 1, "{left:?}");
    let ended = ended.says(&format!(
        "everything is in {}",
        scene.path("tmp").join(&left[0]).display()
    ));
    assert!(is_plain(&ended), "{}", ended.told());
    std::fs::remove_dir_all(scene.path("tmp").join(&left[0])).unwrap();

    crate::harness::trees::make_odd(&scene.path("own"));
    let ended = scene.run("demo own --quiet --json").ends().exits(0);
    assert_eq!(ended.error(), "");
    assert_eq!(ended.done()["exit"], 0);
    assert!(scene.names_in("tmp").is_empty());
    assert!(scene.names_in("home").is_empty());
}
