//! Floor 1: the only floor that touches files.
//!
//! A sender's side reads a source tree into a manifest and parts; a receiver's side writes parts to a
//! staging folder, records them in a journal and delivers the whole into place.

mod platform;
mod source;

pub use source::{
    Glob, GlobFault, LeftOut, LeftOutReason, Links, Source, SourceError, SourceOptions,
    SourceReader, SpecialFile,
};
