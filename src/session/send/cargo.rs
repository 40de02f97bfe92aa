//! What is to be sent, looked at and ready to be offered.

use crate::crypto::random_bytes;
use crate::disk::{LeftOut, Source};
use crate::model::RunId;
use crate::session::error::SessionError;
use crate::session::events::Operator;
use crate::session::options::Level;
use crate::session::scan::scan_paths;
use crate::session::send::archive::Losses;
use crate::session::send::feed::Producer;
use crate::session::send::options::SendOptions;
use crate::session::send::payload::Payload;
use std::path::PathBuf;
use std::sync::Arc;

/// What a payload turned out to be.
pub(crate) struct Cargo<'a> {
    payload: &'a Payload,
    /// This run of the sender, whatever connections it needs.
    run: RunId,
    level: Level,
    /// What is offered.
    source: Source,
    /// What is in the archive that is offered.
    packed: Option<Arc<Source>>,
}

/// What makes contents that are read or made while they are sent, and what tells which files it lost.
pub(crate) type Making = (Producer, Option<Arc<Losses>>);

impl<'a> Cargo<'a> {
    /// Looks at what is to be sent, and tells what is left out.
    ///
    /// # Errors
    /// [`SessionError::Source`], [`SessionError::ReadBefore`] and [`SessionError::BadPattern`].
    pub(crate) fn scan(
        options: &'a SendOptions,
        operator: &dyn Operator,
    ) -> Result<Self, SessionError> {
        let (exclude, links) = (&options.exclude, options.links);
        let look = |paths: &[PathBuf]| scan_paths(paths, exclude, links, Vec::new(), operator);
        let (source, packed) = match &options.payload {
            Payload::Paths(paths) => (look(paths)?, None),
            Payload::Stream(stream) => (stream.source()?, None),
            Payload::Archive(archive) => {
                let packed = look(archive.paths())?;
                (Source::stream(archive.name())?, Some(Arc::new(packed)))
            }
        };
        Ok(Cargo {
            payload: &options.payload,
            run: RunId(random_bytes()?),
            level: options.level,
            source,
            packed,
        })
    }

    /// The run that the payload is sent in.
    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    /// What is offered.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// What could not be taken.
    pub(crate) fn left_out(&self) -> &[LeftOut] {
        match &self.packed {
            Some(packed) => packed.left_out(),
            None => self.source.left_out(),
        }
    }

    /// Whether it is sent in order and once, so that a transfer of it that breaks off cannot go on.
    pub(crate) fn is_fed(&self) -> bool {
        !matches!(self.payload, Payload::Paths(_))
    }

    /// How hard its parts are compressed: an archive is compressed already, and sealed.
    pub(crate) fn level(&self) -> Level {
        match self.payload {
            Payload::Archive(_) => Level::Fixed(0),
            Payload::Paths(_) | Payload::Stream(_) => self.level,
        }
    }

    /// What makes the contents; `None` for files, whose parts are read one by one.
    ///
    /// # Errors
    /// [`SessionError::ReadBefore`].
    pub(crate) fn making(&self) -> Result<Option<Making>, SessionError> {
        match (self.payload, &self.packed) {
            (Payload::Stream(stream), _) => Ok(Some((stream.producer()?, None))),
            (Payload::Archive(archive), Some(packed)) => {
                let (producer, losses) = archive.producer(Arc::clone(packed), self.level);
                Ok(Some((producer, Some(losses))))
            }
            _ => Ok(None),
        }
    }
}
