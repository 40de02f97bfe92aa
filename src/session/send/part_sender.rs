//! The work of each stream's thread: reading, sealing and sending one part after the other.

use crate::crypto::{Compression, Position, Sealed, Sealer, SealingKeys};
use crate::disk::{Source, SourceReader};
use crate::model::{
    EntryFailure, EntryIndex, FailureReason, LayoutError, PartIndex, PartLayout, limits,
};
use crate::protocol::{Bounded, Message, PartCheck, PartChecks, PartId, PeerFailure};
use crate::session::connection::channel::MessageWriter;
use crate::session::error::Error;
use crate::session::send::feed::Feed;
use crate::session::send::part_queue::{JoinOrder, PartQueue};
use crate::session::stats::ProgressReporter;
use crate::session::sync::lock;
use crate::session::tuning::compression::{CompressionTuner, SentPart};
use crate::session::tuning::rate_limit::RateLimit;
use crate::session::tuning::stream_pool::StreamPool;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Bytes that are read at once from a part that is not compressed. They are checksummed and sealed while they are
/// in the processor's cache.
const SLICE_BYTES: usize = 64 * 1024;

/// The parts of an accepted transfer, and the state of those that were sent. Shared by all threads.
pub(crate) struct OutgoingParts<'a> {
    pub(crate) source: &'a Source,
    pub(crate) layout: PartLayout,
    /// Bytes that the receiver has or claims.
    pub(crate) present_bytes: u64,
    pub(crate) transfer: u32,
    pub(crate) compression: CompressionTuner,
    pub(crate) rate_limit: Option<&'a RateLimit>,
    pub(crate) progress: ProgressReporter<'a>,
    pub(crate) queue: PartQueue,
    /// Bytes that came from a feed.
    pub(crate) fed: AtomicU64,
    /// Checks of parts that were sent, not yet sent to the receiver themselves.
    pub(crate) checks: Mutex<Vec<PartCheck>>,
    /// The checks of parts that dead streams handed back in this round.
    pub(crate) handed_back: Mutex<HashMap<PartIndex, u32>>,
    /// The entries that failed, each with its first reason.
    pub(crate) failures: Mutex<BTreeMap<EntryIndex, FailureReason>>,
}

impl OutgoingParts<'_> {
    /// The largest part, in bytes.
    pub(crate) fn part_bytes(&self) -> usize {
        self.layout.part_size() as usize
    }

    /// Keeps the failures for the end of the round.
    pub(crate) fn note_failures(&self, failures: &[EntryFailure]) {
        let mut noted = lock(&self.failures);
        for failure in failures {
            noted.entry(failure.entry).or_insert(failure.reason);
        }
    }

    /// Takes a sealed part back from a dead stream. It may even have arrived.
    fn hand_back(&self, part: PartIndex, crc32: u32) {
        lock(&self.handed_back).insert(part, crc32);
    }

    /// Keeps the check of a sealed part until it is sent. False when it was sealed before in this round
    /// with other contents: no position is sealed twice with different contents, so the part waits for the next
    /// round.
    fn note_check(&self, part: PartIndex, crc32: u32) -> bool {
        if let Some(&before) = lock(&self.handed_back).get(&part) {
            return before == crc32;
        }
        let index = part.get();
        lock(&self.checks).push(PartCheck { index, crc32 });
        true
    }

    /// All failures so far.
    pub(crate) fn failure_list(&self) -> Vec<EntryFailure> {
        let noted = lock(&self.failures);
        let list = noted
            .iter()
            .map(|(&entry, &reason)| EntryFailure { entry, reason });
        list.collect()
    }

    /// Sends checks once they fill a message, so that many parts cost neither side memory. Only for the first stream.
    fn send_full_checks(&self, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
        let mut checks = lock(&self.checks);
        if checks.len() < limits::CHECKS {
            return Ok(());
        }
        let full = PartChecks::take_from(&mut checks.drain(..limits::CHECKS).peekable());
        drop(checks);
        lock(writer).send(&Message::Checks(full))
    }
}

/// Queues failures, in as many messages as they need.
///
/// # Errors
/// [`Error`] when a message cannot be sealed.
pub(crate) fn queue_failures(
    writer: &mut MessageWriter,
    failures: &[EntryFailure],
) -> Result<(), Error> {
    let mut failed = failures.iter().copied().map(PeerFailure::from).peekable();
    while failed.peek().is_some() {
        writer.queue(&Message::SourceFailed(Bounded::take_from(&mut failed)))?;
    }
    Ok(())
}

/// Where the contents of a part are before they are sealed.
enum Contents {
    /// In the source's files.
    OnDisk,
    /// In the thread's buffer.
    InMemory,
}

/// Sends parts on one stream, with the buffers for it.
pub(crate) struct PartSender<'a> {
    parts: &'a OutgoingParts<'a>,
    pool: &'a StreamPool,
    reader: SourceReader<'a>,
    sealer: Sealer,
    raw: Vec<u8>,
}

impl<'a> PartSender<'a> {
    /// A sender whose buffers are empty.
    pub(crate) fn new(parts: &'a OutgoingParts<'a>, pool: &'a StreamPool) -> Self {
        PartSender {
            parts,
            pool,
            reader: SourceReader::new(parts.source),
            sealer: Sealer::new(),
            raw: Vec::new(),
        }
    }

    /// Sends on the first stream until no part is left in this round.
    ///
    /// # Errors
    /// [`Error`]: the connection is gone, or a part cannot be sealed.
    pub(crate) fn send_parts(&mut self, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
        while let Some(part) = self.parts.queue.take() {
            self.send_part(part, Contents::OnDisk, writer)?;
            self.parts.send_full_checks(writer)?;
        }
        Ok(())
    }

    /// Sends on the joined stream of this `order` until no part is left in this round.
    ///
    /// # Errors
    /// The part that was not sent, because the stream is dead.
    pub(crate) fn send_parts_joined(
        &mut self,
        order: JoinOrder,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), PartIndex> {
        while let Some(part) = self.next_part(order) {
            self.send_part(part, Contents::OnDisk, writer)
                .map_err(|_| part)?;
        }
        Ok(())
    }

    /// The next part. A stream that rests until there is one for it holds no memory meanwhile.
    fn next_part(&mut self, order: JoinOrder) -> Option<PartIndex> {
        self.parts.queue.take_at(order, || {
            self.sealer = Sealer::new();
            self.raw = Vec::new();
        })
    }

    /// Sends the contents of `feed` to their end. Returns early, without an error, when the transfer is finished.
    ///
    /// # Errors
    /// [`Error`]: what the feed or the connection ended with.
    pub(crate) fn send_fed(
        &mut self,
        feed: &Feed,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), Error> {
        let parts = self.parts;
        while feed.next(&mut self.raw)? {
            let Some(part) = parts.queue.take() else {
                return match parts.queue.is_finished() {
                    true => Ok(()),
                    false => Err(LayoutError::TooLarge.into()),
                };
            };
            let bytes = self.raw.len() as u64;
            parts.fed.fetch_add(bytes, Ordering::Relaxed);
            self.send_part(part, Contents::InMemory, writer)?;
            parts.send_full_checks(writer)?;
        }
        parts.queue.exhaust();
        Ok(())
    }

    /// Reads, seals and sends a part.
    fn send_part(
        &mut self,
        part: PartIndex,
        contents: Contents,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), Error> {
        let (parts, pool) = (self.parts, self.pool);
        let began = Instant::now();
        let (round, index) = (parts.queue.round(), part.get());
        let position = Position::Part {
            transfer: parts.transfer,
            round,
            index,
        };
        let keys = lock(writer).keys().clone();
        let mut failures = Vec::new();
        let streams = pool.soon(parts.queue.streams());
        let compression = parts
            .compression
            .compression_within(streams, parts.part_bytes());
        let (sealed, crc32) = self.seal(
            part,
            contents,
            compression,
            (&keys, position),
            &mut failures,
        )?;
        let bytes = sealed.envelope.raw_length() as usize;
        let sent = SentPart {
            compression,
            raw: bytes,
            sealed: sealed.archive.len(),
        };
        parts.note_failures(&failures);
        if !parts.note_check(part, crc32) {
            return Ok(());
        }
        let busy = began.elapsed();
        if let Some(limit) = parts.rate_limit {
            limit.wait(sealed.archive.len(), || parts.queue.is_finished());
        }
        let held_back = began.elapsed() - busy;
        let mut writer = lock(writer);
        // Failures go first: the filler for a failed file must never count as its contents, even if this is the
        // last part that arrives.
        queue_failures(&mut writer, &failures)
            .and_then(|()| writer.send_part(PartId { round, index }, &sealed))
            .inspect_err(|_| parts.hand_back(part, crc32))?;
        drop(writer);
        let blocked = began.elapsed() - busy;
        let streams = parts.queue.streams();
        parts.compression.note(&sent, busy, blocked, streams);
        // Waiting for the rate limit does not count: more streams would not help.
        pool.note(busy, blocked - held_back);
        parts
            .progress
            .at(parts.source.manifest(), &parts.layout, part);
        parts.progress.moved(bytes as u64, parts.layout.total());
        Ok(())
    }

    /// Seals a part. Returns its checksum, too.
    fn seal(
        &mut self,
        part: PartIndex,
        contents: Contents,
        compression: Compression,
        (keys, position): (&SealingKeys, Position),
        failures: &mut Vec<EntryFailure>,
    ) -> Result<(Sealed<'_>, u32), Error> {
        match (contents, compression) {
            (Contents::OnDisk, Compression::Stored) => {
                return self.seal_while_reading(part, keys, position, failures);
            }
            (Contents::OnDisk, Compression::Zstd(_)) => {
                let (reader, raw) = (&mut self.reader, &mut self.raw);
                reader.read_part(&self.parts.layout, part, raw, failures);
            }
            (Contents::InMemory, _) => {}
        }
        let sealed = self.sealer.seal(keys, position, &self.raw, compression)?;
        Ok((sealed, crc32fast::hash(&self.raw)))
    }

    /// Seals a part that is not compressed, without a second copy of it in memory.
    fn seal_while_reading(
        &mut self,
        part: PartIndex,
        keys: &SealingKeys,
        position: Position,
        failures: &mut Vec<EntryFailure>,
    ) -> Result<(Sealed<'_>, u32), Error> {
        let layout = &self.parts.layout;
        let length = layout.length(part);
        let mut sealing = self.sealer.begin_stored(keys, position, length)?;
        let mut checksum = crc32fast::Hasher::new();
        let mut sealed = Ok(());
        if self.raw.len() < SLICE_BYTES {
            self.raw.resize(SLICE_BYTES, 0);
        }
        let slice = &mut self.raw[..SLICE_BYTES];
        let reader = &mut self.reader;
        reader.read_slices(layout, part, slice, failures, |slice| {
            checksum.update(slice);
            if sealed.is_ok() {
                sealed = sealing.add(slice);
            }
        });
        sealed?;
        Ok((sealing.finish()?, checksum.finalize()))
    }
}
