//! A file without a name, for an archive from a pipe, which must be read from its end.

use crate::disk::platform;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Attempts to find a free name.
const ATTEMPTS: u32 = 64;

/// A new, empty file in `folder` that only this user can read. It loses its name at once, so nothing remains
/// when it is closed, even after a kill.
///
/// # Errors
/// The system's error.
pub fn spool(folder: &Path) -> io::Result<File> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    platform::create_with_mode(&mut options, 0o600);
    for _ in 0..ATTEMPTS {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".peerbridge-{}-{number}", std::process::id()));
        match options.open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn it_keeps_bytes_and_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = spool(folder.path()).unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().count();
        // Windows before 10 keeps the name until the file is closed.
        assert!(cfg!(windows) || names() == 0);
        file.write_all(b"bytes").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "bytes");
        drop(file);
        assert_eq!(names(), 0);
        assert!(spool(&folder.path().join("missing")).is_err());
    }
}
