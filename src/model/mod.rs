//! Floor 0: plain values, without I/O, keys or threads.
//!
//! A transfer is a [`Manifest`] and a *stream*: the contents of all its files, one after the other in manifest
//! order. A [`PartLayout`] cuts the stream into parts. Data from a peer becomes one of these values only
//! through a check against [`limits`].

pub mod limits;

mod escape;
mod failure;
mod integer;
mod layout;
mod link;
mod manifest;
mod mtime;
mod nearest;
mod part_set;
mod policy;
mod run_id;
mod wire_path;

pub use escape::{escaped, is_deceptive, quoted, shell_word, shortened};
pub use failure::{EntryFailure, FailureReason};
pub use integer::{in_memory, len8, len16, len32, len64, number16, number64};
pub use layout::{LayoutError, PartIndex, PartLayout, PartRange};
pub use link::{LinkFault, LinkRule, LinkTarget};
pub use manifest::{
    Entry, EntryIndex, EntryKind, FileSize, Manifest, ManifestBuilder, ManifestError, Mode,
    Segment, TransferId,
};
pub use mtime::Mtime;
pub use nearest::nearest;
pub use part_set::PartSet;
pub use policy::Existing;
pub use run_id::RunId;
pub(crate) use wire_path::STAGING_PREFIX;
pub use wire_path::{PathFault, WirePath};
