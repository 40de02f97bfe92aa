//! The rounds of a transfer on the receiver's side: one thread for each stream, all writing into one sink.

use crate::disk::Delivery;
use crate::model::{EntryFailure, EntryIndex, Manifest, PartSet, limits};
use crate::protocol::{
    EarlyRound, Failures, Message, Missing, PartId, PartRanges, RoundEnd, StreamNumber,
};
use crate::session::connection::channel::{
    Incoming, MessageReader, SealedPart, ensure_due, unexpected,
};
use crate::session::connection::join::{JoinedStream, SessionContext, channel};
use crate::session::connection::session::{Session, attend};
use crate::session::error::Error;
use crate::session::receive::report::DeliveryReport;
use crate::session::receive::sink::{Sink, SinkWriter};
use crate::session::receive::verifier::Verifier;
use crate::session::stats::ProgressReporter;
use crate::session::sync::{Monitor, lock};
use crate::session::threads::spawn_in;
use crate::session::tuning::stream_count::Work;
use crate::session::tuning::stream_pool::{StreamLimit, StreamPool, StreamWork};
use std::cmp;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// Receives the parts of an accepted transfer, round by round. Shared by the threads of all streams.
pub(crate) struct ReceiveRounds<'a> {
    pub(crate) sink: Sink,
    manifest: Arc<Manifest>,
    transfer: u32,
    progress: ProgressReporter<'a>,
    /// About how many parts have not come yet. Not exact: parts may come twice.
    left: AtomicU64,
    round: AtomicU32,
    /// Bytes that were here before and turned out to be the same.
    held: AtomicU64,
    failures: Mutex<BTreeMap<EntryIndex, EntryFailure>>,
    joined: Monitor<JoinedStates>,
}

type JoinedStates = HashMap<StreamNumber, JoinedState>;

/// The state of a joined stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JoinedState {
    /// It has ended this round.
    Ended(u32),
    /// It was lost.
    Dead,
}

/// The part that came along with the offer, kept in memory until the offer is accepted.
pub(crate) struct EarlyPart {
    raw: Vec<u8>,
    round: EarlyRound,
}

impl EarlyPart {
    /// Reads the part that the offer announces with `round`.
    ///
    /// # Errors
    /// [`Error`]: lost, silent, or not as agreed.
    pub(crate) fn read(
        session: &mut Session,
        transfer: u32,
        round: EarlyRound,
    ) -> Result<Self, Error> {
        loop {
            match session.reader.read()? {
                Incoming::Part(part) if part.id == PartId::FIRST => {
                    let raw = part.open(transfer)?.to_vec();
                    return Ok(EarlyPart { raw, round });
                }
                Incoming::Part(_) => return Err(unexpected("another part than the only one")),
                Incoming::Message(message) => {
                    let is_attended = attend(message, &session.writer)?.is_none();
                    ensure_due(is_attended, "something other than its early part")?;
                }
            }
        }
    }
}

impl<'a> ReceiveRounds<'a> {
    /// Receives a transfer into `sink`.
    pub(crate) fn new(
        sink: Sink,
        manifest: Arc<Manifest>,
        transfer: u32,
        progress: ProgressReporter<'a>,
    ) -> Self {
        ReceiveRounds {
            sink,
            manifest,
            transfer,
            progress,
            left: AtomicU64::new(0),
            round: AtomicU32::new(0),
            held: AtomicU64::new(0),
            failures: Mutex::default(),
            joined: Monitor::default(),
        }
    }

    /// Receives until nothing is missing. Meanwhile, compares the claimed parts. This is the main loop of a
    /// receiver.
    ///
    /// # Errors
    /// [`Error`]: what ended the session. The received data is kept.
    pub(crate) fn run(
        &self,
        session: &mut Session,
        limit: StreamLimit,
        early: Option<EarlyPart>,
        claims: PartSet,
    ) -> Result<(), Error> {
        if limit != StreamLimit::Fixed(1) {
            let missing = self.sink.missing();
            let missing = missing.iter().map(|range| range.length).sum();
            self.left.store(missing, Ordering::Relaxed);
        }
        session.reader.expect_parts_of(Some(self.part_size()));
        let ended = StreamPool::run(session, limit, self, |session, pool| {
            self.verified_rounds(session, early, claims, pool)
        });
        session.reader.expect_parts_of(None);
        self.progress.moved(0, self.sink.layout().total());
        ended
    }

    /// Bytes that were here before and need not be sent.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Delivers all entries but those that the sender could not read, and reports each.
    ///
    /// # Errors
    /// [`Error::Disk`]; the received data is kept. [`Error::Output`].
    pub(crate) fn deliver(self, report: &mut DeliveryReport<'_>) -> Result<Delivery, Error> {
        let failed: Vec<_> = lock(&self.failures).values().copied().collect();
        let mut tell = |entry, result, path: Option<&[u8]>| report.tell(entry, result, path);
        self.sink.deliver(&failed, &self.manifest, &mut tell)
    }

    fn part_size(&self) -> u32 {
        self.sink.layout().part_size()
    }

    /// Runs the rounds, with a second thread that compares the claimed parts.
    fn verified_rounds(
        &self,
        session: &mut Session,
        early: Option<EarlyPart>,
        claims: PartSet,
        pool: &StreamPool,
    ) -> Result<(), Error> {
        let Some(staging) = self.sink.staging() else {
            return self.rounds(session, early, None, pool);
        };
        let key = session.shared.keys.digest_key();
        let verifier = Verifier::new(staging, &self.manifest, self.transfer, key, claims);
        let (writer, cause) = (session.writer.clone(), session.shared.cause.clone());
        let total = self.sink.layout().total();
        let liveness = Arc::clone(&session.shared.liveness);
        let held = |bytes| self.progress.moved(bytes, total);
        let verify = || verifier.run(&writer, &cause, &liveness, held);
        let result = thread::scope(|scope| {
            let verifying = match verifier.is_idle() {
                true => Ok(()),
                false => spawn_in(scope, verify),
            };
            let rounds = |()| self.rounds(session, early, Some(&verifier), pool);
            let result = verifying.and_then(rounds);
            verifier.stop();
            result
        });
        self.held.store(verifier.held(), Ordering::Relaxed);
        result
    }

    fn rounds(
        &self,
        session: &mut Session,
        early: Option<EarlyPart>,
        verifier: Option<&Verifier<'_>>,
        pool: &StreamPool,
    ) -> Result<(), Error> {
        match early {
            Some(early) => self.take_early(early)?,
            None => self.read_round(session, 0, verifier, pool)?,
        }
        if let Some(verifier) = verifier {
            verifier.settle()?;
        }
        for round in 1.. {
            let missing = self.sink.missing();
            if missing.is_empty() {
                break;
            }
            if round >= limits::ROUNDS {
                return Err(Error::NotVerified {
                    what: "some parts never arrive intact".into(),
                });
            }
            self.round.store(round, Ordering::Relaxed);
            let ranges = PartRanges::take_from(&mut missing.into_iter());
            session.say(&Message::Missing(Missing { round, ranges }))?;
            self.read_round(session, round, None, pool)?;
            if let Some(verifier) = verifier {
                verifier.settle()?;
            }
        }
        Ok(())
    }

    fn take_early(&self, early: EarlyPart) -> Result<(), Error> {
        let layout = self.sink.layout();
        self.note_failures(&early.round.failures)?;
        // If it is not what the sender read, it is not written, and the first round asks for it again.
        let is_true = crc32fast::hash(&early.raw) == early.round.crc32
            && layout.total() == Some(early.raw.len() as u64);
        let mut writer = self.sink.writer();
        let mut rest = &early.raw[..];
        for part in layout.parts().filter(|_| is_true) {
            // It holds all contents. Here they are cut into parts of this side's size.
            let (raw, after) = rest
                .split_at_checked(layout.length(part))
                .ok_or_else(|| unexpected("a part of another length"))?;
            writer.write(part, raw)?;
            self.moved(raw.len());
            rest = after;
        }
        self.sink.end_round([], None)
    }

    /// Reads the first stream to the end of the round, then waits for the joined streams' ends.
    fn read_round(
        &self,
        session: &mut Session,
        round: u32,
        verifier: Option<&Verifier<'_>>,
        pool: &StreamPool,
    ) -> Result<(), Error> {
        let mut writer = self.sink.writer();
        let end = loop {
            let message = self.take_parts(&mut session.reader, &mut writer, pool)?;
            match attend(message, &session.writer)? {
                None => {}
                Some(Message::Checks(checks)) => self.sink.note_checks(checks)?,
                Some(Message::SourceFailed(failures)) => self.note_failures(&failures)?,
                Some(Message::RoundEnd(end)) if end.round == round => break end,
                Some(Message::Digests(digests)) => match verifier {
                    Some(verifier) => verifier.take(digests)?,
                    None => return Err(unexpected("digests of nothing that is claimed")),
                },
                Some(_) => return Err(unexpected("something other than parts")),
            }
        };
        if let Some(verifier) = verifier {
            verifier.finish()?;
        }
        self.wait_for_joined(&end, &session.shared)?;
        self.sink.end_round(end.checks, end.total)
    }

    /// Waits until all joined streams have ended this round. A stream that never joined, or is silent for the idle
    /// limit, is given up, and its parts are requested again in the next round.
    fn wait_for_joined(&self, end: &RoundEnd, context: &SessionContext) -> Result<(), Error> {
        let (liveness, cause) = (&context.liveness, &context.cause);
        let is_waiting = |joined: &JoinedStates| {
            !cause.is_raised() && !liveness.is_silent() && !have_ended(joined, end)
        };
        // Nobody reads the first stream meanwhile, so only the other streams show that the peer is alive.
        liveness.heard();
        while is_waiting(&self.joined.lock()) {
            drop(self.joined.wait_while_for(liveness.read_wait(), is_waiting));
        }
        cause.take().map_or(Ok(()), Err)
    }

    fn read_joined(
        &self,
        reader: &mut MessageReader,
        number: StreamNumber,
        pool: &StreamPool,
    ) -> Result<Infallible, Error> {
        let mut writer = self.sink.writer();
        loop {
            match self.take_parts(reader, &mut writer, pool)? {
                Message::StreamEnd { round } => {
                    self.set_joined(number, JoinedState::Ended(round));
                }
                Message::SourceFailed(failures) => self.note_failures(&failures)?,
                _ => return Err(unexpected("a message on a joined stream")),
            }
        }
    }

    /// Writes parts until a message comes, and returns the message.
    fn take_parts(
        &self,
        reader: &mut MessageReader,
        writer: &mut SinkWriter<'_>,
        pool: &StreamPool,
    ) -> Result<Message, Error> {
        loop {
            let began = Instant::now();
            match reader.read()? {
                Incoming::Part(part) => {
                    let waited = began.elapsed();
                    self.take_part(part, writer)?;
                    pool.note(began.elapsed() - waited, waited);
                }
                Incoming::Message(message) => return Ok(message),
            }
        }
    }

    fn set_joined(&self, number: StreamNumber, state: JoinedState) {
        self.joined.change(|joined| joined.insert(number, state));
    }

    fn take_part(&self, part: SealedPart<'_>, writer: &mut SinkWriter<'_>) -> Result<(), Error> {
        match part.id.round.cmp(&self.round.load(Ordering::Relaxed)) {
            // It is late: it was requested again, or came on another stream.
            cmp::Ordering::Less => return Ok(()),
            cmp::Ordering::Equal => {}
            cmp::Ordering::Greater => return Err(unexpected("a part of a later round")),
        }
        let index = self.sink.layout().part(part.id.index)?;
        let raw = part.open(self.transfer)?;
        writer.write(index, raw)?;
        self.progress.at(&self.manifest, &self.sink.layout(), index);
        self.moved(raw.len());
        Ok(())
    }

    /// Counts a part that was written.
    fn moved(&self, bytes: usize) {
        let one_less = |left: u64| left.checked_sub(1);
        // A part that was not counted as missing leaves the count as it is.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        self.progress
            .moved(bytes as u64, self.sink.layout().total());
    }

    fn note_failures(&self, failures: &Failures) -> Result<(), Error> {
        let mut noted = lock(&self.failures);
        for failure in failures.iter() {
            let failure = failure
                .check(&self.manifest)
                .filter(|failure| failure.reason.is_source())
                .ok_or_else(|| unexpected("a failure of no file"))?;
            self.sink.note_failed(failure)?;
            noted.entry(failure.entry).or_insert(failure);
        }
        Ok(())
    }
}

impl StreamWork for ReceiveRounds<'_> {
    fn left(&self) -> Work {
        Work {
            left: self.left.load(Ordering::Relaxed),
            // No limit here: both sides agreed on the number of streams.
            room: usize::MAX,
        }
    }

    /// The sender decides which streams take parts.
    fn set_streams(&self, _: u16) {}

    /// Reads a joined stream until it ends. If its connection fails, the sender sends its parts again on another
    /// stream. Wrong contents or an error of the disk end the session.
    fn on_joined(&self, stream: JoinedStream, context: &SessionContext, pool: &StreamPool) {
        let number = stream.number;
        let (mut reader, _) = channel(stream.connection, context, number);
        reader.expect_parts_of(Some(self.part_size()));
        let Err(error) = self.read_joined(&mut reader, number, pool);
        if !error.is_connection_gone() {
            // The first stream stays open, so that the peer can be told.
            context.cause.raise(error);
        }
        self.set_joined(number, JoinedState::Dead);
    }

    fn on_lost(&self, stream: StreamNumber) {
        self.set_joined(stream, JoinedState::Dead);
    }
}

/// Whether all streams that took part in a round have ended it, or are gone.
fn have_ended(joined: &JoinedStates, end: &RoundEnd) -> bool {
    end.streams.iter().all(|stream| match joined.get(stream) {
        Some(JoinedState::Ended(round)) => *round >= end.round,
        Some(JoinedState::Dead) => true,
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PartChecks, StreamList};

    #[test]
    fn a_round_waits_for_each_stream_that_took_part_until_it_ends_or_dies() {
        let stream = |number| StreamNumber::joined(number).unwrap();
        let end = RoundEnd {
            round: 2,
            total: None,
            streams: StreamList::take_from(&mut [stream(1), stream(2)].into_iter()),
            checks: PartChecks::default(),
        };
        let joined = |states: &[(u16, JoinedState)]| {
            let states = states.iter();
            states
                .map(|&(number, state)| (stream(number), state))
                .collect::<JoinedStates>()
        };
        use JoinedState::{Dead, Ended};
        for states in [
            &[][..],
            &[(1, Ended(2))],
            &[(1, Ended(2)), (2, Ended(1))],
            &[(3, Ended(2)), (2, Dead)],
        ] {
            assert!(!have_ended(&joined(states), &end), "{states:?}");
        }
        for states in [
            &[(1, Ended(2)), (2, Ended(3))][..],
            &[(1, Dead), (2, Ended(2)), (3, Ended(0))],
        ] {
            assert!(have_ended(&joined(states), &end), "{states:?}");
        }
    }
}
