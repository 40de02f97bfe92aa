//! The differences between Unix and Windows: the same functions in two files, and helpers that can be tested on
//! both.

mod times;
mod uncarried;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
mod windows_names;

pub(super) use times::{now, system_time};
pub(super) use uncarried::{Extended, extended_at, extended_of, has_other_names, is_of_others};
#[cfg(unix)]
pub(super) use unix::*;
#[cfg(windows)]
pub(super) use windows::*;
pub(super) use windows_names::windows_can_have;

#[cfg(test)]
mod tests;
