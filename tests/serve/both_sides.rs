//! Provokes each row of the documented table of exit codes, for receiver and sender. Each run has `--json`, so
//! each ends with exactly one `done`, and prints no event or field that the page does not list.

use crate::harness::proxy::{Proxy, Way, to_listener};
use crate::harness::trees::noise;
use crate::harness::{Ended, Running, Scene, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

/// How the receiver ended, and how the sender did.
type Ends = (Ended, Ended);

/// A receiver with these further arguments, which meets its sender once.
fn receiver(scene: &Scene, more: &str) -> Running {
    scene.listens(&format!("receive inbox --yes --retry 0 {more}"))
}

/// A receiver that dials.
fn receives_from(scene: &Scene, port: u16) -> Ended {
    let receive = scene.run("receive inbox --from @ --yes --json");
    receive.to(port).ends()
}

fn sends(scene: &Scene, what: &str, port: u16) -> Ended {
    scene.sends(&format!("{what} --json --retry 0"), port)
}

/// A sender dials a receiver that waits.
fn meet(scene: &Scene, receiver: Running) -> Ends {
    let sent = sends(scene, "tree", receiver.port());
    (receiver.ends(), sent)
}

/// Makes a file larger than the kernel's buffers.
fn make_large(scene: &Scene) {
    scene.file("large", noise(1, 4 << 20));
}

/// Sends through a proxy that changes the sender's bytes in this way.
fn through(scene: &Scene, what: &str, way: Way) -> Ends {
    let receiver = receiver(scene, "");
    let proxy = Proxy::by(receiver.port(), to_listener(way));
    let sent = sends(scene, what, proxy.port());
    (receiver.ends(), sent)
}

fn usage(scene: &Scene) -> Ends {
    let sender = scene.listens("send tree --listen");
    let other = sends(scene, "tree", sender.port()).exits(2);
    // The listener keeps waiting, because another peer's mistake must not end it.
    receives_from(scene, sender.port()).exits(0);
    sender.ends().exits(0);
    let receiver = scene.run("receive inbox --nonsense --json").ends();
    (receiver, other)
}

fn wrong_secret(scene: &Scene) -> Ends {
    let receiver = receiver(scene, "");
    let port = receiver.port();
    let guess = || {
        scene
            .run("send tree --to @ --json")
            .secret("other")
            .to(port)
    };
    for _ in 0..4 {
        guess().exits(3);
    }
    let last = guess().ends();
    (receiver.ends(), last)
}

fn no_way(scene: &Scene) -> Ends {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let receive = scene.run("receive inbox --yes --bind 127.0.0.1 --json --port %");
    let receiver = receive.to(port).ends();
    drop(taken);
    let sender = sends(scene, "tree --wait 0", port);
    (receiver, sender)
}

fn nobody_came(scene: &Scene) -> Ends {
    let receiver = receiver(scene, "--wait 0");
    let sender = scene.listens("send tree --listen --wait 0");
    (receiver.ends(), sender.ends())
}

fn in_the_way(scene: &Scene) -> Ends {
    scene.file("inbox/tree/one", "mine");
    meet(scene, receiver(scene, ""))
}

/// The sender had scanned its files before it began to listen.
fn source_changed(scene: &Scene) -> Ends {
    scene.file("file", "as it was");
    let sender = scene.listens("send file --listen");
    scene.file("file", "longer than it was");
    let receiver = receives_from(scene, sender.port());
    (receiver, sender.ends())
}

fn cannot_write(scene: &Scene) -> Ends {
    let receiver = receiver(scene, "");
    // Before it listens, the receiver would have noticed.
    receiver.port();
    scene.file("inbox", "a file");
    meet(scene, receiver)
}

/// The staging folder is taken away once the first part has arrived.
fn disk_fails(scene: &Scene) -> Ends {
    for number in 0..20 {
        scene.file(format!("many/{number}"), noise(number, 200_000));
    }
    let receiver = receiver(scene, "");
    let sender = scene.run("send many --to @ --limit-rate 1M --retry 0 --json");
    let sender = sender.to(receiver.port()).start();
    let staged = || {
        let name = scene.names_in("inbox").pop()?;
        let tree = scene.path(format!("inbox/{name}/tree"));
        let has_some = fs::read_dir(tree.join("many")).ok()?.next().is_some();
        has_some.then_some(tree)
    };
    let tree = until("a first file", staged);
    fs::rename(&tree, scene.path("away")).unwrap();
    let (received, sent) = (receiver.ends(), sender.ends());
    let place = scene.path("inbox").to_string_lossy().into_owned();
    assert!(received.error().contains(&place), "{}", received.error());
    assert!(!sent.error().contains(&place), "{}", sent.error());
    assert!(sent.error().contains("\"many/"), "{}", sent.error());
    (received, sent)
}

/// Flips a bit of the message that travels with the proof: behind a Hello of 96 bytes and a Confirm of 37.
fn not_verified(scene: &Scene) -> Ends {
    through(scene, "tree", Way::Flip(300 * 8))
}

fn no_peerbridge(scene: &Scene) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap();
        }
    });
    let sender = sends(scene, "tree", port);
    let receiver = receives_from(scene, port);
    web.join().unwrap();
    (receiver, sender)
}

fn lost(scene: &Scene) -> Ends {
    make_large(scene);
    through(scene, "large --level 0 --streams 1", Way::Cut(1 << 20))
}

fn left_out(scene: &Scene) -> Ends {
    use std::os::unix::net::UnixListener;
    let _socket = UnixListener::bind(scene.path("tree/socket")).unwrap();
    meet(scene, receiver(scene, ""))
}

fn declined_here(scene: &Scene) -> Ends {
    meet(scene, receiver(scene, "--max-files 1"))
}

fn hook_failed(scene: &Scene) -> Ends {
    meet(scene, receiver(scene, "--on-receive false"))
}

fn whole(scene: &Scene) -> Ends {
    let ends = meet(scene, receiver(scene, ""));
    scene.assert_same("tree", "inbox/tree");
    ends
}

/// A row of the page's table: what happened, how to bring it about, the receiver's code and the sender's.
type Row = (&'static str, fn(&Scene) -> Ends, i32, i32);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("everything arrived", whole, 0, 0),
    ("a wrong command line on each side", usage, 2, 2),
    ("five wrong secrets", wrong_secret, 3, 3),
    ("the peer cannot be reached", no_way, 4, 4),
    ("nobody came", nobody_came, 5, 5),
    ("a file is in the way at the receiver", in_the_way, 7, 6),
    ("the only file changed at the sender", source_changed, 8, 8),
    ("the receiver cannot write at all", cannot_write, 9, 6),
    ("the receiver's disk fails on the way", disk_fails, 9, 6),
    ("a byte changed on the way", not_verified, 10, 10),
    ("another program answers", no_peerbridge, 11, 11),
    ("the connection was cut", lost, 12, 12),
    ("the sender left something out", left_out, 0, 13),
    ("the offer is over a limit of the receiver", declined_here, 14, 6),
    ("the receiver's hook failed", hook_failed, 15, 0),
];

#[test]
fn each_code_is_true_for_the_side_that_ends_with_it() {
    let page = Page::read();
    let mut provoked = BTreeSet::new();
    let rows = TABLE
        .iter()
        .map(|(what, _, receiver, sender)| format!("| {what} | {receiver} | {sender} |"));
    assert_eq!(page.both_sides, rows.collect::<Vec<_>>());
    for (what, provoke, receiver, sender) in TABLE {
        println!("{what}");
        let scene = Scene::new();
        scene.tree("tree", 61);
        let (received, sent) = provoke(&scene);
        provoked.extend([*receiver, *sender]);
        for ended in [received.exits(*receiver), sent.exits(*sender)] {
            page.holds(&ended.events());
        }
    }
    let all: BTreeSet<i32> = page
        .codes
        .iter()
        .copied()
        .filter(|code| *code != 1)
        .collect();
    assert_eq!(provoked, all, "1 is for bugs, which nothing here provokes");
}

/// Whether SIGINT is ignored, as in processes that a non-interactive shell started in the background.
fn is_interrupt_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & 1 << 1 != 0
}

#[test]
fn a_signal_ends_a_run_without_a_done_and_the_peer_with_12() {
    for signal in [Signal::INT, Signal::TERM] {
        if signal == Signal::INT && is_interrupt_ignored() {
            continue;
        }
        let scene = Scene::new();
        make_large(&scene);
        let receiver = receiver(&scene, "");
        let sender = scene.run("send large --to @ --limit-rate 100K --retry 0 --json");
        let sender = sender.to(receiver.port()).start();
        until("a staging folder", || scene.names_in("inbox").pop());
        receiver.signal(signal);
        let ended = receiver.ends().was_killed_by(signal);
        assert!(!ended.output().contains("\"event\":\"done\""), "{ended:?}");
        sender.ends().exits(12);
        let kept = scene.names_in("inbox").len();
        assert_eq!(kept, 1, "the received data is kept");
    }
}

#[test]
fn what_the_other_verbs_tell_is_on_the_page_as_well() {
    let page = Page::read();
    let scene = Scene::new();
    scene.tree("tree", 61);
    let served = scene.listens("serve inbox");
    let lines = [
        "ping @",
        "send tree --to @ --dry-run",
        "send tree --to @ --progress lines",
        "doctor tree --port 0",
        "secret",
        "demo tree --quiet",
        "completions bash",
        "completions man",
        "help",
        "help send",
        "--version",
        "send --help",
    ];
    let mut told = Vec::new();
    for line in lines {
        let run = scene.run(line).arg("--json").to(served.port());
        told.extend(run.exits(0).events());
    }
    told.extend(served.waits_for(1, "received"));
    told.extend(served.events("listening"));
    page.holds(&told);
    for name in [
        "pong",
        "lacking",
        "check",
        "secret",
        "received",
        "listening",
    ] {
        assert!(told.iter().any(|event| event["event"] == name), "{name}");
    }
}

/// What `docs/CLI.md` says about exit codes and events.
struct Page {
    codes: BTreeSet<i32>,
    /// The rows of the table with the exit codes of both sides.
    both_sides: Vec<String>,
    /// The fields of each event.
    events: BTreeMap<String, BTreeSet<String>>,
}

impl Page {
    fn read() -> Page {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md");
        let page = fs::read_to_string(path).unwrap();
        let mut read = Page {
            codes: BTreeSet::new(),
            both_sides: Vec::new(),
            events: BTreeMap::new(),
        };
        let (_, json) = page.split_once("\n## JSON\n").unwrap();
        for row in json.lines().filter_map(|line| line.strip_prefix("| `")) {
            let (event, rest) = row.split_once("` | ").unwrap();
            let fields = rest.split('`').skip(1).step_by(2).map(str::to_owned);
            read.events.insert(event.to_owned(), fields.collect());
        }
        let (_, codes) = page.split_once("\n## Exit codes\n").unwrap();
        let rows = codes.lines().filter_map(|line| line.strip_prefix("| "));
        read.codes
            .extend(rows.filter_map(|row| row.split(' ').next()?.parse::<i32>().ok()));
        let (_, both) = codes
            .split_once("| what happened | receiver | sender |\n")
            .unwrap();
        let both = both
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        read.both_sides = both.map(str::to_owned).collect();
        assert!(read.codes.len() == 16 && read.events.len() > 10);
        read
    }

    /// Fails if an event, or a field of one, is not on the page.
    #[track_caller]
    fn holds(&self, events: &[Value]) {
        for event in events {
            let object = event.as_object().expect("an object");
            let name = object["event"].as_str().expect("a name");
            let fields = self.events.get(name);
            let fields = fields.unwrap_or_else(|| panic!("{name} is not on the page"));
            for field in object.keys() {
                let plain = field.strip_suffix("_bytes").unwrap_or(field);
                let known = ["event", "v"].contains(&plain) || fields.contains(plain);
                assert!(known || fields.contains(field), "{name}: {field}");
            }
        }
    }
}
