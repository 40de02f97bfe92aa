//! Why a plan cannot be made.

use crate::disk::error::DiskError;
use std::fmt;
use std::path::PathBuf;

/// Why an offer cannot be accepted as it is. Nothing was created.
#[derive(Debug)]
pub enum PlanError {
    /// Entries are in the way that the policy does not replace.
    InTheWay {
        /// The first few, as paths at the destination.
        first: Vec<PathBuf>,
        /// The number of such entries.
        count: usize,
    },
    /// The policy asks for a new name, but none is free, or it would exceed the length of names or paths.
    NoFreeName(PathBuf),
    /// The destination cannot be looked up, or does not allow such a name.
    Disk(DiskError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::InTheWay { first, count } => {
                for (number, path) in first.iter().enumerate() {
                    write!(f, "{}{path:?}", if number > 0 { ", " } else { "" })?;
                }
                let more = count - first.len();
                if more > 0 {
                    write!(f, " and {more} more")?;
                }
                f.write_str(if *count == 1 {
                    " is in the way"
                } else {
                    " are in the way"
                })
            }
            PlanError::NoFreeName(path) => write!(f, "there is no free name beside {path:?}"),
            PlanError::Disk(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlanError::Disk(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DiskError> for PlanError {
    fn from(error: DiskError) -> Self {
        PlanError::Disk(error)
    }
}
