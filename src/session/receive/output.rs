//! Contents that go to a writer as they arrive, instead of a folder.

use crate::session::error::Error;
use crate::session::sync::lock;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// A writer that receives the contents of one file, in place of a folder. Clones share the writer.
///
/// Every part is verified before it is written. The last part is written only after the sender has
/// confirmed the end, so an interrupted transfer always writes less than the whole file.
///
/// ```
/// use peerbridge::{Output, ReceiveOptions};
///
/// let output = Output::new("standard output", std::io::stdout());
/// let options = ReceiveOptions::to_output(output);
/// ```
#[derive(Clone)]
pub struct Output(Arc<OutputShared>);

struct OutputShared {
    name: String,
    /// Taken by the first file.
    writer: Mutex<Option<Box<dyn Write + Send>>>,
}

impl Output {
    /// Writes to `writer` and flushes it at the end. Errors call it `name`.
    pub fn new(name: impl Into<String>, writer: impl Write + Send + 'static) -> Output {
        Output(Arc::new(OutputShared {
            name: name.into(),
            writer: Mutex::new(Some(Box::new(writer))),
        }))
    }

    /// The name that errors use.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether its file was already written or begun.
    pub(crate) fn is_used(&self) -> bool {
        lock(&self.0.writer).is_none()
    }

    /// Prepares to write a file. `None` if it had one already.
    pub(crate) fn open(&self) -> Option<OutputFile> {
        Some(OutputFile {
            writer: Mutex::new(Held {
                writer: lock(&self.0.writer).take()?,
                part: Vec::new(),
            }),
            output: self.clone(),
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Output").field(&self.0.name).finish()
    }
}

/// One file on its way to an output. The latest part is held back.
pub(crate) struct OutputFile {
    output: Output,
    writer: Mutex<Held>,
}

struct Held {
    writer: Box<dyn Write + Send>,
    part: Vec<u8>,
}

impl OutputFile {
    /// Takes the next part, and writes the one before it. Returns the part's CRC-32.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn write_part(&self, raw: &[u8]) -> Result<u32, Error> {
        let mut held = lock(&self.writer);
        held.write().map_err(|source| self.failed(source))?;
        held.part.extend_from_slice(raw);
        Ok(crc32fast::hash(raw))
    }

    /// All parts and the end have come: writes the part that was held back.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let mut held = lock(&self.writer);
        let written = held.write().and_then(|()| held.writer.flush());
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Output {
            name: self.output.name().to_owned(),
            source,
        }
    }
}

impl Held {
    /// Writes what is held back.
    fn write(&mut self) -> io::Result<()> {
        let written = self.writer.write_all(&self.part);
        self.part.clear();
        written
    }
}
