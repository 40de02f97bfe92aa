//! Makes an archive of a source: workers read, compress and encrypt on every core, and one thread writes the
//! results in order.
//!
//! Workers encrypt small entries, which have keys of their own; deriving these is most of the work. An entry of
//! several pieces needs one cipher, so the writing thread encrypts it while the workers compress what follows.

mod options;
mod packing;
mod reorder;
mod writer;

pub use options::{INNER_NAME, Names};
pub(crate) use options::{PackError, PackOptions, PackReport};
pub(crate) use packing::pack_into;
