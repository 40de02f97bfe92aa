//! The receiver's side of one transfer: what is offered, whether to take it, the verdict.

use crate::disk::{Delivery, Destination, DiskErrorKind, Durability, Staging, free_bytes};
use crate::model::{EntryKind, Manifest, PartLayout, PartRange, TransferId, limits};
use crate::protocol::{
    Accept, Bounded, Decline, DeclineReason, Done, ManifestCodeError, ManifestDecoder, Message,
    Offer, PartRanges, PeerFailure, PeerText, transfer_id,
};
use crate::session::connection::channel::unexpected;
use crate::session::connection::session::Session;
use crate::session::error::SessionError;
use crate::session::events::{Acceptance, Event, OfferSummary, Operator, Summary};
use crate::session::receive::conflicts::decide;
use crate::session::receive::in_order::InOrder;
use crate::session::receive::options::ReceiveOptions;
use crate::session::receive::output::Output;
use crate::session::receive::report::tell_what_is_kept;
use crate::session::receive::rounds::{EarlyPart, ReceiveRounds, RoundEnded};
use crate::session::receive::sink::Sink;
use crate::session::stats::{ProgressReporter, TransferStats, offer_summary};
use crate::session::tuning::stream_pool::StreamLimit;
use std::sync::Arc;

/// Offers below this are taken without asking whether there is room: to ask costs more.
const ASK_FOR_ROOM_FROM: u64 = 64 * 1024 * 1024;

/// What came of an offer.
pub(crate) enum Received {
    /// It was delivered.
    Delivered(Summary),
    /// It was not taken. The session goes on.
    Declined(SessionError),
    /// The sender only wanted to know what is here already, and has gone.
    OnlyAsked,
}

/// Takes an offer, or not, and brings it to its end.
///
/// # Errors
/// [`SessionError`]: the session is not usable any more. What arrived is kept.
pub(crate) fn receive_one(
    session: &mut Session,
    offer: Offer,
    options: &ReceiveOptions,
    operator: &dyn Operator,
    tally: &mut TransferStats,
) -> Result<Received, SessionError> {
    let transfer = session.next_transfer()?;
    if offer.transfer != transfer {
        return Err(unexpected("an offer of another number"));
    }
    let manifest = match read_manifest(session, &offer)? {
        Ok(manifest) => Arc::new(manifest),
        // The rest of such an offer may be on its way and belongs to nothing: the session ends.
        Err(refusal) => return Err(refusal.tell(session)?),
    };
    let id = transfer_id(&manifest);
    tally.offered(id);
    let early = match offer.early {
        Some(_) if !fits_one_part(&manifest, offer.part_size) => {
            return Err(unexpected("contents that are not one part early"));
        }
        Some(round) => Some(EarlyPart::read(session, transfer, round)?),
        None => None,
    };
    let summary = offer_summary(&manifest, session.peer);
    operator.event(&Event::Offer(&summary));
    if let Err(refusal) = verify(session, offer.verify, options, operator)? {
        return Ok(Received::Declined(refusal.tell(session)?));
    }
    let prepared = prepare(&manifest, id, &summary, offer.part_size, options, operator);
    let sink = match prepared {
        Ok(sink) => sink,
        Err(refusal) => return Ok(Received::Declined(refusal.tell(session)?)),
    };
    let once = once(&manifest, &sink, options);
    if let Sink::Folder(staging) = &sink {
        if once.is_none() {
            tally.staged(staging.path());
        }
        if let Some(fault) = staging.journal_fault() {
            let what = "what an earlier run left is not used, and it begins anew";
            let message = format!("{what}: {fault}");
            operator.event(&Event::Warning { message: &message });
        }
    }
    let layout = sink.layout();
    let width = match once {
        Some(_) => StreamLimit::Fixed(1),
        None => width(offer.streams, options.streams, layout.part_size()),
    };
    let streams = width.most();
    let present = sink.present();
    let have = match layout.total() {
        None if sink.is_complete() => PartRanges::take_from(&mut std::iter::once(PartRange::ALL)),
        _ => PartRanges::take_from(&mut present.ranges()),
    };
    // What the sender is told, so that both count the same.
    let there = match layout.total() {
        Some(_) => layout.bytes_of(have.iter().copied()),
        None => 0,
    };
    session.say(&Message::Accept(Accept {
        part_size: layout.part_size(),
        streams,
        have,
        claims: PartRanges::default(),
    }))?;
    tally.accepted(there, layout.total());
    operator.event(&Event::Accepted {
        streams,
        present_bytes: there,
    });
    let teller = ProgressReporter::new(operator, tally, &session.shared.traffic, there);
    let is_once = once.is_some();
    let receiving = ReceiveRounds::new(sink, once, manifest, transfer, teller);
    match receiving.run(session, width, early) {
        Ok(RoundEnded::Sent) => {}
        Ok(RoundEnded::OnlyAsked) => {
            receiving.leave()?;
            return Ok(Received::OnlyAsked);
        }
        Err(error) if is_once => return Err(give_up(receiving, error, operator)),
        Err(error) => return Err(error),
    }
    let delivered = receiving.deliver();
    let (delivery, skipped) = delivered.map_err(|error| match is_once {
        true => error.cut_short(),
        false => error,
    })?;
    if let Some(folder) = &delivery.kept {
        tell_what_is_kept(folder, operator);
    }
    let held = tally.resumed_bytes(delivery.bytes);
    session.say(&Message::Done(done(&delivery, skipped, held)))?;
    let summary = Summary {
        peer: Some(session.peer),
        name: summary.names.into_iter().next().unwrap_or_default(),
        files: delivery.files,
        bytes: delivery.bytes,
        wire_bytes: tally.wire_bytes(session.shared.traffic.total()),
        resumed_bytes: tally.resumed_bytes(delivery.bytes),
        elapsed: tally.elapsed(),
        streams,
        left_out: delivery.failures.len() as u64,
        lost_sources: delivery
            .failures
            .iter()
            .filter(|f| f.reason.is_source())
            .count() as u64,
        skipped,
        delivered: delivery.tops,
    };
    operator.event(&Event::Finished(&summary));
    Ok(Received::Delivered(summary))
}

/// Whether the contents are of known length and all in one part of that size.
fn fits_one_part(manifest: &Manifest, part_size: u32) -> bool {
    manifest
        .total()
        .is_some_and(|total| (1..=part_size.into()).contains(&total))
}

/// What is to be watched of a transfer whose parts must come in order, each once; `None` where any order
/// will do and what is missing can be asked for again, also later.
fn once(manifest: &Manifest, sink: &Sink, options: &ReceiveOptions) -> Option<InOrder> {
    let layout = sink.layout();
    match (sink, manifest.total()) {
        (_, None) => Some(InOrder::new(layout, options.max_bytes)),
        (Sink::Output(_), Some(_)) => Some(InOrder::new(layout, None)),
        (Sink::Folder(_), Some(_)) => None,
    }
}

/// A transfer that cannot go on has ended early: what it left in the folder is of no use.
fn give_up(
    receiving: ReceiveRounds<'_>,
    error: SessionError,
    operator: &dyn Operator,
) -> SessionError {
    if let Err(fault) = receiving.discard() {
        let message = format!("what arrived is of no use and cannot be removed: {fault}");
        operator.event(&Event::Warning { message: &message });
    }
    error.cut_short()
}

/// How many streams to take, where this side makes them. A sender that proposes only a few wants them
/// all; more are opened as the line asks for, as far as their parts have room.
fn width(proposed: u16, most: Option<u16>, part_size: u32) -> StreamLimit {
    const FEW: u16 = 8;
    let width = match most {
        Some(most) => StreamLimit::Fixed(proposed.min(most)),
        None if proposed <= FEW => StreamLimit::Fixed(proposed),
        None => StreamLimit::UpTo(proposed),
    };
    let room = limits::PARTS_IN_FLIGHT_BYTES / part_size;
    width.at_most(u16::try_from(room).unwrap_or(u16::MAX))
}

/// Why an offer is not taken: what the peer is told, and what this side ends with.
struct OfferRefusal {
    reason: DeclineReason,
    text: String,
    error: SessionError,
}

impl OfferRefusal {
    fn new(reason: DeclineReason, error: SessionError) -> Self {
        OfferRefusal {
            reason,
            text: reason.to_string(),
            error,
        }
    }

    /// Tells the peer; what this side ends with.
    fn tell(self, session: &Session) -> Result<SessionError, SessionError> {
        session.say(&Message::Decline(Decline {
            reason: self.reason,
            text: PeerText::new(&self.text),
        }))?;
        Ok(self.error)
    }
}

/// Has the persons on both sides compare the phrase, where they want to. Nothing is accepted before
/// both have found it the same.
///
/// # Errors
/// [`SessionError::PhraseDiffers`], or that the sender is gone or gave up.
fn verify(
    session: &mut Session,
    sender_wants: bool,
    options: &ReceiveOptions,
    operator: &dyn Operator,
) -> Result<Result<(), OfferRefusal>, SessionError> {
    if !sender_wants {
        return Ok(match options.verify {
            false => Ok(()),
            true => Err(OfferRefusal {
                reason: DeclineReason::Person,
                text: "the phrase is to be compared there first (--verify)".into(),
                error: SessionError::DeclinedHere {
                    reason: "the sender does not compare the phrase (--verify)".into(),
                },
            }),
        });
    }
    session.compare_phrase(operator)?;
    match session.hear()? {
        Message::Confirmed => Ok(Ok(())),
        _ => Err(unexpected("something else than Confirmed")),
    }
}

/// The manifest of an offer, or why it is refused as a whole.
fn read_manifest(
    session: &mut Session,
    offer: &Offer,
) -> Result<Result<Manifest, OfferRefusal>, SessionError> {
    let mut decoder = ManifestDecoder::new(offer.entry_count)?;
    let mut fault = decoder.push_chunk(&offer.entries).err();
    while fault.is_none() && !decoder.is_complete() {
        match session.hear()? {
            Message::Entries(chunk) => fault = decoder.push_chunk(&chunk).err(),
            _ => return Err(unexpected("something else than the rest of its offer")),
        }
    }
    let manifest = match fault {
        None => decoder.finish(),
        Some(fault) => Err(fault),
    };
    Ok(match manifest {
        Ok(manifest) => Ok(manifest),
        Err(ManifestCodeError::Manifest(error)) => Err(OfferRefusal::new(
            DeclineReason::UnsafeName,
            SessionError::UnsafeOffer {
                reason: error.to_string(),
            },
        )),
        Err(other) => return Err(other.into()),
    })
}

/// Everything that is decided before a byte moves, and where the bytes go.
fn prepare(
    manifest: &Arc<Manifest>,
    id: TransferId,
    summary: &OfferSummary,
    part_size: u32,
    options: &ReceiveOptions,
    operator: &dyn Operator,
) -> Result<Sink, OfferRefusal> {
    check_limits(summary, options)?;
    if let Some(output) = &options.output {
        check_output(output, manifest)?;
    }
    if operator.accept(summary) == Acceptance::Decline {
        let reason = "you said no".into();
        let error = SessionError::DeclinedHere { reason };
        return Err(OfferRefusal::new(DeclineReason::Person, error));
    }
    if let Some(output) = &options.output {
        return open_output(output, manifest, part_size);
    }
    let destination = Destination::locate(&options.destination).map_err(cannot_write)?;
    let plan = decide(manifest, &destination, options.existing, operator).map_err(undecided)?;
    let durability = match options.fsync {
        true => Durability::Fsync,
        false => Durability::Normal,
    };
    let manifest = Arc::clone(manifest);
    let staging = Staging::open(&destination, id, manifest, plan, part_size, durability)
        .map_err(cannot_write)?;
    match check_room(&staging) {
        None => Ok(Sink::Folder(Box::new(staging))),
        Some(error) => {
            staging.discard_if_new().map_err(cannot_write)?;
            Err(OfferRefusal::new(DeclineReason::NoSpace, error))
        }
    }
}

/// An output takes one file and no second one.
fn check_output(output: &Output, manifest: &Manifest) -> Result<(), OfferRefusal> {
    let mut kinds = manifest.entries().map(|(_, entry)| entry.kind);
    let is_a_file = matches!(
        (kinds.next(), kinds.next()),
        (Some(EntryKind::File(_)), None)
    );
    let what = match (is_a_file, output.is_used()) {
        (true, false) => return Ok(()),
        (true, true) => "it has had one",
        (false, _) => "something else is offered",
    };
    let reason = format!("{} takes one file, and {what}", output.name());
    Err(OfferRefusal {
        reason: DeclineReason::CannotWrite,
        text: reason.clone(),
        error: SessionError::DeclinedHere { reason },
    })
}

fn open_output(output: &Output, manifest: &Manifest, part_size: u32) -> Result<Sink, OfferRefusal> {
    let layout = match manifest.total() {
        Some(total) => PartLayout::known(total, part_size),
        None => PartLayout::open(part_size),
    };
    let layout = layout.map_err(|fault| OfferRefusal::new(DeclineReason::Limit, fault.into()))?;
    match output.open(layout) {
        Some(sink) => Ok(Sink::Output(sink)),
        // Another session of the same receiver was quicker.
        None => Err(OfferRefusal::new(
            DeclineReason::Busy,
            SessionError::DeclinedHere {
                reason: format!("{} takes one file, and it has had one", output.name()),
            },
        )),
    }
}

fn check_limits(summary: &OfferSummary, options: &ReceiveOptions) -> Result<(), OfferRefusal> {
    let entries = summary.files + summary.folders + summary.links;
    let over = |limit: Option<u64>, value: Option<u64>, what: &str| match (limit, value) {
        (Some(limit), Some(value)) if value > limit => Some(format!(
            "the offer has {value} {what}, and {limit} are allowed here"
        )),
        _ => None,
    };
    let bytes = over(options.max_bytes, summary.bytes, "bytes");
    let entries = || over(options.max_files, Some(entries), "files and folders");
    match bytes.or_else(entries) {
        None => Ok(()),
        Some(reason) => {
            let error = SessionError::DeclinedHere { reason };
            Err(OfferRefusal::new(DeclineReason::Limit, error))
        }
    }
}

/// What an earlier run left here has its room already.
fn check_room(staging: &Staging) -> Option<SessionError> {
    let layout = staging.layout();
    let needed = layout.total()? - layout.bytes_of(staging.present().ranges());
    if needed < ASK_FOR_ROOM_FROM {
        return None;
    }
    let free = free_bytes(staging.path())?;
    (free < needed).then_some(SessionError::NoRoom { needed, free })
}

fn undecided(error: SessionError) -> OfferRefusal {
    match error {
        SessionError::Disk(error) => cannot_write(error),
        error @ SessionError::InTheWay { .. } => OfferRefusal::new(DeclineReason::InTheWay, error),
        error => OfferRefusal::new(DeclineReason::UnsafeName, error),
    }
}

fn cannot_write(error: crate::disk::DiskError) -> OfferRefusal {
    let reason = match error.kind() {
        DiskErrorKind::Full => DeclineReason::NoSpace,
        DiskErrorKind::Locked => DeclineReason::Busy,
        DiskErrorKind::Name | DiskErrorKind::NameCollision => DeclineReason::UnsafeName,
        _ => DeclineReason::CannotWrite,
    };
    OfferRefusal::new(reason, SessionError::Disk(error))
}

fn done(delivery: &Delivery, skipped: u64, held: u64) -> Done {
    let mut failures = delivery.failures.iter().copied().map(PeerFailure::from);
    Done {
        files: delivery.files,
        bytes: delivery.bytes,
        same: delivery.same,
        skipped,
        held,
        failed: delivery.failures.len() as u64,
        failures: Bounded::take_from(&mut failures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_streams_have_room() {
        for part_size in [limits::PART_BYTES_MIN, 2 << 20, limits::PART_BYTES_MAX] {
            for most in [None, Some(limits::STREAMS)] {
                let streams = width(limits::STREAMS, most, part_size).most();
                assert!(u32::from(streams) * part_size <= limits::PARTS_IN_FLIGHT_BYTES);
            }
        }
        let usual = width(limits::STREAMS, None, 2 << 20);
        assert_eq!(usual, StreamLimit::UpTo(limits::STREAMS));
        assert_eq!(
            width(2, None, limits::PART_BYTES_MAX),
            StreamLimit::Fixed(2)
        );
    }
}
