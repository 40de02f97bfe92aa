//! Entries that could not be sent or delivered.

use super::EntryIndex;
use std::fmt;

/// One entry that was left out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryFailure {
    /// The entry in the manifest.
    pub entry: EntryIndex,
    /// Why.
    pub reason: FailureReason,
}

/// Why an entry was left out. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FailureReason {
    /// The source vanished after the offer was made.
    SourceVanished = 1,
    /// The source cannot be read.
    SourceUnreadable = 2,
    /// The source changed while it was sent.
    SourceChanged = 3,
    /// The receiver could not write it.
    NotWritten = 4,
    /// Something with that name appeared after the offer was accepted.
    InTheWay = 5,
    /// Another file of the same size and time is there, and the policy keeps it.
    Differs = 6,
    /// The receiver's disk cannot store that name.
    Name = 7,
    /// The receiver's disk cannot tell that name from another one of the transfer, for example because it
    /// ignores case.
    SameName = 8,
    /// The receiver is not permitted to write it.
    Permission = 9,
    /// The receiver's disk or system has no symbolic links.
    NoLinks = 10,
    /// It exceeds the largest file size of the receiver's disk.
    TooLarge = 11,
    /// It is a link that leads outside, and the receiver makes none of those.
    LinkOutside = 12,
}

impl FailureReason {
    /// The reason with the protocol's number `code`.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => FailureReason::SourceVanished,
            2 => FailureReason::SourceUnreadable,
            3 => FailureReason::SourceChanged,
            4 => FailureReason::NotWritten,
            5 => FailureReason::InTheWay,
            6 => FailureReason::Differs,
            7 => FailureReason::Name,
            8 => FailureReason::SameName,
            9 => FailureReason::Permission,
            10 => FailureReason::NoLinks,
            11 => FailureReason::TooLarge,
            12 => FailureReason::LinkOutside,
            _ => return None,
        })
    }

    /// Whether the sender's side is the cause.
    pub fn is_source(self) -> bool {
        matches!(
            self,
            FailureReason::SourceVanished
                | FailureReason::SourceUnreadable
                | FailureReason::SourceChanged
        )
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureReason::SourceVanished => "it vanished while it was sent",
            FailureReason::SourceUnreadable => "the sender cannot read it",
            FailureReason::SourceChanged => "it changed while it was sent",
            FailureReason::NotWritten => "the receiver cannot write it",
            FailureReason::InTheWay => "something else appeared under its name",
            FailureReason::Differs => "another file of the same size and time is there",
            FailureReason::Name => "the receiver's disk does not allow that name",
            FailureReason::SameName => {
                "the receiver's disk cannot tell this name from another one of the transfer"
            }
            FailureReason::Permission => "the receiver is not permitted to write it",
            FailureReason::NoLinks => "the receiver's disk has no symbolic links",
            FailureReason::TooLarge => "it is larger than files may be on the receiver's disk",
            FailureReason::LinkOutside => {
                "the link leads outside, and the receiver makes such links only with --links keep"
            }
        })
    }
}
