//! Warnings about an archive that is opened nevertheless.

use crate::disk::{
    ArchiveTree, CheckedArchive, FoundOddity, LeftOutEntry, ListedEncryption, ListedKind,
};
use crate::model::shortened;
use crate::session::events::{Event, Operator};
use crate::session::scan::tell_unmatched;

/// Warns about oddities and about files that anybody could have added, and reports what is left out.
pub(super) fn tell(archive: &CheckedArchive, tree: &ArchiveTree, operator: &dyn Operator) {
    tell_unmatched(archive.unmatched_patterns(), operator);
    tell_oddities(tree.oddities(), operator);
    warn_of_strangers(archive, operator);
    for LeftOutEntry { path, why } in &tree.left_out {
        operator.event(&Event::left_out(path, why));
    }
}

/// One line for each kind of oddity.
pub(super) fn tell_oddities(oddities: &[FoundOddity], operator: &dyn Operator) {
    for found in oddities {
        let what = found.oddity.message();
        let message = match (&*found.entry, found.count) {
            ([], _) => what.to_owned(),
            (entry, 1) => format!("{}: {what}", shortened(entry)),
            (entry, count) => format!("{} and {} more: {what}", shortened(entry), count - 1),
        };
        operator.warn(&message);
    }
}

/// Warns about files that are not encrypted in an encrypted archive: a stranger could have added them. Links are
/// unencrypted in every archive that `zip` makes, as are all names, so they do not count.
fn warn_of_strangers(archive: &CheckedArchive, operator: &dyn Operator) {
    let files = archive
        .entries()
        .filter(|entry| entry.kind == ListedKind::File);
    let (mut plain, mut encrypted) = (0_u64, 0_u64);
    for entry in files {
        match entry.encryption {
            ListedEncryption::None => plain += 1,
            _ => encrypted += 1,
        }
    }
    if plain > 0 && encrypted > 0 {
        operator.warn(&format!(
            "{plain} of {} files are not encrypted: anyone may have added them",
            plain + encrypted
        ));
    }
}
