//! What the operator wants of a plan.

use crate::model::{Existing, LinkRule};

/// What an existing file of the same size and mtime counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameFiles {
    /// The same.
    #[default]
    Believed,
    /// Unknown: its contents are compared.
    Compared,
}

/// Which names entries get at the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRule {
    /// Their own.
    #[default]
    Own,
    /// Names that every disk can have, where their own are none.
    Portable,
}

/// What the operator wants of a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanRules {
    /// What to do where another file has the name.
    pub existing: Existing,
    /// What is believed of a file of the same size and mtime.
    pub same_files: SameFiles,
    /// Which names entries get.
    pub names: NameRule,
    /// Which links are made.
    pub links: LinkRule,
}
