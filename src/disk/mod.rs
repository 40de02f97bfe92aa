//! Floor 1: the only floor that touches files.
//!
//! On the sender it reads a source tree into a manifest and parts. On the receiver it writes parts to a
//! staging folder, records them in a journal and moves the complete result to its final names.

mod basis;
mod carry;
mod delivery;
mod destination;
mod error;
#[cfg(test)]
mod fixture;
mod free_space;
mod journal;
mod place;
mod plan;
mod platform;
mod refusal;
mod source;
mod special_file;
mod staging;
mod survey;
mod zip_read;
mod zip_time;
mod zip_write;

pub use delivery::{Delivery, DeliveryCallback, DeliveryResult};
pub use destination::Destination;
pub use error::{DiskError, DiskErrorKind};
pub use free_space::free_bytes;
pub use journal::recorded_parts;
pub use plan::{NameRule, Plan, PlanError, PlanRules, SameFiles};
pub use source::{
    Glob, LeftOut, Links, NotCarried, Source, SourceError, SourceOptions, SourceReader,
};
pub use staging::{
    Checked, ClaimChecker, Durability, FileWriter, Preview, RunLedger, Staging, StagingWriter,
    remove_abandoned,
};
pub use survey::{
    CaseRule, Leftover, LeftoverKind, LeftoverState, leftovers, remove_leftover, survey,
};
pub use zip_read::{
    AesStrength, Archive, ArchiveError, ArchiveFault, ArchiveTree, CheckedArchive, FoundOddity,
    LeftOutEntry, ListedEncryption, ListedEntry, ListedKind, NameEncoding, OpeningBuffers, Outline,
    ReadStopped, ReadingOptions, Selection, Strictness, spool,
};
pub use zip_time::TimeZone;
pub use zip_write::new_file::{NewArchive, Placing, free_path_beside, look_up};
pub use zip_write::{
    ArchiveSink, ArchiveWriter, Begun, Cipher, DEFLATE_END, DeflateEffort, Encryption, Member,
    Method, Packer, Piece, PieceIndex, Whole,
};
