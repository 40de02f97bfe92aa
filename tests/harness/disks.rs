//! Foreign file systems, mounted for one test and unmounted at its end.

use super::{has_tool, is_root};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, unmounted when dropped.
pub struct Disk {
    folder: tempfile::TempDir,
    image: tempfile::NamedTempFile,
    device: Option<String>,
}

impl Disk {
    /// NTFS that refuses names that Windows does not allow. `None` if it cannot be mounted.
    pub fn ntfs() -> Option<Disk> {
        if !has_tool("ntfs-3g") || !can_mount() {
            return None;
        }
        let disk = Disk::with_image();
        let image = disk.image.path();
        succeeds(
            "mkntfs",
            &["-F".as_ref(), "-Q".as_ref(), "-q".as_ref(), image],
        );
        let options = ["-o", "windows_names"].map(Path::new);
        succeeds("ntfs-3g", &[options[0], options[1], image, disk.path()]);
        Some(disk)
    }

    /// exFAT through libfuse 2, which ignores case and has no links. `None` if it cannot be mounted.
    pub fn exfat() -> Option<Disk> {
        if !has_tool("mount.exfat-fuse") || !has_tool("mkfs.exfat") || !can_mount() {
            return None;
        }
        let mut disk = Disk::with_image();
        let image = disk.image.path();
        succeeds("mkfs.exfat", &[image]);
        let device = succeeds("losetup", &["-f".as_ref(), "--show".as_ref(), image]);
        let device = device.trim().to_owned();
        succeeds("mount.exfat-fuse", &[device.as_ref(), disk.path()]);
        disk.device = Some(device);
        Some(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn with_image() -> Disk {
        let image = tempfile::NamedTempFile::new().expect("an image");
        image.as_file().set_len(64 << 20).expect("an image");
        Disk {
            folder: tempfile::tempdir().expect("a folder"),
            image,
            device: None,
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(self.path());
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["-d", device]).output();
        }
    }
}

/// A file system in memory mounted on an existing folder, unmounted when dropped.
pub struct MemoryDisk(PathBuf);

impl MemoryDisk {
    /// `None` if this user may not mount.
    pub fn at(folder: &Path) -> Option<MemoryDisk> {
        if !can_mount() {
            return None;
        }
        let words = ["-t", "tmpfs", "tmpfs"].map(Path::new);
        succeeds("mount", &[words[0], words[1], words[2], folder]);
        Some(MemoryDisk(folder.to_owned()))
    }
}

impl Drop for MemoryDisk {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

fn unmount(folder: &Path) {
    let ended = Command::new("umount").arg(folder).output();
    if !ended.is_ok_and(|ended| ended.status.success()) {
        // Some process still uses it: unmount it when that ends.
        let _ = Command::new("umount").arg("-l").arg(folder).output();
    }
}

fn can_mount() -> bool {
    let is_possible = is_root() && Path::new("/dev/fuse").exists();
    if !is_possible {
        eprintln!("skipped: only root can mount file systems, and only where there is FUSE");
    }
    is_possible
}

/// Runs a program that must succeed, and returns its output.
fn succeeds(program: &str, words: &[&Path]) -> String {
    let ended = Command::new(program).args(words).output();
    let ended = ended.expect("a program");
    assert!(ended.status.success(), "{program} {words:?}: {ended:?}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}
