//! A disk without room: found out before a byte moves where that can be, and later where not.

use super::support::program::transfer;
use super::support::trees::{self, MIB};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own; taken away when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this user may not mount.
    fn of(size: &str) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(SmallDisk { folder });
        }
        eprintln!("skipped: only root can mount a small file system");
        None
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let mount = Command::new("mount")
            .args(["-o", &options])
            .arg(self.folder.path())
            .status();
        assert!(mount.unwrap().success());
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("into")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

#[test]
fn too_little_room_is_found_out_before_a_byte_moves() {
    let Some(disk) = SmallDisk::of("8m") else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("large");
    File::create(&from)
        .unwrap()
        .set_len(100 * MIB as u64)
        .unwrap();
    let (sender, receiver) = transfer(&from, &[], &disk.path(), &[]);
    let receiver = receiver.expect(9);
    assert!(
        receiver.err.contains("104857600 bytes are needed"),
        "{}",
        receiver.err
    );
    assert!(sender.expect(6).err.contains("room"));
    assert!(receiver.done("wire_bytes") < 64 * 1024);
    assert!(trees::stagings(&disk.path()).is_empty());
}

#[test]
fn a_disk_that_fills_up_is_told_to_both_and_gone_on_from() {
    let Some(disk) = SmallDisk::of("16m") else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("tree");
    trees::mixed(&from, 32 * MIB, 1);
    let into = disk.path();
    for streams in ["1", "4"] {
        // Tries don't help against a full disk, and are not made.
        let send = ["-n", streams, "-z", "0"];
        let (sender, receiver) = transfer(&from, &send, &into, &[]);
        let receiver = receiver.expect(9);
        assert!(
            receiver.err.contains("no space is left"),
            "{}",
            receiver.err
        );
        assert!(
            receiver.err.contains("what arrived is kept in"),
            "{}",
            receiver.err
        );
        let sender = sender.expect(12);
        assert!(sender.err.contains("no space is left"), "{}", sender.err);
        assert!(!into.join("tree").exists());
        disk.grow("100m");
        let (sender, receiver) = transfer(&from, &send, &into, &[]);
        assert!(receiver.expect(0).done("resumed_bytes") > 4 * MIB as u64);
        sender.expect(0);
        trees::assert_same(&from, &into.join("tree"));
        fs::remove_dir_all(&into).unwrap();
        disk.grow("16m");
    }
}

#[test]
fn a_stream_that_fills_the_disk_up_leaves_nothing() {
    use super::support::program::{LISTEN, Program};
    let Some(disk) = SmallDisk::of("16m") else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("from");
    trees::noise(&from, 32 * MIB, 1);
    let into = disk.path();
    let mut receiver = Program::receive(&into, &LISTEN).start();
    let to = format!("127.0.0.1:{}", receiver.port());
    let sender = Program::new(["send", "-", "--name", "x", "--json", "--to", &to]);
    let sender = sender.input(File::open(&from).unwrap()).run().expect(6);
    let receiver = receiver.wait().expect(9);
    for side in [sender, receiver] {
        assert!(side.err.contains("no space is left"), "{}", side.err);
        assert!(!side.err.contains("kept in"), "{}", side.err);
    }
    assert_eq!(fs::read_dir(&into).unwrap().count(), 0);
}

#[test]
fn what_is_there_of_a_large_transfer_has_its_room_already() {
    let Some(disk) = SmallDisk::of("110m") else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("large");
    trees::noise(&from, 90 * MIB, 2);
    let into = disk.path();
    cut_after(&from, &into, 60 * MIB as u64);
    // Fifty are free: less than the offer, more than what is missing.
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    assert!(receiver.expect(0).done("resumed_bytes") > 30 * MIB as u64);
    sender.expect(0);
    assert_eq!(
        fs::read(into.join("large")).unwrap(),
        fs::read(&from).unwrap()
    );
}

fn cut_after(from: &Path, into: &Path, bytes: u64) {
    use super::support::program::{LISTEN, Program};
    use super::support::proxy::{Act, Proxy};
    let retry = ["--retry", "0"];
    let mut receiver = Program::receive(into, &[&LISTEN[..], &retry].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(bytes, Act::Fin);
    let to = [&["--to", proxy.address(), "-z", "0"][..], &retry].concat();
    Program::send(from, &to).run().expect(12);
    receiver.wait().expect(12);
}

#[test]
fn a_disk_without_a_byte_of_room_gets_no_staging_folder() {
    let Some(disk) = SmallDisk::of("1m") else {
        return;
    };
    fs::create_dir(disk.path()).unwrap();
    let mut filler = File::create(disk.folder.path().join("filler")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let work = tempfile::tempdir().unwrap();
    let from = work.path().join("small");
    fs::write(&from, [7; 10_000]).unwrap();
    let (sender, receiver) = transfer(&from, &[], &disk.path(), &[]);
    receiver.expect(9);
    sender.expect(6);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}
