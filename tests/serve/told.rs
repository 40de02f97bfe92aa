//! The events of a drop box, and of a sender to many receivers, name the peer of each transfer.

use crate::harness::{Scene, until};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

#[test]
fn a_script_picks_up_what_arrived() {
    let scene = Scene::new();
    scene.tree("tree", 3);
    scene.file("notes.txt", "offered");
    scene.file("inbox/notes.txt", "there before");
    let served = scene.listens("serve inbox --existing rename");
    let port = served.port();
    scene.sends("tree notes.txt", port).exits(0);
    let received = served.waits_for(1, "received").remove(0);
    let paths = received["paths"].as_array().expect("paths");
    let read = |path: &Value| {
        let path = path.as_str().expect("text");
        assert!(path.starts_with('/'), "{path}");
        fs::metadata(path).unwrap().is_dir() || fs::read_to_string(path).unwrap() == "offered"
    };
    assert!(paths.len() == 2 && paths.iter().all(read), "{received}");
    assert_eq!(received["more_paths"], 0);
    let log = served.error();
    assert!(!log.contains("notes (1).txt"), "one line a transfer: {log}");
}

#[test]
fn a_thousand_paths_are_named_and_the_others_counted() {
    let scene = Scene::new();
    let names: Vec<_> = (0..1002).map(|number| format!("many/{number}")).collect();
    for name in &names {
        scene.file(name, "");
    }
    let served = scene.listens("serve inbox");
    let send = scene.run("send --to @").args(&names).to(served.port());
    send.exits(0);
    let received = served.waits_for(1, "received").remove(0);
    assert_eq!(received["paths"].as_array().unwrap().len(), 1000);
    assert_eq!(received["more_paths"], 2);
}

#[test]
fn a_name_that_is_no_text_comes_as_bytes_too() {
    let scene = Scene::new();
    let name = OsStr::from_bytes(b"b\xff");
    scene.file(name, "offered");
    let served = scene.listens("serve inbox");
    let send = scene.run("send --to @").arg(name).to(served.port());
    send.exits(0);
    let received = served.waits_for(1, "received").remove(0);
    let bytes = received["paths_bytes"][0].as_str().expect("bytes");
    assert!(bytes.ends_with("62ff"), "{received}");
    let text = received["paths"][0].as_str().expect("text");
    assert!(text.ends_with("/inbox/b\u{fffd}"), "{received}");
}

/// Each transfer reports its progress and its peer.
#[test]
fn transfers_that_run_are_told_with_their_peers() {
    let scene = Scene::new();
    scene.private_file("names", "alice apple\nbob banana\n");
    let served = scene.listens("serve inbox --secrets-file names");
    let port = served.port();
    scene.tree("tree", 3);
    let send = |name: &str, secret: &str| {
        let line = format!("send tree --to @ --limit-rate 100K --as {name}");
        scene.run(&line).secret(secret).to(port).start()
    };
    let both = [send("alice", "apple"), send("bob", "banana")];
    for sender in both {
        sender.ends().exits(0);
    }
    served.waits_for(2, "received");
    let told = served.events("progress");
    for name in ["alice", "bob"] {
        let mine: Vec<_> = told.iter().filter(|event| event["name"] == name).collect();
        assert!(!mine.is_empty(), "{told:?}");
        for event in mine {
            assert_eq!(
                (&event["peer"], &event["total"]),
                (&"127.0.0.1".into(), &310_000.into())
            );
        }
    }
}

#[test]
fn receivers_at_the_same_time_are_told_apart() {
    let scene = Scene::new();
    scene.tree("tree", 3);
    let sender = scene.listens("send tree --listen --count 2 --limit-rate 100K");
    let port = sender.port();
    let receive = |name: &str| {
        let line = format!("receive {name} --from @ --yes");
        scene.run(&line).to(port).start()
    };
    for receiver in [receive("one"), receive("two")] {
        receiver.ends().exits(0);
    }
    let sent = sender.ends().exits(0);
    let told = sent.events_of("progress");
    assert!(!told.is_empty());
    for event in told {
        assert_eq!(event["peer"], "127.0.0.1", "{event}");
        assert!(event["bytes"].as_u64() <= Some(310_000), "{event}");
    }
}

#[test]
fn a_drop_box_reports_skipped_and_renamed_entries() {
    for (mode, result) in [("skip", "skipped"), ("rename", "delivered")] {
        let scene = Scene::new();
        scene.file("notes.txt", "offered");
        scene.file("inbox/notes.txt", "there before");
        let served = scene.listens(&format!("serve inbox --existing {mode}"));
        scene.sends("notes.txt", served.port()).exits(0);
        served.waits_for(1, "received");
        let file = until("an event of the file", || served.events("file").pop());
        assert_eq!(
            (&file["path"], &file["result"]),
            (&"notes.txt".into(), &result.into())
        );
        assert_eq!(file["peer"], "127.0.0.1");
        let new = (mode == "rename").then(|| Value::from("notes (1).txt"));
        assert_eq!(file.get("saved_as"), new.as_ref(), "{file}");
    }
}
