//! The sender's side of one transfer: offer, rounds of parts, the receiver's verdict.

use crate::crypto::{Position, Sealer};
use crate::disk::SourceReader;
use crate::model::{EntryFailure, PartLayout, PartRange, PartSet, limits};
use crate::protocol::{
    Accept, Bounded, Decline, Done, EarlyRound, ManifestChunk, ManifestEncoder, Message, Offer,
    PartId, PeerFailure,
};
use crate::session::connection::channel::{MessageWriter, unexpected};
use crate::session::connection::session::Session;
use crate::session::error::SessionError;
use crate::session::events::{Event, FileResult, OfferSummary, Operator, Summary};
use crate::session::send::archive::Losses;
use crate::session::send::cargo::Cargo;
use crate::session::send::feed::Feed;
use crate::session::send::options::SendOptions;
use crate::session::send::proposal::Proposal;
use crate::session::send::rounds::SendRounds;
use crate::session::stats::{ProgressReporter, TransferStats, offer_summary};
use crate::session::sync::lock;
use crate::session::tuning::compression::CompressionTuner;
use crate::session::tuning::rate_limit::RateLimit;
use crate::session::tuning::stream_pool::StreamLimit;
use std::iter::Chain;
use std::net::SocketAddr;
use std::sync::Arc;

/// What is to be sent, ready to be offered.
pub(crate) struct Outgoing<'a> {
    cargo: &'a Cargo<'a>,
    streams: Option<u16>,
    rate_limit: Option<RateLimit>,
    verify: bool,
    early: Early,
}

/// Whether a small transfer's only part goes along with its offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Early {
    Allowed,
    /// It must wait for a person, for its turn, or is not to be sent at all.
    Never,
}

impl<'a> Outgoing<'a> {
    /// `cargo`, to be carried as `options` say.
    pub(crate) fn new(cargo: &'a Cargo<'a>, options: &SendOptions) -> Self {
        let rate_limit = options.rate_limit.map(RateLimit::new);
        Outgoing {
            cargo,
            streams: options.streams,
            early: match options.verify || rate_limit.is_some() {
                true => Early::Never,
                false => Early::Allowed,
            },
            rate_limit,
            verify: options.verify,
        }
    }

    /// The same, only to ask what of it the receiver lacks.
    pub(crate) fn to_ask(cargo: &'a Cargo<'a>, options: &SendOptions) -> Self {
        let early = Early::Never;
        Outgoing {
            early,
            ..Outgoing::new(cargo, options)
        }
    }

    /// Queues the Offer, and its only part where that goes along. [`Outgoing::send`] does the rest.
    ///
    /// # Errors
    /// [`SessionError`] when something cannot be sealed.
    pub(crate) fn queue_offer(
        &self,
        transfer: u32,
        peer: SocketAddr,
        writer: &mut MessageWriter,
    ) -> Result<Offered<'a>, SessionError> {
        let manifest = self.cargo.source().manifest();
        let mut proposal = Proposal::new(manifest.total(), self.streams, peer);
        if let Some(limit) = &self.rate_limit {
            proposal = proposal.in_parts_of(limit.part_bytes(), manifest.total());
        }
        let effort = CompressionTuner::new(self.cargo.level(), peer);
        let mut encoder = ManifestEncoder::new(manifest);
        let entries = encoder.next().unwrap_or_default();
        let more = encoder.next();
        let is_small = more.is_none() && proposal.is_early(manifest.total());
        let early = match is_small && self.early == Early::Allowed {
            true => self.read_early(proposal.part_size)?,
            false => None,
        };
        writer.queue(&Message::Offer(Offer {
            transfer,
            run: self.cargo.run(),
            part_size: proposal.part_size,
            streams: proposal.width.most(),
            verify: self.verify,
            checksum: false,
            dry_run: false,
            // Exact: a manifest has at most `limits::ENTRIES` entries.
            entry_count: manifest.len() as u32,
            entries,
            early: early.as_ref().map(EarlyContents::round),
        }))?;
        if let Some(early) = &early {
            // The receiver opens it while the part is being sealed.
            writer.flush()?;
            let id = PartId {
                round: 0,
                index: early.index,
            };
            let position = Position::Part {
                transfer,
                round: id.round,
                index: id.index,
            };
            let compression = effort.compression();
            let mut sealer = Sealer::new();
            let sealed = sealer.seal(writer.keys(), position, &early.raw, compression)?;
            writer.queue_part(id, &sealed);
        }
        Ok(Offered {
            transfer,
            proposal,
            effort,
            rest: more.into_iter().chain(encoder),
            early: early.map(|early| early.failures),
        })
    }

    /// The only part, to go ahead of the answer; `None` where more failed than an offer can say.
    fn read_early(&self, part_size: u32) -> Result<Option<EarlyContents>, SessionError> {
        let source = self.cargo.source();
        let layout = PartLayout::known(source.manifest().total().unwrap_or(0), part_size)?;
        let part = layout.part(0)?;
        let (mut raw, mut failures) = (Vec::new(), Vec::new());
        SourceReader::new(source).read_part(&layout, part, &mut raw, &mut failures);
        failures.extend(source.changed_empty_files());
        let early = EarlyContents {
            index: part.get(),
            raw,
            failures,
        };
        Ok((early.failures.len() <= limits::FAILURES).then_some(early))
    }

    /// Brings an offer that was queued to its end.
    ///
    /// # Errors
    /// [`SessionError`]; the session is not usable any more, unless it is
    /// [`SessionError::PeerDeclined`].
    pub(crate) fn send(
        &self,
        session: &mut Session,
        offered: Offered<'a>,
        tally: &mut TransferStats,
        operator: &dyn Operator,
    ) -> Result<Summary, SessionError> {
        let Offered {
            transfer,
            effort,
            early,
            ..
        } = offered;
        let (offer, agreed) = self.agree(session, offered.proposal, offered.rest, operator)?;
        let Agreed {
            streams,
            width,
            layout,
            have,
            is_unwanted,
        } = agreed;
        let there = layout.bytes_of(have.ranges());
        tally.accepted(there, layout.total());
        operator.event(&Event::Accepted {
            streams,
            present_bytes: there,
        });
        let traffic = &session.shared.traffic;
        let (feed, losses) = match is_unwanted {
            true => (Some(Feed::unwanted()), None),
            false => self.feed(&layout)?,
        };
        let sending = SendRounds::new(
            self.cargo.source(),
            layout,
            &have,
            transfer,
            effort,
            self.rate_limit.as_ref(),
            ProgressReporter::new(operator, tally, traffic, there),
        )
        .fed_by(feed);
        if let Some(failures) = &early {
            sending.went_early(failures);
        }
        let done = sending.run(session, width);
        let done = done.map_err(|error| match self.cargo.is_fed() {
            true => error.cut_short(),
            false => error,
        })?;
        self.tell_failures(&done, operator);
        let lost = losses.map_or(0, |losses| losses.tell(operator));
        let left_out = self.cargo.left_out().len() as u64 + done.failed + lost;
        let summary = Summary {
            peer: Some(session.peer),
            name: offer.names.into_iter().next().unwrap_or_default(),
            files: done.files,
            bytes: done.bytes,
            wire_bytes: tally.wire_bytes(session.shared.traffic.total()),
            resumed_bytes: tally.resumed_bytes(done.bytes),
            elapsed: tally.elapsed(),
            streams,
            left_out,
            lost_sources: done
                .failures
                .iter()
                .filter(|f| f.reason.is_source())
                .count() as u64
                + lost,
            skipped: 0,
            delivered: Vec::new(),
        };
        operator.event(&Event::Finished(&summary));
        Ok(summary)
    }

    /// Asks what of an offer that was queued the receiver lacks, in bytes, and leaves it at that.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) fn ask(
        &self,
        session: &mut Session,
        offered: Offered<'a>,
        operator: &dyn Operator,
    ) -> Result<Option<u64>, SessionError> {
        let (_, agreed) = self.agree(session, offered.proposal, offered.rest, operator)?;
        session.say(&Message::Bye)?;
        let total = agreed.layout.total();
        Ok(total.map(|total| total - agreed.layout.bytes_of(agreed.have.ranges())))
    }

    /// From the offer to what the receiver says to it, with the phrase compared in between.
    fn agree(
        &self,
        session: &mut Session,
        proposal: Proposal,
        rest: impl Iterator<Item = ManifestChunk>,
        operator: &dyn Operator,
    ) -> Result<(OfferSummary, Agreed), SessionError> {
        let offer = offer_summary(self.cargo.source().manifest(), session.peer);
        operator.event(&Event::Offer(&offer));
        for chunk in rest {
            session.say(&Message::Entries(chunk))?;
        }
        lock(&session.writer).flush()?;
        if self.verify {
            session.compare_phrase(operator)?;
            match session.hear()? {
                Message::Confirmed => {}
                Message::Decline(decline) => return Err(declined(&decline)),
                _ => return Err(unexpected("something else than Confirmed")),
            }
        }
        let accept = match session.hear()? {
            Message::Accept(accept) => accept,
            Message::Decline(decline) => return Err(declined(&decline)),
            _ => return Err(unexpected("no answer to the offer")),
        };
        let streams = accept.streams;
        if !(1..=proposal.width.most()).contains(&streams) {
            return Err(unexpected("a number of streams that was not proposed"));
        }
        let layout = match self.cargo.source().manifest().total() {
            Some(total) => PartLayout::known(total, accept.part_size)?,
            None => PartLayout::open(accept.part_size)?,
        };
        let is_unwanted = layout.total().is_none() && wants_nothing(&accept)?;
        let agreed = Agreed {
            streams,
            width: proposal.width.at_most(streams),
            layout,
            have: match layout.total() {
                Some(_) => agreed_parts(&accept, &layout)?,
                None => PartSet::new(),
            },
            is_unwanted,
        };
        Ok((offer, agreed))
    }

    /// Starts to read or make the contents, where that is done once and in order.
    fn feed(
        &self,
        layout: &PartLayout,
    ) -> Result<(Option<Feed>, Option<Arc<Losses>>), SessionError> {
        let Some((producer, losses)) = self.cargo.making()? else {
            return Ok((None, None));
        };
        let feed = Feed::start(producer, layout.part_size())?;
        Ok((Some(feed), losses))
    }

    fn tell_failures(&self, done: &Done, operator: &dyn Operator) {
        let manifest = self.cargo.source().manifest();
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
pub(crate) struct Offered<'a> {
    transfer: u32,
    proposal: Proposal,
    effort: CompressionTuner,
    rest: Chain<std::option::IntoIter<ManifestChunk>, ManifestEncoder<'a>>,
    /// What failed of the part that goes along, if one does.
    early: Option<Vec<EntryFailure>>,
}

/// What the receiver says to an offer that it takes.
struct Agreed {
    streams: u16,
    width: StreamLimit,
    layout: PartLayout,
    have: PartSet,
    /// Whether the receiver wants nothing of contents whose length is not known.
    is_unwanted: bool,
}

/// The only part of a small transfer, and what failed of it.
struct EarlyContents {
    index: u64,
    raw: Vec<u8>,
    failures: Vec<EntryFailure>,
}

impl EarlyContents {
    /// What the offer says of it.
    fn round(&self) -> EarlyRound {
        let mut failures = self.failures.iter().copied().map(PeerFailure::from);
        EarlyRound {
            crc32: crc32fast::hash(&self.raw),
            failures: Bounded::take_from(&mut failures),
        }
    }
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

/// Of contents whose length is not known a receiver has nothing, or wants nothing.
fn wants_nothing(accept: &Accept) -> Result<bool, SessionError> {
    match &accept.have[..] {
        [] => Ok(false),
        [range] if *range == PartRange::ALL => Ok(true),
        _ => Err(unexpected("parts of contents that it cannot have")),
    }
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
