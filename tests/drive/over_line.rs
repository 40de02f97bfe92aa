//! `--via` and `--stdio`: a command's standard input and output instead of an address.

use super::terminal::Terminal;
use crate::harness::trees::noise;
use crate::harness::{Run, SECRET, Scene, has_tool, until};
use std::fs;

const BINARY: &str = env!("CARGO_BIN_EXE_peerbridge");

/// The far end, as a shell command that reads the secret from a file.
fn far_end(scene: &Scene, words: &str) -> String {
    scene.private_file("secret", SECRET);
    format!("'{BINARY}' {words} --stdio --secret-file secret")
}

/// The near end, with `--via`.
fn near_end(scene: &Scene, words: &str, command: &str) -> Run {
    scene.run(words).arg("--via").arg(command)
}

#[test]
fn either_verb_works_at_either_end() {
    let scene = Scene::new();
    scene.tree("source", 1);
    let receives = far_end(&scene, "receive in --yes");
    let sent = near_end(&scene, "send source --json", &receives);
    let sent = sent.ends().exits(0);
    assert_eq!(sent.done()["files"], 3);
    assert_eq!(sent.events_of("connected")[0]["peer"], "the peer");
    scene.assert_same("source", "in/source");
    let sends = far_end(&scene, "send source");
    near_end(&scene, "receive back --yes", &sends)
        .ends()
        .exits(0);
    scene.assert_same("source", "back/source");
}

#[test]
fn a_stream_goes_through_both_ends() {
    let scene = Scene::new();
    let bytes = noise(2, 9 << 20);
    scene.file("large", &bytes);
    let sends = far_end(&scene, "send large");
    let received = near_end(&scene, "receive --output - --yes", &sends);
    let received = received.ends().exits(0);
    assert!(received.bytes() == bytes);
}

#[test]
fn the_secret_counts_over_a_line_as_well() {
    let scene = Scene::new();
    scene.file("file", "1");
    let receives = far_end(&scene, "receive in --yes");
    let sent = near_end(&scene, "send file", &receives).secret("another one");
    let sent = sent.ends().exits(3);
    assert!(sent.error().contains("the secrets differ"), "{sent:?}");
    assert!(!scene.path("in/file").exists());
}

#[test]
fn the_command_sees_no_secret() {
    let scene = Scene::new();
    scene.file("file", "1");
    let sent = near_end(&scene, "send file", "env >&2").ends().exits(4);
    assert!(sent.error().contains("PATH="), "{sent:?}");
    assert!(!sent.error().contains(SECRET), "{sent:?}");
}

#[test]
fn no_port_is_opened_beside_a_command() {
    let scene = Scene::new();
    scene.file("file", "1");
    for words in ["send file", "receive in --yes"] {
        let _ = fs::remove_file(scene.path("begun"));
        let side = near_end(&scene, words, "touch begun; cat > answer");
        let side = side.env("PEERBRIDGE_DISCOVERY", "loopback");
        let mut side = side.start();
        until("the command", || scene.path("begun").exists().then_some(()));
        // For a moment it listens to itself.
        until("no port", || open_ports(side.id()).is_empty().then_some(()));
        assert!(!side.is_over());
    }
}

/// The lines of the system's tables of TCP and UDP that are of sockets of this process to which others may come.
fn open_ports(id: u32) -> Vec<String> {
    let open = fs::read_dir(format!("/proc/{id}/fd")).expect("a running process");
    let open = open.filter_map(|one| fs::read_link(one.ok()?.path()).ok());
    let open: Vec<String> = open
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.to_owned()))
        .map(|number| number.trim_end_matches(']').to_owned())
        .collect();
    let tables = ["tcp", "tcp6", "udp", "udp6"];
    let tables = tables.map(|table| fs::read_to_string(format!("/proc/{id}/net/{table}")));
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let is_own = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // A connection of TCP that stands is no port.
        const STANDS: &str = "01";
        fields[3] != STANDS && open.iter().any(|own| own == fields[9])
    };
    lines.filter(is_own).map(str::to_owned).collect()
}

#[test]
fn a_command_that_leads_to_nobody_says_how_it_ended() {
    let scene = Scene::new();
    scene.file("file", "1");
    let failed = near_end(&scene, "send file", "echo no route >&2; exit 7");
    let failed = failed.ends().exits(4);
    assert!(failed.error().contains("no route"), "{failed:?}");
    assert!(failed.error().contains("exit status: 7"), "{failed:?}");
    let asks = format!("'{BINARY}' receive in --stdio");
    let asks = near_end(&scene, "send file", &asks).ends().exits(4);
    assert!(asks.error().contains("exit status: 2"), "{asks:?}");
    // A login shell that prints a greeting.
    let receives = far_end(&scene, "receive in --yes");
    let greets = format!("echo welcome to this machine; {receives}");
    let greets = near_end(&scene, "send file", &greets).ends().exits(11);
    assert!(greets.error().contains("print nothing"), "{greets:?}");
}

#[test]
fn a_line_that_breaks_is_opened_again_and_resumed() {
    let scene = Scene::new();
    scene.file("large", noise(3, 24 << 20));
    let receives = far_end(&scene, "receive in --yes");
    let breaks = format!(
        "if mkdir once 2>/dev/null; then dd bs=64K count=12000000 iflag=count_bytes status=none | {receives}; else {receives}; fi"
    );
    let sent = near_end(&scene, "send large --level 0 --json", &breaks);
    let sent = sent.ends().exits(0);
    assert!(sent.done()["resumed_bytes"].as_u64() > Some(0), "{sent:?}");
    scene.assert_same("large", "in/large");
}

#[test]
fn a_command_may_lead_to_a_peer_that_listens() {
    if !has_tool("nc") {
        return;
    }
    let scene = Scene::new();
    scene.file("file", "1");
    let receiver = scene.listens("receive in --yes");
    let through = format!("nc 127.0.0.1 {}", receiver.port());
    near_end(&scene, "send file", &through).ends().exits(0);
    receiver.ends().exits(0);
    scene.assert_same("file", "in/file");
}

#[test]
fn what_does_not_go_together_is_a_usage_error() {
    let scene = Scene::new();
    scene.file("file", "1");
    for line in [
        "send file --stdio --json",
        "send - --name x --stdio",
        "receive --stdio --output -",
        "receive --stdio --yes --from h",
        "send file --via x --to h",
        "send file --via x --count 2",
    ] {
        let ended = scene.run(line).ends();
        assert_eq!(ended.code(), Some(2), "{ended:?}");
    }
    let mut person = Terminal::start(scene.run("receive in --stdio"));
    person.shows("but this is a terminal");
    person.exits(2);
    assert!(fs::metadata(scene.path("in")).is_err());
}
