//! Times in zip archives: DOS dates, which are local, and the local time zone.

mod calendar;
mod dos;
mod posix_rule;
mod tzif;
mod zone;

pub use zone::TimeZone;

pub(super) use dos::{DosTime, UNKNOWN_DOS_TIME};
