//! Archives whose contents are far larger than the archive itself.

use crate::disk::{CheckedArchive, Outline};
use crate::model::limits;
use crate::session::error::{Error, Expansion};
use crate::session::events::{Acceptance, Operator};

/// Asks the operator before it opens an archive that grows out of proportion, by its contents or by folders that
/// it does not list.
///
/// # Errors
/// [`Error::Expansion`] if the answer is no.
pub(super) fn check_expansion(
    archive: &CheckedArchive,
    outline: &Outline,
    any: bool,
    operator: &dyn Operator,
) -> Result<(), Error> {
    let expansion = Expansion {
        archive_bytes: archive.bytes(),
        bytes: outline.bytes,
        entries: outline.entries,
    };
    if any || is_usual(&expansion) {
        return Ok(());
    }
    match operator.accept_expansion(expansion) {
        Acceptance::Accept => Ok(()),
        Acceptance::Decline => Err(Error::Expansion(expansion)),
    }
}

fn is_usual(expansion: &Expansion) -> bool {
    let charged = expansion.entries.saturating_sub(limits::ARCHIVE_FREE_NAMES);
    let names = charged.saturating_mul(limits::ARCHIVE_NAME_BYTES);
    let is_small =
        expansion.bytes < limits::ARCHIVE_GROWTH_FROM && names < limits::ARCHIVE_NAMES_GROWTH_FROM;
    let allowed = expansion
        .archive_bytes
        .saturating_mul(limits::ARCHIVE_GROWTH);
    is_small || expansion.bytes.saturating_add(names) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_names_count_from_some_size_on() {
        for (archive_bytes, bytes, entries, expected) in [
            (100, 0, 0, true),
            (100, (1 << 30) - 1, 1, true),
            (100, 1 << 30, 1, false),
            (6 << 20, 1 << 30, 1, true),
            (1 << 20, 0, 1000, true),
            (1 << 20, 0, 256_513, false),
            (30 << 20, 0, 256_513, true),
            (10_000, 0, 17_000, true),
            (10_000, 0, 18_000, false),
            (u64::MAX, u64::MAX, u64::MAX, true),
        ] {
            let expansion = Expansion {
                archive_bytes,
                bytes,
                entries,
            };
            assert_eq!(is_usual(&expansion), expected, "{expansion:?}");
        }
    }
}
