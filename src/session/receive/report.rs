//! Reports the result of each staged entry to the operator.

use crate::disk::{Delivery, DeliveryResult, NameRule, Staging};
use crate::model::{EntryIndex, Manifest, escaped};
use crate::protocol::{Bounded, Done, NewName, NewNames, PeerFailure, Skips};
use crate::session::events::{Event, FileResult, Operator, Summary};
use std::path::Path;

/// Reports the result of each entry of a manifest to an operator, and counts skipped entries.
pub(crate) struct DeliveryReport<'a> {
    manifest: &'a Manifest,
    operator: &'a dyn Operator,
    /// Bytes of the stream, even if the manifest does not have their number.
    total: u64,
    skipped: u64,
    /// The first few skipped entries.
    skips: Skips,
    new_names: NewNames,
}

impl<'a> DeliveryReport<'a> {
    /// `total` is the actual length of the stream.
    pub(crate) fn new(
        manifest: &'a Manifest,
        operator: &'a dyn Operator,
        total: Option<u64>,
    ) -> Self {
        DeliveryReport {
            manifest,
            operator,
            total: total.unwrap_or(0),
            skipped: 0,
            skips: Skips::default(),
            new_names: NewNames::default(),
        }
    }

    /// The message to the sender about the delivery. `held` bytes of it did not have to be sent.
    pub(crate) fn done(&self, delivery: &Delivery, held: u64) -> Done {
        let mut failures = delivery.failures.iter().copied().map(PeerFailure::from);
        Done {
            files: delivery.files,
            bytes: delivery.bytes,
            same: delivery.same,
            skipped: self.skipped,
            held,
            failed: delivery.failures.len() as u64,
            failures: Bounded::take_from(&mut failures),
            skips: self.skips.clone(),
            new_names: self.new_names.clone(),
        }
    }

    /// The summary of the delivery.
    pub(crate) fn summary(&self, delivery: Delivery) -> Summary {
        self.tell_losses(&delivery);
        let failures = delivery.failures.iter();
        Summary {
            files: delivery.files,
            bytes: delivery.bytes,
            left_out: delivery.failures.len() as u64,
            lost_sources: failures.filter(|f| f.reason.is_source()).count() as u64,
            same: delivery.same,
            skipped: self.skipped,
            delivered: delivery.tops,
            ..Summary::default()
        }
    }

    /// Warns once about metadata that the disk does not keep.
    fn tell_losses(&self, delivery: &Delivery) {
        let times =
            "this disk keeps no modification times: the same files are sent again the next time";
        let modes = "this disk keeps no permissions: new files get its own";
        for (is_lost, message) in [(delivery.loses_times, times), (delivery.loses_modes, modes)] {
            if is_lost {
                self.operator.warn(message);
            }
        }
    }

    /// Reports an entry's result, and its path at the destination if it got another name.
    pub(crate) fn tell(
        &mut self,
        entry: EntryIndex,
        result: DeliveryResult,
        saved_as: Option<&[u8]>,
    ) {
        let own = self.manifest.entry(entry).path;
        if result == DeliveryResult::Skipped {
            self.skipped += 1;
            self.skips.push_if_room(entry.into());
        }
        let name = saved_as.and_then(|path| path.rsplit(|byte| *byte == b'/').next());
        if let Some(name) = name.filter(|name| Some(*name) != own.components().next_back())
            && let Some(new) = NewName::new(entry.into(), name)
        {
            self.new_names.push_if_room(new);
        }
        let range = self.manifest.stream_range(entry);
        self.operator.event(&Event::File {
            path: own.as_bytes(),
            saved_as,
            bytes: match self.manifest.total() {
                Some(_) => range.end - range.start,
                None => self.total,
            },
            result: match result {
                DeliveryResult::Delivered => FileResult::Delivered,
                DeliveryResult::Identical => FileResult::Identical,
                DeliveryResult::Skipped => FileResult::Skipped,
                DeliveryResult::Failed(refusal) => FileResult::Failed {
                    why: refusal.to_string(),
                },
            },
        });
    }
}

/// Before anything is sent, warns about what the disk cannot do: names that it does not allow, and permissions
/// that keep other users out.
pub(crate) fn tell_about_disk(
    staging: &Staging,
    manifest: &Manifest,
    names: NameRule,
    operator: &dyn Operator,
) {
    const NAMED: usize = 10;
    if !staging.is_private() {
        let path = escaped(staging.path().as_os_str().as_encoded_bytes());
        operator.warn(&format!(
            "this disk cannot keep other users out of {path} until everything is there"
        ));
    }
    let refused: Vec<_> = staging.refused_early().collect();
    if refused.is_empty() {
        return;
    }
    let path = |entry: &EntryIndex| escaped(manifest.entry(*entry).path.as_bytes());
    let mut list = refused
        .iter()
        .take(NAMED)
        .map(path)
        .collect::<Vec<_>>()
        .join(", ");
    if refused.len() > NAMED {
        list.push_str(&format!(" and {} more", refused.len() - NAMED));
    }
    let remedy = match names {
        NameRule::Own => " (--portable-names changes them)",
        NameRule::Portable => "",
    };
    operator.warn(&format!(
        "this disk refuses these names, which are left out{remedy}: {list}"
    ));
}

/// Reports where the partial data was kept.
pub(crate) fn tell_what_is_kept(path: &Path, operator: &dyn Operator) {
    operator.event(&Event::Kept { path });
}
