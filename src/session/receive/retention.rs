//! How long a drop box keeps what came of broken transfers.

use crate::disk::remove_abandoned;
use crate::model::escaped;
use crate::session::events::Operator;
use crate::session::listen::secrets::{Secrets, Snapshot};
use crate::session::receive::options::ServeOptions;
use crate::session::sync::lock;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A drop box looks this often, while peers come.
const PAUSE: Duration = Duration::from_secs(3600);

/// Removes what nobody came back for.
pub(crate) struct Retention<'a> {
    destination: &'a Path,
    secrets: &'a Secrets,
    keep: Duration,
    operator: &'a dyn Operator,
    looked: Mutex<Option<Instant>>,
}

impl<'a> Retention<'a> {
    /// Nobody has looked yet.
    pub(crate) fn new(options: &'a ServeOptions, operator: &'a dyn Operator) -> Self {
        Retention {
            destination: &options.receive.destination,
            secrets: &options.secrets,
            keep: options.keep_partial,
            operator,
            looked: Mutex::new(None),
        }
    }

    /// Removes what is too old, unless that was done a short while ago. What cannot be removed is told.
    pub(crate) fn look(&self) {
        let mut looked = lock(&self.looked);
        if looked.is_some_and(|then| then.elapsed() < PAUSE) {
            return;
        }
        *looked = Some(Instant::now());
        drop(looked);
        let folders = self.folders();
        // A folder that is not there yet has nothing in it.
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            match remove_abandoned(folder, self.keep) {
                Ok(gone) => gone.iter().for_each(|path| self.tell(path)),
                Err(error) => self.warn(&format!("cannot remove broken transfers: {error}")),
            }
        }
    }

    /// The destination, and that of each name.
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
            "removed a broken transfer that nobody came back for in {days} days: {path}"
        ));
    }

    fn warn(&self, message: &str) {
        self.operator.warn(message);
    }
}
