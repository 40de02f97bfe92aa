//! The rounds of a transfer on the sender's side: every stream a thread, all on one list of parts.

use crate::crypto::{Compression, Position, Sealed, Sealer, SealingKeys};
use crate::disk::{Source, SourceReader};
use crate::model::{
    EntryFailure, EntryIndex, FailureReason, LayoutError, PartIndex, PartLayout, PartSet, limits,
};
use crate::protocol::{Done, Message, PartCheck, PartChecks, PartId};
use crate::session::connection::channel::{MessageWriter, unexpected};
use crate::session::connection::clock::Liveness;
use crate::session::connection::heartbeat::SharedWriter;
use crate::session::connection::join::{JoinedStream, SessionContext};
use crate::session::connection::session::Session;
use crate::session::error::SessionError;
use crate::session::send::feed::Feed;
use crate::session::send::part_queue::{JoinOrder, PartQueue};
use crate::session::send::round_end::{queue_failures, queue_round_end};
use crate::session::stats::ProgressReporter;
use crate::session::sync::lock;
use crate::session::tuning::compression::{CompressionTuner, SentPart};
use crate::session::tuning::rate_limit::RateLimit;
use crate::session::tuning::stream_count::Work;
use crate::session::tuning::stream_pool::{Change, StreamLimit, StreamPool};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// One transfer that was accepted, shared by the threads of its streams.
pub(crate) struct SendRounds<'a> {
    source: &'a Source,
    layout: PartLayout,
    transfer: u32,
    /// Bytes that the receiver has or claims.
    there: u64,
    effort: CompressionTuner,
    rate_limit: Option<&'a RateLimit>,
    teller: ProgressReporter<'a>,
    wanted: PartQueue,
    /// Where the parts come from that are read once and in order.
    feed: Option<Feed>,
    /// How many bytes came from there.
    fed: AtomicU64,
    went_early: AtomicBool,
    checks: Mutex<Vec<PartCheck>>,
    failures: Mutex<BTreeMap<EntryIndex, FailureReason>>,
    error: Mutex<Option<SessionError>>,
}

impl<'a> SendRounds<'a> {
    /// Everything of `layout` but what the receiver has is to be sent.
    pub(crate) fn new(
        source: &'a Source,
        layout: PartLayout,
        have: &PartSet,
        transfer: u32,
        effort: CompressionTuner,
        rate_limit: Option<&'a RateLimit>,
        teller: ProgressReporter<'a>,
    ) -> Self {
        SendRounds {
            source,
            layout,
            transfer,
            there: layout.bytes_of(have.ranges()),
            effort,
            rate_limit,
            teller,
            wanted: PartQueue::new(layout, have),
            feed: None,
            fed: AtomicU64::new(0),
            went_early: AtomicBool::new(false),
            checks: Mutex::default(),
            failures: Mutex::default(),
            error: Mutex::default(),
        }
    }

    /// The parts come from `feed` where there is one, in one round and over the first stream.
    pub(crate) fn fed_by(mut self, feed: Option<Feed>) -> Self {
        self.feed = feed;
        self
    }

    /// Round 0 went along with the offer, with these failures.
    pub(crate) fn went_early(&self, failures: &[EntryFailure]) {
        while self.wanted.take().is_some() {}
        self.wanted.close_round();
        self.went_early.store(true, Ordering::Relaxed);
        self.note_failures(failures);
        let total = self.layout.total();
        self.teller.moved(total.unwrap_or(0), total);
    }

    /// Sends, round by round, until the receiver has delivered.
    ///
    /// # Errors
    /// [`SessionError`]: what ended the session.
    pub(crate) fn run(
        &self,
        session: &mut Session,
        width: StreamLimit,
    ) -> Result<Done, SessionError> {
        let pool = StreamPool::open(session, width);
        let writer = session.writer.clone();
        let shared = session.shared.clone();
        let result = std::thread::scope(|scope| {
            let usher = || {
                while let Some(change) = pool.next(|| self.work()) {
                    let stream = match change {
                        Change::Joined(stream) => stream,
                        Change::Streams(count) => {
                            self.wanted.set_streams(count.into());
                            continue;
                        }
                    };
                    let worker = || self.joined_stream(stream, &shared, &pool);
                    // Without a thread there is one stream less, and nothing is lost.
                    let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
                }
            };
            if width != StreamLimit::Fixed(1) {
                // Without this thread the first stream sends it all.
                let _ = std::thread::Builder::new().spawn_scoped(scope, usher);
            }
            let first_stream = || {
                let round = || self.first_stream(&writer, &shared.liveness, &pool);
                let thread = std::thread::Builder::new().spawn_scoped(scope, round);
                thread.map_err(|source| SessionError::System { source })
            };
            let result = self.rounds(session, first_stream);
            // What ended the first stream's thread on this side, and was to be noticed here, goes first:
            // the peer can be told of it.
            let result = result.map_err(|error| lock(&self.error).take().unwrap_or(error));
            self.wanted.finish();
            if let Some(feed) = &self.feed {
                feed.close();
            }
            pool.close();
            if let Err(error) = &result
                && !error.is_worth_an_abort()
            {
                session.shutdown();
            }
            result
        });
        self.teller.moved(0, self.layout.total());
        result.map_err(|error| lock(&self.error).take().unwrap_or(error))
    }

    fn work(&self) -> Work {
        Work {
            left: self.wanted.left(),
            room: self.effort.streams_within(self.part_bytes()),
        }
    }

    fn part_bytes(&self) -> usize {
        self.layout.part_size() as usize
    }

    /// Round after round until the receiver's verdict is that all is there.
    fn rounds<T>(
        &self,
        session: &mut Session,
        first_stream: impl Fn() -> Result<T, SessionError>,
    ) -> Result<Done, SessionError> {
        if !self.went_early.load(Ordering::Relaxed) {
            first_stream()?;
        }
        loop {
            match self.hear(session)? {
                RoundAnswer::NextRound => first_stream()?,
                RoundAnswer::Done(done) => return Ok(done),
            };
        }
    }

    /// What the receiver says to the round that was sent.
    fn hear(&self, session: &mut Session) -> Result<RoundAnswer, SessionError> {
        match session.hear()? {
            Message::Missing(_) if self.feed.is_some() => Err(SessionError::NotVerified {
                what: "a part must be sent again, and it cannot be read twice".into(),
            }),
            Message::Missing(missing) => {
                if !self.wanted.open_round(missing.round, &missing.ranges) {
                    return Err(unexpected("a list of missing parts"));
                }
                Ok(RoundAnswer::NextRound)
            }
            Message::Done(done) if self.wanted.is_closed() => {
                self.check_done(&done)?;
                Ok(RoundAnswer::Done(done))
            }
            _ => Err(unexpected("something else than a verdict on the parts")),
        }
    }

    /// Figures from the receiver are sums over what was offered.
    fn check_done(&self, done: &Done) -> Result<(), SessionError> {
        let entries = [done.files, done.same, done.skipped, done.failed];
        let entries = entries
            .iter()
            .try_fold(0, |sum: u64, count| sum.checked_add(*count));
        let bytes = match self.layout.total() {
            Some(total) => total,
            None => self.fed.load(Ordering::Relaxed),
        };
        let is_bounded = entries.is_some_and(|sum| sum <= self.source.manifest().len() as u64)
            && done.bytes <= bytes
            && done.held <= self.there;
        match is_bounded {
            true => Ok(()),
            false => Err(unexpected("figures that are larger than what was offered")),
        }
    }

    /// One round on the session's first stream, whose thread also ends the round.
    fn first_stream(&self, writer: &SharedWriter, liveness: &Liveness, pool: &StreamPool) {
        let mut worker = Worker::new(self, pool);
        let result = loop {
            let sent = match &self.feed {
                Some(feed) => worker.send_fed(feed, writer),
                None => worker.send_parts(None, writer).map_err(|(_, error)| error),
            };
            if let Err(error) = sent {
                break Err(error);
            }
            if let Some(closed) = self.wanted.close_round() {
                if closed.round == 0 {
                    self.note_failures(&self.source.changed_empty_files());
                }
                let mut checks = std::mem::take(&mut *lock(&self.checks));
                let failures = self.failure_list();
                let mut writer = lock(writer);
                let total = self.feed.is_some();
                let total = total.then(|| self.fed.load(Ordering::Relaxed));
                break queue_round_end(&mut writer, closed, total, &mut checks, &failures)
                    .and_then(|()| writer.flush());
            }
            if self.wanted.is_finished() {
                return;
            }
        };
        if let Err(error) = result {
            self.wanted.finish();
            // A lost connection shows to the reader as well, and there behind what the peer said last. A
            // peer that takes nothing more may go on with its heartbeats.
            if !matches!(error, SessionError::Lost { .. }) {
                lock(&self.error).get_or_insert(error);
                liveness.call_off();
            }
        }
    }

    /// All rounds on a joined stream, from the moment that it joins.
    fn joined_stream(&self, stream: JoinedStream, shared: &SessionContext, pool: &StreamPool) {
        let number = stream.number;
        let (_, writer) = stream.into_channel(shared);
        let writer = Mutex::new(writer);
        let mut worker = Worker::new(self, pool);
        let place = Some(self.wanted.join());
        while let Some(round) = self.wanted.enter() {
            let sent = worker.send_parts(place, &writer).and_then(|()| {
                let end = Message::StreamEnd { round };
                lock(&writer).send(&end).map_err(|error| (None, error))
            });
            match sent {
                Ok(()) => self.wanted.end(number),
                Err((unsent, _)) => {
                    self.wanted.died(unsent);
                    break;
                }
            }
            if !self.wanted.wait_after(round) {
                break;
            }
        }
        lock(&writer).connection().shutdown();
    }

    /// Sends the checks ahead of the end once they fill a message, so that a stream without an end costs
    /// neither side memory.
    fn send_full_checks(&self, writer: &Mutex<MessageWriter>) -> Result<(), SessionError> {
        let mut checks = lock(&self.checks);
        if checks.len() < limits::CHECKS {
            return Ok(());
        }
        let full = PartChecks::take_from(&mut checks.drain(..).peekable());
        lock(writer).send(&Message::Checks(full))
    }

    fn note_failures(&self, failures: &[EntryFailure]) {
        let mut noted = lock(&self.failures);
        for failure in failures {
            noted.entry(failure.entry).or_insert(failure.reason);
        }
    }

    fn failure_list(&self) -> Vec<EntryFailure> {
        let noted = lock(&self.failures);
        let list = noted
            .iter()
            .map(|(&entry, &reason)| EntryFailure { entry, reason });
        list.collect()
    }
}

enum RoundAnswer {
    NextRound,
    Done(Done),
}

/// What is read at once of a part that is only stored: it is checksummed and sealed while it is in the
/// processor's cache.
const SLICE_BYTES: usize = 64 * 1024;

/// Where the contents of a part are before they are sealed.
enum PartSource {
    /// Where the source says.
    OnDisk,
    /// In the thread's buffer.
    InMemory,
}

/// What a thread needs to send parts, with its buffers.
struct Worker<'a> {
    sending: &'a SendRounds<'a>,
    pool: &'a StreamPool,
    reader: SourceReader<'a>,
    sealer: Sealer,
    raw: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(sending: &'a SendRounds<'a>, pool: &'a StreamPool) -> Self {
        Worker {
            sending,
            pool,
            reader: SourceReader::new(sending.source),
            sealer: Sealer::new(),
            raw: Vec::new(),
        }
    }

    /// Sends until no part is left in this round, on the joined stream at `place` or on the first one. An
    /// error comes with the part that was not sent.
    fn send_parts(
        &mut self,
        place: Option<JoinOrder>,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), (Option<PartIndex>, SessionError)> {
        while let Some(part) = self.next_part(place) {
            self.send_part(part, PartSource::OnDisk, writer)
                .map_err(|error| (Some(part), error))?;
        }
        Ok(())
    }

    /// The next part. A stream that rests until there is one for it holds no memory meanwhile.
    fn next_part(&mut self, place: Option<JoinOrder>) -> Option<PartIndex> {
        let wanted = &self.sending.wanted;
        let Some(place) = place else {
            return wanted.take();
        };
        wanted.take_at(place, || {
            self.sealer = Sealer::new();
            self.raw = Vec::new();
        })
    }

    /// Sends what comes from `feed` to its end. Comes back early, without an error, when the transfer is
    /// finished.
    fn send_fed(&mut self, feed: &Feed, writer: &Mutex<MessageWriter>) -> Result<(), SessionError> {
        let sending = self.sending;
        while feed.next(&mut self.raw)? {
            let Some(part) = sending.wanted.take() else {
                return match sending.wanted.is_finished() {
                    true => Ok(()),
                    false => Err(LayoutError::TooLarge.into()),
                };
            };
            let bytes = self.raw.len() as u64;
            sending.fed.fetch_add(bytes, Ordering::Relaxed);
            self.send_part(part, PartSource::InMemory, writer)?;
            sending.send_full_checks(writer)?;
        }
        sending.wanted.exhaust();
        Ok(())
    }

    /// Reads, seals and sends a part.
    fn send_part(
        &mut self,
        part: PartIndex,
        contents: PartSource,
        writer: &Mutex<MessageWriter>,
    ) -> Result<(), SessionError> {
        let sending = self.sending;
        let pool = self.pool;
        let began = Instant::now();
        let index = part.get();
        let keys = lock(writer).keys().clone();
        let mut failures = Vec::new();
        let streams = pool.soon(sending.wanted.streams());
        let compression = sending
            .effort
            .compression_within(streams, sending.part_bytes());
        let (sealed, crc32) =
            self.seal_part(part, (contents, compression), &keys, &mut failures)?;
        let bytes = sealed.envelope.raw_length() as usize;
        let sent = SentPart {
            compression,
            raw: bytes,
            sealed: sealed.archive.len(),
        };
        sending.note_failures(&failures);
        lock(&sending.checks).push(PartCheck { index, crc32 });
        let busy = began.elapsed();
        if let Some(limit) = sending.rate_limit {
            limit.wait(sealed.archive.len(), || sending.wanted.is_finished());
        }
        let held_back = began.elapsed() - busy;
        let mut writer = lock(writer);
        // What stands in a part for a file that failed must never be taken for its contents, also when
        // this is the last part that arrives.
        queue_failures(&mut writer, &failures)?;
        let round = sending.wanted.round();
        writer.send_part(PartId { round, index }, &sealed)?;
        drop(writer);
        let blocked = began.elapsed() - busy;
        let streams = sending.wanted.streams();
        sending.effort.note(&sent, busy, blocked, streams);
        // More streams would not bring more of what the operator does not want.
        pool.note(busy, blocked - held_back);
        sending.teller.moved(bytes as u64, sending.layout.total());
        Ok(())
    }

    /// Seals a part. Beside it, its checksum.
    fn seal_part(
        &mut self,
        part: PartIndex,
        how: (PartSource, Compression),
        keys: &SealingKeys,
        failures: &mut Vec<EntryFailure>,
    ) -> Result<(Sealed<'_>, u32), SessionError> {
        let sending = self.sending;
        let position = Position::Part {
            transfer: sending.transfer,
            round: sending.wanted.round(),
            index: part.get(),
        };
        match how {
            (PartSource::OnDisk, Compression::Stored) => {
                return self.seal_while_reading(part, keys, position, failures);
            }
            (PartSource::OnDisk, Compression::Zstd(_)) => {
                let (reader, raw) = (&mut self.reader, &mut self.raw);
                reader.read_part(&sending.layout, part, raw, failures);
            }
            (PartSource::InMemory, _) => {}
        }
        let sealed = self.sealer.seal(keys, position, &self.raw, how.1)?;
        Ok((sealed, crc32fast::hash(&self.raw)))
    }

    /// Seals a part that is only stored, without ever holding all of it twice.
    fn seal_while_reading(
        &mut self,
        part: PartIndex,
        keys: &SealingKeys,
        position: Position,
        failures: &mut Vec<EntryFailure>,
    ) -> Result<(Sealed<'_>, u32), SessionError> {
        let layout = &self.sending.layout;
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
