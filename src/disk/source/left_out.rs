//! What a scan could not take, and why.

use crate::disk::special_file::SpecialFile;
use crate::model::{LinkFault, PathFault};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Something inside an argument that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is on disk. What a folder that is left out holds is not listed.
    pub path: PathBuf,
    /// Why it is not sent.
    pub why: LeftOutReason,
}

/// Why something is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutReason {
    /// The system does not let this user read it, or it vanished while the folder was listed.
    Unreadable(io::ErrorKind),
    /// It is no file, folder or link; it was not opened.
    Special(SpecialFile),
    /// Its name cannot travel, or its path is past the limits. A staging folder that an earlier
    /// receive left here is [`PathFault::Staging`].
    Name(PathFault),
    /// Its name, or its target as a link, has no form that other systems understand.
    NotUnicode,
    /// It is a link that is not carried.
    Link(LinkFault),
    /// Links are followed, and it points to nothing.
    Dangling,
    /// Links are followed, and it leads back to a folder it is in.
    Loop,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOutReason::Unreadable(kind) => write!(f, "it cannot be read here: {kind}"),
            LeftOutReason::Special(special) => write!(f, "it is {special}"),
            LeftOutReason::Name(fault) => write!(f, "its name cannot be carried: {fault}"),
            LeftOutReason::NotUnicode => f.write_str("its name or target is not valid unicode"),
            LeftOutReason::Link(fault) => fault.fmt(f),
            LeftOutReason::Dangling => f.write_str("the link points to nothing"),
            LeftOutReason::Loop => f.write_str("the link leads back to a folder it is in"),
        }
    }
}
