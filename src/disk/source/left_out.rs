//! Entries that a scan found but cannot send, and the reasons.

use crate::disk::special_file::SpecialFile;
use crate::model::{LinkFault, PathFault};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// An entry inside an argument that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path on disk. The contents of a left-out folder are not listed.
    pub path: PathBuf,
    /// Why it is not sent.
    pub why: LeftOutReason,
}

/// Why an entry is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutReason {
    /// This user may not read it, or it vanished while the folder was listed.
    Unreadable(io::ErrorKind),
    /// It is not a file, folder or link. It was not opened.
    Special(SpecialFile),
    /// The size that the system reports is not the size of its contents.
    WrongSize(u64),
    /// Its name is not a valid path, or its path exceeds the limits. A staging folder of an earlier receive is
    /// [`PathFault::Staging`].
    Name(PathFault),
    /// Its name or its link target has no form that other systems understand.
    NotUnicode,
    /// It is a link that cannot be carried.
    Link(LinkFault),
    /// Links are followed, and its target does not exist.
    Dangling,
    /// Links are followed, and it leads back to a folder above it.
    Loop,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOutReason::Unreadable(kind) => write!(f, "it cannot be read here: {kind}"),
            LeftOutReason::Special(special) => write!(f, "it is {special}"),
            LeftOutReason::WrongSize(size) => wrong_size(f, *size),
            LeftOutReason::Name(fault) => write!(f, "its name cannot be carried: {fault}"),
            LeftOutReason::NotUnicode => f.write_str("its name or target is not valid Unicode"),
            LeftOutReason::Link(LinkFault::Outside) => f.write_str(
                "the link leads outside (--links keep carries it; both sides must choose keep)",
            ),
            LeftOutReason::Link(fault) => fault.fmt(f),
            LeftOutReason::Dangling => f.write_str("the link points to nothing"),
            LeftOutReason::Loop => f.write_str("the link leads back to a folder it is in"),
        }
    }
}

/// Describes the wrong size of a file that the kernel generates, such as those in /proc and /sys.
pub(super) fn wrong_size(f: &mut fmt::Formatter<'_>, size: u64) -> fmt::Result {
    write!(
        f,
        "its size is not known: the system says {size} bytes, and that is wrong"
    )
}
