//! Entries that cannot be sent are named, and never reported as sent.

use crate::harness::trees::set_mode;
use crate::harness::{Scene, is_root};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

const RECEIVE: &str = "receive in --yes --port 0 --json";

#[test]
fn a_missing_source_is_told_before_anything_else() {
    let scene = Scene::new();
    scene.file("there", "x");
    let ended = scene.run("send there missing --to 192.0.2.1").ends();
    ended.exits(8).complains("missing", "check the spelling");
}

#[test]
fn what_is_no_file_is_left_out_and_named() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    scene.pipe("tree/pipe");
    let _socket = UnixListener::bind(scene.path("tree/socket")).unwrap();
    let (received, sent) = scene.both(RECEIVE, "send tree --to @ --json");
    received.exits(0);
    let sent = sent.exits(13).says("2 entries were left out");
    let sent = sent
        .says("left out tree/pipe: it is a pipe")
        .says("left out tree/socket");
    assert_eq!(scene.names_in("in/tree"), ["file"]);
    let failed: Vec<_> = sent
        .events()
        .into_iter()
        .filter(|e| e["event"] == "file")
        .collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|event| event["result"] == "failed"));
    assert!(failed.iter().all(|event| event["why"].is_string()));
}

#[test]
fn what_cannot_be_read_is_left_out_and_named() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    let closed = scene.file("tree/closed", "x");
    let folder = scene.folder("tree/locked");
    set_mode(&closed, 0o000);
    set_mode(&folder, 0o000);
    set_mode(&scene.path(""), 0o755);
    let sender = scene.run("send tree --to @").without_rights();
    let (received, sent) = crate::harness::meet(scene.run(RECEIVE), sender);
    set_mode(&folder, 0o700);
    received.exits(13).says("tree/closed");
    let sent = sent
        .exits(13)
        .says("left out tree/closed")
        .says("tree/locked");
    assert_eq!(
        sent.error().matches("tree/closed").count(),
        1,
        "{}",
        sent.told()
    );
    assert_eq!(fs::read(scene.path("in/tree/file")).unwrap(), b"x");
    assert!(!scene.path("in/tree/closed").exists());
}

#[test]
fn a_single_file_that_cannot_be_read_is_an_error() {
    let scene = Scene::new();
    let file = scene.file("file", "x");
    set_mode(&file, 0o000);
    set_mode(&scene.path(""), 0o755);
    let sender = scene.run("send file --to @").without_rights();
    let receiver = scene.run("receive in --yes --port 0 --wait 3");
    let (received, sent) = crate::harness::meet(receiver, sender);
    let sent = sent.exits(8).says("file");
    assert_eq!(
        sent.error().matches("ermission denied").count(),
        1,
        "{}",
        sent.told()
    );
    let received = received.told();
    assert!(scene.names_in("in").is_empty(), "{received}");
}

#[test]
fn a_device_is_never_opened() {
    let scene = Scene::new();
    let ended = scene.run("send /dev/zero --wait 0 --to 127.0.0.1:1").ends();
    ended.exits(8);
}

#[test]
fn to_exclude_everything_is_an_error() {
    let scene = Scene::new();
    scene.file("photos/a", "x");
    let sent = scene
        .run("send photos --exclude photos --to 192.0.2.1")
        .ends();
    sent.exits(8)
        .complains("everything is excluded", "--exclude");
    let zip = scene.run("zip a.zip photos --exclude photos");
    let zipped = zip
        .env("PEERBRIDGE_ZIP_PASSWORD", "orchard Lantern-58")
        .ends();
    zipped
        .exits(8)
        .complains("everything is excluded", "--exclude");
    assert!(!scene.path("a.zip").exists());
}

#[test]
fn an_impossible_destination_is_refused_before_anything_listens() {
    let scene = Scene::new();
    scene.file("file", "x");
    for line in [
        "receive file --yes",
        "receive /proc/none --yes",
        "serve file/in",
    ] {
        let ended = scene.run(line).ends().exits(9);
        assert!(!ended.error().contains("listening"), "{}", ended.told());
    }
    // The check leaves nothing behind.
    let receiver = scene.run("receive new/folder --yes --wait 0 --port 0");
    receiver.ends().exits(5);
    assert!(!scene.path("new").exists());
}

/// The kernel generates these files when they are read, and reports a size of 0 or 4096 bytes.
#[test]
fn a_file_whose_size_the_system_does_not_know_is_never_sent_as_an_empty_one() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    let made_up = ["/proc/version", "/proc/self/status"];
    for path in made_up {
        for line in ["send --to 127.0.0.1", "zip new.zip"] {
            let ended = scene
                .run(line)
                .arg(path)
                .env("PEERBRIDGE_ZIP_PASSWORD", "pass word");
            let ended = ended.exits(8);
            ended.complains(
                &format!("cannot include {path}: its size is not known"),
                "cat FILE",
            );
        }
    }
    let (received, sent) = scene.both(RECEIVE, "send tree /proc/sys/kernel/random --to @ --json");
    received.exits(0);
    let sent = sent
        .exits(13)
        .says("/proc/sys/kernel/random/uuid: its size is not known");
    assert_eq!(scene.names_in("in/random"), Vec::<String>::new());
    assert_eq!(scene.names_in("in/tree"), ["file"]);
    let whys = sent.events_of("file");
    assert!(
        whys.iter().all(|event| event["result"] == "failed"),
        "{whys:?}"
    );
    let line = "zip new.zip tree /proc/sys/kernel/random";
    let zipped = scene.run(line).env("PEERBRIDGE_ZIP_PASSWORD", "pass word");
    zipped
        .exits(13)
        .says("/proc/sys/kernel/random/uuid: its size is not known");
}

#[test]
fn a_file_of_sysfs_has_fewer_bytes_than_it_says() {
    let scene = Scene::new();
    let path = "/sys/kernel/mm/transparent_hugepage/enabled";
    let is_made_up = fs::metadata(path).is_ok_and(|found| found.len() == 4096);
    if !is_made_up {
        eprintln!("not tested: this system has no {path}");
        return;
    }
    let ended = scene.run("send --to 127.0.0.1").arg(path).exits(8);
    ended.complains("the system says 4096 bytes, and that is wrong", "cat FILE");
}

#[test]
fn two_paths_of_one_name_are_a_usage_error() {
    let scene = Scene::new();
    scene.file("one/name", "x");
    scene.file("two/name", "y");
    for paths in ["one/name two/name", "one/name one/name", "one/. two/."] {
        for verb in [
            "send --to 127.0.0.1",
            "send --listen --port 0",
            "zip new.zip",
        ] {
            let run = scene.run(&format!("{verb} {paths}"));
            let ended = run.env("PEERBRIDGE_ZIP_PASSWORD", "pass word").exits(2);
            ended.complains("have the same name", "the folder above them");
        }
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_named() {
    let scene = Scene::new();
    scene.file("tree/a.o", "x");
    scene.file("tree/b", "x");
    let lines = [
        "send tree --to @ --exclude *.o --exclude *.c",
        "zip new.zip tree --exclude *.o --exclude *.c",
        "unzip new.zip out --only *.o --only b --exclude *.c",
    ];
    for line in lines {
        let receiver = scene.listens("receive in --yes");
        let run = scene.run(line).to(receiver.port());
        let ended = run.env("PEERBRIDGE_ZIP_PASSWORD", "pass word").ends();
        let said = ended.error();
        assert!(said.contains("warning: nothing matches "), "{said}");
        assert!(said.contains("\"*.c\""), "{said}");
        assert!(
            line.starts_with("unzip") || !said.contains("\"*.o\""),
            "{said}"
        );
        assert!(
            line.starts_with("unzip") || ended.code() == Some(0),
            "{said}"
        );
    }
    let zip = |pattern: &str| {
        let run = scene
            .run(&format!("zip {pattern}.zip tree"))
            .arg("--exclude")
            .arg(pattern);
        run.env("PEERBRIDGE_ZIP_PASSWORD", "pass word").ends()
    };
    zip("a.o,b").exits(0).says("a comma is part of a name");
    zip("*.{o,c}")
        .exits(2)
        .complains("{a,b} is not supported", "special in patterns");
    zip("!b")
        .exits(2)
        .complains("cannot begin with '!'", "special in patterns");
}

/// Sets an extended attribute. Returns whether the file system supports it.
fn attribute(path: &Path, name: &str, value: &[u8]) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    let is_set = rustix::fs::setxattr(path, name, value, flags).is_ok();
    if !is_set {
        eprintln!("skipped: this file system has no {name}");
    }
    is_set
}

/// An access control list: owner, one more user, group, mask and others.
fn access_control_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [
        (1, 6, u32::MAX),
        (2, 4, 4321),
        (4, 4, u32::MAX),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

#[test]
fn what_is_not_carried_is_said_in_one_line_where_it_was_there() {
    let scene = Scene::new();
    scene.file("plain/file", "f");
    scene.file("tree/folder/of another", "f");
    let one = scene.file("tree/one", "same");
    fs::hard_link(&one, scene.path("tree/two")).unwrap();
    let mut expected = [0, 2, 0, 0];
    if is_root() {
        let chown = |name: &str, user, group| {
            std::os::unix::fs::chown(scene.path(name), user, group).unwrap();
        };
        chown("tree/folder/of another", Some(1234), None);
        chown("tree/folder", None, Some(1234));
        expected[0] = 2;
    }
    let tagged = scene.file("tree/tagged", "t");
    // The file has both, and attributes of folders are found without opening them.
    expected[2] += u64::from(attribute(&tagged, "user.origin", b"somewhere"));
    expected[3] += u64::from(attribute(
        &tagged,
        "system.posix_acl_access",
        &access_control_list(),
    ));
    expected[2] += u64::from(attribute(
        &scene.folder("tree/folder"),
        "user.colour",
        b"red",
    ));
    let names = ["owners", "hard links", "extended attributes", "ACLs"];
    let lost = names
        .into_iter()
        .zip(expected)
        .filter(|(_, count)| *count > 0);
    let lost: Vec<String> = lost
        .map(|(name, count)| match count {
            1 => format!("{name} of 1 entry"),
            _ => format!("{name} of {count} entries"),
        })
        .collect();
    let line = format!("not carried: {}", lost.join(", "));
    let fields = ["foreign_owners", "hard_links", "attributes", "acls"];
    let receive = "receive in --yes --port 0 --existing overwrite";
    // Several parts and streams open a file several times.
    for more in ["", "-n 2", "--json"] {
        let _ = fs::remove_dir_all(scene.path("in"));
        let (received, sent) = scene.both(receive, &format!("send tree --to @ {more}"));
        received.exits(0).never_says("not carried");
        let sent = sent.exits(0).says(&line);
        if more == "--json" {
            assert_eq!(fields.map(|field| sent.total(field)), expected);
        }
    }
    let zip = scene.run("zip all.zip tree --json");
    let zipped = zip
        .env("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit")
        .exits(0);
    assert_eq!(zipped.says(&line).total("hard_links"), 2);
    let (received, sent) = scene.both(receive, "send plain --to @ --json");
    received.exits(0);
    let sent = sent.exits(0).never_says("not carried");
    assert_eq!(fields.map(|field| sent.total(field)), [0; 4]);
}
