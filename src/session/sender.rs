//! The sender's side of one transfer: offer, rounds of parts, the receiver's verdict.

use super::channel::{MessageWriter, unexpected};
use super::effort::Effort;
use super::established::Established;
use super::events::{Event, FileResult, Operator, Summary};
use super::heartbeat::lock;
use super::pool::Width;
use super::proposal::Proposal;
use super::sending::{Sending, queue_round_end};
use super::summary::offer_summary;
use super::tally::{Tally, Teller};
use super::wanted::ClosedRound;
use super::{Level, SendOptions, SessionError};
use crate::crypto::{Compression, Position, Sealer};
use crate::disk::{Source, SourceReader};
use crate::model::{EntryFailure, PartLayout, PartSet};
use crate::protocol::{
    Accept, Decline, Done, ManifestChunk, ManifestEncoder, Message, Offer, PartCheck,
};
use std::net::SocketAddr;

/// What is to be sent, ready to be offered.
pub(super) struct Shipment<'a> {
    source: &'a Source,
    streams: Option<u16>,
    level: Level,
}

impl<'a> Shipment<'a> {
    /// `source`, to be carried as `options` say.
    pub(super) fn new(source: &'a Source, options: &SendOptions) -> Self {
        Shipment {
            source,
            streams: options.streams,
            level: options.level,
        }
    }

    /// Queues the Offer, and its only part where that goes along. [`Shipment::send`] does the rest.
    ///
    /// # Errors
    /// [`SessionError`] when something cannot be sealed.
    pub(super) fn queue_offer(
        &self,
        transfer: u32,
        peer: SocketAddr,
        writer: &mut MessageWriter,
    ) -> Result<Offered<'a>, SessionError> {
        let manifest = self.source.manifest();
        let proposal = Proposal::new(manifest.total(), self.streams, peer);
        let effort = Effort::new(self.level, peer);
        let mut encoder = ManifestEncoder::new(manifest);
        let entries = encoder.next().unwrap_or_default();
        let more = encoder.next();
        let early = more.is_none() && proposal.is_early(manifest.total());
        writer.queue(&Message::Offer(Offer {
            transfer,
            part_size: proposal.part_size,
            streams: proposal.width.most(),
            verify: false,
            early,
            // Exact: a manifest has at most `limits::ENTRIES` entries.
            entry_count: manifest.len() as u32,
            entries,
        }))?;
        let mut early_round = None;
        if early {
            let layout = PartLayout::known(manifest.total().unwrap_or(0), proposal.part_size)?;
            let compression = effort.compression();
            early_round = Some(self.queue_early(transfer, layout, compression, writer)?);
        }
        Ok(Offered {
            transfer,
            proposal,
            effort,
            more,
            encoder,
            early_round,
        })
    }

    /// The whole of round 0 ahead of the answer.
    fn queue_early(
        &self,
        transfer: u32,
        layout: PartLayout,
        compression: Compression,
        writer: &mut MessageWriter,
    ) -> Result<EarlyRound, SessionError> {
        let mut round = EarlyRound::default();
        let mut raw = Vec::new();
        let mut sealer = Sealer::new();
        for part in layout.parts() {
            let mut reader = SourceReader::new(self.source);
            reader.read_part(&layout, part, &mut raw, &mut round.failures);
            let index = part.get();
            let position = Position::Part { transfer, index };
            let sealed = sealer.seal(writer.keys(), position, &raw, compression)?;
            writer.queue_part(index, &sealed);
            let crc32 = crc32fast::hash(&raw);
            round.checks.push(PartCheck { index, crc32 });
        }
        let closed = ClosedRound {
            round: 0,
            streams: Vec::new(),
        };
        round.failures.extend(self.source.changed_empty_files());
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
        tally: &mut Tally,
        operator: &dyn Operator,
    ) -> Result<Summary, SessionError> {
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
        let (layout, width) = self.agree(&offered.proposal, &accept)?;
        let have = agreed_parts(&accept, &layout)?;
        let resumed_bytes = layout.bytes_of(&have);
        tally.accepted(resumed_bytes);
        operator.event(&Event::Accepted {
            streams: accept.streams,
            resumed_bytes,
        });
        let traffic = &session.shared.traffic;
        let sending = Sending::new(
            self.source,
            layout,
            &have,
            offered.transfer,
            offered.effort,
            Teller::new(operator, tally, traffic, layout.bytes_of(&have)),
        );
        if let Some(early) = &offered.early_round {
            sending.went_early(&early.failures);
        }
        let done = sending.run(session, width)?;
        self.tell_failures(&done, operator);
        let left_out = self.source.left_out().len() as u64 + done.failed;
        let summary = Summary {
            peer: Some(session.peer),
            name: offer.names.into_iter().next().unwrap_or_default(),
            files: done.files,
            bytes: done.bytes,
            wire_bytes: tally.wire_bytes(session.shared.traffic.total()),
            resumed_bytes: tally.resumed_bytes(),
            elapsed: tally.elapsed(),
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

    /// How the transfer is cut and carried, now that the receiver has spoken.
    fn agree(
        &self,
        proposal: &Proposal,
        accept: &Accept,
    ) -> Result<(PartLayout, Width), SessionError> {
        if !(1..=proposal.width.most()).contains(&accept.streams) {
            return Err(unexpected("a number of streams that was not proposed"));
        }
        let layout = match self.source.manifest().total() {
            Some(total) => PartLayout::known(total, accept.part_size)?,
            None => PartLayout::open(accept.part_size)?,
        };
        Ok((layout, proposal.width.at_most(accept.streams)))
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
    proposal: Proposal,
    effort: Effort,
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
