//! Files that were dropped on the page: taken up into a private folder, and removed after they were sent.

use crate::cli::error::CliError;
use crate::crypto::random_bytes;
use crate::disk::{Destination, free_bytes};
use crate::model::WirePath;
use crate::session::Error;
use crate::session::sync::lock;
use crate::web::http::request::Request;
use crate::web::http::response::Status;
use crate::web::private_folder::PrivateFolder;
use crate::web::refused::Refused;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Pages that take up files at the same time.
const MOST: usize = 4;
/// How long one file may take: the page and this program are on one machine.
const FILE_TIME: Duration = Duration::from_secs(3600);

/// Folders that are being filled, by name.
#[derive(Default)]
pub(super) struct Uploads(Mutex<BTreeMap<String, Arc<PrivateFolder>>>);

impl Uploads {
    /// Makes an empty folder, and says its name.
    ///
    /// # Errors
    /// There are too many, or the system refuses.
    pub(super) fn begin(&self) -> Result<String, Refused> {
        let mut folders = lock(&self.0);
        if folders.len() >= MOST {
            return Err(Status::TooMany.into());
        }
        let folder = PrivateFolder::create().map_err(|source| CliError::CannotWrite {
            what: "a temporary folder".to_owned(),
            source,
        })?;
        let bytes: [u8; 8] = random_bytes()?;
        let name = format!("{:016x}", u64::from_be_bytes(bytes));
        folders.insert(name.clone(), Arc::new(folder));
        Ok(name)
    }

    /// Removes a folder that is not sent after all.
    pub(super) fn discard(&self, name: &str) {
        lock(&self.0).remove(name);
    }

    /// Removes all folders.
    pub(super) fn discard_all(&self) {
        lock(&self.0).clear();
    }

    /// Takes a folder out, with what lies in it.
    ///
    /// # Errors
    /// There is no such folder, or it is empty.
    pub(super) fn take(&self, name: &str) -> Result<(Arc<PrivateFolder>, Vec<PathBuf>), Status> {
        let folder = lock(&self.0).remove(name).ok_or(Status::NotFound)?;
        let entries = fs::read_dir(folder.path().join(FILES)).map_err(|_| Status::NotFound)?;
        let files = entries.flatten().map(|entry| entry.path()).collect();
        Ok((folder, files))
    }

    /// Reads one file. The fields `Folder` and `Name` say which; the name is percent-encoded, and may have folders.
    ///
    /// # Errors
    /// The name is none or is taken, there is no room, or the body ends early.
    pub(super) fn receive(&self, request: Request, stream: &TcpStream) -> Result<(), Refused> {
        let text = |name| request.header(name).ok_or(Status::BadRequest);
        let folder = String::from_utf8_lossy(text("folder")?).into_owned();
        let name = percent_decoded(text("name")?).ok_or(Status::BadRequest)?;
        let length = request.length()?;
        let folder = lock(&self.0)
            .get(&folder)
            .cloned()
            .ok_or(Status::NotFound)?;
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
        let written = write(&path, &mut body, length).map_err(|source| CliError::CannotWrite {
            what: path.display().to_string(),
            source,
        })?;
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
        // A file that came in part must not be sent as a whole one. Where it cannot be removed, the system's
        // error for writing it is told.
        let _ = fs::remove_file(path);
    }
    written
}

fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'%' => {
                let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
                rest = &behind[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            plain => *plain,
        });
    }
    Some(bytes)
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

    #[test]
    fn names_are_percent_decoded() {
        assert_eq!(
            percent_decoded(b"a%20b/%c3%bc").unwrap(),
            "a b/ü".as_bytes()
        );
        assert_eq!(percent_decoded(b"%2"), None);
        assert_eq!(percent_decoded(b"%zz"), None);
    }
}
