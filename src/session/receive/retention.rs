//! Removes the data of broken transfers from a drop box when it is too old.

use crate::disk::remove_abandoned;
use crate::model::escaped;
use crate::session::events::Operator;
use crate::session::listen::secrets::{Secrets, Snapshot};
use crate::session::receive::options::ServeOptions;
use crate::session::sync::lock;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Pause between two searches. They happen only while peers come.
const PAUSE: Duration = Duration::from_secs(3600);

/// Removes the data of transfers that nobody resumed.
pub(crate) struct Retention<'a> {
    destination: &'a Path,
    secrets: &'a Secrets,
    keep: Duration,
    operator: &'a dyn Operator,
    looked: Mutex<Option<Instant>>,
}

impl<'a> Retention<'a> {
    /// Starts without having searched.
    pub(crate) fn new(options: &'a ServeOptions, operator: &'a dyn Operator) -> Self {
        Retention {
            destination: &options.receive.destination,
            secrets: &options.secrets,
            keep: options.keep_partial,
            operator,
            looked: Mutex::new(None),
        }
    }

    /// Removes data that is too old, unless the last search was less than [`PAUSE`] ago. Warns about data that
    /// cannot be removed.
    pub(crate) fn look(&self) {
        let mut looked = lock(&self.looked);
        if looked.is_some_and(|then| then.elapsed() < PAUSE) {
            return;
        }
        *looked = Some(Instant::now());
        drop(looked);
        let folders = self.folders();
        // A folder may not exist yet.
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            match remove_abandoned(folder, self.keep) {
                Ok(gone) => gone.iter().for_each(|path| self.tell(path)),
                Err(error) => self.warn(&format!("cannot remove broken transfers: {error}")),
            }
        }
    }

    /// The destination, and the folder of each name.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.destination.to_owned()];
        if let (Snapshot::Named(list), _) = self.secrets.snapshot() {
            folders.extend(list.iter().map(|named| self.destination.join(&named.name)));
        }
        folders
    }

    fn tell(&self, path: &Path) {
        let path = escaped(path.as_os_str().as_encoded_bytes());
        let days = self.keep.as_secs() / (24 * 3600);
        self.warn(&format!(
            "removed a broken transfer that nobody resumed within {days} days: {path}"
        ));
    }

    fn warn(&self, message: &str) {
        self.operator.warn(message);
    }
}
