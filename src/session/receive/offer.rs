//! The receiver's side of one transfer: read the offer, decide, accept, receive the parts in rounds, deliver.

use crate::crypto::DIGEST_LENGTH;
use crate::disk::{RunLedger, Staging};
use crate::model::{Manifest, PartRange, PartSet, limits};
use crate::protocol::{
    Accept, DeclineReason, ManifestCodeError, ManifestDecoder, Message, Offer, PartRanges,
    transfer_id,
};
use crate::session::connection::channel::{ensure_due, unexpected};
use crate::session::connection::patience::Pace;
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::events::{Event, Operator, Summary};
use crate::session::listen::slots::Holder;
use crate::session::receive::allowance::Allowance;
use crate::session::receive::memory;
use crate::session::receive::options::ReceiveOptions;
use crate::session::receive::prepare::{IncomingOffer, OfferRefusal, prepare, preview};
use crate::session::receive::report::{DeliveryReport, tell_what_is_kept};
use crate::session::receive::rounds::{EarlyPart, ReceiveRounds};
use crate::session::receive::sink::Sink;
use crate::session::stats::{ProgressReporter, TransferStats, offer_summary};
use crate::session::tuning::stream_pool::StreamLimit;
use std::sync::Arc;
use std::time::Duration;

/// Time in which an offer must arrive, unless it comes faster than [`limits::OFFER_BYTES_PER_SECOND`].
const OFFER_TIME: Duration = Duration::from_secs(limits::OFFER_SECONDS);

/// One transfer over one session.
pub(crate) struct ReceiveTransfer<'s> {
    pub(crate) session: &'s mut Session,
    /// The name of the secret that the peer proved.
    pub(crate) name: Option<&'s str>,
    pub(crate) options: &'s ReceiveOptions,
    pub(crate) ledger: &'s RunLedger,
    pub(crate) operator: &'s dyn Operator,
    pub(crate) stats: &'s mut TransferStats,
}

/// The outcome of an offer.
pub(crate) enum Received {
    /// It was delivered.
    Delivered(Summary),
    /// It was declined. The session is still usable.
    Declined(Error),
    /// It was a dry run, and the sender has left.
    OnlyAsked,
}

/// Why an offer is not delivered.
enum OfferEnd {
    /// It is declined.
    Refused(OfferRefusal),
    /// The session has ended.
    Ended(Error),
}

impl From<OfferRefusal> for OfferEnd {
    fn from(refusal: OfferRefusal) -> Self {
        OfferEnd::Refused(refusal)
    }
}

impl<E: Into<Error>> From<E> for OfferEnd {
    fn from(error: E) -> Self {
        OfferEnd::Ended(error.into())
    }
}

impl<'s> ReceiveTransfer<'s> {
    /// Declines an offer, or accepts it and receives the transfer to its end.
    ///
    /// # Errors
    /// [`Error`]: the session is no longer usable. The received data is kept.
    pub(crate) fn run(mut self, offer: Offer) -> Result<Received, Error> {
        match self.receive(offer) {
            Ok(received) => Ok(received),
            Err(OfferEnd::Refused(refusal)) => Ok(Received::Declined(refusal.tell(self.session)?)),
            Err(OfferEnd::Ended(error)) => Err(error),
        }
    }

    fn receive(&mut self, message: Offer) -> Result<Received, OfferEnd> {
        let pace = Pace::new("the offer", OFFER_TIME, limits::OFFER_BYTES_PER_SECOND);
        self.session.reader.connection().set_pace(Some(pace));
        let mut offer = self.read_offer(&message)?;
        let early = self.read_early(&message, &offer)?;
        self.session.reader.connection().set_pace(None);
        self.operator.event(&Event::Offer(&offer.summary));
        self.verify(message.verify)?;
        if message.dry_run {
            return self.answer_dry_run(&offer);
        }
        let sink = prepare(&offer, self.options, self.ledger, self.operator)?;
        let limit = self.stream_limit(&sink, message.streams);
        // An early part holds all contents, so nothing is left to compare.
        let mut parts = ReportedParts::of(&sink, early.is_none());
        if offer
            .memory
            .grow(parts.digest_bytes(&offer.manifest, &sink))
            .is_err()
        {
            // There is no memory for the digests, so the parts are sent instead.
            parts.claims = PartSet::new();
        }
        let progress = self.accept(&sink, &parts, limit.most())?;
        let is_in_order = sink.is_in_order();
        let manifest = Arc::clone(&offer.manifest);
        let rounds = ReceiveRounds::new(sink, manifest, message.transfer, progress);
        let result = rounds.run(self.session, limit, early, parts.claims);
        self.stats.held(rounds.held());
        match result {
            Ok(()) => {}
            Err(error) if is_in_order => {
                self.discard(rounds.sink);
                return Err(error.cut_short().into());
            }
            Err(error) => {
                rounds.sink.remember(offer.run, self.ledger);
                self.keep(rounds.sink);
                return Err(error.into());
            }
        }
        let delivered = self.deliver(rounds, offer, limit.most());
        let summary = delivered.map_err(|error| match is_in_order {
            true => error.cut_short(),
            false => error,
        })?;
        Ok(Received::Delivered(summary))
    }

    /// Reads the manifest to its end.
    fn read_offer(&mut self, message: &Offer) -> Result<IncomingOffer, OfferEnd> {
        let is_next = message.transfer == self.session.next_transfer()?;
        ensure_due(is_next, "an offer of another number")?;
        let owner = Holder::of(self.name, self.session.peer);
        let mut allowance = Allowance::new(self.options, memory::OFFERS.charge(owner));
        let manifest = match read_manifest(self.session, message, &mut allowance) {
            Ok(manifest) => manifest,
            // The session ends, because the rest of the offer may still be on its way.
            Err(OfferEnd::Refused(refusal)) => return Err(refusal.tell(self.session)?.into()),
            Err(ended) => return Err(ended),
        };
        let memory = match allowance.settle() {
            Ok(memory) => memory,
            Err(refusal) => {
                if let Some(round) = message.early.clone() {
                    EarlyPart::read(self.session, message.transfer, round)?;
                }
                self.session.reader.connection().set_pace(None);
                return Err(refusal.into());
            }
        };
        let Some(manifest) = manifest.map(Arc::new) else {
            return Err(unexpected("an offer that was not taken").into());
        };
        self.session
            .shared
            .liveness
            .let_pause(manifest.total().is_none());
        let id = transfer_id(&manifest);
        self.stats.offered(id);
        Ok(IncomingOffer {
            id,
            summary: offer_summary(&manifest, self.session.peer),
            part_size: message.part_size,
            checksum: message.checksum,
            run: message.run,
            manifest,
            memory,
        })
    }

    /// Tells the sender what this side has, and waits for its Bye.
    fn answer_dry_run(&mut self, offer: &IncomingOffer) -> Result<Received, OfferEnd> {
        let preview = preview(offer, self.options)?;
        let have = PartRanges::take_from(&mut preview.present.ranges());
        let room = limits::RANGES - have.len();
        let claims = PartRanges::take_from(&mut preview.claims.ranges().take(room));
        self.session.say(&Message::Accept(Accept {
            part_size: preview.layout.part_size(),
            streams: 1,
            have,
            claims,
        }))?;
        match self.session.hear()? {
            Message::Bye => Ok(Received::OnlyAsked),
            _ => Err(unexpected("something other than Bye after a dry run").into()),
        }
    }

    /// Reads the only part of a small transfer, if it came along with the offer.
    fn read_early(
        &mut self,
        message: &Offer,
        offer: &IncomingOffer,
    ) -> Result<Option<EarlyPart>, Error> {
        let Some(round) = message.early.clone() else {
            return Ok(None);
        };
        let one_part = 1..=u64::from(offer.part_size.min(limits::EARLY_PART_BYTES));
        let total = offer.manifest.total();
        let is_one_part = total.is_some_and(|total| one_part.contains(&total));
        ensure_due(is_one_part, "contents that are not one part early")?;
        EarlyPart::read(self.session, message.transfer, round).map(Some)
    }

    /// Has the people on both sides compare the phrase, if either side wants that. Nothing is accepted before both
    /// have confirmed it.
    fn verify(&mut self, sender_wants: bool) -> Result<(), OfferEnd> {
        if !sender_wants {
            return match self.options.verify {
                false => Ok(()),
                true => Err(OfferEnd::Refused(OfferRefusal {
                    reason: DeclineReason::Person,
                    text: "the receiver requires the phrase to be compared (--verify)".into(),
                    error: Error::DeclinedHere {
                        reason: "the sender does not compare the phrase (--verify)".into(),
                    },
                })),
            };
        }
        self.session.compare_phrase(self.operator)?;
        match self.session.hear()? {
            Message::Confirmed => Ok(()),
            _ => Err(unexpected("something other than Confirmed").into()),
        }
    }

    fn stream_limit(&self, sink: &Sink, proposed: u16) -> StreamLimit {
        match sink.is_in_order() {
            true => StreamLimit::Fixed(1),
            false => stream_limit(proposed, self.options.streams, sink.layout().part_size())
                .at_most(self.session.most_streams),
        }
    }

    /// Tells the sender how many streams it may use, which parts are here, and which may be here.
    fn accept(
        &mut self,
        sink: &Sink,
        parts: &ReportedParts,
        streams: u16,
    ) -> Result<ProgressReporter<'s>, Error> {
        if let Some(staging) = sink.staging() {
            if !sink.is_in_order() {
                self.stats.staged(Some(staging.path()));
            }
            if let Some(fault) = staging.journal_fault() {
                let what = "the data of an earlier run cannot be used, so the transfer starts over";
                self.operator.warn(&format!("{what}: {fault}"));
            }
        }
        let layout = sink.layout();
        // From the parts as the sender sees them, so that both sides count the same.
        let have_bytes = match layout.total() {
            Some(_) => layout.bytes_of(parts.have.iter().copied()),
            None => 0,
        };
        let present_bytes = have_bytes + layout.bytes_of(parts.claims.ranges());
        self.session.say(&Message::Accept(Accept {
            part_size: layout.part_size(),
            streams,
            have: parts.have.clone(),
            claims: PartRanges::take_from(&mut parts.claims.ranges()),
        }))?;
        self.stats.accepted(present_bytes);
        self.operator.event(&Event::Accepted {
            streams,
            present_bytes,
            claimed_bytes: present_bytes - have_bytes,
        });
        let traffic = &self.session.shared.traffic;
        Ok(ProgressReporter::new(
            self.operator,
            self.stats,
            traffic,
            have_bytes,
        ))
    }

    /// Removes the data of a transfer that ended early and cannot be resumed.
    fn discard(&self, sink: Sink) {
        if let Err(fault) = sink.discard() {
            self.operator.warn(&format!(
                "the received data is of no use and cannot be removed: {fault}"
            ));
        }
    }

    /// Keeps the data of an interrupted transfer, so that it can be resumed.
    fn keep(&mut self, sink: Sink) {
        match sink.keep() {
            Ok(true) => {}
            Ok(false) => self.stats.staged(None),
            Err(fault) => {
                self.operator.warn(&format!(
                    "nothing arrived, and its folder cannot be removed: {fault}"
                ));
            }
        }
    }

    /// Moves everything into its place, and tells the sender.
    fn deliver(
        &mut self,
        rounds: ReceiveRounds<'_>,
        offer: IncomingOffer,
        streams: u16,
    ) -> Result<Summary, Error> {
        let mut report =
            DeliveryReport::new(&offer.manifest, self.operator, rounds.sink.layout().total());
        let delivery = rounds.deliver(&mut report)?;
        if let Some(folder) = &delivery.kept {
            tell_what_is_kept(folder, self.operator);
        }
        let resumed_bytes = self.stats.resumed_bytes();
        let done = report.done(&delivery, resumed_bytes);
        self.session.say(&Message::Done(done))?;
        let summary = Summary {
            peer: Some(self.session.peer),
            name: offer.summary.names.into_iter().next().unwrap_or_default(),
            wire_bytes: self.stats.wire_bytes(self.session.shared.traffic.total()),
            resumed_bytes,
            compared: offer.checksum || self.options.checksum,
            streams,
            ..report.summary(delivery)
        };
        Ok(self.stats.finish(summary, self.operator))
    }
}

/// The parts that an Accept lists.
struct ReportedParts {
    /// Parts that need not be sent.
    have: PartRanges,
    /// Parts to compare. Limited to the runs that fit into the message after those in `have`.
    claims: PartSet,
}

impl ReportedParts {
    fn of(sink: &Sink, may_claim: bool) -> Self {
        let layout = sink.layout();
        let present = sink.present();
        let have = match layout.total() {
            None if sink.is_complete() => {
                PartRanges::take_from(&mut std::iter::once(PartRange::ALL))
            }
            _ => PartRanges::take_from(&mut present.ranges()),
        };
        let mut claims = PartSet::new();
        let room = limits::RANGES - have.len();
        let claimable = sink.staging().filter(|_| may_claim).map(Staging::claims);
        for range in claimable.iter().flat_map(PartSet::ranges).take(room) {
            if let Ok(parts) = layout.run(range) {
                claims.insert_run(parts);
            }
        }
        ReportedParts { have, claims }
    }

    /// Memory that the digests of claimed parts will need, in bytes.
    fn digest_bytes(&self, manifest: &Manifest, sink: &Sink) -> u64 {
        let layout = sink.layout();
        let pieces = |part| layout.segments(manifest, part).count();
        let pieces: usize = self.claims.parts(layout).map(pieces).sum();
        pieces as u64 * DIGEST_LENGTH as u64
    }
}

/// How many streams to accept. A few are opened at once. More are opened while throughput rises, as long as their
/// parts fit into memory.
fn stream_limit(proposed: u16, most: Option<u16>, part_size: u32) -> StreamLimit {
    const FEW: u16 = 8;
    let limit = match most {
        Some(most) => StreamLimit::Fixed(proposed.min(most)),
        None if proposed <= FEW => StreamLimit::Fixed(proposed),
        None => StreamLimit::UpTo(proposed),
    };
    let room = limits::PARTS_IN_FLIGHT_BYTES / part_size;
    limit.at_most(u16::try_from(room).unwrap_or(u16::MAX))
}

/// Reads the manifest of an offer. Refuses the offer if `allowance` has no room for all of it.
fn read_manifest(
    session: &mut Session,
    offer: &Offer,
    allowance: &mut Allowance<'_>,
) -> Result<Option<Manifest>, OfferEnd> {
    let mut decoder = ManifestDecoder::new(offer.entry_count)?;
    let mut is_allowed = true;
    let mut allow = |cost| {
        is_allowed = allowance.take(cost);
        is_allowed
    };
    let mut fault = decoder.push_chunk(&offer.entries, &mut allow).err();
    while fault.is_none() && !decoder.is_complete() {
        match session.hear()? {
            Message::Entries(chunk) => fault = decoder.push_chunk(&chunk, &mut allow).err(),
            _ => return Err(unexpected("something other than the rest of its offer").into()),
        }
        session.reader.connection().keep_pace();
    }
    match fault.map_or_else(|| decoder.finish(), Err) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(ManifestCodeError::Count) if !is_allowed => Ok(None),
        Err(ManifestCodeError::Manifest(error)) => {
            let reason = error.to_string();
            let error = Error::UnsafeOffer { reason };
            Err(OfferRefusal::new(DeclineReason::UnsafeName, error).into())
        }
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_streams_have_room() {
        for part_size in [limits::PART_BYTES_MIN, 2 << 20, limits::PART_BYTES_MAX] {
            for most in [None, Some(limits::STREAMS)] {
                let streams = stream_limit(limits::STREAMS, most, part_size).most();
                assert!(u32::from(streams) * part_size <= limits::PARTS_IN_FLIGHT_BYTES);
            }
        }
        let usual = stream_limit(limits::STREAMS, None, 2 << 20);
        assert_eq!(usual, StreamLimit::UpTo(limits::STREAMS));
        assert_eq!(
            stream_limit(2, None, limits::PART_BYTES_MAX),
            StreamLimit::Fixed(2)
        );
    }
}
