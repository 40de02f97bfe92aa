//! The operator's rules for a plan.

use crate::model::{Existing, LinkRule};

/// How to treat an existing file of the same size and mtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameFiles {
    /// It counts as identical.
    #[default]
    Believed,
    /// Its contents are compared.
    Compared,
}

/// Which names entries get at the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRule {
    /// The names in the manifest.
    #[default]
    Own,
    /// Names that every disk can store. Entries whose own name is not portable get a new one.
    Portable,
}

impl NameRule {
    /// Their own, or portable ones where those are wanted.
    pub fn portable(is_wanted: bool) -> Self {
        match is_wanted {
            true => NameRule::Portable,
            false => NameRule::Own,
        }
    }
}

/// What the operator wants of a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanRules {
    /// What to do if another file has the name.
    pub existing: Existing,
    /// How to treat a file of the same size and mtime.
    pub same_files: SameFiles,
    /// Which names the entries get.
    pub names: NameRule,
    /// Which links are made.
    pub links: LinkRule,
}
