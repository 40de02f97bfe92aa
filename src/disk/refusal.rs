//! Why an entry is not at the destination.

use crate::disk::error::{DiskError, DiskErrorKind, plain_words};
use crate::disk::platform;
use crate::model::FailureReason;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why an entry was left out: the reason for the peer, and the system's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRefusal {
    reason: FailureReason,
    system: Option<i32>,
}

impl EntryRefusal {
    /// The reason that the peer is told.
    pub fn reason(self) -> FailureReason {
        self.reason
    }

    /// The refusal that follows from an error that concerns one entry.
    pub(super) fn of(error: &DiskError) -> EntryRefusal {
        EntryRefusal::of_system(reason_of(error), error.io())
    }

    /// The refusal that follows from an error on making a link.
    pub(super) fn of_link(error: &DiskError) -> EntryRefusal {
        let reason = match error.io().kind() {
            // Linux reports "not permitted" on file systems without links.
            ErrorKind::Unsupported | ErrorKind::PermissionDenied => FailureReason::NoLinks,
            _ => reason_of(error),
        };
        EntryRefusal::of_system(reason, error.io())
    }

    fn of_system(reason: FailureReason, error: &io::Error) -> EntryRefusal {
        EntryRefusal {
            reason,
            system: error.raw_os_error(),
        }
    }
}

impl From<FailureReason> for EntryRefusal {
    fn from(reason: FailureReason) -> Self {
        EntryRefusal {
            reason,
            system: None,
        }
    }
}

impl fmt::Display for EntryRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match self.system {
            Some(code) => write!(f, ": {}", plain_words(&io::Error::from_raw_os_error(code))),
            None => Ok(()),
        }
    }
}

/// Whether an error can concern a single name or file, and not the disk as a whole.
pub(super) fn may_concern_one(error: &DiskError) -> bool {
    reason_of(error) != FailureReason::NotWritten
}

fn reason_of(error: &DiskError) -> FailureReason {
    match error.kind() {
        DiskErrorKind::NameCollision => return FailureReason::SameName,
        DiskErrorKind::Name => return FailureReason::Name,
        DiskErrorKind::Permission => return FailureReason::Permission,
        // Some file systems report this for a name that they do not allow.
        DiskErrorKind::Absent => return FailureReason::Name,
        _ => {}
    }
    match error.io().kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename | ErrorKind::Unsupported => {
            FailureReason::Name
        }
        ErrorKind::FileTooLarge => FailureReason::TooLarge,
        _ if platform::is_bad_name(error.io()) => FailureReason::Name,
        _ => FailureReason::NotWritten,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_refusal_includes_the_reason_of_the_system() {
        for (code, reason) in [
            (
                22,
                "the receiver's disk does not allow that name: invalid argument",
            ),
            (
                36,
                "the receiver's disk does not allow that name: file name too long",
            ),
            (
                13,
                "the receiver is not permitted to write it: permission denied",
            ),
            (
                27,
                "it is larger than files may be on the receiver's disk: file too large",
            ),
            (5, "the receiver cannot write it: input/output error"),
        ] {
            let error = io::Error::from_raw_os_error(code);
            let error = DiskError::at("create", Path::new("a"))(error);
            assert_eq!(EntryRefusal::of(&error).to_string(), reason);
            assert_eq!(may_concern_one(&error), code != 5);
        }
    }
}
