//! A full disk: noticed before the first byte is sent if possible, or else when a write fails.

use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Scene};
use crate::sides::{receive, send, transfer};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, unmounted when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` if this user may not mount.
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
    let scene = Scene::new();
    let from = scene.path("large");
    File::create(&from)
        .unwrap()
        .set_len(100 * MIB as u64)
        .unwrap();
    let (sender, receiver) = transfer(&from, &[], &disk.path(), &[]);
    let receiver = receiver.exits(9);
    assert!(
        receiver.error().contains("104857600 bytes are needed"),
        "{}",
        receiver.error()
    );
    assert!(sender.exits(6).error().contains("room"));
    assert!(receiver.total("wire_bytes") < 64 * 1024);
    assert!(trees::stagings(&disk.path()).is_empty());
}

#[test]
fn a_disk_that_fills_up_is_told_to_both_and_gone_on_from() {
    let Some(disk) = SmallDisk::of("16m") else {
        return;
    };
    let scene = Scene::new();
    let from = scene.path("tree");
    trees::make_mixed(&from, 32 * MIB, 1);
    let into = disk.path();
    for streams in ["1", "4"] {
        // Retries don't help against a full disk, and are not made.
        let send = ["-n", streams, "-z", "0"];
        let (sender, receiver) = transfer(&from, &send, &into, &[]);
        let receiver = receiver.exits(9);
        assert!(
            receiver.error().contains("no space is left"),
            "{}",
            receiver.error()
        );
        assert!(
            receiver.error().contains("the partial data is kept in"),
            "{}",
            receiver.error()
        );
        let sender = sender.exits(6);
        let said = sender.error();
        assert!(said.contains("no space is left"), "{said}");
        assert!(!said.contains(&*into.to_string_lossy()), "{said}");
        assert!(!into.join("tree").exists());
        disk.grow("100m");
        let (sender, receiver) = transfer(&from, &send, &into, &[]);
        assert!(receiver.exits(0).total("resumed_bytes") > 4 * MIB as u64);
        sender.exits(0);
        trees::assert_same(&from, &into.join("tree"));
        fs::remove_dir_all(&into).unwrap();
        disk.grow("16m");
    }
}

#[test]
fn a_stream_that_fills_the_disk_up_leaves_nothing() {
    let Some(disk) = SmallDisk::of("16m") else {
        return;
    };
    let scene = Scene::new();
    let from = scene.path("from");
    trees::write(&from, &trees::noise(1, 32 * MIB));
    let into = disk.path();
    let receiver = receive(&into, &LISTEN).start();
    let sender = scene.run("send - --name x --json --to @");
    let sender = sender.to(receiver.port());
    let sender = sender.input(File::open(&from).unwrap()).exits(6);
    let receiver = receiver.ends().exits(9);
    for side in [sender, receiver] {
        assert!(
            side.error().contains("no space is left"),
            "{}",
            side.error()
        );
        assert!(!side.error().contains("kept in"), "{}", side.error());
    }
    assert_eq!(fs::read_dir(&into).unwrap().count(), 0);
}

#[test]
fn what_is_there_of_a_large_transfer_has_its_room_already() {
    let Some(disk) = SmallDisk::of("110m") else {
        return;
    };
    let scene = Scene::new();
    let from = scene.path("large");
    trees::write(&from, &trees::noise(2, 90 * MIB));
    let into = disk.path();
    cut_after(&from, &into, 60 * MIB as u64);
    // 50 MiB are free: less than the offer needs, more than the missing parts need.
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    assert!(receiver.exits(0).total("resumed_bytes") > 30 * MIB as u64);
    sender.exits(0);
    assert_eq!(
        fs::read(into.join("large")).unwrap(),
        fs::read(&from).unwrap()
    );
}

fn cut_after(from: &Path, into: &Path, bytes: u64) {
    let retry = ["--retry", "0"];
    let receiver = receive(into, &[&LISTEN[..], &retry].concat()).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(bytes, Act::Fin);
    let to = [&["--to", "@", "-z", "0"][..], &retry].concat();
    send(from, &to).to(proxy.port()).ends().exits(12);
    receiver.ends().exits(12);
}

#[test]
fn a_disk_without_a_byte_of_room_gets_no_staging_folder() {
    let Some(disk) = SmallDisk::of("1m") else {
        return;
    };
    fs::create_dir(disk.path()).unwrap();
    let mut filler = File::create(disk.folder.path().join("filler")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let scene = Scene::new();
    let from = scene.path("small");
    fs::write(&from, [7; 10_000]).unwrap();
    let (sender, receiver) = transfer(&from, &[], &disk.path(), &[]);
    receiver.exits(9);
    sender.exits(6);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}
