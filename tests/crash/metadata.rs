//! Modes, times, holes, links: as they were, and never more than they should.

use super::support::program::{LISTEN, Program, transfer};
use super::support::trees::{self, MIB};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_umask_holds_and_set_id_bits_never_come_along() {
    for umask in [0o000, 0o022, 0o077] {
        let work = tempfile::tempdir().unwrap();
        let (from, into) = (work.path().join("tree"), work.path().join("into"));
        fs::create_dir_all(from.join("folder")).unwrap();
        for (name, bits) in [("setuid", 0o6755), ("closed", 0o000), ("open", 0o666)] {
            let path = from.join(name);
            trees::noise(&path, 100, bits.into());
            set_mode(&path, bits);
        }
        trees::noise(&from.join("folder/large"), 3 * MIB, 1);
        set_mode(&from.join("folder/large"), 0o4711);
        set_mode(&from.join("folder"), 0o3777);
        let words = super::support::program::receive_words(&into, &LISTEN);
        let shell = format!("umask {umask:03o}; exec \"$0\" \"$@\"");
        let mut receiver = Program::under(&["sh", "-c", &shell], words).start();
        let to = format!("127.0.0.1:{}", receiver.port());
        Program::send(&from, &["--to", &to]).run().expect(0);
        receiver.wait().expect(0);
        let got = into.join("tree");
        for (name, bits) in [
            ("setuid", 0o755),
            ("closed", 0o000),
            ("open", 0o666),
            ("folder", 0o777),
            ("folder/large", 0o711),
        ] {
            assert_eq!(
                mode(&got.join(name)),
                bits & !umask,
                "{name} under {umask:o}"
            );
        }
    }
}

#[test]
fn times_come_along_to_the_nanosecond_folders_too() {
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("tree"), work.path().join("into"));
    trees::mixed(&from, 2 * MIB, 1);
    trees::set_time(&from.join("none"), 0, 1);
    trees::set_time(&from.join("sub/deep"), 4_000_000_000, 999_999_999);
    // Also into folders that are there, whose times change while they are filled.
    for is_there in [false, true] {
        if is_there {
            fs::create_dir_all(into.join("tree/sub/deep")).unwrap();
        }
        let (sender, receiver) = transfer(&from, &[], &into, &[]);
        sender.expect(0);
        receiver.expect(0);
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
    let work = tempfile::tempdir().unwrap();
    let (from, into) = (work.path().join("sparse"), work.path().join("into"));
    let file = File::create(&from).unwrap();
    file.set_len(64 * MIB as u64).unwrap();
    file.write_all_at(b"in the middle", 30 * MIB as u64)
        .unwrap();
    drop(file);
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    sender.expect(0);
    receiver.expect(0);
    let got = into.join("sparse");
    assert_eq!(fs::read(&got).unwrap(), fs::read(&from).unwrap());
    let allocated = fs::metadata(&got).unwrap().blocks() * 512;
    assert!(allocated <= 256 * 1024, "{allocated} bytes are allocated");
}
