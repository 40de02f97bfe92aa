//! The sender's side of one transfer: offer, agree, send the parts in rounds, read the receiver's result.

use crate::crypto::{Position, Sealer};
use crate::disk::SourceReader;
use crate::model::{
    EntryFailure, EntryIndex, Manifest, PartLayout, PartRange, PartSet, WirePath, limits,
};
use crate::protocol::{
    Accept, Bounded, Decline, Done, EarlyRound, ManifestChunk, ManifestEncoder, Message, Offer,
    PartId, PeerFailure,
};
use crate::session::connection::channel::{MessageWriter, ensure_due, unexpected};
use crate::session::connection::session::Session;
use crate::session::connection::socket::streams_of_each;
use crate::session::error::Error;
use crate::session::events::{Event, FileResult, OfferSummary, Operator, Summary};
use crate::session::send::feed::Feed;
use crate::session::send::outgoing::Outgoing;
use crate::session::send::part_queue::PartQueue;
use crate::session::send::part_sender::OutgoingParts;
use crate::session::send::proposal::Proposal;
use crate::session::send::rounds::SendRounds;
use crate::session::stats::{ProgressReporter, TransferStats, offer_summary};
use crate::session::sync::lock;
use crate::session::tuning::compression::CompressionTuner;
use crate::session::tuning::stream_pool::StreamLimit;
use std::collections::HashMap;
use std::iter::Chain;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

/// One transfer over one session.
pub(crate) struct SendTransfer<'s, 'o> {
    pub(crate) session: &'s mut Session,
    pub(crate) outgoing: &'o Outgoing<'o>,
    pub(crate) operator: &'s dyn Operator,
}

/// An offer that was queued for sending.
pub(crate) struct Offered<'o> {
    transfer: u32,
    proposal: Proposal,
    compression: CompressionTuner,
    rest: Chain<std::option::IntoIter<ManifestChunk>, ManifestEncoder<'o>>,
    /// If a part goes along with the offer: the files of it that could not be read.
    early: Option<Vec<EntryFailure>>,
}

/// The receiver's answer to an offer that it accepts.
struct Agreed {
    offer: OfferSummary,
    streams: u16,
    limit: StreamLimit,
    layout: PartLayout,
    have: PartSet,
    /// Parts that the receiver may have, to be proved by digests.
    claims: PartSet,
    /// Whether the receiver skips contents of unknown length.
    is_unwanted: bool,
}

impl<'o> SendTransfer<'_, 'o> {
    /// Runs the transfer. `offered` is the offer, if it was queued already.
    ///
    /// # Errors
    /// [`Error`]; only after [`Error::PeerDeclined`] is the session still usable.
    pub(crate) fn run(
        mut self,
        offered: Option<Offered<'o>>,
        stats: &mut TransferStats,
    ) -> Result<Summary, Error> {
        let mut offered = self.offer(offered)?;
        let agreed = self.agree(&mut offered)?;
        let (done, lost) = self.send_parts(offered, &agreed, stats)?;
        Ok(self.finish(agreed, &done, lost, stats))
    }

    /// Only asks how many bytes the receiver lacks, at least and at most. `None` if the length is not known.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn ask(
        mut self,
        offered: Option<Offered<'o>>,
    ) -> Result<Option<RangeInclusive<u64>>, Error> {
        let mut offered = self.offer(offered)?;
        let agreed = self.agree(&mut offered)?;
        self.session.say(&Message::Bye)?;
        let layout = agreed.layout;
        let bytes = |parts: &PartSet| layout.bytes_of(parts.ranges());
        Ok(layout.total().map(|total| {
            let most = total - bytes(&agreed.have);
            most - bytes(&agreed.claims)..=most
        }))
    }

    /// Queues the offer, unless it was queued along with the proof.
    fn offer(&mut self, offered: Option<Offered<'o>>) -> Result<Offered<'o>, Error> {
        let transfer = self.session.next_transfer()?;
        if let Some(offered) = offered {
            return Ok(offered);
        }
        // A dialling receiver sends its Ready first.
        let is_ready = transfer > 0 || matches!(self.session.hear()?, Message::Ready);
        ensure_due(is_ready, "something other than Ready")?;
        let mut writer = lock(&self.session.writer);
        if transfer > 0 {
            writer.queue(&Message::Next)?;
        }
        queue_offer(self.outgoing, transfer, self.session.peer, &mut writer)
    }

    /// Sends the rest of the offer, has people compare the phrase if that was asked for, and reads the answer.
    fn agree(&mut self, offered: &mut Offered<'o>) -> Result<Agreed, Error> {
        let session = &mut *self.session;
        let manifest = self.outgoing.source.manifest();
        let offer = offer_summary(manifest, session.peer);
        self.operator.event(&Event::Offer(&offer));
        for chunk in offered.rest.by_ref() {
            session.say(&Message::Entries(chunk))?;
        }
        lock(&session.writer).flush()?;
        if self.outgoing.is_verified() {
            session.compare_phrase(self.operator)?;
            match session.hear()? {
                Message::Confirmed => {}
                Message::Decline(decline) => return Err(declined(&decline)),
                _ => return Err(unexpected("something other than Confirmed")),
            }
        }
        let accept = match session.hear()? {
            Message::Accept(accept) => accept,
            Message::Decline(decline) => return Err(declined(&decline)),
            _ => return Err(unexpected("no answer to the offer")),
        };
        let limit = offered.proposal.limit;
        let is_proposed = (1..=limit.most()).contains(&accept.streams);
        ensure_due(is_proposed, "a number of streams that was not proposed")?;
        let in_flight = u64::from(accept.part_size) * u64::from(accept.streams);
        let have_room = in_flight <= u64::from(limits::PARTS_IN_FLIGHT_BYTES);
        ensure_due(have_room, "more streams than such large parts allow")?;
        let layout = match manifest.total() {
            Some(total) => PartLayout::known(total, accept.part_size)?,
            None => PartLayout::open(accept.part_size)?,
        };
        let may_claim = offered.early.is_none() && layout.total().is_some();
        let claims_due = may_claim || accept.claims.is_empty();
        ensure_due(claims_due, "claims of contents that are not read again")?;
        Ok(Agreed {
            offer,
            streams: accept.streams,
            limit: limit.at_most(accept.streams),
            layout,
            have: match layout.total() {
                Some(_) => parts_of(&accept.have, &layout)?,
                None => PartSet::new(),
            },
            claims: parts_of(&accept.claims, &layout)?,
            is_unwanted: layout.total().is_none() && wants_nothing(&accept)?,
        })
    }

    /// Sends the parts in rounds. Returns the receiver's result, and how many files could not be packed into an
    /// archive.
    fn send_parts(
        &mut self,
        offered: Offered<'o>,
        agreed: &Agreed,
        stats: &mut TransferStats,
    ) -> Result<(Done, u64), Error> {
        let layout = agreed.layout;
        let have_bytes = layout.bytes_of(agreed.have.ranges());
        let present_bytes = have_bytes + layout.bytes_of(agreed.claims.ranges());
        stats.accepted(present_bytes);
        self.operator.event(&Event::Accepted {
            streams: agreed.streams,
            present_bytes,
            claimed_bytes: present_bytes - have_bytes,
        });
        let (producer, losses) = match agreed.is_unwanted {
            true => (None, None),
            false => self.outgoing.producer()?.unzip(),
        };
        let feed = match producer {
            None if agreed.is_unwanted => Some(Feed::unwanted()),
            None => None,
            Some(producer) => Some(Feed::start(producer, layout.part_size())?),
        };
        let traffic = &self.session.shared.traffic;
        let parts = OutgoingParts {
            source: &self.outgoing.source,
            layout,
            present_bytes,
            transfer: offered.transfer,
            compression: offered.compression,
            rate_limit: self.outgoing.rate_limit.as_ref(),
            progress: ProgressReporter::new(self.operator, stats, traffic, have_bytes),
            queue: PartQueue::new(layout, &agreed.have, &agreed.claims),
            fed: AtomicU64::new(0),
            checks: Mutex::default(),
            handed_back: Mutex::default(),
            failures: Mutex::default(),
        };
        let rounds = SendRounds::new(parts, feed, offered.early.as_deref(), &agreed.claims);
        match rounds.run(self.session, agreed.limit) {
            Ok(done) => {
                let losses = losses.flatten();
                Ok((done, losses.map_or(0, |losses| losses.tell(self.operator))))
            }
            Err(error) if self.outgoing.is_fed() => Err(error.cut_short()),
            Err(error) => Err(error),
        }
    }

    /// Reports the results, and sums them up.
    fn finish(self, agreed: Agreed, done: &Done, lost: u64, stats: &TransferStats) -> Summary {
        tell_results(self.outgoing.source.manifest(), done, self.operator);
        let failures = done.failures.iter();
        let failed_sources = failures.filter(|f| f.reason.is_source()).count() as u64;
        let summary = Summary {
            peer: Some(self.session.peer),
            name: agreed.offer.names.into_iter().next().unwrap_or_default(),
            files: done.files,
            bytes: done.bytes,
            wire_bytes: stats.wire_bytes(self.session.shared.traffic.total()),
            resumed_bytes: done.held,
            streams: agreed.streams,
            same: done.same,
            compared: self.outgoing.options.checksum,
            skipped: done.skipped,
            left_out: self.outgoing.left_out().len() as u64 + done.failed + lost,
            lost_sources: failed_sources + lost,
            ..Summary::without(self.outgoing.not_carried())
        };
        stats.finish(summary, self.operator)
    }
}

/// Reports which entries were not delivered, and which got another name.
fn tell_results(manifest: &Manifest, done: &Done, operator: &dyn Operator) {
    let failures = done.failures.iter();
    for failure in failures.filter_map(|named| named.check(manifest)) {
        let path = manifest.entry(failure.entry).path.as_bytes();
        operator.event(&Event::left_out(path, failure.reason));
    }
    let tell = |entry: EntryIndex, result, saved_as: Option<&[u8]>| {
        let range = manifest.stream_range(entry);
        operator.event(&Event::File {
            path: manifest.entry(entry).path.as_bytes(),
            bytes: range.end - range.start,
            result,
            saved_as,
        });
    };
    for entry in done.skips.iter().filter_map(|named| named.check(manifest)) {
        tell(entry, FileResult::Skipped, None);
    }
    let named = done.new_names.iter();
    let named = named.filter_map(|new| Some((new.entry.check(manifest)?, new.as_bytes())));
    let mut new_names = HashMap::new();
    for (entry, name) in named {
        // A manifest lists a folder before its contents.
        let path = manifest.entry(entry).path;
        new_names.insert(path.as_bytes(), name);
        let saved_as = renamed(path, &new_names);
        tell(entry, FileResult::Delivered, Some(&saved_as));
    }
}

/// `path` with each component that was renamed under its new name.
fn renamed(path: WirePath<'_>, new_names: &HashMap<&[u8], &[u8]>) -> Vec<u8> {
    let mut above = Some(path);
    let mut names: Vec<&[u8]> = path.components().collect();
    for name in names.iter_mut().rev() {
        let Some(path) = above else { break };
        *name = new_names.get(path.as_bytes()).copied().unwrap_or(name);
        above = path.parent();
    }
    names.join(&b'/')
}

/// Queues an offer, together with its only part if that is small enough. [`SendTransfer`] does the rest.
///
/// # Errors
/// [`Error`] when something cannot be sealed.
pub(crate) fn queue_offer<'o>(
    outgoing: &'o Outgoing<'_>,
    transfer: u32,
    peer: SocketAddr,
    writer: &mut MessageWriter,
) -> Result<Offered<'o>, Error> {
    let manifest = outgoing.source.manifest();
    let mut proposal = Proposal::new(
        manifest.total(),
        outgoing.options.streams,
        peer,
        streams_of_each(1),
    );
    if let Some(limit) = &outgoing.rate_limit {
        proposal = proposal.in_parts_of(limit.part_bytes(), manifest.total());
    }
    let compression = CompressionTuner::new(outgoing.level(), peer);
    let mut encoder = ManifestEncoder::new(manifest);
    let entries = encoder.next().unwrap_or_default();
    let more = encoder.next();
    let is_small = more.is_none() && proposal.is_early(manifest.total());
    let early = match is_small && outgoing.may_go_early() {
        true => EarlyContents::read(outgoing, proposal.part_size)?,
        false => None,
    };
    writer.queue(&Message::Offer(Offer {
        transfer,
        run: outgoing.run,
        part_size: proposal.part_size,
        streams: proposal.limit.most(),
        verify: outgoing.is_verified(),
        checksum: outgoing.options.checksum,
        dry_run: outgoing.is_dry_run,
        // Exact: a manifest has at most `limits::ENTRIES` entries.
        entry_count: u32::try_from(manifest.len()).unwrap_or(u32::MAX),
        entries,
        early: early.as_ref().map(EarlyContents::round),
    }))?;
    if let Some(early) = &early {
        // The receiver can read the offer while the part is being sealed.
        writer.flush()?;
        let PartId { round, index } = PartId::FIRST;
        let position = Position::Part {
            transfer,
            round,
            index,
        };
        let mut sealer = Sealer::new();
        let sealed = sealer.seal(
            writer.keys(),
            position,
            &early.raw,
            compression.compression(),
        )?;
        writer.queue_part(PartId::FIRST, &sealed);
    }
    Ok(Offered {
        transfer,
        proposal,
        compression,
        rest: more.into_iter().chain(encoder),
        early: early.map(|early| early.failures),
    })
}

/// The only part of a small transfer, and the files that could not be read.
struct EarlyContents {
    raw: Vec<u8>,
    failures: Vec<EntryFailure>,
}

impl EarlyContents {
    /// Reads the part. `None` if more files failed than an offer can list.
    fn read(outgoing: &Outgoing<'_>, part_size: u32) -> Result<Option<Self>, Error> {
        let source = &outgoing.source;
        let layout = PartLayout::known(source.manifest().total().unwrap_or(0), part_size)?;
        let part = layout.part(0)?;
        let (mut raw, mut failures) = (Vec::new(), Vec::new());
        SourceReader::new(source).read_part(&layout, part, &mut raw, &mut failures);
        failures.extend(source.changed_empty_files());
        let is_sayable = failures.len() <= limits::FAILURES;
        Ok(is_sayable.then_some(EarlyContents { raw, failures }))
    }

    /// The part's description in the offer.
    fn round(&self) -> EarlyRound {
        let mut failures = self.failures.iter().copied().map(PeerFailure::from);
        EarlyRound {
            crc32: crc32fast::hash(&self.raw),
            failures: Bounded::take_from(&mut failures),
        }
    }
}

fn parts_of(ranges: &[PartRange], layout: &PartLayout) -> Result<PartSet, Error> {
    let mut parts = PartSet::new();
    for &range in ranges {
        parts.insert_run(layout.run(range)?);
    }
    Ok(parts)
}

/// Whether the receiver skips contents of unknown length. It cannot have a part of them already.
fn wants_nothing(accept: &Accept) -> Result<bool, Error> {
    match &accept.have[..] {
        [] => Ok(false),
        [range] if *range == PartRange::ALL => Ok(true),
        _ => Err(unexpected("parts of contents that it cannot have")),
    }
}

fn declined(decline: &Decline) -> Error {
    let text = decline.text.to_string();
    Error::PeerDeclined {
        because: decline.reason,
        reason: match text.is_empty() {
            true => decline.reason.to_string(),
            false => text,
        },
    }
}
