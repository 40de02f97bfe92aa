//! An archive that is being unpacked or only verified.

use super::notices;
use super::options::UnzipOptions;
use crate::disk::{ArchiveTree, CheckedArchive, ReadStopped};
use crate::session::error::Error;
use crate::session::events::{Event, OfferSummary, Operator, Summary};
use crate::session::stats::{TransferStats, offer_summary};

/// What is opened, how, and the operator.
#[derive(Clone, Copy)]
pub(super) struct Unzipping<'a> {
    pub(super) archive: &'a CheckedArchive,
    pub(super) options: &'a UnzipOptions,
    pub(super) operator: &'a dyn Operator,
}

impl Unzipping<'_> {
    /// Reports what is in the archive, does the `work`, and reports the result.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn run(
        &self,
        stats: &TransferStats,
        tree: &ArchiveTree,
        work: impl FnOnce(&OfferSummary) -> Result<Summary, Error>,
    ) -> Result<Summary, Error> {
        let offer = offer_summary(&tree.manifest, None);
        self.operator.event(&Event::Offer(&offer));
        notices::tell(self.archive, tree, self.operator);
        let mut summary = work(&offer)?;
        summary.name = offer.names.into_iter().next().unwrap_or_default();
        summary.left_out += tree.left_out.len() as u64;
        Ok(stats.finish(summary, self.operator))
    }
}

impl From<ReadStopped<Error>> for Error {
    fn from(stopped: ReadStopped<Error>) -> Self {
        match stopped {
            ReadStopped::Archive(error) => error.into(),
            ReadStopped::Taker(error) => error,
        }
    }
}
