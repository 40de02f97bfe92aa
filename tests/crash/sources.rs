//! Files that change while they are sent: named, left out, never mixed.

use super::support::has_tool;
use super::support::program::{Finished, LISTEN, Program, transfer};
use super::support::proxy::{Act, Proxy};
use super::support::trees::{self, MIB};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sends `from` over a slow line, and calls `meddle` when some of it is under way.
fn meddled(from: &Path, into: &Path, meddle: impl FnOnce()) -> (Finished, Finished) {
    let mut receiver = Program::receive(into, &LISTEN).start();
    let proxy = Proxy::to(receiver.port());
    proxy.rate(24 * MIB as u64);
    let to = ["--to", proxy.address(), "-n", "2", "-z", "0"];
    let sender = Program::send(from, &to).start();
    while proxy.bytes_from_dialler() < 2 * MIB as u64 {
        std::thread::sleep(Duration::from_millis(1));
    }
    meddle();
    (sender.wait(), receiver.wait())
}

#[test]
fn each_change_is_named_and_the_other_files_are_whole() {
    let work = tempfile::tempdir().unwrap();
    // The line holds back what stands behind the first file until the others have changed.
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    fs::create_dir_all(from.join("z")).unwrap();
    trees::noise(&from.join("a first"), 24 * MIB, 1);
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
        trees::noise(&from.join("z").join(name), length, seed);
    }
    trees::noise(&from.join("z/unchanged"), 50_000, 3);
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
        trees::noise(&z.join("new"), 40_000, 99);
        fs::rename(z.join("new"), z.join("swapped")).unwrap();
        trees::set_time(&z.join("touched"), 1_000_000_000, 0);
        fs::remove_file(z.join("vanishes")).unwrap();
        trees::noise(&z.join("written"), 40_000, 98);
    });
    for side in [sender.expect(13), receiver.expect(13)] {
        for name in names {
            let path = format!("\"path\":\"tree/z/{name}\"");
            let failed = |line: &str| line.contains(&path) && line.contains("\"failed\"");
            assert!(side.out.lines().any(failed), "{name}: {side:?}");
            assert!(
                side.err.contains(&format!("left out tree/z/{name}")),
                "{side:?}"
            );
        }
        assert_eq!(side.done("files"), 2);
    }
    let got: Vec<_> = trees::items(&into.join("tree")).into_keys().collect();
    assert_eq!(got, ["a first", "z", "z/unchanged"].map(PathBuf::from));
    for name in ["a first", "z/unchanged"] {
        let sent = fs::read(from.join(name)).unwrap();
        assert_eq!(fs::read(into.join("tree").join(name)).unwrap(), sent);
    }
    // The same again sends what is new and leaves nothing behind.
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    sender.expect(0);
    receiver.expect(0);
    trees::assert_same(&from, &into.join("tree"));
}

#[test]
fn a_large_file_that_is_written_to_while_it_is_sent_is_never_mixed() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("large"), work.path().join("into"));
    trees::noise(&from, 48 * MIB, 1);
    let (sender, receiver) = meddled(&from, &into, || {
        use std::os::unix::fs::FileExt;
        let file = OpenOptions::new().write(true).open(&from).unwrap();
        file.write_all_at(b"other", 47 * MIB as u64).unwrap();
    });
    for side in [sender.expect(8), receiver.expect(8)] {
        assert!(side.err.contains("changed while it was sent"), "{side:?}");
    }
    assert!(!into.join("large").exists());
}

#[test]
fn an_empty_file_alone_that_grows_after_the_offer_is_exit_8() {
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("empty");
    fs::write(&from, "").unwrap();
    // The sender scans, and then waits for somebody to listen.
    let port = free_port();
    let to = format!("127.0.0.1:{port}");
    let mut sender = Program::send(&from, &["--to", &to, "-v"]).start();
    std::thread::sleep(Duration::from_millis(400));
    assert!(!sender.is_over());
    fs::write(&from, "grown").unwrap();
    let into = work.path().join("into");
    let listen = ["--bind", "127.0.0.1", "--port", &port.to_string()];
    let receiver = Program::receive(&into, &listen).run();
    sender.wait().expect(8);
    receiver.expect(8);
    assert!(!into.join("empty").exists());
}

/// A port that nobody listens on at the moment.
fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

#[test]
fn zeros_that_stood_for_an_unreadable_file_are_not_taken_for_it_after_a_cut() {
    if !has_tool("strace") {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    fs::create_dir(&from).unwrap();
    trees::noise(&from.join("a"), 5 * MIB, 1);
    trees::noise(&from.join("b"), 12 * MIB, 2);
    for name in ["a", "b"] {
        trees::set_time(&from.join(name), 1_500_000_000, 0);
    }
    let retry = ["--retry", "0"];
    for streams in ["1", "4"] {
        let mut receiver = Program::receive(&into, &[&LISTEN[..], &retry].concat()).start();
        let proxy = Proxy::to(receiver.port());
        proxy.then(14 * MIB as u64, Act::Fin);
        // Reads of `a` fail; everything of it arrives as zeros, and then the line is cut.
        let wrapper = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "trace=pread64",
            "-P",
        ]
        .map(String::from)
        .into_iter()
        .chain([from.join("a").to_str().unwrap().to_owned()])
        .chain(["-e", "inject=pread64:error=EIO"].map(String::from));
        let wrapper: Vec<String> = wrapper.collect();
        let mut words: Vec<std::ffi::OsString> = vec!["send".into(), from.clone().into()];
        let to = [
            "--json",
            "--to",
            proxy.address(),
            "-n",
            streams,
            "-z",
            "0",
            "--retry",
            "0",
        ];
        words.extend(to.iter().map(Into::into));
        Program::under(&wrapper, words).run().expect(12);
        receiver.wait().expect(12);
        assert!(trees::recorded_bytes(&into, 17 * MIB as u64, MIB as u64) > 0);
        let (sender, receiver) = transfer(&from, &[], &into, &[]);
        sender.expect(0);
        assert!(receiver.expect(0).done("resumed_bytes") > 0);
        trees::assert_same(&from, &into.join("tree"));
        fs::remove_dir_all(&into).unwrap();
    }
}
