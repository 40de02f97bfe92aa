//! Uploads: files that were dropped on the page. They are written to a private folder, and removed after they were
//! sent.

use crate::cli::error::CliError;
use crate::cli::input::percent;
use crate::crypto::random_bytes;
use crate::disk::{Destination, free_bytes};
use crate::model::WirePath;
use crate::session::Error;
use crate::session::sync::lock;
use crate::web::http::request::Request;
use crate::web::http::response::Status;
use crate::web::private_folder::PrivateFolder;
use crate::web::refused::Refused;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The most folders that are being filled. A page that is closed leaves its folder behind.
const MOST: usize = 4;
/// How long one file may take. The page and this program are on the same machine.
const FILE_TIME: Duration = Duration::from_secs(3600);

/// The folders that are being filled, with their names, oldest first.
#[derive(Default)]
pub(super) struct Uploads(Mutex<Vec<(String, Arc<PrivateFolder>)>>);

impl Uploads {
    /// Makes an empty folder, and returns its name. If there are too many, the oldest is removed.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn begin(&self) -> Result<String, Refused> {
        let folder = PrivateFolder::create().map_err(|source| CliError::CannotWrite {
            what: "a temporary folder".to_owned(),
            source,
        })?;
        let bytes: [u8; 8] = random_bytes()?;
        let name = format!("{:016x}", u64::from_be_bytes(bytes));
        let mut folders = lock(&self.0);
        folders.push((name.clone(), Arc::new(folder)));
        let oldest = (folders.len() > MOST).then(|| folders.remove(0));
        drop(folders);
        drop(oldest);
        Ok(name)
    }

    /// Removes a folder that will not be sent.
    pub(super) fn discard(&self, name: &str) {
        self.forget(|known, _| known == name);
    }

    /// Hands a folder over to the job that sends it.
    pub(super) fn hand_over(&self, folder: &Arc<PrivateFolder>) {
        self.forget(|_, known| Arc::ptr_eq(known, folder));
    }

    fn forget(&self, is_it: impl Fn(&str, &Arc<PrivateFolder>) -> bool) {
        let mut folders = lock(&self.0);
        let found = folders.extract_if(.., |(name, folder)| is_it(name, folder));
        let found: Vec<_> = found.collect();
        // Removing the files takes time, so the lock is released first.
        drop(folders);
        drop(found);
    }

    /// Removes all folders.
    pub(super) fn discard_all(&self) {
        lock(&self.0).clear();
    }

    /// A folder, and the paths in it.
    ///
    /// # Errors
    /// There is no such folder, or it is empty.
    pub(super) fn find(&self, name: &str) -> Result<(Arc<PrivateFolder>, Vec<PathBuf>), Status> {
        let folder = self.folder(name).ok_or(Status::NotFound)?;
        let entries = fs::read_dir(folder.path().join(FILES)).map_err(|_| Status::NotFound)?;
        let files = entries.flatten().map(|entry| entry.path()).collect();
        Ok((folder, files))
    }

    fn folder(&self, name: &str) -> Option<Arc<PrivateFolder>> {
        let folders = lock(&self.0);
        let found = folders.iter().find(|(known, _)| known == name);
        found.map(|(_, folder)| Arc::clone(folder))
    }

    /// Reads one file. The fields `Folder` and `Name` say which; the name is percent-encoded, and may have folders.
    ///
    /// # Errors
    /// The name is invalid or taken, there is no room, or the body ends early.
    pub(super) fn receive(&self, request: Request, stream: &TcpStream) -> Result<(), Refused> {
        let text = |name| request.header(name).ok_or(Status::BadRequest);
        let folder = String::from_utf8_lossy(text("folder")?).into_owned();
        let name = percent::decoded(text("name")?).ok_or(Status::BadRequest)?;
        let length = request.length()?;
        let folder = self.folder(&folder).ok_or(Status::NotFound)?;
        if free_bytes(folder.path()).is_some_and(|free| free < length) {
            return Err(Refused::says(
                "there is too little room for temporary files on this machine",
            ));
        }
        let name = WirePath::parse(&name).map_err(|_| Status::BadRequest)?;
        let destination = Destination::locate(&folder.path().join(FILES));
        let path = destination.and_then(|destination| destination.disk_path(name));
        let path = path.map_err(Error::Disk).map_err(CliError::Session)?;
        let mut body = request.body(stream, FILE_TIME)?;
        let written = write(&path, &mut body, length).map_err(CliError::cannot_write(&path))?;
        match written == length {
            true => Ok(()),
            false => Err(Status::BadRequest.into()),
        }
    }
}

/// The folder for the files themselves.
const FILES: &str = "files";

/// Writes a file of `length` bytes. One that ends early is removed.
fn write(path: &Path, body: &mut impl io::Read, length: u64) -> io::Result<u64> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::File::create_new(path)?;
    let written = io::copy(body, &mut file);
    if !matches!(written, Ok(count) if count == length) {
        // An incomplete file must not be sent. If it cannot be removed, the error of writing it is reported
        // anyway.
        let _ = fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_ends_early_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/file");
        assert_eq!(write(&path, &mut &b"half"[..], 9).unwrap(), 4);
        assert!(!path.exists());
        assert_eq!(write(&path, &mut &b"whole"[..], 5).unwrap(), 5);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
