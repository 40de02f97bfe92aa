//! An archive that is made while it is sent.

use super::SessionError;
use super::cancel::Cancel;
use super::events::{Event, FileResult, Operator};
use super::feed::{PartSink, Producer};
use super::heartbeat::lock;
use super::options::Level;
use super::packing::{Names, PackError, PackOptions, pack_into};
use crate::crypto::ArchivePassword;
use crate::disk::{Source, SourceError};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Files and folders that arrive as one encrypted zip archive, which the receiver keeps as it is. It is
/// made while it is sent, with no file in between and in bounded memory, anew for each transfer: one that
/// breaks off cannot go on, and a lost connection is not tried again.
///
/// A file that vanishes, changes or cannot be read while it is packed is not in the archive; the sender is
/// told of it. Anything else that goes wrong ends the transfer: half an archive never arrives.
pub struct Archive {
    name: String,
    paths: Vec<PathBuf>,
    password: Arc<ArchivePassword>,
    names: Names,
}

impl Archive {
    /// An archive of `paths`, to arrive under `name`: a plain one, without folders. Whoever has the
    /// archive can try passwords on it, as fast as machines go, so `password` should be a strong one
    /// and never the secret of the connection.
    ///
    /// # Errors
    /// [`SourceError::Name`] when no file could have that name.
    pub fn new(
        name: impl Into<String>,
        paths: Vec<PathBuf>,
        password: ArchivePassword,
        names: Names,
    ) -> Result<Archive, SourceError> {
        let name = name.into();
        Source::stream(&name)?;
        Ok(Archive {
            name,
            paths,
            password: Arc::new(password),
            names,
        })
    }

    /// The archive's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is packed.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What makes the archive of `source`, which is what was found at its paths, and where that tells
    /// which files it lost.
    pub(super) fn producer(&self, source: Arc<Source>, level: Level) -> (Producer, Arc<Losses>) {
        let (password, names) = (Arc::clone(&self.password), self.names);
        let losses = Arc::new(Losses::default());
        let told = Arc::clone(&losses);
        let produce = move |sink: &mut PartSink| {
            let options = PackOptions {
                password: &password,
                names,
                level,
            };
            // It is called off by nobody wanting its parts any more.
            match pack_into(&source, &options, sink, &Cancel::new(), &*told) {
                Ok(_) => Ok(()),
                Err(PackError::Cancelled) => Err(SessionError::Cancelled),
                Err(PackError::Sink(source) | PackError::System(source)) => {
                    Err(SessionError::System { source })
                }
            }
        };
        (Box::new(produce), losses)
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("name", &self.name)
            .field("paths", &self.paths)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The files that could not be packed.
#[derive(Default)]
pub(super) struct Losses(Mutex<Vec<(Vec<u8>, String)>>);

impl Losses {
    /// Tells the operator of each; how many there are.
    pub(super) fn tell(&self, operator: &dyn Operator) -> u64 {
        let losses = lock(&self.0);
        for (path, why) in losses.iter() {
            operator.event(&Event::File {
                path,
                bytes: 0,
                result: FileResult::Failed { why: why.clone() },
            });
        }
        losses.len() as u64
    }
}

impl Operator for Losses {
    fn event(&self, event: &Event<'_>) {
        if let Event::File {
            path,
            result: FileResult::Failed { why },
            ..
        } = event
        {
            lock(&self.0).push((path.to_vec(), why.clone()));
        }
    }
}
