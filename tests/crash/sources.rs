//! Files that change while they are sent: named, left out, never mixed.

use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{Ended, LISTEN, Scene, free_port, has_tool};
use crate::sides::{receive, send, transfer};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sends `from` over a slow connection, and calls `meddle` when some of it has been sent.
fn meddled(from: &Path, into: &Path, meddle: impl FnOnce()) -> (Ended, Ended) {
    let receiver = receive(into, &LISTEN).start();
    let proxy = Proxy::to(receiver.port());
    proxy.rate(24 * MIB as u64);
    let to = ["--to", "@", "-n", "2", "-z", "0"];
    let sender = send(from, &to).to(proxy.port()).start();
    proxy.wait_for_bytes(2 * MIB as u64);
    meddle();
    (sender.ends(), receiver.ends())
}

#[test]
fn each_change_is_named_and_the_other_files_are_whole() {
    let scene = Scene::new();
    // The proxy holds everything behind the first file back until the other files have changed.
    let (from, into) = (scene.path("tree"), scene.path("into"));
    fs::create_dir_all(from.join("z")).unwrap();
    trees::write(&from.join("a first"), &trees::noise(1, 24 * MIB));
    let names = [
        "empty grows",
        "grows",
        "shrinks",
        "swapped",
        "touched",
        "vanishes",
        "written",
    ];
    for (seed, name) in (10..).zip(names) {
        let length = if name == "empty grows" { 0 } else { 40_000 };
        trees::write(&from.join("z").join(name), &trees::noise(seed, length));
    }
    trees::write(&from.join("z/unchanged"), &trees::noise(3, 50_000));
    let z = from.join("z");
    let append = |name: &str| {
        let mut file = OpenOptions::new().append(true).open(z.join(name)).unwrap();
        file.write_all(b"more").unwrap();
    };
    let (sender, receiver) = meddled(&from, &into, || {
        append("empty grows");
        append("grows");
        File::options()
            .write(true)
            .open(z.join("shrinks"))
            .unwrap()
            .set_len(1000)
            .unwrap();
        trees::write(&z.join("new"), &trees::noise(99, 40_000));
        fs::rename(z.join("new"), z.join("swapped")).unwrap();
        trees::set_modified(&z.join("touched"), 1_000_000_000, 0);
        fs::remove_file(z.join("vanishes")).unwrap();
        trees::write(&z.join("written"), &trees::noise(98, 40_000));
    });
    for side in [sender.exits(13), receiver.exits(13)] {
        for name in names {
            let path = format!("tree/z/{name}");
            let mut files = side.events_of("file").into_iter();
            let is_failed = |event: Value| event["path"] == path && event["result"] == "failed";
            assert!(files.any(is_failed), "{name}: {side:?}");
            assert!(
                side.error().contains(&format!("left out tree/z/{name}")),
                "{side:?}"
            );
        }
        assert_eq!(side.total("files"), 2);
    }
    let got: Vec<_> = trees::look_below(&into.join("tree")).into_keys().collect();
    assert_eq!(got, ["a first", "z", "z/unchanged"].map(PathBuf::from));
    for name in ["a first", "z/unchanged"] {
        let sent = fs::read(from.join(name)).unwrap();
        assert_eq!(fs::read(into.join("tree").join(name)).unwrap(), sent);
    }
    // The same command sends the new contents and leaves nothing behind.
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    sender.exits(0);
    receiver.exits(0);
    trees::assert_same(&from, &into.join("tree"));
}

#[test]
fn a_large_file_that_is_written_to_while_it_is_sent_is_never_mixed() {
    let scene = Scene::new();
    let (from, into) = (scene.path("large"), scene.path("into"));
    trees::write(&from, &trees::noise(1, 48 * MIB));
    let (sender, receiver) = meddled(&from, &into, || {
        use std::os::unix::fs::FileExt;
        let file = OpenOptions::new().write(true).open(&from).unwrap();
        file.write_all_at(b"other", 47 * MIB as u64).unwrap();
    });
    for side in [sender.exits(8), receiver.exits(8)] {
        assert!(
            side.error().contains("changed while it was sent"),
            "{side:?}"
        );
    }
    assert!(!into.join("large").exists());
}

#[test]
fn an_empty_file_alone_that_grows_after_the_offer_is_exit_8() {
    let scene = Scene::new();
    let from = scene.path("empty");
    fs::write(&from, "").unwrap();
    // The sender scans, and then waits for a listener.
    let port = free_port();
    let mut sender = send(&from, &["--to", "@", "-v"]).to(port).start();
    std::thread::sleep(Duration::from_millis(400));
    assert!(!sender.is_over());
    fs::write(&from, "grown").unwrap();
    let into = scene.path("into");
    let listen = ["--bind", "127.0.0.1", "--port", &port.to_string()];
    let receiver = receive(&into, &listen).ends();
    sender.ends().exits(8);
    receiver.exits(8);
    assert!(!into.join("empty").exists());
}

#[test]
fn zeros_that_stood_for_an_unreadable_file_are_not_taken_for_it_after_a_cut() {
    if !has_tool("strace") {
        return;
    }
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    fs::create_dir(&from).unwrap();
    trees::write(&from.join("a"), &trees::noise(1, 5 * MIB));
    trees::write(&from.join("b"), &trees::noise(2, 12 * MIB));
    for name in ["a", "b"] {
        trees::set_modified(&from.join(name), 1_500_000_000, 0);
    }
    let retry = ["--retry", "0"];
    for streams in ["1", "4"] {
        let receiver = receive(&into, &[&LISTEN[..], &retry].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.then(14 * MIB as u64, Act::Fin);
        // Reads of `a` fail, so all of it arrives as zeros, and then the connection is cut.
        let path = from.join("a");
        let strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=pread64"];
        let only = ["-P", path.to_str().unwrap()];
        let inject = ["-e", "inject=pread64:error=EIO"];
        let rest = ["--to", "@", "-n", streams, "-z", "0", "--retry", "0"];
        let sender = send(&from, &rest).to(proxy.port());
        let sender = sender.under([&strace[..], &only, &inject].concat());
        sender.exits(12);
        receiver.ends().exits(12);
        assert!(trees::recorded_bytes(&into, 17 * MIB as u64, MIB as u64) > 0);
        let (sender, receiver) = transfer(&from, &[], &into, &[]);
        sender.exits(0);
        assert!(receiver.exits(0).total("resumed_bytes") > 0);
        trees::assert_same(&from, &into.join("tree"));
        fs::remove_dir_all(&into).unwrap();
    }
}
