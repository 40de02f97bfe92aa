//! Destinations other than one plain disk: with mount points inside, shared folders, disks without permissions
//! or times; and sources with holes.

use crate::harness::disks::{Disk, MemoryDisk};
use crate::harness::trees::{MIB, assert_same, noise, set_mode, set_modified};
use crate::harness::{Scene, has_tool, is_root, meet};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

const RECEIVE: &str = "receive in --yes --port 0 --json";

#[test]
fn what_lies_below_a_mount_in_the_destination_is_delivered() {
    let scene = Scene::new();
    let Some(_disk) = MemoryDisk::at(&scene.folder("in/tree/mounted")) else {
        return;
    };
    scene.file("in/tree/mounted/old", "the old one");
    scene.file("in/tree/mounted/same", "kept");
    scene.file("tree/plain", "plain");
    scene.file("tree/mounted/old", "the new one");
    scene.file("tree/mounted/large", noise(1, 3 * MIB));
    scene.file("tree/mounted/new/deep/file", "below");
    fs::create_dir(scene.path("tree/mounted/new/empty")).unwrap();
    symlink("large", scene.path("tree/mounted/link")).unwrap();
    set_mode(&scene.path("tree/mounted/new/deep"), 0o510);
    set_modified(&scene.path("tree/mounted/old"), 1_500_000_000, 7);
    let receive = format!("{RECEIVE} --existing overwrite");
    for fsync in ["", "--fsync"] {
        let (received, sent) = scene.both(&format!("{receive} {fsync}"), "send tree --to @ --json");
        sent.exits(0);
        received.exits(0);
        for name in [
            "plain",
            "mounted/old",
            "mounted/large",
            "mounted/new",
            "mounted/link",
        ] {
            let [source, there] = ["tree", "in/tree"].map(|top| scene.path(top).join(name));
            assert_same(&source, &there);
        }
        assert_eq!(
            scene.names_in("in/tree/mounted"),
            ["large", "link", "new", "old", "same"]
        );
        assert_eq!(scene.names_in("in"), ["tree"]);
    }
    set_mode(&scene.path("tree/mounted/new/deep"), 0o700);
    set_mode(&scene.path("in/tree/mounted/new/deep"), 0o700);
}

#[test]
fn a_shared_folder_gives_its_group_to_what_is_delivered() {
    if !is_root() {
        eprintln!("skipped: only root can give a folder to another group");
        return;
    }
    const GROUP: u32 = 4711;
    let scene = Scene::new();
    scene.file("tree/file", "file");
    scene.file("tree/large", noise(1, 3 * MIB));
    scene.file("tree/old/added", "added");
    scene.file("tree/new/below", "below");
    for folder in ["in", "plain", "plain/tree/old", "unzipped"] {
        let folder = scene.folder(folder);
        if !folder.ends_with("plain") {
            chown(&folder, None, Some(GROUP)).unwrap();
            set_mode(&folder, 0o2775);
        }
    }
    let (received, sent) = scene.both(RECEIVE, "send tree --to @ --json");
    sent.exits(0);
    received.exits(0);
    let facts = |path: &str| {
        let found = fs::metadata(scene.path(path)).unwrap();
        (found.gid(), found.mode() & 0o2000 != 0)
    };
    for file in ["in/tree/file", "in/tree/large", "in/tree/new/below"] {
        assert_eq!(facts(file), (GROUP, false), "{file}");
    }
    for folder in ["in/tree", "in/tree/new", "in/tree/old"] {
        assert_eq!(facts(folder), (GROUP, true), "{folder}");
    }
    // A shared folder inside one that is not shared.
    let receive = "receive plain --yes --port 0 --json";
    let (received, sent) = scene.both(receive, "send tree --to @ --json");
    sent.exits(0);
    received.exits(0);
    assert_eq!(facts("plain/tree/old/added"), (GROUP, false));
    assert_ne!(facts("plain/tree/file").0, GROUP);
    scene.zips_and_unzips("tree", "unzipped");
    assert_eq!(facts("unzipped/tree/new"), (GROUP, true));
    assert_eq!(facts("unzipped/tree/new/below"), (GROUP, false));
}

fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn holes_stay_holes_wherever_they_lie_in_the_stream() {
    let scene = Scene::new();
    scene.file("tree/a small one", noise(1, 12_345));
    let hole = File::create(scene.path("tree/hole")).unwrap();
    hole.set_len(64 * MIB as u64).unwrap();
    scene.file("tree/z last", noise(2, 777));
    let (received, sent) = scene.both(RECEIVE, "send tree --to @ --json");
    sent.exits(0);
    received.exits(0);
    assert_same(&scene.path("tree"), &scene.path("in/tree"));
    assert!(allocated(&scene.path("in/tree/hole")) < MIB as u64);
    scene.zips_and_unzips("tree", "unzipped");
    let [source, there] =
        ["tree", "unzipped/tree"].map(|top| fs::read(scene.path(top).join("hole")));
    assert!(source.unwrap() == there.unwrap());
    assert!(allocated(&scene.path("unzipped/tree/hole")) < MIB as u64);
}

#[test]
fn a_hole_in_a_stream_stays_one() {
    let scene = Scene::new();
    let hole = File::create(scene.path("hole")).unwrap();
    hole.set_len(32 * MIB as u64).unwrap();
    let input = File::open(scene.path("hole")).unwrap();
    let sender = scene.run("send - --name hole --to @ --json").input(input);
    let (received, sent) = meet(scene.run(RECEIVE), sender);
    sent.exits(0);
    received.exits(0);
    assert_eq!(
        fs::metadata(scene.path("in/hole")).unwrap().len(),
        32 * MIB as u64
    );
    assert!(allocated(&scene.path("in/hole")) < MIB as u64);
}

#[test]
fn times_stay_on_a_disk_behind_libfuse_2() {
    let Some(disk) = Disk::exfat() else { return };
    let scene = Scene::new();
    for (name, length) in [
        ("tree/small", 100),
        ("tree/large", 3 * MIB),
        ("tree/none", 0),
    ] {
        set_modified(&scene.file(name, noise(1, length)), 1_500_000_000, 0);
    }
    for moved in [3, 0] {
        let receiver = scene.run("receive --yes --port 0 --json").arg(disk.path());
        let (received, sent) = meet(receiver, scene.run("send tree --to @ --json"));
        sent.exits(0);
        assert_eq!(received.exits(0).total("files"), moved);
    }
}

/// Runs a receiver whose system calls `call` fail as on a disk that does not support them.
fn with_failing(call: &str, error: &str, more: &str) -> (Scene, crate::harness::Ended) {
    let scene = Scene::new();
    scene.file("tree/file", noise(1, 100));
    scene.file("tree/large", noise(2, 3 * MIB));
    set_mode(&scene.path("tree/file"), 0o440);
    let inject = format!("inject={call}:error={error}");
    let trace = format!("trace={call}");
    let strace = [
        "strace",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    let receiver = scene.run(&format!("{RECEIVE} {more}")).under(strace);
    let (received, sent) = meet(receiver, scene.run("send tree --to @ --json"));
    sent.exits(0);
    let received = received.exits(0);
    for name in ["file", "large"] {
        let [source, there] = ["tree", "in/tree"].map(|top| scene.path(top).join(name));
        assert!(fs::read(source).unwrap() == fs::read(there).unwrap());
    }
    assert_eq!(scene.names_in("in"), ["tree"]);
    (scene, received)
}

fn warnings(ended: &crate::harness::Ended) -> Vec<String> {
    let warnings = ended.events_of("warning");
    let message = |event: &serde_json::Value| event["message"].as_str().unwrap().to_owned();
    warnings.iter().map(message).collect()
}

#[test]
fn a_disk_without_permissions_is_a_warning() {
    if !has_tool("strace") {
        return;
    }
    for error in ["EPERM", "EOPNOTSUPP", "ENOSYS", "EINVAL"] {
        let (_scene, received) = with_failing("chmod,fchmod,fchmodat", error, "");
        let told = warnings(&received);
        let count = told
            .iter()
            .filter(|told| told.contains("keeps no permissions"));
        assert_eq!(count.count(), 1, "{error}: {told:?}");
    }
}

#[test]
fn a_disk_without_times_is_a_warning() {
    if !has_tool("strace") {
        return;
    }
    for error in ["EPERM", "ENOSYS"] {
        let (_scene, received) = with_failing("utimensat", error, "");
        let told = warnings(&received);
        let count = told
            .iter()
            .filter(|told| told.contains("keeps no modification times"));
        assert_eq!(count.count(), 1, "{error}: {told:?}");
    }
}

/// A run that is killed while it copies below a mount point leaves a copy there, which is removed with the
/// other leftovers.
#[test]
fn a_copy_of_a_killed_run_is_found_by_the_doctor() {
    if !has_tool("strace") {
        return;
    }
    let scene = Scene::new();
    let Some(_disk) = MemoryDisk::at(&scene.folder("in/tree/mounted")) else {
        return;
    };
    scene.file("in/tree/mounted/own", "mine");
    scene.file("tree/mounted/large", noise(1, 3 * MIB));
    let is_copy = |name: &String| name.starts_with(".peerbridge-");
    let killed = || {
        // Copying below a mount point ends with the first sync of the run.
        let kill = "inject=fsync,fdatasync,syncfs:signal=KILL:when=1";
        let receiver = scene
            .run(RECEIVE)
            .under(["strace", "-f", "-o", "trace", "-e", kill]);
        let (received, sent) = meet(receiver, scene.run("send tree --to @ --json --retry 0"));
        sent.exits(12);
        drop(received);
        let names = scene.names_in("in/tree/mounted");
        assert_eq!(
            names.iter().filter(|name| is_copy(name)).count(),
            1,
            "{names:?}"
        );
    };
    killed();
    let said = scene.run("doctor in --port 0").exits(0).output();
    assert!(said.contains("copies of its entries: "), "{said}");
    scene.run("doctor in --clean").exits(0);
    assert_eq!(scene.names_in("in/tree/mounted"), ["own"]);
    assert_eq!(scene.names_in("in"), ["tree"]);
    // The staging folder of its transfer was removed by hand.
    killed();
    let staging = scene
        .names_in("in")
        .into_iter()
        .find(is_copy)
        .expect("a staging folder");
    fs::remove_dir_all(scene.path("in").join(staging)).unwrap();
    scene.run("doctor in/tree/mounted --clean").exits(0);
    assert_eq!(scene.names_in("in/tree/mounted"), ["own"]);
    // The same transfer completes what it began.
    killed();
    let (received, sent) = scene.both(RECEIVE, "send tree --to @ --json");
    sent.exits(0);
    received.exits(0);
    assert_eq!(scene.names_in("in/tree/mounted"), ["large", "own"]);
    assert_eq!(scene.names_in("in"), ["tree"]);
}
