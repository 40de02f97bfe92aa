//! Each exit code of the table, provoked: what the receiver ends with, and what the sender does. Each run
//! has `--json`, so each ends with exactly one `done`, and tells nothing that the page does not list.

use crate::program::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// A place with something to send and somewhere to receive.
struct Ground {
    folder: tempfile::TempDir,
    source: PathBuf,
    inbox: PathBuf,
}

impl Ground {
    fn new() -> Ground {
        let folder = tempfile::tempdir().unwrap();
        Ground {
            source: tree(folder.path(), "tree", 61),
            inbox: folder.path().join("inbox"),
            folder,
        }
    }

    /// A receiver with these words more, which meets its sender once.
    fn receiver(&self, more: &[&str]) -> Listening {
        let words = ["receive", text(&self.inbox), "--yes", "--retry", "0"];
        Listening::start(&[&words, more].concat())
    }

    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    /// Contents that no compressor shortens and no kernel keeps to itself.
    fn large(&self) -> PathBuf {
        let mut state = 1u64;
        let bytes = (0..4 << 20).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        self.file("large", &bytes.collect::<Vec<u8>>())
    }
}

/// What each side ends with, and all that they told on standard output.
struct Ends {
    receiver: Option<i32>,
    sender: Option<i32>,
    told: Vec<String>,
}

/// A sender dials a receiver that waits.
fn meet(receiver: Listening, sent: impl FnOnce(u16) -> Ran) -> Ends {
    let sent = sent(receiver.port);
    let (exit, told) = receiver.ended_with();
    Ends {
        receiver: Some(exit),
        sender: Some(sent.exit),
        told: vec![told, sent.out],
    }
}

fn send_json(path: &Path, port: u16, more: &[&str]) -> Ran {
    send(path, port, &[&["--json", "--retry", "0"], more].concat())
}

/// Sits between two peers: `spoil` gets what the dialler sends, with the position of its first byte, and
/// says whether to go on.
fn between(
    port: u16,
    mut spoil: impl FnMut(usize, &mut [u8]) -> bool + Send + 'static,
) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let line = std::thread::spawn(move || {
        let (dialler, _) = listener.accept().unwrap();
        let target = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from, mut to) = (dialler.try_clone().unwrap(), target.try_clone().unwrap());
        let back = std::thread::spawn({
            let (mut from, mut to) = (target.try_clone().unwrap(), dialler.try_clone().unwrap());
            move || {
                // Either may be gone: that is what this is about.
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            }
        });
        let (mut position, mut buffer) = (0, [0; 4096]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if !spoil(position, &mut buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
                break;
            }
            position += count;
        }
        let _ = (
            dialler.shutdown(Shutdown::Both),
            target.shutdown(Shutdown::Both),
        );
        back.join().unwrap();
    });
    (own, line)
}

fn usage(ground: &Ground) -> Ends {
    let to = text(&ground.source);
    let sender = Listening::start(&["send", to, "--listen"]);
    let other = send_json(&ground.source, sender.port, &[]);
    assert_eq!(other.exit, 2, "{}", other.err);
    // The one that listens goes on waiting: somebody else's mistake is not its end.
    let from = format!("127.0.0.1:{}", sender.port);
    let ran = run(&[
        "receive",
        text(&ground.inbox),
        "--from",
        &from,
        "--yes",
        "--json",
    ]);
    assert_eq!((ran.exit, sender.ended()), (0, 0), "{}", ran.err);
    let ran = run(&["receive", text(&ground.inbox), "--nonsense", "--json"]);
    Ends {
        receiver: Some(ran.exit),
        sender: Some(other.exit),
        told: vec![ran.out, other.out],
    }
}

fn wrong_secret(ground: &Ground) -> Ends {
    let receiver = ground.receiver(&[]);
    let to = format!("127.0.0.1:{}", receiver.port);
    let guess = || {
        let words = ["send", text(&ground.source), "--to", &to, "--json"];
        let output = peerbridge(&words)
            .env("PEERBRIDGE_SECRET", "other")
            .output();
        Ran::of(output.unwrap()).expect(3)
    };
    let guesses: Vec<_> = (0..5).map(|_| guess()).collect();
    let (exit, told) = receiver.ended_with();
    Ends {
        receiver: Some(exit),
        sender: Some(guesses[4].exit),
        told: vec![told, guesses[4].out.clone()],
    }
}

fn no_way(ground: &Ground) -> Ends {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let words = [
        "receive",
        text(&ground.inbox),
        "--yes",
        "--bind",
        "127.0.0.1",
        "--json",
        "--port",
        &port.to_string(),
    ];
    let receiver = run(&words);
    drop(taken);
    let sender = send_json(&ground.source, port, &["--wait", "0"]);
    Ends {
        receiver: Some(receiver.exit),
        sender: Some(sender.exit),
        told: vec![receiver.out, sender.out],
    }
}

fn nobody_came(ground: &Ground) -> Ends {
    let receiver = ground.receiver(&["--wait", "0"]);
    let sender = Listening::start(&["send", text(&ground.source), "--listen", "--wait", "0"]);
    let (received, sent) = (receiver.ended_with(), sender.ended_with());
    Ends {
        receiver: Some(received.0),
        sender: Some(sent.0),
        told: vec![received.1, sent.1],
    }
}

fn in_the_way(ground: &Ground) -> Ends {
    fs::create_dir_all(ground.inbox.join("tree")).unwrap();
    fs::write(ground.inbox.join("tree/one"), b"mine").unwrap();
    meet(ground.receiver(&[]), |port| {
        send_json(&ground.source, port, &[])
    })
}

/// The list was made when the sender began to listen.
fn source_changed(ground: &Ground) -> Ends {
    let file = ground.file("file", b"as it was");
    let sender = Listening::start(&["send", text(&file), "--listen"]);
    fs::write(&file, b"longer than it was").unwrap();
    let from = format!("127.0.0.1:{}", sender.port);
    let words = ["receive", text(&ground.inbox), "--from", &from, "--yes"];
    let ran = run(&[&words[..], &["--json"]].concat());
    let (exit, told) = sender.ended_with();
    Ends {
        receiver: Some(ran.exit),
        sender: Some(exit),
        told: vec![ran.out, told],
    }
}

fn cannot_write(ground: &Ground) -> Ends {
    fs::write(&ground.inbox, b"a file").unwrap();
    let ends = meet(ground.receiver(&[]), |port| {
        send_json(&ground.source, port, &[])
    });
    fs::remove_file(&ground.inbox).unwrap();
    ends
}

/// A bit of what comes along with the proof is flipped: behind a Hello of 96 bytes and a Confirm of 37.
fn not_verified(ground: &Ground) -> Ends {
    let receiver = ground.receiver(&[]);
    let (port, line) = between(receiver.port, |position, bytes| {
        if let Some(byte) = 300usize
            .checked_sub(position)
            .and_then(|at| bytes.get_mut(at))
        {
            *byte ^= 1;
        }
        true
    });
    let ends = meet(receiver, |_| send_json(&ground.source, port, &[]));
    line.join().unwrap();
    ends
}

fn no_peerbridge(ground: &Ground) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap();
        }
    });
    let sender = send_json(&ground.source, port, &[]);
    let from = format!("127.0.0.1:{port}");
    let words = ["receive", text(&ground.inbox), "--from", &from, "--yes"];
    let receiver = run(&[&words[..], &["--json"]].concat());
    web.join().unwrap();
    Ends {
        receiver: Some(receiver.exit),
        sender: Some(sender.exit),
        told: vec![receiver.out, sender.out],
    }
}

fn lost(ground: &Ground) -> Ends {
    let receiver = ground.receiver(&[]);
    let (port, line) = between(receiver.port, |position, _| position < 1 << 20);
    let large = ground.large();
    let ends = meet(receiver, |_| {
        send_json(&large, port, &["--level", "0", "--streams", "1"])
    });
    line.join().unwrap();
    ends
}

fn left_out(ground: &Ground) -> Ends {
    use std::os::unix::net::UnixListener;
    let _socket = UnixListener::bind(ground.source.join("socket")).unwrap();
    meet(ground.receiver(&[]), |port| {
        send_json(&ground.source, port, &[])
    })
}

fn declined_here(ground: &Ground) -> Ends {
    meet(ground.receiver(&["--max-files", "1"]), |port| {
        send_json(&ground.source, port, &[])
    })
}

fn hook_failed(ground: &Ground) -> Ends {
    meet(ground.receiver(&["--on-receive", "false"]), |port| {
        send_json(&ground.source, port, &[])
    })
}

fn whole(ground: &Ground) -> Ends {
    let ends = meet(ground.receiver(&[]), |port| {
        send_json(&ground.source, port, &[])
    });
    assert_same(&ground.source, &ground.inbox.join("tree"));
    ends
}

/// In the order of the table: the receiver's code and the sender's.
type Row = (fn(&Ground) -> Ends, i32, i32);

const TABLE: &[Row] = &[
    (whole, 0, 0),
    (usage, 2, 2),
    (wrong_secret, 3, 3),
    (no_way, 4, 4),
    (nobody_came, 5, 5),
    (in_the_way, 7, 6),
    (source_changed, 8, 8),
    (cannot_write, 9, 6),
    (not_verified, 10, 10),
    (no_peerbridge, 11, 11),
    (lost, 12, 12),
    (left_out, 0, 13),
    (declined_here, 14, 6),
    (hook_failed, 15, 0),
];

#[test]
fn each_code_is_true_for_the_side_that_ends_with_it() {
    let page = Page::read();
    let mut provoked = BTreeSet::new();
    for (number, (provoke, receiver, sender)) in TABLE.iter().enumerate() {
        let ends = provoke(&Ground::new());
        let exits = (ends.receiver, ends.sender);
        assert_eq!(exits, (Some(*receiver), Some(*sender)), "row {number}");
        provoked.extend([*receiver, *sender]);
        for (told, exit) in ends.told.iter().zip([receiver, sender]) {
            page.holds(told);
            let last = told.lines().last().unwrap_or_default();
            let done = format!("{{\"event\":\"done\",\"v\":1,\"exit\":{exit},");
            assert!(last.starts_with(&done), "row {number}: {told}");
            let count = told.matches("\"event\":\"done\"").count();
            assert_eq!(count, 1, "row {number}: {told}");
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

/// So it is for what a shell runs in the background, and for all that is run from there.
fn is_interrupt_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & 1 << 1 != 0
}

#[test]
fn a_signal_ends_a_run_without_a_done_and_the_peer_with_12() {
    for (signal, exit) in [("INT", 130), ("TERM", 143)] {
        if signal == "INT" && is_interrupt_ignored() {
            continue;
        }
        let ground = Ground::new();
        let large = ground.large();
        let receiver = ground.receiver(&[]);
        let to = format!("127.0.0.1:{}", receiver.port);
        let words = ["send", text(&large), "--to", &to, "--limit-rate", "100K"];
        let sender = peerbridge(&[&words[..], &["--retry", "0", "--json"]].concat())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        until("a staging folder", || {
            fs::read_dir(&ground.inbox).ok()?.next().map(drop)
        });
        let pid = receiver.pid().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-s", signal, &pid])
            .status();
        assert!(killed.unwrap().success());
        let (ended, told) = receiver.ended_with();
        assert_eq!(ended, exit);
        assert!(!told.contains("\"event\":\"done\""), "{told}");
        let sent = Ran::of(sender.wait_with_output().unwrap());
        assert_eq!(sent.exit, 12, "{}", sent.out);
        let kept = fs::read_dir(&ground.inbox).unwrap().count();
        assert_eq!(kept, 1, "what arrived is kept");
    }
}

#[test]
fn what_the_other_verbs_tell_is_on_the_page_as_well() {
    let page = Page::read();
    let ground = Ground::new();
    let here = text(&ground.source);
    let served = Listening::start(&["serve", text(&ground.inbox)]);
    let to = format!("127.0.0.1:{}", served.port);
    let runs: &[&[&str]] = &[
        &["ping", &to],
        &["send", here, "--to", &to, "--dry-run"],
        &["send", here, "--to", &to, "--progress", "lines"],
        &["doctor", here, "--port", "0"],
        &["secret"],
        &["demo", here, "--quiet"],
        &["completions", "bash"],
        &["completions", "man"],
        &["help"],
        &["help", "send"],
        &["--version"],
        &["send", "--help"],
    ];
    let mut told = String::new();
    for words in runs {
        let ran = run(&[words, &["--json"][..]].concat()).expect(0);
        assert_eq!(
            ran.out.matches("\"event\":\"done\"").count(),
            1,
            "{words:?}"
        );
        told.push_str(&ran.out);
    }
    told.extend(served.wait_for("received", 1));
    told.push('\n');
    told.extend(served.events("listening"));
    page.holds(&told);
    for event in [
        "pong",
        "lacking",
        "check",
        "secret",
        "received",
        "listening",
    ] {
        assert!(
            told.contains(&format!("{{\"event\":\"{event}\",")),
            "{event}"
        );
    }
}

/// What `docs/CLI.md` says of codes and events.
struct Page {
    codes: BTreeSet<i32>,
    /// The fields of each event.
    events: BTreeMap<String, BTreeSet<String>>,
}

impl Page {
    fn read() -> Page {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md");
        let page = fs::read_to_string(path).unwrap();
        let mut read = Page {
            codes: BTreeSet::new(),
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
        assert!(read.codes.len() == 16 && read.events.len() > 10);
        read
    }

    /// Fails when an event, or a field of one, is not on the page.
    #[track_caller]
    fn holds(&self, told: &str) {
        for line in told.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
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
