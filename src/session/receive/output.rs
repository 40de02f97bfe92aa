//! Contents that go to a program as they come, and not into a folder.

use crate::model::{PartIndex, PartLayout, PartRange};
use crate::session::error::SessionError;
use crate::session::sync::lock;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// What takes the contents of one file in place of a folder.
///
/// Every part is verified before it is written, and the last one is held back until the sender's
/// authenticated end has come: what is written of a transfer that breaks off is always shorter than the
/// whole. Without such an end nothing is written of a file that is a single part.
///
/// A clone of it writes to the same.
#[derive(Clone)]
pub struct Output(Arc<Inner>);

struct Inner {
    name: String,
    /// Taken by the first file.
    writer: Mutex<Option<Box<dyn Write + Send>>>,
}

impl Output {
    /// Writes to `writer`, which errors name as `name`. It is flushed at the end.
    pub fn new(name: impl Into<String>, writer: impl Write + Send + 'static) -> Output {
        Output(Arc::new(Inner {
            name: name.into(),
            writer: Mutex::new(Some(Box::new(writer))),
        }))
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it has had its file.
    pub(crate) fn is_used(&self) -> bool {
        lock(&self.0.writer).is_none()
    }

    /// Makes ready to write a file; `None` when it has had its file.
    pub(crate) fn open(&self, layout: PartLayout) -> Option<OutputSink> {
        Some(OutputSink {
            writer: Mutex::new(Held {
                writer: lock(&self.0.writer).take()?,
                part: Vec::new(),
                count: 0,
                length: 0,
            }),
            output: self.clone(),
            layout,
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Output").field(&self.0.name).finish()
    }
}

/// One file on its way to an output. Its parts must come in order.
pub(crate) struct OutputSink {
    output: Output,
    layout: PartLayout,
    writer: Mutex<Held>,
}

struct Held {
    writer: Box<dyn Write + Send>,
    /// The last part that came, not written yet.
    part: Vec<u8>,
    /// Parts that came.
    count: u64,
    /// Bytes that came.
    length: u64,
}

impl OutputSink {
    pub(crate) fn layout(&self) -> PartLayout {
        self.layout
    }

    /// What is behind the last part that came, of a file whose length is known.
    pub(crate) fn missing(&self) -> Vec<PartRange> {
        let start = lock(&self.writer).count;
        let length = self.layout.count().saturating_sub(start);
        match self.layout.total() {
            Some(_) if length > 0 => vec![PartRange { start, length }],
            _ => Vec::new(),
        }
    }

    /// Takes the next part, and writes the one before it. Gives the part's CRC-32.
    ///
    /// # Errors
    /// [`SessionError::Output`].
    pub(crate) fn take(&self, part: PartIndex, raw: &[u8]) -> Result<u32, SessionError> {
        let mut held = lock(&self.writer);
        debug_assert_eq!(part.get(), held.count);
        held.write().map_err(|source| self.failed(source))?;
        held.part.extend_from_slice(raw);
        held.count += 1;
        held.length += raw.len() as u64;
        Ok(crc32fast::hash(raw))
    }

    /// The end has come, and everything before it: writes what was held back. Gives the length of it all
    /// in bytes.
    ///
    /// # Errors
    /// [`SessionError::Output`].
    pub(crate) fn finish(self) -> Result<u64, SessionError> {
        let mut held = lock(&self.writer);
        let written = held.write().and_then(|()| held.writer.flush());
        match written {
            Ok(()) => Ok(held.length),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Nothing has come and nothing will: the next file may have the output.
    pub(crate) fn leave(self) {
        let OutputSink { output, writer, .. } = self;
        let held = writer
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *lock(&output.0.writer) = Some(held.writer);
    }

    fn failed(&self, source: io::Error) -> SessionError {
        SessionError::Output {
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
