//! Reads zip archives that any program made, and trusts nothing in them before it is checked.
//!
//! 1. [`Archive::open`] reads only the directory.
//! 2. [`Archive::check`] takes a selection of the entries, and checks that everything selected can be opened here,
//!    that the two headers of every entry agree, and that no byte belongs to two entries.
//! 3. [`CheckedArchive::outline`] counts the files and folders that would be made, at little cost.
//! 4. [`CheckedArchive::tree`] makes a manifest of them: names, links and folders pass the same checks as those from
//!    a peer.
//! 5. [`CheckedArchive::read`] decrypts and decompresses one entry and verifies it at its end; several threads can do
//!    that at once.
//!
//! Faults that leave no doubt about an entry's meaning are oddities ([`FoundOddity`]): reported and tolerated,
//! or refused if the reader is strict.

mod archive;
mod code_page;
mod contents;
mod directory;
mod encryption;
mod error;
mod extra;
mod headers;
mod kind;
mod listing;
mod names;
mod oddity;
mod options;
mod packed;
mod record;
mod selection;
mod span;
mod spool;
mod tree;

pub use archive::{Archive, CheckedArchive, ReadStopped};
pub use code_page::NameEncoding;
pub use contents::OpeningBuffers;
pub use encryption::AesStrength;
pub use error::{ArchiveError, ArchiveFault};
pub use listing::{ListedEncryption, ListedEntry, ListedKind};
pub use oddity::FoundOddity;
pub use options::{ReadingOptions, Strictness};
pub use selection::Selection;
pub use spool::spool;
pub use tree::{ArchiveTree, LeftOutEntry, Outline};
