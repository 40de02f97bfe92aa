//! Sent entries arrive complete, whichever way they are sent.

use crate::harness::trees::{
    ODD_NAMES, assert_same, assert_same_entries, look, make_odd, mode, noise, set_mode,
    set_modified,
};
use crate::harness::{Scene, meet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

const RECEIVE: &str = "receive in --yes --port 0";

#[test]
fn a_tree_goes_whole_whoever_dials_with_one_stream_and_with_four() {
    let scene = Scene::new();
    make_odd(&scene.path("tree"));
    for streams in [1, 4] {
        for receiver_dials in [false, true] {
            let into = format!("in-{streams}-{receiver_dials}");
            let (listener, dialler) = match receiver_dials {
                false => (
                    format!("receive {into} --yes --port 0 --json"),
                    format!("send tree --to @ --streams {streams} --json"),
                ),
                true => (
                    format!("send tree --listen --port 0 --streams {streams} --json"),
                    format!("receive {into} --from @ --yes --json"),
                ),
            };
            let (listened, dialled) = scene.both(&listener, &dialler);
            assert_same(&scene.path("tree"), &scene.path(&into).join("tree"));
            assert_eq!(scene.names_in(&into), ["tree"]);
            for ended in [listened.exits(0), dialled.exits(0)] {
                let events = ended.events();
                let mut proven = events
                    .iter()
                    .filter(|event| event["event"] == "authenticated");
                let last = proven.next_back().expect("an event");
                assert_eq!(last["streams"], streams, "{}", ended.told());
                assert_eq!(ended.done()["files"], 36);
            }
        }
    }
}

#[test]
fn files_folders_contents_and_several_of_them_arrive_under_their_names() {
    let scene = Scene::new();
    scene.file("one", "1");
    scene.file("folder/two", "22");
    scene.file("folder/below/three", "333");
    scene.folder("nothing");
    scene.file("contents/four", "4444");
    symlink("four", scene.path("contents/link")).unwrap();
    let line = "send one folder/ contents/. nothing --to @";
    let (received, sent) = scene.both(RECEIVE, line);
    sent.exits(0).says("verified by the receiver");
    received.exits(0).says("done: 4 files");
    assert_eq!(
        scene.names_in("in"),
        ["folder", "four", "link", "nothing", "one"]
    );
    for name in ["one", "folder", "nothing"] {
        assert_same(&scene.path(name), &scene.path("in").join(name));
    }
    for name in ["four", "link"] {
        assert_same(
            &scene.path("contents").join(name),
            &scene.path("in").join(name),
        );
    }
}

#[test]
fn a_single_file_goes_into_the_current_folder_by_default() {
    let scene = Scene::new();
    let file = scene.file("some/where/file", "contents");
    set_modified(&file, 1_500_000_000, 123_456_789);
    scene.folder("here");
    let receiver = scene
        .run("receive --yes --port 0")
        .in_folder(scene.path("here"));
    let (received, sent) = meet(receiver, scene.run("send some/where/file --to @"));
    sent.exits(0);
    received.exits(0);
    assert_same(&file, &scene.path("here/file"));
}

#[test]
fn odd_names_are_only_names() {
    let scene = Scene::new();
    scene.folder("out");
    let mut sender = scene.run("send --to @ --").in_folder(scene.path("out"));
    for name in ODD_NAMES {
        let name = OsStr::from_bytes(name);
        scene.file(std::path::Path::new("out").join(name), name.as_bytes());
        sender = sender.arg(name);
    }
    let receiver = scene.run("receive in --yes --port 0 --json --verbose");
    let (received, sent) = meet(receiver, sender);
    sent.exits(0);
    let received = received.exits(0);
    let (mut out, mut inside) = (look(&scene.path("out")), look(&scene.path("in")));
    // The properties of the folder around the transfer are not part of it.
    out.remove(std::path::Path::new(""));
    inside.remove(std::path::Path::new(""));
    assert_same_entries(&out, &inside);
    let printable = |byte: &u8| *byte == b'\n' || (*byte >= b' ' && *byte != 0x7f);
    assert!(
        received.everything().iter().all(printable),
        "{}",
        received.told()
    );
    let named = received.events();
    let bytes = named
        .iter()
        .filter_map(|event| event["path_bytes"].as_str());
    assert_eq!(bytes.collect::<Vec<_>>(), ["fffe206e6f207574662d38"]);
}

/// Names that have another meaning only on Windows: Perl's manual pages, wine's drives.
#[test]
fn colons_and_backslashes_are_letters_between_unix_machines() {
    let scene = Scene::new();
    for name in [
        "a:b",
        "B::Deparse.3pm.gz",
        "dosdevices/c:/x",
        "C:\\y",
        "\\\\host\\share",
    ] {
        scene.file(Path::new("tree").join(name), name);
    }
    symlink("dosdevices/c:", scene.path("tree/d:")).unwrap();
    let (received, sent) = scene.both(RECEIVE, "send tree --to @");
    sent.exits(0);
    received.exits(0);
    assert_same(&scene.path("tree"), &scene.path("in/tree"));
    scene.zips_and_unzips("tree", "unzipped");
    for name in ["a:b", "B::Deparse.3pm.gz", "dosdevices/c:/x"] {
        let there = scene.path("unzipped/tree").join(name);
        assert_eq!(fs::read(there).unwrap(), name.as_bytes());
    }
}

#[test]
fn modes_arrive_less_the_receivers_umask() {
    let scene = Scene::new();
    scene.folder("tree/closed");
    for mode in [
        0o400, 0o444, 0o600, 0o640, 0o644, 0o666, 0o700, 0o755, 0o777,
    ] {
        let path = scene.file(format!("tree/closed/{mode:o}"), "x");
        set_mode(&path, mode);
    }
    set_mode(&scene.path("tree/closed"), 0o500);
    set_mode(&scene.path("tree"), 0o775);
    for (mask, text) in [(0, "000"), (0o022, "022"), (0o077, "077")] {
        let into = format!("in-{text}");
        let receiver = scene
            .run(&format!("receive {into} --yes --port 0"))
            .after(&format!("umask {text}"));
        let (received, sent) = meet(receiver, scene.run("send tree --to @"));
        sent.exits(0);
        received.exits(0);
        let mut expected = look(&scene.path("tree"));
        expected.values_mut().for_each(|entry| entry.mask(mask));
        assert_same_entries(&expected, &look(&scene.path(&into).join("tree")));
        set_mode(&scene.path(&into).join("tree/closed"), 0o700);
    }
    set_mode(&scene.path("tree/closed"), 0o700);
}

#[test]
fn setuid_and_setgid_stay_behind() {
    let scene = Scene::new();
    let program = scene.file("tree/program", "#!/bin/sh\n");
    set_mode(&program, 0o6755);
    set_mode(&scene.path("tree"), 0o2755);
    let (received, sent) = scene.both(RECEIVE, "send tree --to @");
    sent.exits(0);
    received.exits(0);
    assert_eq!(mode(&scene.path("in/tree/program")), 0o755);
    assert_eq!(mode(&scene.path("in/tree")) & 0o4000, 0);
}

#[test]
fn every_size_arrives_around_the_edges_of_parts() {
    const PART: usize = 1 << 20;
    let scene = Scene::new();
    let sizes = [0, 1, 19, 20, PART - 1, PART, PART + 1];
    for (seed, size) in sizes.into_iter().enumerate() {
        // Alone, so that the file's edge is the stream's edge.
        let file = scene.file(format!("{size}"), noise(seed as u64, size));
        let (received, sent) = scene.both(RECEIVE, &format!("send {size} --to @"));
        sent.exits(0);
        received.exits(0);
        assert_same(&file, &scene.path("in").join(format!("{size}")));
    }
    // Together, so that parts begin and end within files.
    let names = sizes.map(|size| size.to_string()).join(" ");
    let (received, sent) = scene.both(
        "receive all --yes --port 0",
        &format!("send {names} --to @ --streams 4"),
    );
    sent.exits(0);
    received.exits(0);
    for size in sizes {
        let name = size.to_string();
        assert_same(&scene.path(&name), &scene.path("all").join(&name));
    }
}

#[test]
fn ipv4_ipv6_and_names_lead_to_the_peer() {
    let scene = Scene::new();
    scene.file("file", "x");
    let has_ipv6 = std::net::TcpListener::bind(("::1", 0)).is_ok();
    let mut hosts = vec![
        ("", "127.0.0.1:@"),
        ("", "localhost:@"),
        (" -b 127.0.0.1", "@"),
    ];
    if has_ipv6 {
        hosts.push(("", "[::1]:@"));
        hosts.push((" -b ::1", "[::1]:@"));
        hosts.push((" -b [::1]", "::1 --port %"));
    }
    for (number, (bind, host)) in hosts.into_iter().enumerate() {
        let receiver = format!("receive in-{number} --yes --port 0{bind}");
        let (received, sent) = scene.both(&receiver, &format!("send file --to {host}"));
        sent.exits(0);
        received.exits(0);
        assert_eq!(
            fs::read(scene.path(format!("in-{number}/file"))).unwrap(),
            b"x"
        );
    }
}

#[test]
fn the_port_may_come_from_the_environment() {
    let scene = Scene::new();
    scene.file("file", "x");
    let receiver = scene
        .run("receive in --yes")
        .env("PEERBRIDGE_PORT", "0")
        .start();
    let port = receiver.port().to_string();
    let sender = scene
        .run("send file --to localhost")
        .env("PEERBRIDGE_PORT", &port);
    sender.ends().exits(0);
    receiver.ends().exits(0);
}

#[test]
fn excluded_names_and_followed_links_do_as_told() {
    let scene = Scene::new();
    scene.file("tree/keep", "k");
    scene.file("tree/drop.tmp", "d");
    scene.file("tree/cache/x", "d");
    symlink("keep", scene.path("tree/link")).unwrap();
    let line = "send tree --to @ -x *.tmp --exclude cache -L";
    let (received, sent) = scene.both(RECEIVE, line);
    sent.exits(0);
    received.exits(0);
    assert_eq!(scene.names_in("in/tree"), ["keep", "link"]);
    assert_eq!(fs::read(scene.path("in/tree/link")).unwrap(), b"k");
    assert!(!scene.path("in/tree/link").is_symlink());
}

#[test]
fn every_level_of_compression_arrives() {
    let scene = Scene::new();
    scene.file("file", b"the same again and again\n".repeat(100_000));
    for level in ["0", "1", "9", "auto"] {
        let receiver = format!("receive in-{level} --yes --port 0");
        let (received, sent) = scene.both(&receiver, &format!("send file --to @ -z {level}"));
        sent.exits(0);
        received.exits(0);
        let arrived = scene.path(format!("in-{level}/file"));
        assert_same(&scene.path("file"), &arrived);
    }
}

#[test]
fn links_that_stay_inside_are_carried_however_they_say_it() {
    let scene = Scene::new();
    scene.file("tree/d/f", "f");
    scene.file("tree/x", "x");
    let links = ["d/", "./d", "d/.", "d//f", "d/../x", "d/./../d/f"];
    for (number, target) in links.into_iter().enumerate() {
        std::os::unix::fs::symlink(target, scene.path(format!("tree/{number}"))).unwrap();
    }
    std::os::unix::fs::symlink("../d/../x", scene.path("tree/d/up")).unwrap();
    std::os::unix::fs::symlink("d", scene.path("tree/to d")).unwrap();
    let (received, sent) = scene.both("receive in --yes --port 0", "send tree --to @");
    sent.exits(0);
    received.exits(0);
    scene.zips_and_unzips("tree", "unzipped");
    for top in ["in/tree", "unzipped/tree"].map(|top| scene.path(top)) {
        for (number, target) in links.into_iter().enumerate() {
            let link = top.join(number.to_string());
            assert!(link.is_symlink(), "{target}");
            let [there, source] = [&link, &scene.path("tree").join(target)]
                .map(|path| std::fs::canonicalize(path).unwrap());
            let inside = there.strip_prefix(top.canonicalize().unwrap()).unwrap();
            let tree = scene.path("tree").canonicalize().unwrap();
            assert_eq!(inside, source.strip_prefix(tree).unwrap(), "{target}");
        }
        assert_eq!(std::fs::read(top.join("d/up")).unwrap(), b"x");
    }
    // If a link is on the way, `..` leads elsewhere.
    std::os::unix::fs::symlink("to d/../x", scene.path("tree/round")).unwrap();
    let (received, sent) = scene.both("receive in --yes --port 0", "send tree --to @");
    received.exits(0);
    sent.exits(13).says("tree/round: the link leads outside");
}
