//! An archive that is made while it is sent.

use crate::crypto::ArchivePassword;
use crate::disk::{Source, SourceError, TimeZone};
use crate::session::archive::pack::{Names, PackOptions, pack_into};
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::events::{Event, FileResult, Operator};
use crate::session::options::Level;
use crate::session::send::feed::{PartSink, Producer};
use crate::session::sync::lock;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Files and folders that arrive as one encrypted zip archive, which the receiver keeps as it is. The
/// archive is made while it is sent, in bounded memory and without a temporary file, so an interrupted
/// transfer cannot be resumed and a lost connection is not dialled again.
///
/// A file that vanishes, changes or cannot be read while it is packed is left out of the archive, and the
/// sender is told. Any other error ends the transfer: half an archive never arrives.
///
/// ```
/// use peerbridge::{ArchivePassword, ArchivePayload, Names, Payload, SendOptions};
///
/// let password = ArchivePassword::from_text("a long and unlikely sentence")?;
/// let archive = ArchivePayload::new("backup.zip", vec!["documents".into()], password, Names::Hidden)?;
/// let options = SendOptions::of(Payload::Archive(archive));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArchivePayload {
    name: String,
    paths: Vec<PathBuf>,
    password: Arc<ArchivePassword>,
    names: Names,
    zone: TimeZone,
}

impl ArchivePayload {
    /// An archive of `paths` that arrives as a file called `name`. Anyone who has the archive can try
    /// passwords on it offline, so choose a strong one and never the secret of the connection.
    ///
    /// # Errors
    /// [`SourceError::Name`] if `name` has a folder in it or is no valid file name.
    pub fn new(
        name: impl Into<String>,
        paths: Vec<PathBuf>,
        password: ArchivePassword,
        names: Names,
    ) -> Result<ArchivePayload, SourceError> {
        let name = name.into();
        Source::stream(&name)?;
        Ok(ArchivePayload {
            name,
            paths,
            password: Arc::new(password),
            names,
            zone: TimeZone::local(None),
        })
    }

    /// The same, with DOS times in `zone` instead of this machine's time zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> ArchivePayload {
        self.zone = zone;
        self
    }

    /// The archive's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files and folders that are packed.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The producer of an archive of `source`, and the list of files that it could not pack. `source` is the scan
    /// of these paths.
    pub(crate) fn producer(&self, source: Arc<Source>, level: Level) -> (Producer, Arc<Losses>) {
        let (password, names) = (Arc::clone(&self.password), self.names);
        let zone = self.zone.clone();
        let losses = Arc::new(Losses::default());
        let told = Arc::clone(&losses);
        let produce = move |sink: &mut PartSink| {
            let options = PackOptions {
                password: &password,
                names,
                level,
                zone: &zone,
                // Never cancelled: closing the feed ends it.
                cancel: &Cancel::new(),
                operator: &*told,
            };
            let packed = pack_into(&source, &options, sink);
            packed.map(drop).map_err(Error::from)
        };
        (Box::new(produce), losses)
    }
}

impl fmt::Debug for ArchivePayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchivePayload")
            .field("name", &self.name)
            .field("paths", &self.paths)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The files that could not be packed.
#[derive(Default)]
pub(crate) struct Losses(Mutex<Vec<(Vec<u8>, String)>>);

impl Losses {
    /// Reports each to the operator. Returns how many there are.
    pub(crate) fn tell(&self, operator: &dyn Operator) -> u64 {
        let losses = lock(&self.0);
        for (path, why) in losses.iter() {
            operator.event(&Event::left_out(path, why));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SourceOptions;
    use crate::session::send::feed::Feed;
    use std::{fs, io};

    fn feed(folder: &std::path::Path, meanwhile: impl FnOnce()) -> (Feed, Arc<Losses>) {
        let password = ArchivePassword::from_text("word").unwrap();
        let paths = vec![folder.to_owned()];
        let archive = ArchivePayload::new("x.zip", paths, password, Names::Shown).unwrap();
        let source = Source::scan(archive.paths(), &SourceOptions::default()).unwrap();
        meanwhile();
        let (producer, losses) = archive.producer(Arc::new(source), Level::Auto);
        (Feed::start(producer, 64 * 1024).unwrap(), losses)
    }

    #[test]
    fn a_file_that_vanished_is_told_and_the_archive_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let one = folder.path().join("one");
        let (feed, losses) = feed(folder.path(), || fs::remove_file(one).unwrap());
        let (mut bytes, mut part) = (Vec::new(), Vec::new());
        while feed.next(&mut part).unwrap() {
            bytes.extend_from_slice(&part);
        }
        let archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let names: Vec<_> = archive.file_names().map(Result::unwrap).collect();
        assert!(names.iter().any(|name| name.ends_with("/two")), "{names:?}");
        assert!(
            !names.iter().any(|name| name.ends_with("/one")),
            "{names:?}"
        );
        let told = Losses::default();
        assert_eq!(losses.tell(&told), 1);
        let (path, _) = lock(&told.0).pop().expect("it is named");
        assert!(path.ends_with(b"/one"), "{}", path.escape_ascii());
    }

    #[test]
    fn an_archive_that_nobody_wants_any_more_is_not_made_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("large"), vec![7; 4 << 20]).unwrap();
        let (feed, _) = feed(folder.path(), || {});
        assert!(feed.next(&mut Vec::new()).unwrap());
        feed.close();
        assert!(!feed.next(&mut Vec::new()).unwrap());
    }
}
