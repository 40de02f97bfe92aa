//! What differs between Unix and Windows: the same functions in two files, and what can be tested on both.

mod times;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
mod windows_names;

pub(super) use times::{now, system_time};
#[cfg(unix)]
pub(super) use unix::*;
#[cfg(windows)]
pub(super) use windows::*;
pub(super) use windows_names::windows_can_have;

#[cfg(test)]
mod tests;
