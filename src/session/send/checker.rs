//! Digests of the parts that the receiver claims to have, so that it can find out which of them are the same.

use crate::crypto::{DigestKey, PieceDigest};
use crate::disk::SourceReader;
use crate::model::{EntryFailure, EntryIndex, PartIndex, PartSet, limits};
use crate::protocol::{Digests, Message, piece_digest};
use crate::session::connection::channel::MessageWriter;
use crate::session::error::Error;
use crate::session::send::part_sender::{OutgoingParts, queue_failures};
use crate::session::sync::{Monitor, lock};
use crate::session::threads::{on_threads, threads_within};
use std::collections::HashSet;
use std::sync::Mutex;

/// The most threads that digest, each with one part in memory. Two already digest faster than most disks read.
const THREADS: usize = 4;

/// The first digests are sent once they cover this many bytes of contents, so that the receiver has something
/// to do soon.
const SEND_FIRST: u64 = 8 * 1024 * 1024;

/// Each later message covers twice as much as the one before, up to this many bytes: fewer messages cost less.
const SEND_FROM: u64 = 64 * 1024 * 1024;

/// Digests and sends the pieces of claimed parts. Only one thread reads at a time, in the order of the stream, so
/// that disks read sequentially. Meanwhile the others digest what they have read.
pub(crate) struct ClaimDigester<'a> {
    parts: &'a OutgoingParts<'a>,
    key: DigestKey,
    outbox: Monitor<Outbox>,
}

/// The claimed parts that are still to be read, each with its position among all of them.
type ClaimReading<'a, I> = Mutex<(SourceReader<'a>, I)>;

/// Digests that were not sent yet, in the order of the stream.
struct Outbox {
    digests: Vec<PieceDigest>,
    /// Bytes of contents that `digests` cover.
    bytes: u64,
    failures: Vec<EntryFailure>,
    /// Files whose failure was reported.
    failed: HashSet<EntryIndex>,
    /// Bytes that the next message must cover.
    send_from: u64,
    /// The position of the part whose digests come next.
    next: u64,
    /// Why nothing more is sent.
    failure: Option<Error>,
}

impl<'a> ClaimDigester<'a> {
    /// A digester that has read nothing.
    pub(crate) fn new(parts: &'a OutgoingParts<'a>, key: DigestKey) -> Self {
        ClaimDigester {
            parts,
            key,
            outbox: Monitor::new(Outbox {
                digests: Vec::new(),
                bytes: 0,
                failures: Vec::new(),
                failed: HashSet::new(),
                send_from: SEND_FIRST,
                next: 0,
                failure: None,
            }),
        }
    }

    /// Sends the digests of all pieces of `claims`, in the order of the stream. Stops early if the transfer
    /// finishes.
    ///
    /// # Errors
    /// [`Error`]: the connection is gone.
    pub(crate) fn send(self, claims: &PartSet, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
        let claimed = claims.parts(self.parts.layout).zip(0..);
        let reading = Mutex::new((SourceReader::new(self.parts.source), claimed));
        on_threads(threads_within(THREADS), || {
            if let Err(error) = self.digest_all(&reading, writer) {
                self.outbox.change(|outbox| {
                    outbox.failure.get_or_insert(error);
                });
            }
        });
        let mut outbox = self.outbox.lock();
        match outbox.failure.take() {
            Some(error) => Err(error),
            None if self.parts.queue.is_finished() => Ok(()),
            None => self.flush(&mut outbox, writer),
        }
    }

    /// Reads and digests one part after the other, until none is left or nothing more is sent.
    fn digest_all(
        &self,
        reading: &ClaimReading<'_, impl Iterator<Item = (PartIndex, u64)>>,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), Error> {
        let layout = &self.parts.layout;
        let (mut contents, mut failures) = (Vec::new(), Vec::new());
        while let Some((part, number)) = self.read_next(reading, &mut contents, &mut failures) {
            let digests = self.digest(part, &contents, &failures);
            let mut outbox = self
                .outbox
                .wait_while(|outbox| outbox.failure.is_none() && outbox.next != number);
            if outbox.failure.is_some() {
                return Ok(());
            }
            outbox.note_failures(&failures);
            let bytes = layout.length(part) as u64;
            outbox.bytes += bytes;
            for digest in digests {
                outbox.digests.push(digest);
                if outbox.digests.len() == limits::DIGESTS {
                    self.flush(&mut outbox, writer)?;
                }
            }
            if outbox.bytes >= outbox.send_from {
                self.flush(&mut outbox, writer)?;
            }
            outbox.next += 1;
            drop(outbox);
            self.outbox.notify();
            self.parts.progress.moved(bytes, layout.total());
        }
        Ok(())
    }

    /// Reads the next part; `None` when there is none, or the transfer is finished.
    fn read_next(
        &self,
        reading: &ClaimReading<'_, impl Iterator<Item = (PartIndex, u64)>>,
        contents: &mut Vec<u8>,
        failures: &mut Vec<EntryFailure>,
    ) -> Option<(PartIndex, u64)> {
        failures.clear();
        let (reader, claimed) = &mut *lock(reading);
        if self.parts.queue.is_finished() {
            return None;
        }
        let next = claimed.next()?;
        reader.read_part(&self.parts.layout, next.0, contents, failures);
        Some(next)
    }

    /// The digests of a part's pieces, with a placeholder for each piece that could not be read.
    fn digest(
        &self,
        part: PartIndex,
        contents: &[u8],
        failures: &[EntryFailure],
    ) -> Vec<PieceDigest> {
        let layout = &self.parts.layout;
        let segments = layout.segments(self.parts.source.manifest(), part);
        let digests = segments.map(|segment| {
            let mut failed = failures.iter().map(|failure| failure.entry);
            if failed.any(|entry| entry == segment.entry) {
                return PieceDigest::UNREADABLE;
            }
            let piece = segment.part_offset..segment.part_offset + segment.length;
            piece_digest(&self.key, self.parts.transfer, &segment, &contents[piece])
        });
        digests.collect()
    }

    /// Sends the failures of files that could not be read, then the digests so far.
    fn flush(&self, outbox: &mut Outbox, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
        if outbox.digests.is_empty() {
            return Ok(());
        }
        self.parts.note_failures(&outbox.failures);
        let mut writer = lock(writer);
        queue_failures(&mut writer, &outbox.failures)?;
        outbox.failures.clear();
        outbox.bytes = 0;
        outbox.send_from = (2 * outbox.send_from).min(SEND_FROM);
        let digests = Digests::take_from(&mut outbox.digests.drain(..));
        writer.send(&Message::Digests(digests))
    }
}

impl Outbox {
    /// Keeps failures that were not reported before.
    fn note_failures(&mut self, failures: &[EntryFailure]) {
        for failure in failures {
            if self.failed.insert(failure.entry) {
                self.failures.push(*failure);
            }
        }
    }
}
