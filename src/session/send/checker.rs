//! Digests of what the receiver claims to have, so that it finds out what of it is the same.

use crate::crypto::{DigestKey, PieceDigest, PieceHasher};
use crate::disk::SourceReader;
use crate::model::{EntryFailure, EntryIndex, FailureReason, PartSet, Segment, limits};
use crate::protocol::{Digests, Message, piece_position};
use crate::session::connection::channel::MessageWriter;
use crate::session::error::Error;
use crate::session::send::part_sender::{OutgoingParts, queue_failures};
use crate::session::sync::lock;
use std::collections::HashSet;
use std::sync::Mutex;

/// Contents read at once, in bytes: they are digested while they are in the processor's cache.
const SLICE_BYTES: u64 = 128 * 1024;

/// Digests are sent once they cover this many bytes of contents: the receiver has something to do soon, and
/// few messages cost little.
const SEND_FROM_BYTES: u64 = 32 * 1024 * 1024;

/// Digests and sends the pieces of claimed parts, for one thread.
pub(crate) struct ClaimDigester<'a> {
    parts: &'a OutgoingParts<'a>,
    key: DigestKey,
    reader: SourceReader<'a>,
    slice: Vec<u8>,
    digests: Vec<PieceDigest>,
    /// Bytes of contents that `digests` cover.
    bytes: u64,
    failures: Vec<EntryFailure>,
    /// Files whose failure was said.
    failed: HashSet<EntryIndex>,
}

impl<'a> ClaimDigester<'a> {
    /// A digester that has read nothing.
    pub(crate) fn new(parts: &'a OutgoingParts<'a>, key: DigestKey) -> Self {
        ClaimDigester {
            parts,
            key,
            reader: SourceReader::new(parts.source),
            slice: Vec::new(),
            digests: Vec::new(),
            bytes: 0,
            failures: Vec::new(),
            failed: HashSet::new(),
        }
    }

    /// Sends the digests of all pieces of `claims`, in the order of the stream; less when the transfer is
    /// finished before.
    ///
    /// # Errors
    /// [`Error`]: the connection is gone.
    pub(crate) fn send(
        mut self,
        claims: &PartSet,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), Error> {
        let layout = &self.parts.layout;
        for range in claims.ranges() {
            for number in range.start..range.start + range.length {
                if self.parts.queue.is_finished() {
                    return Ok(());
                }
                let part = layout.part(number)?;
                for segment in layout.segments(self.parts.source.manifest(), part) {
                    let digest = self.digest(&segment);
                    self.digests.push(digest);
                    self.bytes += segment.length as u64;
                    if self.bytes >= SEND_FROM_BYTES || self.digests.len() == limits::DIGESTS {
                        self.flush(writer)?;
                    }
                }
                let bytes = layout.length(part) as u64;
                self.parts.progress.moved(bytes, layout.total());
            }
        }
        self.flush(writer)
    }

    fn digest(&mut self, segment: &Segment) -> PieceDigest {
        match self.read(segment) {
            Ok(hasher) => {
                let position = piece_position(self.parts.transfer, segment);
                self.key.digest(position, hasher)
            }
            Err(reason) => {
                let entry = segment.entry;
                if self.failed.insert(entry) {
                    self.failures.push(EntryFailure { entry, reason });
                }
                PieceDigest::UNREADABLE
            }
        }
    }

    fn read(&mut self, segment: &Segment) -> Result<PieceHasher, FailureReason> {
        let mut hasher = PieceHasher::default();
        let end = segment.file_offset + segment.length as u64;
        let mut offset = segment.file_offset;
        while offset < end {
            let next = end.min(offset + SLICE_BYTES);
            self.reader
                .read_range(segment.entry, offset..next, &mut self.slice)?;
            hasher.update(&self.slice);
            offset = next;
        }
        Ok(hasher)
    }

    /// Sends the digests so far, behind the failures of files that have none.
    fn flush(&mut self, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
        if self.digests.is_empty() {
            return Ok(());
        }
        self.parts.note_failures(&self.failures);
        let mut writer = lock(writer);
        queue_failures(&mut writer, &self.failures)?;
        self.failures.clear();
        let digests = Digests::take_from(&mut self.digests.drain(..));
        self.bytes = 0;
        writer.send(&Message::Digests(digests))
    }
}
