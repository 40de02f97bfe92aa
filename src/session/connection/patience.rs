//! How long a connection waits for its peer, and how fast that must be.

use crate::model::limits;
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for the peer.
#[derive(Clone, Debug)]
pub(crate) enum Patience {
    /// Until one deadline, however the bytes trickle.
    Until(Deadline),
    /// As long as the peer is heard on any stream of the session.
    WhileAlive(Arc<Liveness>),
}

impl Patience {
    /// How long the next read may block; an error when none is to follow.
    pub(super) fn read_wait(&self) -> io::Result<Duration> {
        self.wait(Liveness::read_wait)
    }

    /// How long the next write may block; an error when none is to follow.
    pub(super) fn write_wait(&self) -> io::Result<Duration> {
        self.wait(Liveness::write_wait)
    }

    fn wait(&self, while_alive: impl Fn(&Liveness) -> Duration) -> io::Result<Duration> {
        match self {
            Patience::Until(deadline) => deadline.remaining().ok_or(io::ErrorKind::TimedOut.into()),
            Patience::WhileAlive(liveness) => Ok(while_alive(liveness)),
        }
    }

    /// The clock of the session; none before the proof.
    pub(super) fn liveness(&self) -> Option<&Arc<Liveness>> {
        match self {
            Patience::Until(_) => None,
            Patience::WhileAlive(liveness) => Some(liveness),
        }
    }

    /// Whether the session may go on although its peer moves nothing.
    ///
    /// # Errors
    /// [`Error::Stalled`].
    pub(super) fn check_progress(&self) -> Result<(), Error> {
        match self.liveness() {
            Some(liveness) if liveness.is_making_way() || liveness.is_standing_still() => {
                let seconds = liveness.stall.stalled().as_secs();
                Err(Error::Stalled { seconds })
            }
            _ => Ok(()),
        }
    }

    /// Whether a read that brought nothing was the last one.
    pub(super) fn is_over_for_reads(&self) -> bool {
        self.liveness().is_some_and(|liveness| liveness.is_silent())
    }

    /// Whether a write that has gone no further for `time` was the last one. Signs of life don't help a
    /// peer that takes nothing.
    pub(super) fn is_over_for_writes(&self, time: Duration) -> bool {
        self.liveness()
            .is_some_and(|liveness| time >= liveness.idle_limit())
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        if let Some(liveness) = self.liveness() {
            liveness.heard();
        }
    }

    /// For how long a peer was silent that is given up.
    pub(super) fn seconds(&self) -> u64 {
        let idle_limit = self.liveness().map(|liveness| liveness.idle_limit());
        idle_limit.map_or(limits::HANDSHAKE_SECONDS, |limit| limit.as_secs())
    }
}

/// How fast a peer must bring something that it has begun: within some time, or at a rate from then on.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What must come, in words.
    what: &'static str,
    /// When the rate begins to count.
    from: Instant,
    bytes_per_second: u64,
    /// Bytes of the frames that it is for.
    pub(super) brought: u64,
}

impl Pace {
    /// `what` has begun to come.
    pub(crate) fn new(what: &'static str, grace: Duration, bytes_per_second: u64) -> Self {
        Pace {
            what,
            from: Instant::now() + grace,
            bytes_per_second,
            brought: 0,
        }
    }

    /// Checks that it is kept, with the bytes of a frame that has not ended.
    ///
    /// # Errors
    /// [`Error::DeclinedHere`].
    pub(super) fn check(&self, of_frame: u64) -> Result<(), Error> {
        let late = Instant::now().saturating_duration_since(self.from);
        let due = late.as_millis() * u128::from(self.bytes_per_second) / 1000;
        match u128::from(self.brought + of_frame) >= due {
            true => Ok(()),
            false => Err(Error::DeclinedHere {
                reason: format!("{} comes too slowly", self.what),
            }),
        }
    }
}
