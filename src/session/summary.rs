//! An offer in a few words.

use crate::model::{EntryKind, Manifest};
use crate::session::events::OfferSummary;
use std::net::SocketAddr;

/// Names listed one by one.
const NAMES: usize = 8;

/// What `manifest` amounts to; of an archive there is no peer.
pub(crate) fn offer_summary(
    manifest: &Manifest,
    peer: impl Into<Option<SocketAddr>>,
) -> OfferSummary {
    let mut summary = OfferSummary {
        peer: peer.into(),
        bytes: manifest.total(),
        ..OfferSummary::default()
    };
    for (_, entry) in manifest.entries() {
        match entry.kind {
            EntryKind::File(_) => summary.files += 1,
            EntryKind::Folder => summary.folders += 1,
            EntryKind::Link(_) => summary.links += 1,
        }
        if entry.path.depth() == 0 {
            summary.tops += 1;
            if summary.names.len() < NAMES {
                summary.names.push(entry.path.as_bytes().to_vec());
            }
        }
    }
    summary
}
