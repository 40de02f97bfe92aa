//! Copies entries onto another file system, where a rename is impossible.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::disk::staging::{set_mtime, write_sparse};
use crate::model::len64;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const BLOCK: usize = 1024 * 1024;

/// A copy that has not got its name yet. Its top is locked until this is dropped, so a process that sees the copy by
/// another path sees that it is in use. Links are not locked, and neither are files on a disk without locks.
pub(super) struct CarriedCopy(Option<File>);

impl CarriedCopy {
    fn lock(&mut self, top: impl FnOnce() -> io::Result<File>) {
        if self.0.is_none() {
            self.0 = top().ok().filter(|top| top.try_lock().is_ok());
        }
    }
}

impl Drop for CarriedCopy {
    fn drop(&mut self) {
        // A program that is being started holds the open file until it runs, so closing it is not enough.
        let _ = self.0.as_ref().map(File::unlock);
    }
}

/// Copies a file, a link or a folder with everything in it to a free name: contents, holes, times and
/// permissions. The copy is synced to the disk.
///
/// # Errors
/// The system's error. A part of the copy may exist.
pub(super) fn copy_all(from: &Path, to: &Path) -> Result<CarriedCopy, DiskError> {
    let mut copy = CarriedCopy(None);
    let mut folders = Vec::new();
    let mut next = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = next.pop() {
        let found = fs::symlink_metadata(&from).map_err(DiskError::at("look up", &from))?;
        if found.is_symlink() {
            copy_link(&from, &to, &found).map_err(DiskError::at("create link", &to))?;
        } else if found.is_dir() {
            platform::create_folder(&to, 0o700).map_err(DiskError::at("create folder", &to))?;
            copy.lock(|| platform::open_folder(&to));
            next.extend(children(&from, &to).map_err(DiskError::at("list", &from))?);
            folders.push((to, found));
        } else {
            copy_file(&from, &to, &found, &mut copy).map_err(DiskError::at("copy to", &to))?;
        }
    }
    // The deepest first, because each entry that is created in a folder changes the folder's time.
    for (path, found) in folders.iter().rev() {
        finish_folder(path, found).map_err(DiskError::at("set time of", path))?;
    }
    Ok(copy)
}

fn children(from: &Path, to: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let items = fs::read_dir(from)?;
    let items = items.map(|item| item.map(|item| (item.path(), to.join(item.file_name()))));
    items.collect()
}

fn copy_link(from: &Path, to: &Path, found: &Metadata) -> io::Result<()> {
    platform::make_link(fs::read_link(from)?.as_os_str(), to, to)?;
    match platform::set_link_time(to, platform::mtime_of(found)) {
        Err(error) if !platform::is_not_supported(&error) => Err(error),
        _ => Ok(()),
    }
}

fn copy_file(from: &Path, to: &Path, found: &Metadata, copy: &mut CarriedCopy) -> io::Result<()> {
    let bits = platform::mode_of(found).bits();
    if bits & 0o400 == 0 {
        platform::set_mode(from, bits | 0o400)?;
    }
    let source = File::open(from)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    platform::create_with_mode(&mut options, 0o600);
    let target = options.open(to)?;
    copy.lock(|| target.try_clone());
    let mut buffer = vec![0; BLOCK];
    let mut offset = 0;
    loop {
        match platform::read_at(&source, &mut buffer, offset) {
            Ok(0) => break,
            Ok(count) => {
                write_sparse(&target, &buffer[..count], offset)?;
                offset += len64(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    target.set_len(offset)?;
    ignore_unsupported(set_mtime(&target, platform::mtime_of(found)))?;
    ignore_unsupported(platform::set_mode_of(&target, bits))?;
    target.sync_all()
}

fn finish_folder(path: &Path, found: &Metadata) -> io::Result<()> {
    let folder = platform::open_folder(path)?;
    ignore_unsupported(set_mtime(&folder, platform::mtime_of(found)))?;
    let bits = platform::mode_of(found).bits();
    ignore_unsupported(platform::set_folder_mode(path, bits))?;
    platform::sync_folder(&folder)
}

/// Ignores that a disk keeps no times or permissions: other code reports this.
fn ignore_unsupported(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if platform::is_not_supported(&error) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fixture::noise;

    #[cfg(unix)]
    #[test]
    fn a_tree_is_copied_with_all_that_is_carried() {
        use std::os::unix::fs::{MetadataExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::create_dir_all(from.join("deep/empty")).unwrap();
        let contents = [noise(100_000, 1), vec![0; 3 * BLOCK], noise(7, 2)].concat();
        fs::write(from.join("deep/file"), &contents).unwrap();
        symlink("file", from.join("deep/link")).unwrap();
        platform::set_mode(&from.join("deep/file"), 0o040).unwrap();
        platform::set_mode(&from.join("deep"), 0o510).unwrap();
        copy_all(&from, &to).unwrap();
        for name in ["", "deep", "deep/empty", "deep/file", "deep/link"] {
            let [one, other] = [&from, &to].map(|top| top.join(name));
            let [one, other] = [one, other].map(|path| fs::symlink_metadata(path).unwrap());
            assert_eq!(one.mtime_nsec(), other.mtime_nsec(), "{name}");
        }
        let there = fs::metadata(to.join("deep/file")).unwrap();
        assert!(there.blocks() * 512 < contents.len() as u64 / 2);
        assert_eq!(there.mode() & 0o777, 0o040);
        assert_eq!(fs::metadata(to.join("deep")).unwrap().mode() & 0o777, 0o510);
        platform::set_mode(&to.join("deep/file"), 0o600).unwrap();
        assert!(fs::read(to.join("deep/file")).unwrap() == contents);
        assert_eq!(
            fs::read_link(to.join("deep/link")).unwrap(),
            Path::new("file")
        );
        for top in [from, to] {
            platform::set_mode(&top.join("deep"), 0o700).unwrap();
        }
    }
}
