//! Decides about an offer, and prepares the sink for its parts.

use crate::disk::{
    Destination, DiskError, DiskErrorKind, Durability, NameRule, PlanRules, Preview, RunLedger,
    SameFiles, Staging, free_bytes,
};
use crate::model::{EntryKind, Manifest, PartLayout, PartSet, RunId, TransferId};
use crate::protocol::{Decline, DeclineReason, Message, PeerText};
use crate::session::connection::session::Session;
use crate::session::error::Error;
use crate::session::events::{Acceptance, OfferSummary, Operator, Unattended};
use crate::session::receive::conflicts::decide;
use crate::session::receive::memory::MemoryCharge;
use crate::session::receive::options::ReceiveOptions;
use crate::session::receive::output::Output;
use crate::session::receive::report::tell_about_disk;
use crate::session::receive::sink::Sink;
use std::path::Path;
use std::sync::Arc;

/// Below this many bytes, free space is not checked: the check would cost more than it saves.
const ASK_FOR_ROOM_FROM: u64 = 64 * 1024 * 1024;

/// A sender's offer.
pub(crate) struct IncomingOffer {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) id: TransferId,
    pub(crate) summary: OfferSummary,
    pub(crate) part_size: u32,
    /// Memory for the manifest, and for digests of claimed parts.
    pub(crate) memory: MemoryCharge<'static>,
    /// Whether the sender wants files of the same size and time compared.
    pub(crate) checksum: bool,
    pub(crate) run: RunId,
}

impl IncomingOffer {
    fn rules(&self, options: &ReceiveOptions) -> PlanRules {
        PlanRules {
            existing: options.existing,
            same_files: match self.checksum || options.checksum {
                true => SameFiles::Compared,
                false => SameFiles::Believed,
            },
            names: NameRule::portable(options.portable_names),
            links: options.link_rule(),
        }
    }
}

/// Why an offer is declined: the reason for the peer, and the error for this side.
pub(crate) struct OfferRefusal {
    pub(crate) reason: DeclineReason,
    pub(crate) text: String,
    pub(crate) error: Error,
}

impl OfferRefusal {
    /// A refusal that tells the peer only the reason.
    pub(crate) fn new(reason: DeclineReason, error: Error) -> Self {
        OfferRefusal {
            reason,
            text: reason.to_string(),
            error,
        }
    }

    /// Tells the peer, and returns the error for this side.
    pub(crate) fn tell(self, session: &Session) -> Result<Error, Error> {
        session.say(&Message::Decline(Decline {
            reason: self.reason,
            text: PeerText::new(&self.text),
        }))?;
        Ok(self.error)
    }
}

/// Decides whether to accept an offer, and prepares the sink for its parts.
///
/// # Errors
/// [`OfferRefusal`]; nothing was created.
pub(crate) fn prepare(
    offer: &IncomingOffer,
    options: &ReceiveOptions,
    ledger: &RunLedger,
    operator: &dyn Operator,
) -> Result<Sink, OfferRefusal> {
    let IncomingOffer {
        manifest, summary, ..
    } = offer;
    if let Some(output) = &options.output {
        check_output(output, manifest)?;
    }
    if operator.accept(summary) == Acceptance::Decline {
        let reason = "you said no".into();
        let error = Error::DeclinedHere { reason };
        return Err(OfferRefusal::new(DeclineReason::Person, error));
    }
    if let Some(output) = &options.output {
        let layout = output_layout(offer)?;
        // Another session of the same receiver may have taken the output meanwhile.
        let file = output.open().ok_or_else(|| {
            let reason = takes_one(output, "it has had one");
            OfferRefusal::new(DeclineReason::Busy, Error::DeclinedHere { reason })
        })?;
        return Ok(Sink::output(file, layout, options.max_bytes));
    }
    let destination = Destination::locate(&options.destination).map_err(cannot_write)?;
    let rules = offer.rules(options);
    let plan = decide(manifest, &destination, rules, operator);
    let plan = plan.map_err(undecided)?;
    let durability = match options.fsync {
        true => Durability::Fsync,
        false => Durability::Normal,
    };
    let manifest = Arc::clone(manifest);
    let part_size = offer.part_size;
    let staging = Staging::open(
        &destination,
        offer.id,
        manifest,
        plan,
        part_size,
        durability,
    )
    .map_err(cannot_write)?;
    tell_about_disk(&staging, &offer.manifest, rules.names, operator);
    staging.recall(offer.run, ledger);
    // The data of an earlier run already has its space. Parts that are copied from an old file need space, too.
    let needed = staging.bytes_to_write().unwrap_or(0);
    if let Err(error) = check_room(staging.path(), needed) {
        staging.discard_if_new().map_err(cannot_write)?;
        return Err(OfferRefusal::new(DeclineReason::NoSpace, error));
    }
    let memory = offer.memory.another();
    Ok(Sink::folder(staging, options.max_bytes, memory))
}

/// The answer to a dry run. Nothing is created, and the operator is not asked.
///
/// # Errors
/// [`OfferRefusal`].
pub(crate) fn preview(
    offer: &IncomingOffer,
    options: &ReceiveOptions,
) -> Result<Preview, OfferRefusal> {
    let manifest = &offer.manifest;
    if let Some(output) = &options.output {
        check_output(output, manifest)?;
        return Ok(Preview {
            layout: output_layout(offer)?,
            present: PartSet::new(),
            claims: PartSet::new(),
        });
    }
    let destination = Destination::locate(&options.destination).map_err(cannot_write)?;
    let plan = decide(manifest, &destination, offer.rules(options), &Unattended);
    let plan = plan.map_err(undecided)?;
    Preview::of(&destination, offer.id, manifest, &plan, offer.part_size).map_err(cannot_write)
}

fn output_layout(offer: &IncomingOffer) -> Result<PartLayout, OfferRefusal> {
    let layout = match offer.manifest.total() {
        Some(total) => PartLayout::known(total, offer.part_size),
        None => PartLayout::open(offer.part_size),
    };
    layout.map_err(|fault| OfferRefusal::new(DeclineReason::Limit, fault.into()))
}

/// Checks that the output can take this offer: one file, and only once.
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
    let reason = takes_one(output, what);
    Err(OfferRefusal {
        reason: DeclineReason::CannotWrite,
        text: reason.clone(),
        error: Error::DeclinedHere { reason },
    })
}

fn takes_one(output: &Output, what: &str) -> String {
    format!("{} takes one file, and {what}", output.name())
}

/// Checks that a folder has room for `needed` more bytes.
///
/// # Errors
/// [`Error::NoRoom`].
pub(crate) fn check_room(folder: &Path, needed: u64) -> Result<(), Error> {
    if needed < ASK_FOR_ROOM_FROM {
        return Ok(());
    }
    match free_bytes(folder) {
        Some(free) if free < needed => Err(Error::NoRoom { needed, free }),
        // If the free space is unknown, the first failed write will tell.
        _ => Ok(()),
    }
}

fn undecided(error: Error) -> OfferRefusal {
    match error {
        Error::Disk(error) => cannot_write(error),
        error @ Error::InTheWay { .. } => OfferRefusal::new(DeclineReason::InTheWay, error),
        error => OfferRefusal::new(DeclineReason::UnsafeName, error),
    }
}

fn cannot_write(error: DiskError) -> OfferRefusal {
    let reason = match error.kind() {
        DiskErrorKind::Full => DeclineReason::NoSpace,
        DiskErrorKind::Locked => DeclineReason::Busy,
        DiskErrorKind::Name | DiskErrorKind::NameCollision => DeclineReason::UnsafeName,
        _ => DeclineReason::CannotWrite,
    };
    OfferRefusal::new(reason, Error::Disk(error))
}
