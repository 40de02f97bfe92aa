//! Output for people and programs: lines, the progress bar, JSON.

pub(crate) mod colour;
pub(crate) mod console;
pub(crate) mod entry;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod ledger;
pub(crate) mod looking;
pub(crate) mod peers;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod side;
pub(crate) mod timestamp;
pub(crate) mod width;
pub(crate) mod wording;
