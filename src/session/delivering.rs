//! The end of whatever was staged: everything into its place, each entry told.

use super::SessionError;
use super::events::{Event, FileResult, Operator};
use crate::disk::{Delivery, DeliveryResult, Staging};
use crate::model::{EntryFailure, Manifest};

/// Delivers, less what `failed`, and tells the operator what became of each entry. Also gives how many
/// entries were skipped.
///
/// # Errors
/// As [`Staging::deliver`].
pub(super) fn deliver(
    staging: Staging,
    manifest: &Manifest,
    failed: &[EntryFailure],
    operator: &dyn Operator,
) -> Result<(Delivery, u64), SessionError> {
    let mut skipped = 0;
    let delivery = staging.deliver(failed, &mut |entry, result| {
        skipped += u64::from(result == DeliveryResult::Skipped);
        let range = manifest.stream_range(entry);
        operator.event(&Event::File {
            path: manifest.entry(entry).path.as_bytes(),
            bytes: range.end - range.start,
            result: match result {
                DeliveryResult::Delivered => FileResult::Delivered,
                DeliveryResult::Identical => FileResult::Identical,
                DeliveryResult::Skipped => FileResult::Skipped,
                DeliveryResult::Failed(reason) => FileResult::Failed {
                    why: reason.to_string(),
                },
            },
        });
    });
    Ok((delivery?, skipped))
}
