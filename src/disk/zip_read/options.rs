//! How to read an archive.

use super::code_page::NameEncoding;
use crate::disk::zip_time::TimeZone;
use crate::model::LinkRule;

/// How to read an archive where its format is ambiguous.
#[derive(Clone, Debug, Default)]
pub struct ReadingOptions {
    /// Whether faults without effect are tolerated.
    pub strictness: Strictness,
    /// The code page of names that are not marked as UTF-8. Without it, valid UTF-8 is UTF-8, names made on
    /// Unix are their bytes, and others are in code page 437.
    pub name_encoding: Option<NameEncoding>,
    /// Which links are made.
    pub links: LinkRule,
    /// The zone of DOS times.
    pub zone: TimeZone,
}

/// Whether faults without effect are tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// They are tolerated and reported.
    #[default]
    Tolerant,
    /// The whole archive is refused.
    Strict,
}
