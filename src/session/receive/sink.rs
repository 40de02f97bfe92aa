//! Where the parts of a transfer go, a folder or an output, and in which order they must come.

use crate::disk::{Delivery, DeliveryCallback, DeliveryResult, RunLedger, Staging, StagingWriter};
use crate::model::{EntryFailure, Manifest, PartIndex, PartLayout, PartRange, PartSet, RunId};
use crate::protocol::PartCheck;
use crate::session::connection::channel::ensure_due;
use crate::session::error::Error;
use crate::session::receive::in_order::InOrder;
use crate::session::receive::memory::MemoryCharge;
use crate::session::receive::output::OutputFile;
use crate::session::receive::unchecked::UncheckedParts;
use crate::session::sync::lock;
use std::sync::Mutex;

/// Takes the parts of a transfer, verifies their checks, and delivers the entries.
pub(crate) struct Sink {
    target: SinkTarget,
    order: PartOrder,
}

enum SinkTarget {
    Folder(Box<Staging>),
    Output(OutputFile, PartLayout),
}

/// The order in which parts come.
enum PartOrder {
    /// Any order, and possibly several times.
    Any(Mutex<UncheckedParts<'static>>),
    /// One after the other, each once: for a stream of unknown length, and for an output.
    InOrder(Mutex<InOrder>),
}

impl Sink {
    /// Writes into a folder. A stream of known length may come in any order, another one in order and up to
    /// `max_bytes`. Parts that wait for their checks are charged to `memory`.
    pub(crate) fn folder(
        staging: Staging,
        max_bytes: Option<u64>,
        memory: MemoryCharge<'static>,
    ) -> Self {
        let layout = staging.layout();
        Sink {
            order: match layout.total() {
                Some(_) => PartOrder::Any(Mutex::new(UncheckedParts::new(memory))),
                None => PartOrder::InOrder(Mutex::new(InOrder::new(layout, max_bytes))),
            },
            target: SinkTarget::Folder(Box::new(staging)),
        }
    }

    /// Writes to an output, in order; a stream of unknown length up to `max_bytes`.
    pub(crate) fn output(file: OutputFile, layout: PartLayout, max_bytes: Option<u64>) -> Self {
        let max_bytes = max_bytes.filter(|_| layout.total().is_none());
        Sink {
            order: PartOrder::InOrder(Mutex::new(InOrder::new(layout, max_bytes))),
            target: SinkTarget::Output(file, layout),
        }
    }

    /// Whether parts must come in order and once. Such a transfer cannot be resumed.
    pub(crate) fn is_in_order(&self) -> bool {
        matches!(self.order, PartOrder::InOrder(_))
    }

    /// The folder that keeps the parts until they are delivered.
    pub(crate) fn staging(&self) -> Option<&Staging> {
        match &self.target {
            SinkTarget::Folder(staging) => Some(staging),
            SinkTarget::Output(..) => None,
        }
    }

    /// How the stream is cut into parts. Ask for it again after [`Sink::end_round`].
    pub(crate) fn layout(&self) -> PartLayout {
        match &self.target {
            SinkTarget::Folder(staging) => staging.layout(),
            SinkTarget::Output(_, layout) => *layout,
        }
    }

    /// The parts that need not be sent.
    pub(crate) fn present(&self) -> PartSet {
        self.staging().map_or_else(PartSet::new, Staging::present)
    }

    /// Whether no part needs to be sent, even if the length is not known.
    pub(crate) fn is_complete(&self) -> bool {
        self.staging().is_some_and(Staging::is_complete)
    }

    /// The runs of missing parts, ascending, as many as fit into one message. Only for a stream of known length.
    pub(crate) fn missing(&self) -> Vec<PartRange> {
        match (&self.target, &self.order) {
            (SinkTarget::Folder(staging), _) => staging.missing(u64::MAX),
            (SinkTarget::Output(..), PartOrder::InOrder(order)) => lock(order).missing(),
            (SinkTarget::Output(..), PartOrder::Any(_)) => Vec::new(),
        }
    }

    /// A writer for one thread.
    pub(crate) fn writer(&self) -> SinkWriter<'_> {
        SinkWriter {
            sink: self,
            target: match &self.target {
                SinkTarget::Folder(staging) => TargetWriter::Folder(staging.writer()),
                SinkTarget::Output(file, _) => TargetWriter::Output(file),
            },
        }
    }

    /// Takes checks that came before the end of a round.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if a part does not exist, a part differs that was written in order, or there is no
    /// memory for checks without parts.
    pub(crate) fn note_checks(
        &self,
        checks: impl IntoIterator<Item = PartCheck>,
    ) -> Result<(), Error> {
        match &self.order {
            // There is one stream, so the parts came before their checks.
            PartOrder::InOrder(order) => lock(order).compare(checks),
            PartOrder::Any(unchecked) => {
                let (layout, mut unchecked) = (self.layout(), lock(unchecked));
                checks
                    .into_iter()
                    .try_for_each(|check| unchecked.check(layout.part(check.index)?, check.crc32))
            }
        }
    }

    /// Every part of a round has come. Takes parts back whose checks differ (a fault of one of the machines, since
    /// the connection is authenticated), and fixes the length of a stream of unknown length.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if a part differs that was written in order, or the length is not that of the parts;
    /// [`Error::Disk`].
    pub(crate) fn end_round(
        &self,
        checks: impl IntoIterator<Item = PartCheck>,
        total: Option<u64>,
    ) -> Result<(), Error> {
        self.note_checks(checks)?;
        match &self.order {
            PartOrder::InOrder(order) => lock(order).close(total)?,
            PartOrder::Any(unchecked) => {
                let different = lock(unchecked).end_round();
                if let Some(staging) = self.staging() {
                    different
                        .into_iter()
                        .try_for_each(|part| staging.forget_part(part))?;
                }
                ensure_due(total.is_none(), "a length that was known")?;
            }
        }
        match (&self.target, total) {
            (SinkTarget::Folder(staging), Some(total)) => Ok(staging.close_stream(total)?),
            _ => Ok(()),
        }
    }

    /// The source of a file failed: what comes for it from now on is filler.
    ///
    /// # Errors
    /// [`Error::SourceFailed`] if that was the only file of an output.
    pub(crate) fn note_failed(&self, failure: EntryFailure) -> Result<(), Error> {
        match &self.target {
            SinkTarget::Folder(staging) => {
                staging.note_failed(failure.entry);
                Ok(())
            }
            SinkTarget::Output(..) => Err(Error::SourceFailed {
                reason: failure.reason.to_string(),
            }),
        }
    }

    /// Delivers all entries but those that failed.
    ///
    /// # Errors
    /// [`Error::Disk`]; the received data is kept. [`Error::Output`].
    pub(crate) fn deliver(
        self,
        failed: &[EntryFailure],
        manifest: &Manifest,
        report: &mut DeliveryCallback<'_>,
    ) -> Result<Delivery, Error> {
        match self.target {
            SinkTarget::Folder(staging) => Ok(staging.deliver(failed, report)?),
            SinkTarget::Output(file, _) => {
                file.finish()?;
                let entries = manifest.entries();
                entries.for_each(|(entry, _)| report(entry, DeliveryResult::Delivered, None));
                Ok(Delivery {
                    files: 1,
                    bytes: match &self.order {
                        PartOrder::InOrder(order) => lock(order).length,
                        PartOrder::Any(_) => 0,
                    },
                    ..Delivery::default()
                })
            }
        }
    }

    /// Has `ledger` remember what is here of `run`, before this side connects again.
    pub(crate) fn remember(&self, run: RunId, ledger: &RunLedger) {
        if let SinkTarget::Folder(staging) = &self.target {
            staging.remember(run, ledger);
        }
    }

    /// Keeps the data of an interrupted transfer. Removes its folder if nothing can be resumed from it. Returns
    /// whether anything is kept.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn keep(self) -> Result<bool, Error> {
        match self.target {
            SinkTarget::Folder(staging) => Ok(staging.keep_what_is_recorded()?),
            SinkTarget::Output(..) => Ok(false),
        }
    }

    /// Removes the received data. An output keeps what was written to it.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn discard(self) -> Result<(), Error> {
        match self.target {
            SinkTarget::Folder(staging) => Ok(staging.discard_if_new()?),
            SinkTarget::Output(..) => Ok(()),
        }
    }
}

/// Writes parts, for one thread.
pub(crate) struct SinkWriter<'a> {
    sink: &'a Sink,
    target: TargetWriter<'a>,
}

enum TargetWriter<'a> {
    Folder(StagingWriter<'a>),
    Output(&'a OutputFile),
}

impl SinkWriter<'_> {
    /// Writes a part that was verified.
    ///
    /// # Errors
    /// [`Error::NotVerified`] for a part of the wrong length or out of order, [`Error::DeclinedHere`] beyond a
    /// limit, [`Error::Disk`], [`Error::Output`].
    pub(crate) fn write(&mut self, part: PartIndex, raw: &[u8]) -> Result<(), Error> {
        match &self.sink.order {
            PartOrder::InOrder(order) => lock(order).take(part, raw.len())?,
            PartOrder::Any(_) => {
                let fits = self.sink.layout().length(part) == raw.len();
                ensure_due(fits, "a part of another length")?;
            }
        }
        let checksum = match &mut self.target {
            TargetWriter::Folder(writer) => writer.write_part(part, raw)?,
            TargetWriter::Output(file) => Some(file.write_part(raw)?),
        };
        // Parts that were here already are compared elsewhere.
        let Some(checksum) = checksum else {
            return Ok(());
        };
        match &self.sink.order {
            PartOrder::InOrder(order) => lock(order).wrote(part, checksum),
            PartOrder::Any(unchecked) => lock(unchecked).wrote(part, checksum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FailureReason, FileSize, ManifestBuilder, Mode, Mtime, limits};
    use crate::session::receive::output::Output;

    const SIZE: u32 = limits::PART_BYTES_MIN;
    const FULL: usize = SIZE as usize;

    /// Collects what was written, for the tests to read.
    #[derive(Clone, Default)]
    struct Shown(std::sync::Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn one_file() -> Manifest {
        let mut builder = ManifestBuilder::new();
        let (size, mtime, mode) = (FileSize::Unknown, Mtime::default(), Mode::from_bits(0o644));
        builder.push_file(b"file", size, mtime, mode).unwrap();
        builder.finish().unwrap()
    }

    fn output(layout: PartLayout) -> (Sink, Shown) {
        let shown = Shown::default();
        let output = Output::new("a test", shown.clone());
        (Sink::output(output.open().unwrap(), layout, None), shown)
    }

    fn write(sink: &Sink, index: u64, raw: &[u8]) -> Result<(), Error> {
        let part = sink.layout().part(index).unwrap();
        sink.writer().write(part, raw)
    }

    #[test]
    fn an_output_gets_the_last_part_with_the_end_and_never_before() {
        let layout = PartLayout::known(u64::from(SIZE) + 1, SIZE).unwrap();
        let (sink, shown) = output(layout);
        let parts = |start, length| vec![PartRange { start, length }];
        assert_eq!(sink.missing(), parts(0, 2));
        write(&sink, 0, &[1; FULL]).unwrap();
        assert_eq!(sink.missing(), parts(1, 1));
        assert!(lock(&shown.0).is_empty());
        write(&sink, 1, &[2]).unwrap();
        assert_eq!((sink.missing(), lock(&shown.0).len()), (Vec::new(), FULL));
        assert!(sink.end_round([], None).is_ok());
        let manifest = one_file();
        let delivery = sink.deliver(&[], &manifest, &mut |_, _, _| {}).unwrap();
        assert_eq!((delivery.files, delivery.bytes), (1, u64::from(SIZE) + 1));
        assert_eq!(lock(&shown.0).len(), FULL + 1);
    }

    #[test]
    fn what_an_output_has_taken_cannot_be_taken_back() {
        let (sink, _) = output(PartLayout::open(SIZE).unwrap());
        write(&sink, 0, &[1; 7]).unwrap();
        let wrong = PartCheck { index: 0, crc32: 0 };
        assert!(sink.note_checks([wrong]).is_err());
        assert!(write(&sink, 0, &[1; 7]).is_err(), "it came before");
        let failed = EntryFailure {
            entry: one_file().index(0).unwrap(),
            reason: FailureReason::SourceChanged,
        };
        assert!(sink.note_failed(failed).is_err());
    }
}
