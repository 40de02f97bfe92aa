//! Where the parts of a transfer go: into a folder, or to an output.

use crate::disk::{Staging, StagingWriter};
use crate::model::{EntryIndex, PartIndex, PartLayout, PartRange, PartSet};
use crate::session::error::SessionError;
use crate::session::receive::output::OutputSink;

/// What takes the parts of a transfer.
pub(crate) enum Sink {
    /// A folder, in any order, again and again until all are there.
    Folder(Box<Staging>),
    /// An output, each part once and in order.
    Output(OutputSink),
}

impl Sink {
    /// How the stream is cut into parts. Ask for it again after [`Sink::close`].
    pub(crate) fn layout(&self) -> PartLayout {
        match self {
            Sink::Folder(staging) => staging.layout(),
            Sink::Output(output) => output.layout(),
        }
    }

    /// The parts that need not be sent.
    pub(crate) fn present(&self) -> PartSet {
        match self {
            Sink::Folder(staging) => staging.present(),
            Sink::Output(_) => PartSet::new(),
        }
    }

    /// Whether nothing is to be sent, also where it is not known how much that would be.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Sink::Folder(staging) => staging.is_complete(),
            Sink::Output(_) => false,
        }
    }

    /// The runs of parts that are not there, ascending, as many as one message takes. Only of a stream
    /// whose length is known.
    pub(crate) fn missing(&self) -> Vec<PartRange> {
        match self {
            Sink::Folder(staging) => staging.missing(u64::MAX),
            Sink::Output(output) => output.missing(),
        }
    }

    /// A writer for one thread.
    pub(crate) fn writer(&self) -> SinkWriter<'_> {
        match self {
            Sink::Folder(staging) => SinkWriter::Folder(staging.writer()),
            Sink::Output(output) => SinkWriter::Output(output),
        }
    }

    /// Takes back that a part is there, where it can be asked for again.
    ///
    /// # Errors
    /// [`SessionError::Disk`].
    pub(crate) fn forget_part(&self, part: PartIndex) -> Result<(), SessionError> {
        match self {
            Sink::Folder(staging) => Ok(staging.forget_part(part)?),
            Sink::Output(_) => Ok(()),
        }
    }

    /// Fixes the length of a stream of unknown length, which ends where its parts end.
    ///
    /// # Errors
    /// [`SessionError::Disk`].
    pub(crate) fn close(&self, total: u64) -> Result<(), SessionError> {
        match self {
            Sink::Folder(staging) => Ok(staging.close_stream(total)?),
            Sink::Output(_) => Ok(()),
        }
    }

    /// The source of a file failed: what comes from here on in its place is not its contents.
    pub(crate) fn note_failed(&self, entry: EntryIndex) {
        match self {
            Sink::Folder(staging) => staging.note_failed(entry),
            Sink::Output(_) => {}
        }
    }

    /// Nothing will come: what was made ready for it goes away, unless it is an earlier run's.
    ///
    /// # Errors
    /// [`SessionError::Disk`].
    pub(crate) fn leave(self) -> Result<(), SessionError> {
        match self {
            Sink::Folder(staging) => Ok(staging.discard_if_new()?),
            Sink::Output(output) => {
                output.leave();
                Ok(())
            }
        }
    }
}

/// Writes parts, for one thread.
pub(crate) enum SinkWriter<'a> {
    Folder(StagingWriter<'a>),
    Output(&'a OutputSink),
}

impl SinkWriter<'_> {
    /// Writes a part that was verified; gives its CRC-32.
    ///
    /// # Errors
    /// [`SessionError::Disk`] or [`SessionError::Output`].
    pub(crate) fn write_part(&mut self, part: PartIndex, raw: &[u8]) -> Result<u32, SessionError> {
        match self {
            SinkWriter::Folder(writer) => Ok(writer.write_part(part, raw)?),
            SinkWriter::Output(output) => output.take(part, raw),
        }
    }
}
