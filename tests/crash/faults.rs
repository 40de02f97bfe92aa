//! Every system call that touches the receiver's disk fails once, one after the other.
//!
//! strace makes them fail. A clean run under strace finds the calls: for each kind of call, the numbers of the
//! main thread's calls that name something at the destination. With one stream the main thread does all of the
//! writing, so these numbers hold in the following runs.

use crate::harness::chance::Chance;
use crate::harness::trees::{self, Entry, MIB};
use crate::harness::{Ended, LISTEN, Scene, has_tool};
use crate::sides::{receive, send};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Calls that may touch the destination.
const CALLS: &str = "openat,mkdir,write,pwrite64,pread64,ftruncate,fchmod,chmod,fchmodat,utimensat,\
    rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,fsync,fdatasync,\
    flock,statx,newfstatat,lstat,stat,readlink,getdents64,fallocate,copy_file_range";

/// Runs at the same time.
const LANES: usize = 3;

/// A call to fail.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    number: u64,
    /// As strace showed it, for messages.
    shown: String,
}

/// A tree to send, and the destination before the transfer.
struct Fixture {
    scene: Scene,
    is_old: bool,
    fsync: &'static [&'static str],
}

impl Fixture {
    fn new(is_old: bool, fsync: &'static [&'static str]) -> Fixture {
        let scene = Scene::new();
        let tree = scene.path("tree");
        fs::create_dir_all(tree.join("sub/inner")).unwrap();
        trees::write(&tree.join("a large one"), &trees::noise(1, 2 * MIB + 5));
        trees::write(&tree.join("sub/small"), &trees::noise(2, 700));
        trees::write(&tree.join("sub/inner/other"), &trees::noise(3, 900));
        fs::write(tree.join("none"), "").unwrap();
        std::os::unix::fs::symlink("a large one", tree.join("link")).unwrap();
        for path in trees::paths(&tree).iter().rev() {
            if !tree.join(path).is_symlink() {
                trees::set_modified(&tree.join(path), 1_500_000_000, 5);
            }
        }
        Fixture {
            scene,
            is_old,
            fsync,
        }
    }

    fn source(&self) -> PathBuf {
        self.scene.path("tree")
    }

    fn destination(&self, lane: usize) -> PathBuf {
        let into = self.scene.path(format!("into {lane}"));
        let _ = fs::remove_dir_all(&into);
        fs::create_dir(&into).unwrap();
        if self.is_old {
            fs::create_dir_all(into.join("tree/sub")).unwrap();
            trees::write(&into.join("tree/sub/small"), &trees::noise(7, 800));
            trees::set_modified(&into.join("tree/sub/small"), 1_400_000_000, 0);
        }
        into
    }

    /// A transfer whose receiver runs under `wrapper`. If the receiver ends before it listens, no sender is
    /// started.
    fn run(&self, into: &Path, wrapper: &[String]) -> (Option<Ended>, Ended) {
        let rest = ["--existing", "overwrite", "--retry", "0"];
        let receiver = receive(into, &LISTEN).args(rest).args(self.fsync);
        let receiver = receiver.under(wrapper).start();
        let rest = ["--to", "@", "-n", "1", "-z", "0", "--retry", "0"];
        let port = receiver.listens_or_ends();
        let sender = port.map(|port| send(&self.source(), &rest).to(port).ends());
        (sender, receiver.ends())
    }

    /// The calls of a clean run that touch the destination.
    fn points(&self) -> Vec<Point> {
        let into = self.destination(0);
        let log = self.scene.path("log");
        let wrapper = strace(&[
            "-f",
            "-y",
            "-o",
            log.to_str().unwrap(),
            "-e",
            &format!("trace={CALLS}"),
        ]);
        let (sender, receiver) = self.run(&into, &wrapper);
        receiver.exits(0);
        sender.expect("it listened").exits(0);
        let place = into.to_str().unwrap().to_owned();
        let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
        let main = text.split_whitespace().next().unwrap().to_owned();
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut points = Vec::new();
        for line in text.lines() {
            let Some((pid, rest)) = line.split_once(' ') else {
                continue;
            };
            let rest = rest.trim_start();
            let Some((call, _)) = rest.split_once('(') else {
                continue;
            };
            if pid != main || rest.starts_with('<') {
                continue;
            }
            let number = counts.entry(call.to_owned()).or_default();
            *number += 1;
            if rest.contains(&place) {
                points.push(Point {
                    call: call.to_owned(),
                    number: *number,
                    shown: rest.to_owned(),
                });
            }
        }
        points
    }

    /// Makes one call fail, then runs the same transfer without a failure.
    fn check(&self, point: &Point, error: &str, lane: usize, old: &BTreeMap<PathBuf, Entry>) {
        let into = self.destination(lane);
        let Point { call, number, .. } = point;
        let wrapper = strace(&[
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={call}:error={error}:when={number}"),
        ]);
        let (sender, receiver) = self.run(&into, &wrapper);
        let context = format!("{error} for {point:?}: {receiver:?} {sender:?}");
        // On a slow machine there is one event more, and the failing call may be the one that writes it.
        let is_event = receiver.error().contains("cannot write standard output");
        let receiver = match is_event {
            true => receiver,
            false => receiver.exits_cleanly(),
        };
        let is_sent = sender.is_some_and(|sender| sender.exits_cleanly().code() == Some(0));
        let is_sync = matches!(call.as_str(), "fsync" | "fdatasync");
        assert!(!(is_sync && receiver.code() == Some(0)), "{context}");
        let is_received = receiver.code() == Some(0);
        assert!(is_event || is_received == is_sent, "{context}");
        if is_received {
            let got = trees::look_below(&into.join("tree"));
            for (path, item) in trees::look_below(&self.source()) {
                // The time of an existing folder may only be set by its owner.
                let is_there = got.get(&path).is_some_and(|got| {
                    *got == item || self.is_old && error == "EACCES" && got.is_folder()
                });
                assert!(is_there, "{path:?} {context}");
            }
        }
        let new = trees::look_below(&self.source());
        for (path, item) in trees::look_below(&into) {
            let is_new = path
                .strip_prefix("tree")
                .ok()
                .and_then(|name| new.get(name));
            let is_whole = is_new == Some(&item) || old.get(&path) == Some(&item);
            assert!(is_whole || into.join(&path).is_dir(), "{path:?} {context}");
        }
        let (sender, receiver) = self.run(&into, &[]);
        assert_eq!(
            receiver.code(),
            Some(0),
            "afterwards {receiver:?} {context}"
        );
        let sender = sender.and_then(|sender| sender.code());
        assert_eq!(sender, Some(0), "afterwards {context}");
        trees::assert_same(&self.source(), &into.join("tree"));
        assert!(trees::stagings(&into).is_empty(), "{context}");
    }
}

fn strace(words: &[&str]) -> Vec<String> {
    let words = words.iter().map(|word| word.to_string());
    std::iter::once("strace".to_owned()).chain(words).collect()
}

#[test]
fn any_call_may_fail_once() {
    if !has_tool("strace") {
        return;
    }
    let mut chance = Chance::new(Chance::seed());
    let fixtures = [Fixture::new(false, &[]), Fixture::new(true, &["--fsync"])];
    let mut work = Vec::new();
    for fixture in &fixtures {
        let old = trees::look_below(&fixture.destination(0));
        let points = fixture.points();
        println!("{} calls can fail", points.len());
        assert!(points.len() > 40, "{points:?}");
        for point in points {
            // Errors of a failing disk, because a missing permission is not an error everywhere.
            let of_the_disk = ["ENOSPC", "EIO"][chance.below(2) as usize];
            for error in ["EACCES", of_the_disk] {
                work.push((fixture, point.clone(), error, old.clone()));
            }
        }
    }
    let queue = Mutex::new(work);
    std::thread::scope(|scope| {
        for lane in 1..=LANES {
            let queue = &queue;
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some((fixture, point, error, old)) = next else {
                        return;
                    };
                    fixture.check(&point, error, lane, &old);
                }
            });
        }
    });
}

#[test]
fn no_sync_that_fails_ends_in_success_and_the_data_comes_before_the_journal() {
    if !has_tool("strace") {
        return;
    }
    let fixture = Fixture::new(true, &["--fsync"]);
    let points = fixture.points();
    let old = trees::look_below(&fixture.destination(1));
    let syncs: Vec<&Point> = points
        .iter()
        .filter(|point| matches!(point.call.as_str(), "fsync" | "fdatasync"))
        .collect();
    let first = |part: &str| syncs.iter().position(|point| point.shown.contains(part));
    let last_file = syncs
        .iter()
        .rposition(|point| point.shown.contains("large one>"));
    assert!(last_file.is_some(), "{syncs:?}");
    assert!(last_file < first("/journal>"), "{syncs:?}");
    assert!(first("/journal>").is_some(), "{syncs:?}");
    let last = syncs.last().unwrap();
    assert!(!last.shown.contains(".peerbridge-"), "{syncs:?}");
    for point in syncs {
        fixture.check(point, "EIO", 1, &old);
    }
}

#[test]
fn what_was_there_already_is_synced_as_well() {
    if !has_tool("strace") {
        return;
    }
    let fixture = Fixture::new(false, &["--fsync"]);
    let into = fixture.destination(1);
    fixture.run(&into, &[]).1.exits(0);
    let log = fixture.scene.path("log");
    let log = log.to_str().unwrap();
    let wrapper = strace(&["-f", "-y", "-o", log, "-e", "trace=fsync,fdatasync"]);
    let (sender, receiver) = fixture.run(&into, &wrapper);
    sender.expect("it listened").exits(0);
    assert_eq!(receiver.exits(0).total("files"), 0);
    let calls = fs::read_to_string(log).unwrap();
    for name in [
        "tree/a large one",
        "tree/none",
        "tree/sub/small",
        "tree/sub",
        "tree",
        "",
    ] {
        let path = into.join(name);
        let path = path.to_str().unwrap().trim_end_matches('/');
        assert!(
            calls.contains(&format!("<{path}>")),
            "{name:?} is not in {calls}"
        );
    }
}
