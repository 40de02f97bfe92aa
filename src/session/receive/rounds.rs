//! The rounds of a transfer on the receiver's side: every stream a thread, all into one sink.

use crate::disk::{Delivery, DeliveryResult};
use crate::model::{EntryFailure, EntryIndex, Manifest, PartIndex, limits};
use crate::protocol::{
    EarlyRound, Failures, Message, Missing, PartCheck, PartId, PartRanges, RoundEnd, StreamNumber,
};
use crate::session::connection::channel::{Incoming, MessageReader, SealedPart, unexpected};
use crate::session::connection::clock::Liveness;
use crate::session::connection::join::{JoinedStream, SessionContext};
use crate::session::connection::session::{Session, attend};
use crate::session::error::SessionError;
use crate::session::receive::in_order::InOrder;
use crate::session::receive::report::DeliveryReport;
use crate::session::receive::sink::{Sink, SinkWriter};
use crate::session::stats::ProgressReporter;
use crate::session::sync::lock;
use crate::session::tuning::stream_count::Work;
use crate::session::tuning::stream_pool::{Change, StreamLimit, StreamPool};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A transfer that was accepted, shared by the threads of its streams.
pub(crate) struct ReceiveRounds<'a> {
    sink: Sink,
    /// What watches over parts that must come in order, each once.
    in_order: Option<Mutex<InOrder>>,
    manifest: Arc<Manifest>,
    transfer: u32,
    teller: ProgressReporter<'a>,
    /// How many parts have not come yet, more or less: some may come twice.
    left: AtomicU64,
    round: AtomicU32,
    checksums: Mutex<HashMap<PartIndex, u32>>,
    failures: Mutex<BTreeMap<EntryIndex, EntryFailure>>,
    joined: Mutex<HashMap<StreamNumber, JoinedState>>,
    joined_changed: Condvar,
    error: Mutex<Option<SessionError>>,
}

/// The only part that goes along with an offer.
const FIRST: PartId = PartId { round: 0, index: 0 };

/// How reading a round ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoundEnded {
    /// With all that the sender had for it.
    Sent,
    /// At once: the sender only wanted to know what is here.
    OnlyAsked,
}

/// How far a joined stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JoinedState {
    /// It has ended this round.
    Ended(u32),
    /// It is gone.
    Dead,
}

/// The part that came along with the offer, kept in memory until it is decided.
pub(crate) struct EarlyPart {
    raw: Vec<u8>,
    round: EarlyRound,
}

impl EarlyPart {
    /// Reads the part of which the offer says `round`.
    ///
    /// # Errors
    /// [`SessionError`]: lost, silent, or not as agreed.
    pub(crate) fn read(
        session: &mut Session,
        transfer: u32,
        round: EarlyRound,
    ) -> Result<Self, SessionError> {
        loop {
            match session.reader.read()? {
                Incoming::Part(part) if part.id == FIRST => {
                    let raw = part.open(transfer)?.to_vec();
                    return Ok(EarlyPart { raw, round });
                }
                Incoming::Part(_) => return Err(unexpected("another part than the only one")),
                Incoming::Message(message) => {
                    if attend(message, &session.writer)?.is_some() {
                        return Err(unexpected("something else than its early part"));
                    }
                }
            }
        }
    }
}

impl<'a> ReceiveRounds<'a> {
    /// A transfer into `sink`, over which `in_order` watches where its parts must come in order.
    pub(crate) fn new(
        sink: Sink,
        in_order: Option<InOrder>,
        manifest: Arc<Manifest>,
        transfer: u32,
        teller: ProgressReporter<'a>,
    ) -> Self {
        ReceiveRounds {
            sink,
            in_order: in_order.map(Mutex::new),
            manifest,
            transfer,
            teller,
            left: AtomicU64::new(0),
            round: AtomicU32::new(0),
            checksums: Mutex::default(),
            failures: Mutex::default(),
            joined: Mutex::default(),
            joined_changed: Condvar::new(),
            error: Mutex::default(),
        }
    }

    /// Receives, round by round, until nothing is missing, or until it shows that the sender only asked.
    ///
    /// # Errors
    /// [`SessionError`]: what ended the session. What arrived is kept.
    pub(crate) fn run(
        &self,
        session: &mut Session,
        width: StreamLimit,
        early: Option<EarlyPart>,
    ) -> Result<RoundEnded, SessionError> {
        if width != StreamLimit::Fixed(1) {
            let missing = self.sink.missing();
            let missing = missing.iter().map(|range| range.length).sum();
            self.left.store(missing, Ordering::Relaxed);
        }
        let pool = StreamPool::open(session, width);
        let shared = session.shared.clone();
        let result = std::thread::scope(|scope| {
            let usher = || {
                while let Some(change) = pool.next(|| self.work()) {
                    // It is the sender who decides which streams take parts.
                    let Change::Joined(stream) = change else {
                        continue;
                    };
                    let number = stream.number;
                    let worker = || self.joined_stream(stream, &shared, &pool);
                    if std::thread::Builder::new()
                        .spawn_scoped(scope, worker)
                        .is_err()
                    {
                        self.set_joined(number, JoinedState::Dead);
                    }
                }
            };
            let ushered = match width {
                StreamLimit::Fixed(1) => Ok(()),
                _ => {
                    let thread = std::thread::Builder::new().spawn_scoped(scope, usher);
                    thread.map(drop)
                }
            };
            let result = ushered
                .map_err(|source| SessionError::System { source })
                .and_then(|()| self.rounds(session, early, &pool));
            pool.close();
            result
        });
        self.teller.moved(0, self.sink.layout().total());
        // What went wrong first, on whichever stream, is what ended the session.
        let first_error = lock(&self.error).take();
        match (first_error, result) {
            (Some(error), Err(_)) => Err(error),
            (_, result) => result,
        }
    }

    fn work(&self) -> Work {
        Work {
            left: self.left.load(Ordering::Relaxed),
            // It was agreed on how many there may be.
            room: usize::MAX,
        }
    }

    /// Nothing will arrive: what was made ready for it goes away.
    ///
    /// # Errors
    /// [`SessionError::Disk`].
    pub(crate) fn leave(self) -> Result<(), SessionError> {
        self.sink.leave()
    }

    /// What arrived is of no use: it goes away. An output keeps what it has.
    ///
    /// # Errors
    /// [`SessionError::Disk`].
    pub(crate) fn discard(self) -> Result<(), SessionError> {
        match self.sink {
            Sink::Folder(staging) => Ok(staging.discard_if_new()?),
            Sink::Output(_) => Ok(()),
        }
    }

    /// Delivers what arrived, less what the sender could not read. Beside it, how many entries were
    /// skipped because others were there.
    ///
    /// # Errors
    /// [`SessionError::Disk`]; what arrived is kept. [`SessionError::Output`].
    pub(crate) fn deliver(self) -> Result<(Delivery, u64), SessionError> {
        let failed: Vec<_> = lock(&self.failures).values().copied().collect();
        let manifest = self.manifest;
        let total = self.sink.layout().total();
        let mut telling = DeliveryReport::new(&manifest, self.teller.operator(), total);
        let mut report = |entry, result| telling.tell(entry, result);
        let delivery = match self.sink {
            Sink::Folder(staging) => staging.deliver(&failed, &mut report)?,
            Sink::Output(output) => {
                let bytes = output.finish()?;
                let entries = manifest.entries();
                entries.for_each(|(entry, _)| report(entry, DeliveryResult::Delivered));
                Delivery {
                    files: 1,
                    bytes,
                    ..Delivery::default()
                }
            }
        };
        Ok((delivery, telling.skipped()))
    }

    fn rounds(
        &self,
        session: &mut Session,
        early: Option<EarlyPart>,
        pool: &StreamPool,
    ) -> Result<RoundEnded, SessionError> {
        if let Some(early) = early {
            self.take_early(early)?;
        } else if self.read_round(session, 0, pool)? == RoundEnded::OnlyAsked {
            return Ok(RoundEnded::OnlyAsked);
        }
        let mut round = 0;
        loop {
            let missing = self.sink.missing();
            if missing.is_empty() {
                return Ok(RoundEnded::Sent);
            }
            round += 1;
            if round >= limits::ROUNDS {
                return Err(SessionError::NotVerified {
                    what: "some parts never arrive whole".into(),
                });
            }
            self.round.store(round, Ordering::Relaxed);
            let ranges = PartRanges::take_from(&mut missing.into_iter());
            session.say(&Message::Missing(Missing { round, ranges }))?;
            self.read_round(session, round, pool)?;
        }
    }

    fn take_early(&self, early: EarlyPart) -> Result<(), SessionError> {
        let layout = self.sink.layout();
        let index = 0;
        let part = layout.part(index)?;
        self.note_failures(&early.round.failures)?;
        // Where the journal of an earlier run cuts the stream in another way, it is asked for anew.
        if layout.length(part) == early.raw.len() {
            self.write(&mut self.sink.writer(), part, &early.raw)?;
        }
        let crc32 = early.round.crc32;
        self.compare(&[PartCheck { index, crc32 }])
    }

    /// Reads the first stream to the end of the round, then waits for the joined streams' ends.
    fn read_round(
        &self,
        session: &mut Session,
        round: u32,
        pool: &StreamPool,
    ) -> Result<RoundEnded, SessionError> {
        let mut writer = self.sink.writer();
        let mut checks = Vec::new();
        let mut is_asking = round == 0;
        let end = loop {
            let began = Instant::now();
            let message = match session.reader.read()? {
                Incoming::Part(part) => {
                    let waited = began.elapsed();
                    self.take_part(part, &mut writer)?;
                    pool.note(began.elapsed() - waited, waited);
                    is_asking = false;
                    continue;
                }
                Incoming::Message(message) => attend(message, &session.writer)?,
            };
            match message {
                None => {}
                // Their parts came before them, on this stream.
                Some(Message::Checks(more)) if self.in_order.is_some() => self.compare(&more)?,
                Some(Message::Checks(more)) => {
                    if checks.len() as u64 > self.sink.layout().count() {
                        return Err(unexpected("more checks than parts"));
                    }
                    checks.extend(more);
                }
                Some(Message::SourceFailed(failures)) => self.note_failures(&failures)?,
                Some(Message::RoundEnd(end)) if end.round == round => break end,
                Some(Message::Bye) if is_asking => return Ok(RoundEnded::OnlyAsked),
                Some(_) => return Err(unexpected("something else than parts")),
            }
        };
        self.wait_for_joined(&end, &session.shared.liveness)?;
        checks.extend(end.checks);
        self.compare(&checks)?;
        self.close(end.total)?;
        Ok(RoundEnded::Sent)
    }

    /// Takes what the sender says about the length at the end of a round.
    fn close(&self, total: Option<u64>) -> Result<(), SessionError> {
        match (&self.in_order, total) {
            (Some(in_order), _) => lock(in_order).close(total)?,
            (None, None) => {}
            (None, Some(_)) => return Err(unexpected("a length that was known")),
        }
        match total {
            Some(total) => self.sink.close(total),
            None => Ok(()),
        }
    }

    /// Waits for what the joined streams still bring in this round. One that brings nothing for the idle
    /// limit, or never joined, is not waited for: what it was to bring is asked for anew.
    fn wait_for_joined(&self, end: &RoundEnd, liveness: &Liveness) -> Result<(), SessionError> {
        let is_over = |state: Option<&JoinedState>| match state {
            Some(JoinedState::Ended(round)) => *round >= end.round,
            Some(JoinedState::Dead) => true,
            None => false,
        };
        // Nobody reads the first stream meanwhile, so what is heard is heard on the others.
        liveness.heard();
        let mut joined = lock(&self.joined);
        while lock(&self.error).is_none()
            && !liveness.is_silent()
            && !end.streams.iter().all(|s| is_over(joined.get(s)))
        {
            let waited = self
                .joined_changed
                .wait_timeout(joined, liveness.read_wait());
            (joined, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        drop(joined);
        match lock(&self.error).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Reads a joined stream until it ends. What goes wrong here with the line is the sender's to mend
    /// on another stream; what goes wrong with the contents or the disk ends the session.
    fn joined_stream(&self, stream: JoinedStream, shared: &SessionContext, pool: &StreamPool) {
        let number = stream.number;
        let (mut reader, _) = stream.into_channel(shared);
        let error = match self.read_joined(&mut reader, number, pool) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if !error.is_connection_gone() {
            lock(&self.error).get_or_insert(error);
            // The first stream itself stays: the peer is to be told over it.
            shared.liveness.call_off();
        }
        self.set_joined(number, JoinedState::Dead);
    }

    fn read_joined(
        &self,
        reader: &mut MessageReader,
        number: StreamNumber,
        pool: &StreamPool,
    ) -> Result<std::convert::Infallible, SessionError> {
        let mut writer = self.sink.writer();
        loop {
            let began = Instant::now();
            match reader.read()? {
                Incoming::Part(part) => {
                    let waited = began.elapsed();
                    self.take_part(part, &mut writer)?;
                    pool.note(began.elapsed() - waited, waited);
                }
                Incoming::Message(Message::StreamEnd { round }) => {
                    self.set_joined(number, JoinedState::Ended(round));
                }
                Incoming::Message(Message::SourceFailed(failures)) => {
                    self.note_failures(&failures)?;
                }
                Incoming::Message(_) => return Err(unexpected("a message on a joined stream")),
            }
        }
    }

    fn set_joined(&self, number: StreamNumber, state: JoinedState) {
        lock(&self.joined).insert(number, state);
        self.joined_changed.notify_all();
    }

    fn take_part(
        &self,
        part: SealedPart<'_>,
        writer: &mut SinkWriter<'_>,
    ) -> Result<(), SessionError> {
        match part.id.round.cmp(&self.round.load(Ordering::Relaxed)) {
            // It was asked for again, or has come on another stream.
            std::cmp::Ordering::Less => return Ok(()),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err(unexpected("a part of a later round")),
        }
        let index = self.sink.layout().part(part.id.index)?;
        let raw = part.open(self.transfer)?;
        self.write(writer, index, raw)
    }

    fn write(
        &self,
        writer: &mut SinkWriter<'_>,
        part: PartIndex,
        raw: &[u8],
    ) -> Result<(), SessionError> {
        let layout = self.sink.layout();
        match &self.in_order {
            Some(in_order) => lock(in_order).take(part, raw.len())?,
            None if layout.length(part) != raw.len() => {
                return Err(unexpected("a part of another length"));
            }
            None => {}
        }
        let checksum = writer.write_part(part, raw)?;
        match &self.in_order {
            Some(in_order) => lock(in_order).wrote(part, checksum)?,
            None => drop(lock(&self.checksums).insert(part, checksum)),
        }
        let one_less = |left: u64| left.checked_sub(1);
        // Without one that was counted there is none less.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        self.teller.moved(raw.len() as u64, layout.total());
        Ok(())
    }

    /// Takes back what the sender read differently: something went wrong in a machine, not on the line.
    fn compare(&self, checks: &[PartCheck]) -> Result<(), SessionError> {
        if let Some(in_order) = &self.in_order {
            return lock(in_order).compare(checks);
        }
        let layout = self.sink.layout();
        let mut checksums = lock(&self.checksums);
        for check in checks {
            let part = layout.part(check.index)?;
            if checksums
                .remove(&part)
                .is_some_and(|own| own != check.crc32)
            {
                self.sink.forget_part(part)?;
            }
        }
        Ok(())
    }

    fn note_failures(&self, failures: &Failures) -> Result<(), SessionError> {
        let mut noted = lock(&self.failures);
        for failure in failures.iter() {
            let failure = failure
                .check(&self.manifest)
                .filter(|failure| failure.reason.is_source())
                .ok_or_else(|| unexpected("a failure of no file"))?;
            if let Sink::Output(_) = self.sink {
                let reason = failure.reason;
                return Err(SessionError::SourceFailed { reason });
            }
            self.sink.note_failed(failure.entry);
            noted.entry(failure.entry).or_insert(failure);
        }
        Ok(())
    }
}
