//! Counts the properties of a source that no transfer carries.

use crate::disk::platform::Extended;
use crate::model::{EntryIndex, len64};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of entries with properties that no transfer carries, among the entries examined so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotCarried {
    /// Entries of another user or group than those of this process.
    pub owners: u64,
    /// Files with more than one name (hard links).
    pub hard_links: u64,
    /// Folders, and files that were read, with extended attributes.
    pub attributes: u64,
    /// Folders, and files that were read, with access control lists.
    pub acls: u64,
}

/// Entries with extended attributes or access control lists. Few entries have any, so these sets are small.
/// With sets, an entry counts once however often it is opened.
#[derive(Debug, Default)]
pub(super) struct ExtendedEntries(Mutex<ExtendedSets>);

#[derive(Debug, Default)]
struct ExtendedSets {
    attributes: HashSet<EntryIndex>,
    acls: HashSet<EntryIndex>,
}

impl ExtendedEntries {
    pub(super) fn note(&self, entry: EntryIndex, extended: Extended) {
        if extended == Extended::default() {
            return;
        }
        let mut found = self.found();
        if extended.attributes {
            found.attributes.insert(entry);
        }
        if extended.acl {
            found.acls.insert(entry);
        }
    }

    /// Adds the numbers of entries found so far.
    pub(super) fn add_to(&self, not_carried: NotCarried) -> NotCarried {
        let found = self.found();
        NotCarried {
            attributes: len64(found.attributes.len()),
            acls: len64(found.acls.len()),
            ..not_carried
        }
    }

    fn found(&self) -> MutexGuard<'_, ExtendedSets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
