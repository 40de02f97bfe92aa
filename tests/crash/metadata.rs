//! Modes, times, holes and links arrive unchanged, and modes never with more bits than allowed.

use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Scene};
use crate::sides::{receive, send, transfer};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

#[test]
fn the_umask_holds_and_set_id_bits_never_come_along() {
    for umask in [0o000, 0o022, 0o077] {
        let scene = Scene::new();
        let (from, into) = (scene.path("tree"), scene.path("into"));
        fs::create_dir_all(from.join("folder")).unwrap();
        for (name, bits) in [("setuid", 0o6755), ("closed", 0o000), ("open", 0o666)] {
            let path = from.join(name);
            trees::write(&path, &trees::noise(bits.into(), 100));
            trees::set_mode(&path, bits);
        }
        trees::write(&from.join("folder/large"), &trees::noise(1, 3 * MIB));
        trees::set_mode(&from.join("folder/large"), 0o4711);
        trees::set_mode(&from.join("folder"), 0o3777);
        let receiver = receive(&into, &LISTEN).after(&format!("umask {umask:03o}"));
        let receiver = receiver.start();
        send(&from, &["--to", "@"]).to(receiver.port()).exits(0);
        receiver.ends().exits(0);
        let got = into.join("tree");
        for (name, bits) in [
            ("setuid", 0o755),
            ("closed", 0o000),
            ("open", 0o666),
            ("folder", 0o777),
            ("folder/large", 0o711),
        ] {
            assert_eq!(
                trees::mode(&got.join(name)),
                bits & !umask,
                "{name} under {umask:o}"
            );
        }
    }
}

#[test]
fn times_come_along_to_the_nanosecond_folders_too() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 2 * MIB, 1);
    trees::set_modified(&from.join("none"), 0, 1);
    trees::set_modified(&from.join("sub/deep"), 4_000_000_000, 999_999_999);
    // Also into existing folders, whose times change while they are filled.
    for is_there in [false, true] {
        if is_there {
            fs::create_dir_all(into.join("tree/sub/deep")).unwrap();
        }
        let (sender, receiver) = transfer(&from, &[], &into, &[]);
        sender.exits(0);
        receiver.exits(0);
        trees::assert_same(&from, &into.join("tree"));
        for name in [".", "sub", "sub/deep", "none"] {
            let [sent, got] = [&from, &into.join("tree")]
                .map(|base| fs::metadata(base.join(name)).unwrap())
                .map(|found| (found.mtime(), found.mtime_nsec()));
            assert_eq!(sent, got, "{name}");
        }
        fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn holes_stay_holes() {
    let scene = Scene::new();
    let (from, into) = (scene.path("sparse"), scene.path("into"));
    let file = File::create(&from).unwrap();
    file.set_len(64 * MIB as u64).unwrap();
    file.write_all_at(b"in the middle", 30 * MIB as u64)
        .unwrap();
    drop(file);
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    sender.exits(0);
    receiver.exits(0);
    let got = into.join("sparse");
    assert_eq!(fs::read(&got).unwrap(), fs::read(&from).unwrap());
    let allocated = fs::metadata(&got).unwrap().blocks() * 512;
    assert!(allocated <= 256 * 1024, "{allocated} bytes are allocated");
}
