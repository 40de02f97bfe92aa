//! The rounds of a transfer on the sender's side: one thread for each stream, all on one queue of parts.

use crate::model::{EntryFailure, PartSet};
use crate::protocol::{Done, Message, PartChecks, RoundEnd, StreamList, StreamNumber};
use crate::session::connection::channel::{MessageWriter, ensure_due, unexpected};
use crate::session::connection::end_cause::EndCause;
use crate::session::connection::join::{JoinedStream, SessionContext, channel};
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::send::checker::ClaimDigester;
use crate::session::send::feed::Feed;
use crate::session::send::part_queue::ClosedRound;
use crate::session::send::part_sender::{OutgoingParts, PartSender, queue_failures};
use crate::session::sync::lock;
use crate::session::threads::spawn_in;
use crate::session::tuning::stream_count::Work;
use crate::session::tuning::stream_pool::{StreamLimit, StreamPool, StreamWork};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;

/// Sends the parts of an accepted transfer, round by round, until the receiver has delivered them.
pub(crate) struct SendRounds<'a> {
    parts: OutgoingParts<'a>,
    /// The source of parts that are read once and in order.
    feed: Option<Feed>,
    /// Whether round 0 went along with the offer.
    went_early: bool,
    /// Parts whose digests are sent in round 0.
    claims: &'a PartSet,
}

impl<'a> SendRounds<'a> {
    /// Prepares to send `parts`. With a `feed`, they come from it, in one round and over the first stream. With
    /// `early`, round 0 went along with the offer and had these failures. For `claims`, digests are sent instead
    /// of contents.
    pub(crate) fn new(
        parts: OutgoingParts<'a>,
        feed: Option<Feed>,
        early: Option<&[EntryFailure]>,
        claims: &'a PartSet,
    ) -> Self {
        if let Some(failures) = early {
            while parts.queue.take().is_some() {}
            parts.queue.close_round();
            parts.note_failures(failures);
            let total = parts.layout.total();
            parts.progress.moved(total.unwrap_or(0), total);
        }
        SendRounds {
            parts,
            feed,
            went_early: early.is_some(),
            claims,
        }
    }

    /// Sends until the receiver has delivered. This is the main loop of a sender.
    ///
    /// # Errors
    /// [`Error`]: what ended the session.
    pub(crate) fn run(&self, session: &mut Session, limit: StreamLimit) -> Result<Done, Error> {
        let done = StreamPool::run(session, limit, self, |session, pool| {
            let (writer, cause) = (session.writer.clone(), session.shared.cause.clone());
            let digester = ClaimDigester::new(&self.parts, session.shared.keys.digest_key());
            thread::scope(|scope| {
                let send_round = || {
                    spawn_in(scope, || {
                        let sent = self.send_round(&writer, pool);
                        self.end_on_failure(sent, &cause);
                    })
                };
                // Sends the digests of all claimed parts, in parallel with the parts.
                let send_digests = || {
                    let sent = digester.send(self.claims, &writer);
                    self.end_on_failure(sent.map(|()| self.parts.queue.end_digesting()), &cause);
                };
                let checking = match self.claims.len() {
                    0 => Ok(()),
                    _ => spawn_in(scope, send_digests),
                };
                let result = checking.and_then(|()| self.rounds(session, send_round));
                self.parts.queue.finish();
                if let Some(feed) = &self.feed {
                    feed.close();
                }
                if let Err(error) = &result
                    && !error.is_worth_an_abort()
                {
                    session.shutdown();
                }
                result
            })
        });
        self.parts.progress.moved(0, self.parts.layout.total());
        done
    }

    fn rounds(
        &self,
        session: &mut Session,
        send_round: impl Fn() -> Result<(), Error>,
    ) -> Result<Done, Error> {
        let queue = &self.parts.queue;
        if !self.went_early {
            send_round()?;
        }
        loop {
            match session.hear()? {
                Message::Missing(_) if self.feed.is_some() => {
                    return Err(Error::NotVerified {
                        what: "a part must be sent again, and it cannot be read twice".into(),
                    });
                }
                Message::Missing(missing) => {
                    let is_open = queue.open_round(missing.round, &missing.ranges);
                    ensure_due(is_open, "a list of missing parts")?;
                    send_round()?;
                }
                Message::Differs(ranges) if ranges.is_empty() => {
                    ensure_due(queue.end_comparing(), "the end of a comparison")?;
                }
                Message::Differs(ranges) => {
                    ensure_due(queue.add_differing(&ranges), "parts that were not claimed")?;
                }
                Message::Done(done) if queue.is_closed() => {
                    self.check_done(&done)?;
                    return Ok(done);
                }
                _ => return Err(unexpected("something other than a result of the round")),
            }
        }
    }

    /// If a thread of the first stream failed, its error ends the session.
    fn end_on_failure(&self, result: Result<(), Error>, cause: &EndCause) {
        let Err(error) = result else {
            return;
        };
        self.parts.queue.finish();
        // The reader notices a lost connection, too, and only after the peer's last message, which may name the
        // cause. Other errors must end the session here: the peer may stop reading and still send heartbeats.
        if !matches!(error, Error::Lost { .. }) {
            cause.raise(error);
        }
    }

    /// Checks that the receiver's figures do not exceed what was offered.
    fn check_done(&self, done: &Done) -> Result<(), Error> {
        let parts = &self.parts;
        let counts = [done.files, done.same, done.skipped, done.failed];
        let entries = counts
            .iter()
            .try_fold(0, |sum: u64, count| sum.checked_add(*count));
        let fed = || parts.fed.load(Ordering::Relaxed);
        let bytes = parts.layout.total().unwrap_or_else(fed);
        let is_bounded = entries.is_some_and(|sum| sum <= parts.source.manifest().len() as u64)
            && done.bytes <= bytes
            && done.held <= parts.present_bytes;
        ensure_due(is_bounded, "figures that are larger than what was offered")
    }

    /// One round on the session's first stream, which also ends the round.
    fn send_round(&self, writer: &Mutex<MessageWriter>, pool: &StreamPool) -> Result<(), Error> {
        let mut sender = PartSender::new(&self.parts, pool);
        while !self.parts.queue.is_finished() {
            match &self.feed {
                Some(feed) => sender.send_fed(feed, writer)?,
                None => sender.send_parts(writer)?,
            }
            if let Some(closed) = self.parts.queue.close_round() {
                return self.end_round(closed, &mut lock(writer));
            }
        }
        Ok(())
    }

    /// Ends a round: sends failures and checks in as many messages as they need, then the RoundEnd with the last
    /// checks and, for contents from a feed, their length.
    fn end_round(&self, closed: ClosedRound, writer: &mut MessageWriter) -> Result<(), Error> {
        let parts = &self.parts;
        if closed.round == 0 {
            parts.note_failures(&parts.source.changed_empty_files());
        }
        queue_failures(writer, &parts.failure_list())?;
        lock(&parts.handed_back).clear();
        let checks = std::mem::take(&mut *lock(&parts.checks));
        let mut checks = checks.into_iter().peekable();
        let mut last = PartChecks::take_from(&mut checks);
        while checks.peek().is_some() {
            writer.send(&Message::Checks(last))?;
            last = PartChecks::take_from(&mut checks);
        }
        let is_fed = self.feed.is_some();
        writer.send(&Message::RoundEnd(RoundEnd {
            round: closed.round,
            total: is_fed.then(|| parts.fed.load(Ordering::Relaxed)),
            streams: StreamList::take_from(&mut closed.streams.into_iter()),
            checks: last,
        }))
    }
}

impl StreamWork for SendRounds<'_> {
    fn left(&self) -> Work {
        let parts = &self.parts;
        Work {
            left: parts.queue.left(),
            room: parts.compression.streams_within(parts.part_bytes()),
        }
    }

    fn set_streams(&self, count: u16) {
        self.parts.queue.set_streams(count.into());
    }

    /// Sends on a joined stream in all rounds from the current one on.
    fn on_joined(&self, stream: JoinedStream, context: &SessionContext, pool: &StreamPool) {
        let queue = &self.parts.queue;
        let number = stream.number;
        let (_, writer) = channel(stream.connection, context, number);
        let writer = Mutex::new(writer);
        let mut sender = PartSender::new(&self.parts, pool);
        let order = queue.join();
        while let Some(round) = queue.enter() {
            if let Err(unsent) = sender.send_parts_joined(order, &writer) {
                queue.died(Some(unsent));
                break;
            }
            if lock(&writer).send(&Message::StreamEnd { round }).is_err() {
                queue.died(None);
                break;
            }
            queue.end(number);
            if !queue.wait_after(round) {
                break;
            }
        }
        lock(&writer).connection().shutdown();
    }

    /// Nothing to do: the stream had taken no part yet.
    fn on_lost(&self, _: StreamNumber) {}
}
