//! The sender's side of one transfer: offer, rounds of parts, the receiver's verdict.

use super::channel::{MessageWriter, unexpected};
use super::established::Established;
use super::events::{Event, FileResult, Operator, Summary};
use super::heartbeat::lock;
use super::proposal::{Proposal, compression};
use super::sending::{Sending, queue_round_end};
use super::summary::offer_summary;
use super::wanted::ClosedRound;
use super::{SendOptions, SessionError};
use crate::crypto::{Compression, Position, Sealer};
use crate::disk::{Source, SourceReader};
use crate::model::{EntryFailure, PartLayout, PartSet};
use crate::protocol::{
    Accept, Decline, Done, ManifestChunk, ManifestEncoder, Message, Offer, PartCheck,
};
use std::time::Instant;

/// What is to be sent, ready to be offered.
pub(super) struct Shipment<'a> {
    source: &'a Source,
    proposal: Proposal,
    compression: Compression,
}

impl<'a> Shipment<'a> {
    /// Decides how `source` is to be carried.
    pub(super) fn new(source: &'a Source, options: &SendOptions) -> Self {
        Shipment {
            source,
            proposal: Proposal::new(source.manifest().total(), options.streams),
            compression: compression(options.level),
        }
    }

    /// Queues the Offer, and its only part where that goes along. [`Shipment::send`] does the rest.
    ///
    /// # Errors
    /// [`SessionError`] when something cannot be sealed.
    pub(super) fn queue_offer(
        &self,
        transfer: u32,
        writer: &mut MessageWriter,
    ) -> Result<Offered<'a>, SessionError> {
        let manifest = self.source.manifest();
        let mut encoder = ManifestEncoder::new(manifest);
        let entries = encoder.next().unwrap_or_default();
        let more = encoder.next();
        let early = more.is_none() && self.proposal.is_early(manifest.total());
        writer.queue(&Message::Offer(Offer {
            transfer,
            part_size: self.proposal.part_size,
            streams: self.proposal.streams,
            verify: false,
            early,
            // Exact: a manifest has at most `limits::ENTRIES` entries.
            entry_count: manifest.len() as u32,
            entries,
        }))?;
        let mut early_round = None;
        if early {
            early_round = Some(self.queue_early(transfer, writer)?);
        }
        Ok(Offered {
            transfer,
            more,
            encoder,
            early_round,
        })
    }

    /// The whole of round 0 ahead of the answer.
    fn queue_early(
        &self,
        transfer: u32,
        writer: &mut MessageWriter,
    ) -> Result<EarlyRound, SessionError> {
        let manifest = self.source.manifest();
        let total = manifest.total().unwrap_or(0);
        let layout = PartLayout::known(total, self.proposal.part_size)?;
        let mut round = EarlyRound::default();
        let mut raw = Vec::new();
        let mut sealer = Sealer::new();
        for part in layout.parts() {
            let mut reader = SourceReader::new(self.source);
            reader.read_part(&layout, part, &mut raw, &mut round.failures);
            let index = part.get();
            let position = Position::Part { transfer, index };
            let sealed = sealer.seal(writer.keys(), position, &raw, self.compression)?;
            writer.queue_part(index, &sealed);
            let crc32 = crc32fast::hash(&raw);
            round.checks.push(PartCheck { index, crc32 });
        }
        let closed = ClosedRound {
            round: 0,
            streams: Vec::new(),
        };
        queue_round_end(writer, closed, &mut round.checks, &round.failures)?;
        Ok(round)
    }

    /// Brings an offer that was queued to its end.
    ///
    /// # Errors
    /// [`SessionError`]; the session is not usable any more, unless it is
    /// [`SessionError::PeerDeclined`].
    pub(super) fn send(
        &self,
        session: &mut Established,
        offered: Offered<'a>,
        operator: &dyn Operator,
    ) -> Result<Summary, SessionError> {
        let begun = Instant::now();
        let manifest = self.source.manifest();
        let offer = offer_summary(manifest, session.peer);
        operator.event(&Event::Offer(&offer));
        for chunk in offered.more.into_iter().chain(offered.encoder) {
            session.say(&Message::Entries(chunk))?;
        }
        lock(&session.writer).flush()?;
        let accept = match session.hear()? {
            Message::Accept(accept) => accept,
            Message::Decline(decline) => return Err(declined(&decline)),
            _ => return Err(unexpected("no answer to the offer")),
        };
        let layout = self.agreed_layout(&accept)?;
        let have = agreed_parts(&accept, &layout)?;
        let resumed_bytes = layout.bytes_of(&have);
        operator.event(&Event::Accepted {
            streams: accept.streams,
            resumed_bytes,
        });
        let sending = Sending::new(
            self.source,
            layout,
            &have,
            offered.transfer,
            self.compression,
            operator,
        );
        if let Some(early) = &offered.early_round {
            sending.went_early(&early.failures);
        }
        let done = sending.run(session, accept.streams)?;
        self.tell_failures(&done, operator);
        let left_out = self.source.left_out().len() as u64 + done.failed;
        let summary = Summary {
            peer: Some(session.peer),
            name: offer.names.into_iter().next().unwrap_or_default(),
            files: done.files,
            bytes: done.bytes,
            wire_bytes: session.shared.traffic.total(),
            resumed_bytes,
            elapsed: begun.elapsed(),
            streams: accept.streams,
            left_out,
            lost_sources: done
                .failures
                .iter()
                .filter(|f| f.reason.is_source())
                .count() as u64,
            skipped: 0,
            delivered: Vec::new(),
        };
        operator.event(&Event::Finished(&summary));
        Ok(summary)
    }

    fn agreed_layout(&self, accept: &Accept) -> Result<PartLayout, SessionError> {
        if !(1..=self.proposal.streams).contains(&accept.streams) {
            return Err(unexpected("a number of streams that was not proposed"));
        }
        Ok(match self.source.manifest().total() {
            Some(total) => PartLayout::known(total, accept.part_size)?,
            None => PartLayout::open(accept.part_size)?,
        })
    }

    fn tell_failures(&self, done: &Done, operator: &dyn Operator) {
        let manifest = self.source.manifest();
        for failure in done
            .failures
            .iter()
            .filter_map(|named| named.check(manifest))
        {
            operator.event(&Event::File {
                path: manifest.entry(failure.entry).path.as_bytes(),
                bytes: 0,
                result: FileResult::Failed {
                    why: failure.reason.to_string(),
                },
            });
        }
    }
}

/// An offer that is on its way.
pub(super) struct Offered<'a> {
    transfer: u32,
    more: Option<ManifestChunk>,
    encoder: ManifestEncoder<'a>,
    early_round: Option<EarlyRound>,
}

/// What was sent along with the offer.
#[derive(Default)]
struct EarlyRound {
    checks: Vec<PartCheck>,
    failures: Vec<EntryFailure>,
}

fn agreed_parts(accept: &Accept, layout: &PartLayout) -> Result<PartSet, SessionError> {
    let mut have = PartSet::new();
    for range in accept.have.iter() {
        let end = range.start.saturating_add(range.length);
        for index in range.start..end {
            have.insert(layout.part(index)?);
        }
    }
    Ok(have)
}

fn declined(decline: &Decline) -> SessionError {
    let text = decline.text.to_string();
    SessionError::PeerDeclined {
        because: decline.reason,
        reason: if text.is_empty() {
            decline.reason.to_string()
        } else {
            text
        },
    }
}
