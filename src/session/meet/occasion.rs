//! What a search or a wait for the peer has to know.

use std::time::Duration;

/// How long the news of a failed proof may take from the thread that had it.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whom a meeting is with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Any peer.
    First,
    /// The peer that was lost.
    Again,
}
