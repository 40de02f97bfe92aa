//! A payload that was scanned and is ready to be offered.

use crate::crypto::random_bytes;
use crate::disk::{LeftOut, NotCarried, Source};
use crate::model::RunId;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::options::Level;
use crate::session::scan::scan_paths;
use crate::session::send::archive::Losses;
use crate::session::send::feed::Producer;
use crate::session::send::options::SendOptions;
use crate::session::send::payload::Payload;
use crate::session::tuning::rate_limit::RateLimit;
use std::path::PathBuf;
use std::sync::Arc;

/// A payload, for one session or many.
pub(crate) struct Outgoing<'a> {
    pub(crate) options: &'a SendOptions,
    /// Identifies this run of the sender, over all its connections.
    pub(crate) run: RunId,
    /// The rate that all streams and receivers share.
    pub(crate) rate_limit: Option<RateLimit>,
    /// Whether this is a dry run: an offer that only asks what the receiver lacks.
    pub(crate) is_dry_run: bool,
    /// The source that is offered.
    pub(crate) source: Source,
    /// The contents of the archive that is offered.
    packed: Option<Arc<Source>>,
}

/// The producer of contents that are made while they are sent, and its list of files that could not be read.
pub(crate) type Making = (Producer, Option<Arc<Losses>>);

impl<'a> Outgoing<'a> {
    /// Scans the payload, and tells the operator what is left out.
    ///
    /// # Errors
    /// [`Error::Source`], [`Error::ReadBefore`] and [`Error::BadPattern`].
    pub(crate) fn scan(options: &'a SendOptions, operator: &dyn Operator) -> Result<Self, Error> {
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
        Ok(Outgoing {
            options,
            run: RunId(random_bytes()?),
            rate_limit: options.rate_limit.map(RateLimit::new),
            is_dry_run: false,
            source,
            packed,
        })
    }

    /// Files that are left out.
    pub(crate) fn left_out(&self) -> &[LeftOut] {
        match &self.packed {
            Some(packed) => packed.left_out(),
            None => self.source.left_out(),
        }
    }

    /// Counts of metadata that no transfer carries.
    pub(crate) fn not_carried(&self) -> NotCarried {
        self.packed.as_deref().unwrap_or(&self.source).not_carried()
    }

    /// Whether the only part of a small transfer may go along with its offer. Not if it must wait for a person or
    /// for the rate limit.
    pub(crate) fn may_go_early(&self) -> bool {
        !self.is_dry_run && !self.options.verify && self.rate_limit.is_none()
    }

    /// Whether people compare the phrase first. A dry run asks nobody.
    pub(crate) fn is_verified(&self) -> bool {
        self.options.verify && !self.is_dry_run
    }

    /// Whether it is sent in order and once, so that a transfer that breaks off cannot be resumed.
    pub(crate) fn is_fed(&self) -> bool {
        !matches!(self.options.payload, Payload::Paths(_))
    }

    /// How hard its parts are compressed. An archive is compressed already, and sealed.
    pub(crate) fn level(&self) -> Level {
        match self.options.payload {
            Payload::Archive(_) => Level::Fixed(0),
            Payload::Paths(_) | Payload::Stream(_) => self.options.level,
        }
    }

    /// The producer of the contents; `None` for files, whose parts are read one by one.
    ///
    /// # Errors
    /// [`Error::ReadBefore`].
    pub(crate) fn producer(&self) -> Result<Option<Making>, Error> {
        match (&self.options.payload, &self.packed) {
            (Payload::Stream(stream), _) => Ok(Some((stream.producer()?, None))),
            (Payload::Archive(archive), Some(packed)) => {
                let (producer, losses) = archive.producer(Arc::clone(packed), self.options.level);
                Ok(Some((producer, Some(losses))))
            }
            _ => Ok(None),
        }
    }
}
