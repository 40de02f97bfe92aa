//! Why a sealed message or part does not open.

use std::fmt;

/// Why a message or part could not be opened. It has no details, so that an attacker learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// The peer announced contents above the limit.
    TooLong,
    /// It does not verify: it is damaged, forged, or belongs elsewhere.
    NotAuthentic,
    /// The peer sealed something in another form than agreed.
    NotAsAgreed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenError::TooLong => "the peer sent something longer than allowed",
            OpenError::NotAuthentic => "the data does not verify",
            OpenError::NotAsAgreed => "the peer sent something that is not sealed as agreed",
        })
    }
}

impl std::error::Error for OpenError {}
