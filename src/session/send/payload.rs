//! What a sender sends.

use crate::disk::{Source, SourceError};
use crate::session::error::Error;
use crate::session::send::archive::ArchivePayload;
use crate::session::send::feed::{PartSink, Producer};
use crate::session::sync::lock;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Mutex;

/// What to send.
#[derive(Debug)]
pub enum Payload {
    /// Files and folders. A path that ends in `/.` stands for what the folder holds.
    Paths(Vec<PathBuf>),
    /// Contents of unknown length, read while they are sent.
    Stream(Stream),
    /// One encrypted archive, made while it is sent.
    Archive(ArchivePayload),
}

/// Contents of unknown length that arrive as one file. A thread reads them once, after the receiver has
/// accepted. If the transfer ends early, the thread lives until its current read returns.
///
/// Contents travel in parts of up to 4 MiB, so a slow reader is seen at the other end only when a part is
/// full or the contents end. An error of the reader ends the transfer on both sides and never counts as the
/// end of the contents. A lost connection is not dialled again.
///
/// ```
/// use peerbridge::{Payload, SendOptions, Stream};
///
/// let stream = Stream::new("dump.sql", std::io::stdin())?;
/// let options = SendOptions::of(Payload::Stream(stream));
/// # Ok::<(), peerbridge::SourceError>(())
/// ```
pub struct Stream {
    name: String,
    reader: Mutex<Option<Box<dyn Read + Send>>>,
}

impl Stream {
    /// Sends what `reader` returns until its end, as a file called `name`.
    ///
    /// # Errors
    /// [`SourceError::Name`] if `name` has a folder in it or is no valid file name.
    pub fn new(
        name: impl Into<String>,
        reader: impl Read + Send + 'static,
    ) -> Result<Stream, SourceError> {
        let name = name.into();
        // Made again with the time at which it is offered.
        Source::stream(&name)?;
        Ok(Stream {
            name,
            reader: Mutex::new(Some(Box::new(reader))),
        })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that is offered, with the present time.
    ///
    /// # Errors
    /// [`Error::ReadBefore`].
    pub(crate) fn source(&self) -> Result<Source, Error> {
        match lock(&self.reader).is_some() {
            true => Ok(Source::stream(&self.name)?),
            false => Err(self.read_before()),
        }
    }

    fn read_before(&self) -> Error {
        let name = self.name.clone();
        Error::ReadBefore { name }
    }

    /// The producer that reads the contents.
    ///
    /// # Errors
    /// [`Error::ReadBefore`].
    pub(crate) fn producer(&self) -> Result<Producer, Error> {
        let name = self.name.clone();
        match lock(&self.reader).take() {
            None => Err(self.read_before()),
            Some(mut reader) => Ok(Box::new(move |sink: &mut PartSink| {
                let read = sink.read_all(&mut *reader);
                read.map_err(|source| Error::CannotRead { name, source })
            })),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stream");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}
