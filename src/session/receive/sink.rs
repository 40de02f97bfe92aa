//! Where the parts of a transfer go, into a folder or to an output, and in which order they must come.

use crate::disk::{Delivery, DeliveryCallback, DeliveryResult, RunLedger, Staging, StagingWriter};
use crate::model::{EntryFailure, Manifest, PartIndex, PartLayout, PartRange, PartSet, RunId};
use crate::protocol::PartCheck;
use crate::session::connection::channel::ensure_due;
use crate::session::error::Error;
use crate::session::receive::in_order::InOrder;
use crate::session::receive::output::OutputFile;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// Takes the parts of a transfer, verifies their checks, and delivers what they make up.
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
    /// Any order and several times, until all are there. Checks wait for the parts of all streams.
    Any {
        checksums: Mutex<HashMap<PartIndex, u32>>,
        checks: Mutex<Vec<PartCheck>>,
    },
    /// One after the other, each once: those of a stream whose length is not known beforehand, and those of
    /// an output.
    InOrder(Mutex<InOrder>),
}

impl Sink {
    /// Parts of known length go into a folder in any order, others in order and up to `max_bytes`.
    pub(crate) fn folder(staging: Staging, max_bytes: Option<u64>) -> Self {
        let layout = staging.layout();
        Sink {
            order: match layout.total() {
                Some(_) => PartOrder::Any {
                    checksums: Mutex::default(),
                    checks: Mutex::default(),
                },
                None => PartOrder::InOrder(Mutex::new(InOrder::new(layout, max_bytes))),
            },
            target: SinkTarget::Folder(Box::new(staging)),
        }
    }

    /// Parts go to an output in order, those of unknown length up to `max_bytes`.
    pub(crate) fn output(file: OutputFile, layout: PartLayout, max_bytes: Option<u64>) -> Self {
        let max_bytes = max_bytes.filter(|_| layout.total().is_none());
        Sink {
            order: PartOrder::InOrder(Mutex::new(InOrder::new(layout, max_bytes))),
            target: SinkTarget::Output(file, layout),
        }
    }

    /// Whether each part must come in order and once, so that a transfer that breaks off cannot be resumed.
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

    /// Whether no part needs to be sent, also where the length is not known.
    pub(crate) fn is_complete(&self) -> bool {
        self.staging().is_some_and(Staging::is_complete)
    }

    /// The runs of parts that are not there, ascending, as many as one message takes. Only of a stream
    /// whose length is known.
    pub(crate) fn missing(&self) -> Vec<PartRange> {
        match (&self.target, &self.order) {
            (SinkTarget::Folder(staging), _) => staging.missing(u64::MAX),
            (SinkTarget::Output(..), PartOrder::InOrder(order)) => lock(order).missing(),
            (SinkTarget::Output(..), PartOrder::Any { .. }) => Vec::new(),
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
    /// [`Error::NotVerified`] when there are more checks than parts, or a part that cannot be taken
    /// back differs.
    pub(crate) fn note_checks(
        &self,
        checks: impl IntoIterator<Item = PartCheck>,
    ) -> Result<(), Error> {
        match &self.order {
            // Their parts came before them, on the same stream.
            PartOrder::InOrder(order) => lock(order).compare(checks),
            PartOrder::Any { checks: noted, .. } => {
                let mut noted = lock(noted);
                let has_room = noted.len() as u64 <= self.layout().count();
                ensure_due(has_room, "more checks than parts")?;
                noted.extend(checks);
                Ok(())
            }
        }
    }

    /// Every part of a round has come: takes back what the sender read differently (something went wrong in
    /// a machine, not on the line), and fixes the length of a stream of unknown length.
    ///
    /// # Errors
    /// [`Error::NotVerified`] for a part that cannot be taken back, or another length than that of
    /// the parts; [`Error::Disk`].
    pub(crate) fn end_round(
        &self,
        checks: impl IntoIterator<Item = PartCheck>,
        total: Option<u64>,
    ) -> Result<(), Error> {
        self.note_checks(checks)?;
        match &self.order {
            PartOrder::InOrder(order) => lock(order).close(total)?,
            PartOrder::Any { checksums, checks } => {
                self.forget_different(checksums, std::mem::take(&mut lock(checks)))?;
                ensure_due(total.is_none(), "a length that was known")?;
            }
        }
        match (&self.target, total) {
            (SinkTarget::Folder(staging), Some(total)) => Ok(staging.close_stream(total)?),
            _ => Ok(()),
        }
    }

    fn forget_different(
        &self,
        checksums: &Mutex<HashMap<PartIndex, u32>>,
        checks: Vec<PartCheck>,
    ) -> Result<(), Error> {
        let layout = self.layout();
        let mut checksums = lock(checksums);
        for check in checks {
            let part = layout.part(check.index)?;
            let own = checksums.remove(&part);
            if let (Some(staging), true) =
                (self.staging(), own.is_some_and(|own| own != check.crc32))
            {
                staging.forget_part(part)?;
            }
        }
        Ok(())
    }

    /// The source of a file failed: what comes from here on in its place is not its contents.
    ///
    /// # Errors
    /// [`Error::SourceFailed`] where that was the only file.
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

    /// Delivers what arrived, less what failed.
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
                        PartOrder::Any { .. } => 0,
                    },
                    ..Delivery::default()
                })
            }
        }
    }

    /// Has `ledger` remember what is here of `run`, before a lost connection is tried again.
    pub(crate) fn remember(&self, run: RunId, ledger: &RunLedger) {
        if let SinkTarget::Folder(staging) = &self.target {
            staging.remember(run, ledger);
        }
    }

    /// The transfer has broken off, and may go on later: what nothing can go on from goes away. Whether anything
    /// is kept.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn keep(self) -> Result<bool, Error> {
        match self.target {
            SinkTarget::Folder(staging) => Ok(staging.keep_what_is_recorded()?),
            SinkTarget::Output(..) => Ok(false),
        }
    }

    /// What arrived is of no use: it goes away. An output keeps what it has.
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
    /// [`Error::NotVerified`] for a part of another length or out of order,
    /// [`Error::DeclinedHere`] for one too many, [`Error::Disk`], [`Error::Output`].
    pub(crate) fn write(&mut self, part: PartIndex, raw: &[u8]) -> Result<(), Error> {
        match &self.sink.order {
            PartOrder::InOrder(order) => lock(order).take(part, raw.len())?,
            PartOrder::Any { .. } => {
                let fits = self.sink.layout().length(part) == raw.len();
                ensure_due(fits, "a part of another length")?;
            }
        }
        let checksum = match &mut self.target {
            TargetWriter::Folder(writer) => writer.write_part(part, raw)?,
            TargetWriter::Output(file) => Some(file.write_part(raw)?),
        };
        // Bytes that were here already are compared on their own.
        let Some(checksum) = checksum else {
            return Ok(());
        };
        match &self.sink.order {
            PartOrder::InOrder(order) => lock(order).wrote(part, checksum)?,
            PartOrder::Any { checksums, .. } => {
                lock(checksums).insert(part, checksum);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FailureReason, FileSize, ManifestBuilder, Mode, Mtime, limits};
    use crate::session::receive::output::Output;

    const SIZE: u32 = limits::PART_BYTES_MIN;
    const FULL: usize = SIZE as usize;

    /// What a writer was given, to be looked at.
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
